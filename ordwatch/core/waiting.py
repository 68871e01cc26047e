"""What `wait` knows of one order, and whether that ends the wait. Pure: records and the time come in.

An exit code is a statement about the order, so it is given only if it is certain: an order is not "unknown" while a
venue that was asked may still report it, and it did not "stay open" while a venue was not seen.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ordwatch.core.coverage import StreamCoverage
from ordwatch.core.events import LinkState, OrderKey, OrderStatus
from ordwatch.core.order_ids import OrderName
from ordwatch.core.records import AnyRecord, LinkRecord, OrderRecord
from ordwatch.core.times import time_ns, time_text
from ordwatch.core.venue_coverage import CoverageResult

REACHED = 0
AMBIGUOUS = 2
UNKNOWN = 3
ENDED_OTHERWISE = 4
NO_SUCH_ORDER = 66
TIMED_OUT = 124

MAX_LISTED = 20
"""Orders that the message about an ambiguous name lists."""


class WaitResult(NamedTuple):
    """How a wait ends."""

    exit_code: int
    order: OrderRecord | None = None
    """The record that decided, or the last known one."""
    message: str | None = None
    """For the user, unless the order's record is enough."""


@dataclass
class Match:
    """One order that the name may stand for."""

    exact: bool
    """The name is a whole id of it."""
    first_ns: int
    """When its first record was received."""
    last: OrderRecord
    """Its last known state."""
    reached: OrderRecord | None = None
    """The first record with a status that is waited for."""


@dataclass
class OrderWait:
    """A fold over the records of a stream. Times in it are those of the records."""

    name: OrderName
    venues: Collection[str]
    """Those that are asked. Empty: every venue of the stream's latest session."""
    statuses: Collection[OrderStatus] = ()
    """Those that are waited for. Empty: any final one."""
    _coverage: StreamCoverage = field(default_factory=StreamCoverage)
    _links: dict[str, LinkState] = field(default_factory=dict)
    _matches: dict[OrderKey, Match] = field(default_factory=dict)
    _found: Match | None = None
    """The order, once it is certain which one is meant."""

    def record(self, record: AnyRecord) -> None:
        """Take the next record.

        Raises:
            ValueError: A time in it is none.
        """
        self._coverage.records([record])
        match record:
            case OrderRecord():
                self._order(record)
            case LinkRecord():
                self._links[record.venue] = record.state
            case _:
                pass

    def ending(self, *, waited: bool, timed_out: bool = False, in_sight: bool = True) -> WaitResult | None:
        """How the wait ends now; None: it goes on.

        `waited`: long enough for every venue that can answer to have answered. `timed_out`: it must end now.
        `in_sight`: the newest records taken are of this moment.
        """
        candidates = self._candidates()
        if self._is_certain(candidates, waited=waited or timed_out):
            if len(candidates) > 1:
                return WaitResult(AMBIGUOUS, message=self._ambiguous(candidates))
            [self._found] = candidates
        if self._found is not None and (ended := self._ended(self._found)) is not None:
            return ended
        if timed_out:
            return self._timed_out(candidates[0] if len(candidates) == 1 else None, in_sight=in_sight)
        if waited and not candidates and self._all_live():
            return WaitResult(NO_SUCH_ORDER, message=f"no order {self.name.text}")
        return None

    @property
    def asked(self) -> Collection[str]:
        """The venues that the order may be at."""
        return self.venues or self._coverage.watched

    @property
    def venues_known(self) -> Collection[str]:
        """The venues that the records are about."""
        return self._coverage.venues

    @property
    def last_ns(self) -> int | None:
        """When the newest record was written, ns since 1970 UTC; None before the first."""
        return self._coverage.last_ns

    @property
    def session_ended(self) -> bool:
        """Whether nobody watches any more, as far as the records show."""
        return bool(self._coverage.watched) and not self._coverage.running

    def undecided(self) -> list[str]:
        """The venues that must answer before it is certain which order is meant, if one was found that may be."""
        return list(self._unanswered()) if self._matches and self._found is None else []

    def _order(self, order: OrderRecord) -> None:
        if self.venues and order.venue not in self.venues:
            return
        key = (order.venue, order.environment, order.account, order.order_id)
        exact = self.name.is_id_of(order)
        if key not in self._matches:
            if not exact and not self.name.is_short_for(order):
                return
            self._matches[key] = Match(exact, time_ns(order.received_at), order)
        found = self._matches[key]
        found.exact = found.exact or exact
        if "late" not in order.flags:  # a late record has an older state; the order has changed since
            found.last = order
        if found.reached is None and (order.status in self.statuses if self.statuses else order.final):
            found.reached = order

    def _candidates(self) -> list[Match]:
        """The orders that may be meant. A whole id comes before the end of another; what was certain stays so."""
        if self._found is not None:
            return [self._found]
        exact = [found for found in self._matches.values() if found.exact]
        return exact or list(self._matches.values())

    def _is_certain(self, candidates: list[Match], *, waited: bool) -> bool:
        """Whether no other order can be meant: every venue has answered, or there is little chance that one of those
        that do not answer uses the same whole id.
        """
        if self._found is not None or not any(self._unanswered()):
            return bool(candidates)
        return waited and any(found.exact for found in candidates)

    def _unanswered(self) -> Iterator[str]:
        """The venues that never were live: their first query is not complete."""
        for name in self.asked:
            if name not in self._coverage.venues or self._coverage.venues[name].first_live_ns is None:
                yield name

    def _all_live(self) -> bool:
        if self.session_ended:
            return True  # nothing more comes
        return bool(self.asked) and all(self._links.get(name) == "live" for name in self.asked)

    def _ended(self, found: Match) -> WaitResult | None:
        if found.reached is not None:
            return WaitResult(REACHED, found.reached)
        if found.last.final:
            return WaitResult(ENDED_OTHERWISE, found.last)
        return None

    def _timed_out(self, found: Match | None, *, in_sight: bool) -> WaitResult:
        last = found.last if found is not None else None
        doubts = list(self._doubts(found, in_sight=in_sight))
        if doubts:
            return WaitResult(UNKNOWN, last, f"it is not known what became of {self.name.text}: {'; '.join(doubts)}")
        return WaitResult(TIMED_OUT, last, "timed out")

    def _doubts(self, found: Match | None, *, in_sight: bool) -> Iterator[str]:
        if not self.asked:
            yield "no venue is watched"
        if not in_sight:
            yield "the recording does not continue"
        since_ns = found.first_ns if found is not None else None
        for name in [self._found.last.venue] if self._found is not None else self.asked:
            if (doubt := self._doubt(name, since_ns)) is not None:
                yield f"{name} {doubt}"

    def _doubt(self, name: str, since_ns: int | None) -> str | None:
        if name in self._unanswered():
            return "never was live"
        if not self._coverage.running or name not in self._coverage.watched:
            return "is not watched any more"
        result = self._coverage.result(name)
        if result.open_gap is not None:
            return f"has not been seen since {result.open_gap.from_}"
        if (state := self._links.get(name)) != "live":
            return f"is {state}"
        if result.without is not None:
            return f"is live without {result.without}"
        return _uncertain(result, since_ns)

    def _ambiguous(self, candidates: list[Match]) -> str:
        listed = [_line(found.last) for found in candidates[:MAX_LISTED]]
        more = len(candidates) - len(listed)
        return f"{self.name.text}: several orders: {'; '.join(listed + ([f'and {more} more'] if more else []))}"


def _uncertain(result: CoverageResult, since_ns: int | None) -> str | None:
    """An interval in which the order may have had a state that nobody saw."""
    for interval in result.uncertain:
        if interval.to_ns is None or since_ns is None or interval.to_ns > since_ns:
            to = "" if interval.to_ns is None else f" to {time_text(interval.to_ns)}"
            return f"was not seen from {time_text(interval.from_ns)}{to} ({interval.reason})"
    return None


def _line(order: OrderRecord) -> str:
    ids = [order.order_id, order.order_id_ext, order.client_order_id]
    known = " = ".join(dict.fromkeys(text for text in ids if text))
    return f"{order.venue} {order.symbol or '-'} {order.status} {known}"
