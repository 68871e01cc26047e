"""What must be so in every world: checked as things happen, and on the recording against what the world knows."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.simulation.clocks import SECOND, START_NS
from tests.simulation.product import (
    COVERED,
    DAMAGED,
    Action,
    AnyRecord,
    ClockRecord,
    Connect,
    EmitEvents,
    EndVenue,
    FeedEvent,
    GapRecord,
    GapUpdate,
    LinkUpdate,
    Moment,
    OrderRecord,
    QueryResult,
    Reject,
    RunQuery,
    VenueSummary,
    Verdict,
    check,
    decode,
    time_ns,
)
from tests.simulation.venue import Order, State, Venue, said

if TYPE_CHECKING:
    from tests.simulation.network import Line, Query
    from tests.simulation.process import Process, Shell
    from tests.simulation.world import World

LAG_NS = 12 * SECOND
"""A state may be under way for so long, and is then neither recorded nor missed."""
DISK_LAG_NS = 320 * SECOND
"""For how long a disk may refuse, and records wait."""
STILL_DUE = 4
"""So many timers of one link may be due at once, and are served one after the other."""
MOST_IN_TEN_MINUTES = 70
"""Attempts that fail, or queries: a back-off that grows as it should makes about forty."""


class Broken(AssertionError):
    """An invariant does not hold."""


class _Watched:
    """What the invariants remember of one venue in one process."""

    def __init__(self) -> None:
        self.subscribed: set[int] = set()
        self.asked_whole = False
        """The query under way began when every link was subscribed, and nothing broke since."""
        self.may_be_live = False
        self.gap: GapUpdate | None = None
        self.good_wall_ns: dict[int, int] = {}
        self.good_true_ns: dict[int, int] = {}
        self.attempts: list[float] = []
        self.failed: dict[int, list[float]] = defaultdict(list)
        self.queries: list[float] = []
        self.bugs: list[float] = []
        self.snapshot_ns = 0
        self.closed_one = False
        """A gap was closed, so none of an earlier process goes on."""
        self.still_due = 0
        self.over = False


class Invariants:
    """Raises Broken at the first thing that must not be."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._watched: dict[int, _Watched] = {}
        self._windows: dict[str, list[list[float]]] = defaultdict(list)
        """By venue the gaps that were reported, in true time."""
        self._shown: dict[tuple[str, str], tuple[int, object]] = {}
        self._fresh: set[tuple[str, str, int]] = set()
        self._pushed: dict[tuple[str, str, int], Line] = {}
        self._shuffled: set[str] = set()
        self._first_live: dict[str, int] = {}
        self._not_judged: dict[str, list[tuple[int, int]]] = defaultdict(list)
        """By venue true times of which a recording is known to say too much."""
        self._jumps: set[str] = set()
        """The times of the recording's clock records."""
        self._not_read: dict[str, tuple[int, int]] = {}
        """By venue the time between the last message and a clean end, while nothing runs."""

    def _of(self, shell: "Shell") -> _Watched:
        return self._watched.setdefault(id(shell), _Watched())

    def _broken(self, text: str) -> None:
        raise Broken(text)

    # As things happen.

    def started(self, open_gaps: Iterable[GapUpdate]) -> None:
        """A process goes on with a recording in which these gaps were never closed."""
        clocks = self._world.clocks
        self._not_read.clear()
        for gap in open_gaps:
            self._windows[gap.venue].append([clocks.true(gap.from_ns), math.inf])
        last_ns = self._world.died_ns - DISK_LAG_NS
        if self._world.died_ns and clocks.went_back(last_ns):
            # Nobody knows how much time lies between two sessions if the clock was set back.
            for venue in self._world.venues:
                self._not_judged[venue.dialect.name].append((last_ns, clocks.now_ns))

    def good(self, shell: "Shell", link: int) -> None:
        """A whole, good message was received."""
        self._of(shell).good_wall_ns[link] = self._world.clocks.moment().wall_ns
        self._of(shell).good_true_ns[link] = self._world.clocks.now_ns

    def ready(self, shell: "Shell", link: int) -> None:
        """A link's subscription was acknowledged."""
        self._of(shell).subscribed.add(link)

    def broke(self, shell: "Shell") -> None:
        """Something was missed: a query under way closes nothing any more."""
        watched = self._of(shell)
        watched.asked_whole = watched.may_be_live = False
        watched.queries.clear()

    def bug(self, shell: "Shell") -> None:
        """The adapter had a bug."""
        self._of(shell).bugs.append(self._world.clocks.moment().mono_s)

    def delivered(self, line: "Line", order: Order, state: State) -> None:
        """A push arrived."""
        name = line.shell.name
        if line.shuffled:
            self._shuffled.add(name)
        number, way = self._shown.get((name, order.order_id), (0, line))
        if state.number > number and way is line:
            self._fresh.add((name, order.order_id, state.number))
        if state.number >= number:
            self._shown[name, order.order_id] = (max(state.number, number), line)

    def row(self, shell: "Shell", order: Order, state: State) -> None:
        """A row arrived."""
        number, _ = self._shown.get((shell.name, order.order_id), (0, None))
        self._shown[shell.name, order.order_id] = (max(number, state.number), shell)

    def pushed(self, line: "Line", order: Order, state: State) -> None:
        """A push is under way."""
        self._pushed[line.shell.name, order.order_id, state.number] = line

    def answered(self, shell: "Shell", query: "Query", report: QueryResult) -> None:
        """A query was answered to its end."""
        watched = self._of(shell)
        watched.snapshot_ns = query.first_snapshot_ns
        if watched.asked_whole:
            watched.may_be_live = True

    def decided(self, shell: "Shell", action: Action) -> None:
        """The supervisor decided this."""
        watched, now = self._of(shell), self._world.clocks.moment()
        if watched.over and not isinstance(action, EmitEvents):
            self._broken(f"{shell.name}: {action} after its end")
        match action:
            case Connect(link=link):
                self._attempted(shell, watched, link, now.mono_s)
            case RunQuery():
                self._asked(shell, watched, action, now.mono_s)
            case EmitEvents(events=events):
                for event in events:
                    self._emitted(shell, watched, event, now)
            case EndVenue():
                watched.over = True
            case _:
                pass

    def served(self, shell: "Shell", now: Moment) -> None:
        """A timer was served: soon none may be due any more, or the process would spin."""
        watched = self._of(shell)
        watched.still_due = watched.still_due + 1 if shell.supervisor.next_timer_s() <= now.mono_s else 0
        if watched.still_due > STILL_DUE:
            self._broken(f"{shell.name}: timers that were served are still due")

    def _attempted(self, shell: "Shell", watched: _Watched, link: int, now_s: float) -> None:
        watched.attempts = [at_s for at_s in watched.attempts if now_s - at_s < 60.0 - 1e-6] + [now_s]
        if len(watched.attempts) > 12:
            self._broken(f"{shell.name}: {len(watched.attempts)} attempts within a minute")
        failed = watched.failed[link] = [at_s for at_s in watched.failed[link] if now_s - at_s < 600] + [now_s]
        if len(failed) > MOST_IN_TEN_MINUTES:
            self._broken(f"{shell.name}: {len(failed)} failed attempts of link {link} within ten minutes")
        bugs = [at_s for at_s in watched.bugs if watched.bugs[-1] - at_s < 600]
        if bugs and now_s - bugs[-1] < (1.4, 7.0)[min(len(bugs), 2) - 1]:
            self._broken(f"{shell.name}: tried again {now_s - bugs[-1]:.2f} s after bug {len(bugs)}")
        if len(bugs) > 2:
            self._broken(f"{shell.name}: goes on after {len(bugs)} bugs within ten minutes")

    def _asked(self, shell: "Shell", watched: _Watched, asked: RunQuery, now_s: float) -> None:
        if shell.query is not None:
            self._broken(f"{shell.name}: two queries at once")
        if len(watched.subscribed) < shell.venue.dialect.links:
            self._broken(f"{shell.name}: asked before every link was subscribed")
        watched.queries = [at_s for at_s in watched.queries if now_s - at_s < 600] + [now_s]
        if not watched.may_be_live and len(watched.queries) > MOST_IN_TEN_MINUTES:
            self._broken(f"{shell.name}: {len(watched.queries)} queries within ten minutes")
        gap = watched.gap or (None if watched.closed_one else shell.process.past_gap(shell.name))
        if gap is not None and asked.since_ns is not None:
            from_ns = shell.venue.clock_ns(self._world.clocks.true(gap.from_ns))
            if asked.since_ns > from_ns:
                late_s = (asked.since_ns - from_ns) / SECOND
                self._broken(f"{shell.name}: asked from {late_s:.0f} s after the start of {gap.gap}")
        watched.asked_whole = True

    def _emitted(self, shell: "Shell", watched: _Watched, event: FeedEvent, now: Moment) -> None:
        match event:
            case GapUpdate(state="open"):
                self.broke(shell)
                self._gap_opened(shell, watched, event, now)
            case GapUpdate():
                self._gap_closed(shell, watched, event)
            case Reject(missed=True):
                self.broke(shell)
            case LinkUpdate(state="live"):
                if not watched.may_be_live:
                    self._broken(f"{shell.name}: live without an answer to a query after its last break")
                if len(watched.subscribed) < shell.venue.dialect.links:
                    self._broken(f"{shell.name}: live without a subscription")
                watched.failed.clear()
                self._first_live.setdefault(shell.name, self._world.clocks.now_ns)
            case LinkUpdate(state="down" | "failed"):
                self.broke(shell)
                if shell.link is not None:
                    watched.subscribed.discard(shell.link)
                if event.detail and "internal error" in event.detail:
                    watched.subscribed.clear()
            case _:
                pass

    def _gap_opened(self, shell: "Shell", watched: _Watched, gap: GapUpdate, now: Moment) -> None:
        if watched.gap is not None:
            self._broken(f"{shell.name}: {gap.gap} opened while {watched.gap.gap} is open")
        watched.gap = gap
        good = watched.good_wall_ns
        from_ns = self._world.clocks.true(gap.from_ns)
        # With several links it may begin with the last message of another one, before a clock that was set since.
        began_ns = [watched.good_true_ns[link] for link, wall_ns in good.items() if wall_ns == gap.from_ns]
        if shell.link is not None and shell.link in good:
            from_ns = min(began_ns, default=from_ns)
            if gap.from_ns > good[shell.link] and from_ns > watched.good_true_ns[shell.link]:
                late_s = (from_ns - watched.good_true_ns[shell.link]) / SECOND
                self._broken(f"{shell.name}: {gap.gap} begins {late_s:.1f} s after the last good message")
        if gap.cause == "suspended":
            from_ns = min([shell.process.slept_from_ns, *watched.good_true_ns.values()])
        self._windows[shell.name].append([from_ns, math.inf])

    def _gap_closed(self, shell: "Shell", watched: _Watched, gap: GapUpdate) -> None:
        opened = watched.gap or (None if watched.closed_one else shell.process.past_gap(shell.name))
        if opened is None or opened.gap != gap.gap:
            self._broken(f"{shell.name}: {gap.gap} closed, but it is not open")
        if gap.to_ns is None or gap.to_ns < gap.from_ns:
            self._broken(f"{shell.name}: {gap.gap} ends before it begins")
        watched.gap = None
        watched.closed_one = True
        for window in self._windows[shell.name]:
            if window[1] == math.inf:
                window[1] = self._world.clocks.now_ns

    # Records.

    def record(self, process: "Process", record: AnyRecord) -> None:
        """The order store made this record."""
        match record:
            case OrderRecord():
                self._order(record)
            case GapRecord(state="closed", outcome="recovered"):
                self._recovered(process, record)
            case _:
                pass

    def _order(self, record: OrderRecord) -> None:
        venue = self._world.venue(record.venue)
        order = venue.orders[record.order_id]
        lenient = record.venue in self._shuffled or "unordered" in record.flags
        self._world.note(
            f"{record.venue} written {record.order_id} {record.venue_status} {record.filled_qty} "
            f"{record.source} {' '.join(record.flags)}"
        )
        numbers = [state.number for state in order.states if _may_be(record, state, venue)]
        if not numbers and not lenient:
            self._broken(f"{record.venue}: order {record.order_id}: written a state that never was: {_brief(record)}")
        is_fresh = all((record.venue, record.order_id, number) in self._fresh for number in numbers)
        if "late" in record.flags and not lenient and record.source == "push" and numbers and is_fresh:
            self._broken(f"{record.venue}: order {record.order_id}: newest state taken for late: {_brief(record)}")

    def _recovered(self, process: "Process", gap: GapRecord) -> None:
        shell = process.shells[gap.venue]
        true_ns = self._of(shell).snapshot_ns
        from_ns = self._windows[gap.venue][-1][0]
        held = {order.order_id: order for order in process.store.orders(gap.venue)}
        for order in shell.venue.orders.values():
            state = order.at(true_ns)
            if state is None or order.part in shell.venue.refused or gap.venue in self._shuffled:
                continue
            if state.at_ns < from_ns:
                continue  # missed in an earlier gap, if it was
            if self._was_over_before(gap.venue, order) or self._is_under_way(gap.venue, order, true_ns):
                continue
            known = held.get(order.order_id)
            numbers = [] if known is None else [s.number for s in order.states if _may_be(known, s, shell.venue)]
            if max(numbers, default=0) < state.number:
                what = "not known" if known is None else f"known as {known.venue_status} {known.filled_qty}"
                self._broken(
                    f"{gap.venue}: {gap.gap} closed as recovered, but order {order.order_id} is {what}, "
                    f"and was {' '.join(said(state))} since {(true_ns - state.at_ns) / SECOND:.1f} s before"
                )

    def _was_over_before(self, name: str, order: Order) -> bool:
        """Whether it ended before the first `live`: nobody promises it."""
        live_ns = self._first_live.get(name)
        return live_ns is None or any(state.is_final and state.at_ns < live_ns for state in order.states)

    def _is_under_way(self, name: str, order: Order, true_ns: int) -> bool:
        return any(
            true_ns - state.at_ns < LAG_NS
            and (line := self._pushed.get((name, order.order_id, state.number))) is not None
            and not line.ended
            for state in order.states
            if state.at_ns <= true_ns
        )

    def stopped(self, process: "Process") -> None:
        """A process ended cleanly: since the last message nothing is covered, until the next one opens a gap there."""
        for name, shell in process.shells.items():
            good_ns = self._of(shell).good_true_ns.values()
            self._not_read[name] = (min(good_ns, default=0), self._world.clocks.now_ns)

    # The recording.

    def recording(self, *, calm: bool) -> Verdict | None:
        """Compare what the recording proves with what was so."""
        path = self._world.disk.path
        if not path.exists() or not path.stat().st_size:
            return None
        verdict = check([path])
        if verdict.exit_code == DAMAGED:
            self._broken(f"the recording is damaged: {verdict.damage} {verdict.broken_invariants}")
        records: dict[str, list[OrderRecord]] = defaultdict(list)
        self._jumps.clear()
        with path.open("rb") as file:
            for line in file:
                if line.startswith(b'{"type":"clock"') and isinstance(jump := decode(line), ClockRecord):
                    self._jumps.add(jump.at)
                if line.startswith(b'{"type":"order"') and line.endswith(b"\n") and b"\0" not in line:
                    record = decode(line)
                    if isinstance(record, OrderRecord):
                        records[record.venue].append(record)
        for venue in self._world.venues:
            name = venue.dialect.name
            found = verdict.venues.get(name)
            if found is not None:
                self._venue(venue, records[name], found, calm=calm)
        return verdict

    def _venue(self, venue: Venue, records: list[OrderRecord], found: VenueSummary, *, calm: bool) -> None:
        name = venue.dialect.name
        by_order: dict[str, list[OrderRecord]] = defaultdict(list)
        for record in records:
            by_order[record.order_id].append(record)
        for order in venue.orders.values():
            mine = by_order[order.order_id]
            self._twice(name, venue, mine)
            if found.first_live is not None and order.part not in self._world.ever_refused.get(name, ()):
                self._known(venue, order, mine, found, calm=calm)

    def _twice(self, name: str, venue: Venue, records: list[OrderRecord]) -> None:
        reported = [_content(record) for record in records if "late" not in record.flags]
        for one, other in pairwise(reported):
            if one == other:
                self._broken(f"{name}: order {records[0].order_id}: the same state twice: {one}")
        if venue.dialect.name == "opend" and name not in self._shuffled:
            most, count = max(Counter(reported).items(), key=lambda item: item[1], default=((), 0))
            if count > 1 and not any("reopened" in record.flags for record in records):
                self._broken(f"{name}: order {records[0].order_id}: the same state {count} times: {most}")

    def _known(
        self, venue: Venue, order: Order, records: list[OrderRecord], found: VenueSummary, *, calm: bool
    ) -> None:
        name = venue.dialect.name
        if self._was_over_before(name, order):
            return
        uncertain = _Uncertain(self._world, found, self._jumps)
        in_turn = [record for record in records if "late" not in record.flags]
        last = max(
            (state.number for state in order.states if in_turn and _may_be(in_turn[-1], state, venue)), default=0
        )
        shuffled = name in self._shuffled and not calm
        not_judged = self._not_judged[name] + ([self._not_read[name]] if name in self._not_read else [])
        for state in order.states:
            if any(from_ns <= state.at_ns + LAG_NS and state.at_ns <= to_ns for from_ns, to_ns in not_judged):
                continue
            if uncertain.touches(state.at_ns, state.at_ns + LAG_NS) or state.at_ns + LAG_NS > self._world.clocks.now_ns:
                continue
            recorded = any(_may_be(record, state, venue) for record in records)
            if not recorded and name in self._shuffled:
                recorded = any(_may_be_without_fills(record, state, venue) for record in records)
            if state.number > last and not (shuffled and recorded):
                self._broken(
                    f"{name}: the recording says covered, but order {order.order_id} came to {' '.join(said(state))} "
                    f"{self._world.ago(state.at_ns)} and its last record is "
                    f"{_brief(in_turn[-1]) if in_turn else 'none'}; {uncertain}"
                )
            if not recorded and not self._in_a_gap(name, state.at_ns):
                self._broken(
                    f"{name}: order {order.order_id} came to {' '.join(said(state))} {self._world.ago(state.at_ns)}, "
                    f"outside of all gaps, and no record says so; {uncertain}; "
                    f"gaps: {[[(at - START_NS) / SECOND for at in window] for window in self._windows[name]]}"
                )

    def _in_a_gap(self, name: str, at_ns: int) -> bool:
        """Whether a gap was reported at that time, or the state may have been under way when one began."""
        return any(from_ns - 1e6 <= at_ns + LAG_NS and at_ns <= to_ns for from_ns, to_ns in self._windows[name])

    def at_the_end(self, process: "Process", verdict: Verdict) -> None:
        """After a long calm: live, and every open order is as it is."""
        for name, shell in process.shells.items():
            if shell.supervisor.failure is not None:
                continue
            # Where every part is refused, the venue's words stand in the link's record, and it is not live.
            all_refused = len(shell.venue.refused) == len(shell.venue.dialect.parts)
            if process.stats[name].state != "live" and not all_refused:
                self._broken(f"{name}: is {process.stats[name].state} after a long calm")
            for order in process.store.open_orders(name):
                true = shell.venue.orders[order.order_id].states[-1]
                if shell.venue.orders[order.order_id].part not in shell.venue.refused and (
                    true.is_final or not _may_be(order, true, shell.venue)
                ):
                    self._broken(
                        f"{name}: after a long calm order {order.order_id} is held as {order.venue_status} "
                        f"{order.filled_qty}, and is {' '.join(said(true))}"
                    )
            if shell.venue.refused and verdict.exit_code == COVERED:
                self._broken(f"{name}: the recording says covered, and a part of it was refused")


class _Uncertain:
    """The times that `verify` calls uncertain, as true times."""

    def __init__(self, world: "World", found: VenueSummary, jumps: set[str]) -> None:
        assert found.first_live is not None
        clocks = world.clocks
        self._spans: list[tuple[float, float]] = [(-math.inf, clocks.true(time_ns(found.first_live)))]
        self._clocks = clocks
        self._walls: list[tuple[float, float]] = []
        for each in found.uncertain:
            from_ns, to_ns = time_ns(each.from_), math.inf if each.to is None else time_ns(each.to)
            self._walls.append((from_ns - 1e6, to_ns))
            if to_ns == math.inf:
                # All since then, also what a clock that was set back calls earlier.
                self._spans.append((clocks.first_true(from_ns) - 1e6, math.inf))
            else:
                self._spans.append((clocks.true(from_ns) - 1e6, clocks.true(int(to_ns))))
            if each.from_ in jumps and len(self._spans) > 2:
                # The clock was set in an uncertain time: no time lies between, though a frozen process saw it late.
                self._spans[-2:] = [(self._spans[-2][0], self._spans[-1][1])]

    def __str__(self) -> str:
        spans = [f"{(a - START_NS) / SECOND:.3f} to {(b - START_NS) / SECOND:.3f}" for a, b in self._spans]
        return f"uncertain: {', '.join(spans)}"

    def touches(self, from_ns: int, to_ns: int) -> bool:
        """Whether any of this time is uncertain."""
        if any(first_ns <= to_ns and from_ns <= last_ns for first_ns, last_ns in self._spans):
            return True
        # A clock that was set back shows the same time twice: a reader cannot know which is meant.
        first_ns, last_ns = self._clocks.wall(from_ns), self._clocks.wall(to_ns)
        return any(
            low_ns <= max(first_ns, last_ns) and min(first_ns, last_ns) <= up_ns for low_ns, up_ns in self._walls
        )


def _may_be(record: "OrderRecord | object", state: State, venue: Venue) -> bool:
    """Whether a record, or a held state, says this true state, as far as it says it."""
    word, filled, qty, price = said(state)
    if getattr(record, "venue_status", "") != word and venue.dialect.kind != "coinw":
        return False
    if getattr(record, "qty", None) not in (None, qty) or getattr(record, "price", None) not in (None, price):
        return False
    reported = getattr(record, "filled_qty", None)
    if reported is None or reported == filled:
        return True
    if venue.dialect.kind == "coinw":
        return int(float(reported) * 100 + 1e-6) == state.filled
    return venue.dialect.kind == "loopring" and float(reported) <= state.filled / 100


def _may_be_without_fills(record: OrderRecord, state: State, venue: Venue) -> bool:
    """Whether a record says a state that says nothing of fills and arrived after a later one: it has that one's fills.

    Neither time nor amount decides between the two, so what arrived last is the state until the next query.
    """
    if "unordered" not in record.flags or state.filled:
        return False
    return _may_be(replace(record, filled_qty=None), state, venue)


def _content(record: OrderRecord) -> tuple[object, ...]:
    return (
        record.venue_status,
        record.status,
        record.filled_qty,
        record.qty,
        record.price,
        record.updated_at,
        record.reason,
        record.client_order_id,
        str(record.extra),
    )


def _brief(record: OrderRecord) -> str:
    return f"{record.venue_status} {record.filled_qty} {record.qty} {record.price} at {record.received_at}"
