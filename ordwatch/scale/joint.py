"""Joint coverage: what none of several collectors saw. Pure.

Collectors back each other up for equal parts (collector.py). A part is blind where all of its collectors are; all its
blind times on the stream's clock are computed anew whenever something changes, because a loss is often known only
later: one collector's connection may have been dead for half a minute while the other reconnected. A time that is in no
gap yet becomes one, even if it has ended already. Where it is doubtful which came first, the gap is the longer one.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ordwatch.core.events import GapUpdate, LinkUpdate
from ordwatch.scale.collector import Blind, Collector, Part

CAUSE = "collectors"
NEVER_NS = 2**62
_KEPT = 4_096


class Span(NamedTuple):
    """A time on the stream's clock, ns since 1970 UTC; up to NEVER_NS if it has not ended."""

    from_ns: int
    to_ns: int


def intersection(one: Iterable[Span], other: Iterable[Span]) -> list[Span]:
    """The times that are in both; each is sorted and does not overlap itself."""
    found: list[Span] = []
    left, right = list(one), list(other)
    i = j = 0
    while i < len(left) and j < len(right):
        from_ns, to_ns = max(left[i].from_ns, right[j].from_ns), min(left[i].to_ns, right[j].to_ns)
        if from_ns < to_ns:
            found.append(Span(from_ns, to_ns))
        if left[i].to_ns < right[j].to_ns:
            i += 1
        else:
            j += 1
    return found


def union(intervals: Iterable[Span]) -> list[Span]:
    """The same times, sorted, with those that touch joined."""
    found: list[Span] = []
    for each in sorted(intervals):
        if found and each.from_ns <= found[-1].to_ns:
            found[-1] = Span(found[-1].from_ns, max(found[-1].to_ns, each.to_ns))
        else:
            found.append(each)
    return found


def without(intervals: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The times of the first that are not in the second."""
    found: list[Span] = []
    taken = union(taken)
    for each in intervals:
        from_ns = each.from_ns
        for other in taken:
            if other.to_ns <= from_ns or other.from_ns >= each.to_ns:
                continue
            if other.from_ns > from_ns:
                found.append(Span(from_ns, other.from_ns))
            from_ns = max(from_ns, other.to_ns)
        if from_ns < each.to_ns:
            found.append(Span(from_ns, each.to_ns))
    return found


def _stretched(blind: Blind) -> Span:
    """As long as it can have been."""
    from_ns = 0 if blind.from_ is None else blind.from_.earliest_ns
    to_ns = NEVER_NS if blind.to is None else blind.to.latest_ns
    return Span(from_ns, max(from_ns, to_ns))


class _PartTimes(NamedTuple):
    """When one part was blind, and what of it stays uncertain."""

    part: Part
    blind: list[Span]
    uncertain: list[Span]
    since_ns: int
    """When the first collector covered it."""


def _times(part: Part, collectors: Iterable[Collector], now_ns: int) -> _PartTimes:
    blind = uncertain = [Span(0, NEVER_NS)]
    since_ns = NEVER_NS
    for collector in collectors:
        found = collector.blind(part, now_ns)
        if found[0].from_ is None and found[0].to is not None:
            since_ns = min(since_ns, found[0].to.latest_ns)
        blind = intersection(blind, union(map(_stretched, found)))
        lost = [each for each in found if not each.recovered]
        uncertain = intersection(uncertain, union(map(_stretched, lost)))
    return _PartTimes(part, blind, uncertain, since_ns)


class JointVenue:
    """One venue: its gaps and its link, as the collectors together see it."""

    def __init__(self, name: str, *, gaps_before: int = 0) -> None:
        """`gaps_before`: the highest number that the recording has used for this venue."""
        self.name = name
        self.gap: GapUpdate | None = None
        self.is_live = False
        self.ever_live = False
        self.last_rx_ns: int | None = None
        """Until when all of it is proven to be covered."""
        self.covered: frozenset[str] = frozenset()
        """The entries that are covered now."""
        self._since_ns: int | None = None
        """Until when a recording that is continued has covered it."""
        self._resumed: frozenset[Part] | None = None
        """The parts that the recording has covered."""
        self._number = gaps_before
        self._gap_parts: set[str] = set()
        self._reported: list[Span] = []
        self._conn = 1

    def resume(self, open_gap: GapUpdate | None, covered_until_ns: int | None, at_ns: int) -> list[GapUpdate]:
        """A recording is continued: with the gap it left open, or one since it was last covered."""
        if open_gap is not None:
            self.gap, self.ever_live, self._since_ns = open_gap, True, open_gap.from_ns
            return []
        if covered_until_ns is None:
            return []
        self.ever_live, self._since_ns = True, covered_until_ns
        return [self._open("restart", covered_until_ns, at_ns)]

    def judge(self, collectors: Iterable[Collector], now_ns: int, at_ns: int) -> "list[GapUpdate | LinkUpdate]":
        """The gaps and links of now. `now_ns`: the stream's clock; `at_ns`: ours, for the records."""
        collectors = list(collectors)
        parts = dict.fromkeys(part for each in collectors for part in each.parts() if part.venue == self.name)
        times = [_times(part, collectors, now_ns) for part in parts]
        # What no collector has covered since we began to read is not lost: it was never had.
        times = [each for each in times if each.since_ns < NEVER_NS]
        if not times:
            return []
        if self._resumed is None:
            self._resumed = frozenset(each.part for each in times)
        self.last_rx_ns = self._proven_ns([each.part for each in times], collectors)
        self.covered = frozenset(each.part.entry for each in times if not _goes_on(each.blind))
        events: list[GapUpdate | LinkUpdate] = []
        blind = union(interval for each in times for interval in self._seen(each.blind, each))
        goes_on = _goes_on(blind)
        if self.gap is not None and not goes_on:
            events += self._close(self.gap, times, blind, at_ns)
        if self.gap is None:
            events += self._open_new(times, without(blind, self._reported), at_ns)
        else:
            self._gap_parts |= {each.part.entry for each in times if _goes_on(each.blind)}
        return [*events, *self._link(goes_on, at_ns)]

    def _seen(self, intervals: Iterable[Span], times: _PartTimes) -> list[Span]:
        since_ns = times.since_ns
        if self._since_ns is not None and self._resumed is not None and times.part in self._resumed:
            since_ns = min(self._since_ns, since_ns)
        return intersection([Span(since_ns, NEVER_NS)], intervals)

    def _proven_ns(self, parts: Iterable[Part], collectors: Iterable[Collector]) -> int | None:
        proven: list[int] = []
        for part in parts:
            proofs = [point.earliest_ns for each in collectors if (point := each.proof(part)) is not None]
            if not proofs:
                return self.last_rx_ns
            proven.append(max(proofs))
        return min(proven, default=None)

    def _open_new(self, times: Iterable[_PartTimes], intervals: Iterable[Span], at_ns: int) -> list[GapUpdate]:
        events: list[GapUpdate] = []
        for interval in intervals:
            opened = self._open(CAUSE, interval.from_ns, at_ns)
            events.append(opened)
            if interval.to_ns < NEVER_NS:
                events += self._close(opened, times, [interval], at_ns)
            else:
                self._gap_parts = _entries(times, interval)
        return events

    def _open(self, cause: str, from_ns: int, at_ns: int) -> GapUpdate:
        self._number += 1
        self._gap_parts = set()
        self.gap = GapUpdate(
            venue=self.name,
            gap=f"{self.name}-{self._number}",
            state="open",
            cause=cause,
            from_ns=min(from_ns, at_ns),
            at_ns=at_ns,
        )
        return self.gap

    def _close(self, gap: GapUpdate, times: Iterable[_PartTimes], blind: Iterable[Span], at_ns: int) -> list[GapUpdate]:
        """It ends where the blind time in it ends; where there was none after all, it has no length."""
        to_ns = max((each.to_ns for each in blind if each.to_ns > gap.from_ns), default=gap.from_ns)
        whole = Span(gap.from_ns, to_ns)
        times = list(times)
        is_lost = any(intersection([whole], self._seen(each.uncertain, each)) for each in times)
        names = sorted(self._gap_parts | _entries(times, whole))
        self._reported = union([*self._reported, whole])[-_KEPT:]
        self.gap = None
        limits = f"no collector saw {', '.join(names)}" if names else "the collectors' records came later"
        return [
            replace(
                gap,
                state="closed",
                to_ns=to_ns,
                outcome="partial" if is_lost else "recovered",
                limits=limits,
                at_ns=at_ns,
            )
        ]

    def stale(self, detail: str, at_ns: int) -> list[LinkUpdate]:
        """The stream cannot be read now: nothing is missed if it is read on later, but nothing is known either."""
        if not self.is_live:
            return []
        return [LinkUpdate(venue=self.name, conn=self._conn, state="stale", detail=detail, at_ns=at_ns)]

    def read_on(self, at_ns: int) -> list[LinkUpdate]:
        """All that came meanwhile was read."""
        return [LinkUpdate(venue=self.name, conn=self._conn, state="live", at_ns=at_ns)] if self.is_live else []

    def _link(self, goes_on: bool, at_ns: int) -> list[LinkUpdate]:
        if goes_on is not self.is_live:
            return []
        self.is_live = not goes_on
        if self.is_live:
            self.ever_live = True
            return [LinkUpdate(venue=self.name, conn=self._conn, state="live", at_ns=at_ns)]
        names = ", ".join(sorted(self._gap_parts))
        down = LinkUpdate(
            venue=self.name, conn=self._conn, state="down", detail=f"no collector sees {names}", at_ns=at_ns
        )
        self._conn += 1
        return [down]


def _entries(times: Iterable[_PartTimes], interval: Span) -> set[str]:
    return {each.part.entry for each in times if intersection([interval], each.blind)}


def _goes_on(blind: Sequence[Span]) -> bool:
    return bool(blind) and blind[-1].to_ns == NEVER_NS
