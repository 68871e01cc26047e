"""The results of `check` for each venue, from the states of its links."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from ordwatch.core.events import LinkState
from ordwatch.core.records import LinkRecord, OutputRecord
from ordwatch.core.times import time_ns
from ordwatch.outputs.immediate_sink import ImmediateSink
from ordwatch.venues.contract import VenueKind

MAX_CLOCK_OFFSET_S = 5.0

_STAGES: dict[LinkState, str] = {
    "connecting": "reachability",
    "authenticating": "login",
    "subscribing": "subscription",
    "reconciling": "query",
}
MAX_QUERY_FAILURES = 3
"""With one more failure the first query has failed. A venue may go live without a part it refused that often."""


@dataclass(frozen=True)
class Keys:
    """The configuration keys to check, by what failed."""

    credentials: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    """Of the stream."""
    tls: tuple[str, ...] = ()
    """Whether the stream uses TLS, if the address does not show it."""
    rest: tuple[str, ...] = ()
    """Of REST; empty where the venue has none."""
    scope: tuple[str, ...] = ()
    """Which orders are watched."""


def keys_of(venue: VenueKind) -> Keys:
    """The keys that the settings of this venue have."""
    known = venue.settings.__struct_fields__
    address, scope = ("ws_url", "host", "port"), ("account_id", "accounts", "markets")
    return Keys(
        credentials=venue.credentials,
        address=tuple(key for key in address if key in known),
        tls=tuple(key for key in ("tls",) if key in known),
        rest=tuple(key for key in ("rest_url",) if key in known),
        scope=tuple(key for key in scope if key in known),
    )


def quoted(keys: Sequence[str]) -> str:
    """The keys as a remedy names them."""
    return ", ".join(f"`{key}`" for key in keys)


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one test; one line of the output."""

    venue: str | None = None
    check: str
    verdict: Literal["ok", "warning", "failed"]
    detail: str
    remedy: str | None = None
    exit_code: int = 0
    """What `tail` would exit with; 0 unless failed."""


class CheckObserver(ImmediateSink):
    """A sink that follows each venue until it is live or fails for the first time."""

    def __init__(self, keys: Mapping[str, Keys]) -> None:
        self.when_decided: Callable[[], None] = lambda: None
        """Called once, when every venue is live or has failed."""
        self.offsets_s: Mapping[str, float | None] = {}
        """By venue: how far its clock is ahead of ours; None if it does not report its time."""
        self._ends: dict[str, LinkRecord] = {}
        self._queried_ns: dict[str, int] = {}
        self._query_failures: dict[str, list[LinkRecord]] = {}
        self.expect(keys)

    def expect(self, keys: Mapping[str, Keys]) -> None:
        """Watch these venues; `keys` are the configuration keys to name if one fails."""
        self._keys = keys
        self._stage = dict.fromkeys(keys, "reachability")

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Note the states of links."""
        for record in (each.record for each in records):
            if isinstance(record, LinkRecord) and record.venue not in self._ends:
                self._note(record)

    def _note(self, link: LinkRecord) -> None:
        failures = self._query_failures.setdefault(link.venue, [])
        if link.state == "reconciling" and link.detail is not None:
            failures.append(link)
        elif link.state == "reconciling":
            self._queried_ns[link.venue] = time_ns(link.at)
        if link.state in _STAGES:
            self._stage[link.venue] = _STAGES[link.state]
        if link.state in ("live", "down", "failed") or len(failures) > MAX_QUERY_FAILURES:
            self._ends[link.venue] = link
            if self._ends.keys() == self._stage.keys():
                self.when_decided()

    def verdicts(self) -> list[CheckResult]:
        """The results, venue by venue, each up to its first failure."""
        return [verdict for name in self._stage for verdict in self.of(name)]

    def of(self, name: str) -> list[CheckResult]:
        """The results of one venue; empty if it was not watched."""
        if name not in self._stage:
            return []
        end = self._ends.get(name)
        stages = list(_STAGES.values())
        if end is not None and end.state == "live":
            *before, query = (_ok(name, stage) for stage in stages)
            took_ms = (time_ns(end.at) - self._queried_ns.get(name, time_ns(end.at))) / 1e6
            answered = msgspec.structs.replace(query, detail=f"answered in {took_ms:.0f} ms")
            return [*before, answered, self._clock(name)]
        stage = self._stage[name]
        if end is not None and end.state == "failed" and stage == "reachability":
            stage = "login"  # a venue that refuses was reached
        return [*(_ok(name, earlier) for earlier in stages[: stages.index(stage)]), self._failure(name, stage, end)]

    def _failure(self, name: str, stage: str, end: LinkRecord | None) -> CheckResult:
        refused = end is not None and end.state == "failed"
        last = end or next(reversed(self._query_failures.get(name, [])), None)
        return CheckResult(
            venue=name,
            check=stage,
            verdict="failed",
            detail=(last.detail if last is not None else None) or "no answer in time",
            remedy=self._remedy(self._keys[name], stage, refused=refused),
            exit_code=77 if refused else 69,
        )

    def _remedy(self, keys: Keys, stage: str, *, refused: bool) -> str:
        credentials = quoted(keys.credentials) or "the credentials"
        address = quoted(keys.address) or "the address"
        match stage:
            case _ if refused:
                return f"check {credentials} in the configuration"
            case "reachability":
                return f"check {address} in the configuration, the network, and that the venue is up"
            case "login":
                return f"check {address} and {credentials} in the configuration"
            case "subscription":
                look = f"check {quoted(keys.scope)} in the configuration, and " if keys.scope else "check "
                return f"{look}that the account may read orders"
            case _:
                look = f"check {quoted(keys.rest)} in the configuration and the network, or " if keys.rest else ""
                return f"{look}try again: the venue may be busy; if it fails again, run `ordwatch tail -v`"

    def _clock(self, name: str) -> CheckResult:
        offset_s = self.offsets_s.get(name)
        if offset_s is None:
            return CheckResult(venue=name, check="clock", verdict="ok", detail="the venue does not report its time")
        off = abs(offset_s) > MAX_CLOCK_OFFSET_S
        return CheckResult(
            venue=name,
            check="clock",
            verdict="warning" if off else "ok",
            detail=f"{abs(offset_s):.1f} s {'behind' if offset_s > 0 else 'ahead of'} the venue's",
            remedy="set this machine's clock, for example by NTP" if off else None,
        )


def _ok(name: str, stage: str) -> CheckResult:
    return CheckResult(venue=name, check=stage, verdict="ok", detail=_OK_DETAILS[stage])


_OK_DETAILS = {
    "reachability": "connected",
    "login": "accepted",
    "subscription": "acknowledged",
    "query": "answered",
}
