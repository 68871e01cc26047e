"""Which times a venue was seen, and which are uncertain, as its records tell. All times in ns since 1970 UTC.

A time is covered if it lies between `live` and the end of its proof of life, or inside a recovered gap. Everything
else after the first `live` is uncertain. A proof of life is a push, an alive record's `last_rx`, or a clean end.
Times that the wall clock jumped over are neither: lengths are those of the timeline's passed time.
"""

from contextlib import suppress
from typing import NamedTuple

from ordwatch.core.records import GapRecord, Time
from ordwatch.core.times import time_ns
from ordwatch.recording.timeline import Timeline


class Uncertain(NamedTuple):
    """A time in which a venue was not seen."""

    from_ns: int
    to_ns: int | None
    """None: nobody knows until when."""
    reason: str


class Coverage:
    """What was seen of one venue. Its methods are called in the order of the records, with wall times.

    `timeline` knows how the wall clock jumped; `unread`: records are missing before the first. Those that take a gap
    raise ValueError if a time in it is none.
    """

    def __init__(self, timeline: Timeline | None = None, *, unread: bool = False) -> None:
        self.first_live_ns: int | None = None
        self.covered_ns = 0
        self.uncertain: list[Uncertain] = []
        self.gap: GapRecord | None = None
        """The gap that is open."""
        self._timeline = timeline or Timeline()
        # From here on all times are passed times.
        self._from: int | None = None  # since when it is covered
        self._begun = 0  # where the last covered time began, as long as its end may still move
        self._proof = 0
        self._heard: Time = ""  # the latest push, and the time of the pushes before it
        self._heard_before: Time = ""
        self._sure: int | None = None  # until when it was heard before a clean end
        self._lost: tuple[int, str] | None = None  # since when and why it is not covered
        self._fell: str | None = None  # the link left live, and no gap has said so yet
        self._unread = unread

    @property
    def until_ns(self) -> int | None:
        """Until when it is known to be covered; None if it never was."""
        passed_ns = self._until()
        return None if passed_ns is None else self._timeline.wall(passed_ns)

    def _until(self) -> int | None:
        if self.gap is not None and self.first_live_ns is not None:
            return self._lost[0] if self._lost else self._passed(self.gap.from_, self.gap)
        if self._from is not None:
            return max(self._proven(), self._from)
        if self._lost is None:
            return None
        # What arrived between the last reading and a clean end nobody has read.
        return self._lost[0] if self._sure is None else max(self._sure, self._begun)

    def _passed(self, time: Time, gap: GapRecord) -> int:
        return self._timeline.passed(time_ns(time), time_ns(gap.at))

    def _prove(self, passed_ns: int) -> None:
        self._proof = max(self._proof, passed_ns)

    def hear(self, at: Time) -> None:
        """A push was read then; for each, so the text is read only when it matters.

        It proves what was read before it: of what was read with it, more may have been lost with the process.
        """
        # Texts of one length and zone compare as the times they name.
        if at > self._heard:
            self._heard_before, self._heard = self._heard, at

    def begin(self) -> None:
        """A session begins; what was missing before it no longer matters."""
        self.stop("stopped without an end")
        self._unread = False

    def live(self, at_ns: int) -> None:
        """The link is live."""
        if self.gap is None:
            if self._fell is not None:
                self._lose(self._proven(), f"link {self._fell} without a gap")
            self._resume(self._timeline.passed(at_ns, at_ns))
        self._fell = None

    def fall(self, state: str) -> None:
        """The link is no longer live; the gap that must follow says since when."""
        if self._from is not None:
            self._fell = state

    def alive(self, at_ns: int, last_rx_ns: int | None) -> None:
        """An alive record says that the link is live; where records are missing, that is what is known again."""
        now_ns = self._timeline.passed(at_ns, at_ns)
        if self._unread and self.gap is None:
            self._unread = False
            self._resume(now_ns)
        if last_rx_ns is not None:
            # A clock that went back leaves a `last_rx` that is still to come.
            self._prove(min(self._timeline.passed(last_rx_ns, at_ns), now_ns))

    def open_gap(self, gap: GapRecord) -> None:
        """Coverage was lost."""
        self.gap = gap
        self._fell = None
        self._lose(self._passed(gap.from_, gap), gap.cause)

    def close_gap(self, gap: GapRecord) -> None:
        """Coverage is back."""
        self.gap = None
        to_ns = self._passed(gap.to or gap.at, gap)
        if gap.from_ > gap.at:
            # `from` is a time of a clock that was ahead: `to` is not before it, so it does not say until when.
            to_ns = self._passed(gap.at, gap)
        if gap.outcome != "recovered":
            self._resume_after_partial(gap, to_ns)
            return
        self._resume(self._passed(gap.from_, gap) if self._lost else to_ns)
        self._prove(to_ns)

    def _resume_after_partial(self, gap: GapRecord, to_ns: int) -> None:
        # Uncertain however short: nobody knows what was missed.
        from_ns = self._lost[0] if self._lost else self._passed(gap.from_, gap)
        to_ns = max(from_ns, to_ns)
        self._add_uncertain(from_ns, to_ns, gap.cause if gap.limits is None else f"{gap.cause}; {gap.limits}")
        self._lost = None
        self._resume(to_ns)

    def end(self, at_ns: int) -> None:
        """The session ended cleanly: until then the link was live, if it was."""
        if self._fell is None and self._from is not None:
            self._sure = self._proven()
            self._prove(self._timeline.passed(at_ns, at_ns))
        self.stop("not recorded")

    def stop(self, reason: str) -> None:
        """The session ended, or records are missing."""
        self._fell = None
        if self._from is not None:
            self._lose(self._proven(), reason)

    def miss(self) -> None:
        """Records are missing here; coverage is known again with the next alive record."""
        self.stop("records are missing")
        self.gap = None
        self._unread = True

    def clock_jumps(self, before_ns: int) -> None:
        """The wall clock is about to jump from `before_ns`; called before the timeline learns of it."""
        self._proof = min(self._proven(), self._timeline.passed(before_ns, before_ns))
        # Texts of times before and after the jump cannot be compared.
        self._heard = self._heard_before = ""

    def finish(self, passed_ns: int | None) -> None:
        """Nothing more follows; what is lost stays uncertain until then, or for good. The time is a passed one."""
        if self._from is not None:
            self.covered_ns += max(0, self._proven() - self._from)
            self._from = None
        elif self._lost is not None:
            lost_ns, reason = self._lost
            if passed_ns is None or passed_ns > lost_ns:
                self._add_uncertain(lost_ns, passed_ns, reason)
            elif self.gap is not None:
                # An open gap is never covered, whatever the clocks say.
                self._add_uncertain(lost_ns, lost_ns, reason)

    def _add_uncertain(self, from_ns: int, to_ns: int | None, reason: str) -> None:
        if to_ns is None:
            self.uncertain.append(Uncertain(self._timeline.wall(from_ns), None, reason))
            return
        walls = self._timeline.walls(from_ns, to_ns)
        self.uncertain += [Uncertain(first_ns, last_ns, reason) for first_ns, last_ns in walls]

    def _proven(self) -> int:
        if self._heard_before:
            with suppress(ValueError):  # what is no time proves nothing
                self._prove(self._timeline.passed(time_ns(self._heard_before)))
            self._heard_before = ""
        return self._proof

    def _lose(self, from_ns: int, reason: str) -> None:
        if self._from is not None:
            end = max(from_ns, self._from)
            self.covered_ns += end - self._from
            self._begun, self._from = self._from, None
            self._lost = (end, reason)
        elif self._lost is not None and from_ns < self._lost[0]:
            end = max(from_ns, self._begun)
            self.covered_ns -= self._lost[0] - end
            self._lost = (end, reason)
        elif self._lost is not None:
            self._lost = (self._lost[0], reason)

    def _resume(self, from_ns: int) -> None:
        if self._from is not None:
            return
        if self.first_live_ns is None:
            self.first_live_ns = self._timeline.wall(from_ns)
        if self._lost is not None:
            lost_ns, reason = self._lost
            if from_ns > lost_ns:
                self._add_uncertain(lost_ns, from_ns, reason)
            from_ns = max(from_ns, lost_ns)
            self._lost = None
        self._from = from_ns
        self._sure = None
        self._prove(from_ns)
