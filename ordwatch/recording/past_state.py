"""What was known at a time in a recording: the state of every order then, and whether that time was covered."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from ordwatch.core.events import OrderKey
from ordwatch.core.records import AliveRecord, AnyRecord, GapRecord, LinkRecord, OrderRecord, SessionRecord
from ordwatch.core.times import time_ns, time_text
from ordwatch.recording.reading import TimedRecord
from ordwatch.recording.verdict import Interval, Verdict


@dataclass
class PastState:
    """A fold over the records of a recording, of which those up to `at_ns` are kept."""

    at_ns: int
    """ns since 1970 UTC."""
    begins_ns: int | None = None
    """The time of the first record."""
    ends_ns: int | None = None
    """The time of the last record, also after `at_ns`."""
    recovered: list[GapRecord] = field(default_factory=list)
    """The gaps around `at_ns` that were recovered later: that time is covered, but what was known then was not all."""
    _orders: dict[OrderKey, OrderRecord] = field(default_factory=dict)
    _venues: dict[object, AnyRecord] = field(default_factory=dict)

    def take(self, items: Iterable[TimedRecord]) -> None:
        """Take records, in the order of their lines."""
        for at_ns, record in items:
            if not at_ns:
                continue  # before the first record with a time
            self.begins_ns = at_ns if self.begins_ns is None else self.begins_ns
            self.ends_ns = at_ns
            if at_ns <= self.at_ns:
                self._note(record)
                continue
            match record:
                case GapRecord(outcome="recovered") if time_ns(record.from_) < self.at_ns:
                    self.recovered.append(record)
                case _:
                    pass

    def orders(self) -> list[OrderRecord]:
        """The last record of each order, the latest change last. A late record did not change what was known."""
        return list(self._orders.values())

    def of_venues(self) -> list[AnyRecord]:
        """The last records that show in which state the venues were."""
        return list(self._venues.values())

    def _note(self, record: AnyRecord) -> None:
        match record:
            case OrderRecord() if "late" not in record.flags:
                key = (record.venue, record.environment, record.account, record.order_id)
                self._orders.pop(key, None)
                self._orders[key] = record
            case LinkRecord() | GapRecord():
                self._keep((type(record), record.venue), record)
            case AliveRecord() | SessionRecord():
                self._keep(type(record), record)
            case _:
                pass

    def _keep(self, key: object, record: AnyRecord) -> None:
        self._venues.pop(key, None)
        self._venues[key] = record


def doubts(state: PastState, verdict: Verdict, *, venues: Collection[str] = (), now_ns: int) -> Iterator[str]:
    """Why what was known at that time may not have been all, for these venues (none given: all)."""
    for name, venue in verdict.venues.items():
        if venues and name not in venues:
            continue
        if venue.first_live is None:
            yield f"{name}: never was live"
        elif state.at_ns < time_ns(venue.first_live):
            yield f"{name}: was not live before {venue.first_live}"
        else:
            yield from (f"{name}: {_text(each)}" for each in venue.uncertain if _contains(each, state.at_ns))
            if venue.without is not None:
                yield f"{name}: live without {venue.without}"
    ends_ns = state.ends_ns or 0
    if state.at_ns > (max(ends_ns, now_ns) if verdict.being_written else ends_ns):
        yield f"the recording ends at {time_text(ends_ns)}"


def _contains(interval: Interval, at_ns: int) -> bool:
    return time_ns(interval.from_) <= at_ns and (interval.to is None or at_ns <= time_ns(interval.to))


def _text(interval: Interval) -> str:
    to = f" to {interval.to}" if interval.to is not None else ""
    return f"not seen from {interval.from_}{to} ({interval.reason})"
