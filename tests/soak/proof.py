"""Holds a recording against the journal of the venues: what is lost, reported twice, or covered in words only."""

import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ordwatch.core.times import time_ns
from ordwatch.recording.verdict import Verdict
from ordwatch.recording.verify import check

if TYPE_CHECKING:
    from tests.soak.recorders import Soaked

OrderName = tuple[str, str, str | None, str]
"""Venue, environment, account, id."""
State = tuple[str, Decimal | None]
Record = dict[str, Any]

UNDER_WAY_NS = 250_000_000
"""How long a push may be under way: a gap begins where something was last received, not sent. On a machine that is
busier than that, as long as the latest push that was recorded."""
_NEVER_NS = 2**63
_STATEMENT_WITHOUT = {"seq", "crc", "prev_status", "received_at", "source", "gap", "changed", "flags", "raw"}


@dataclass
class Proof:
    """What was found; a recording that keeps its word leaves every list empty."""

    verdict: Verdict
    orders: int = 0
    lines: int = 0
    order_lines: int = 0
    states: int = 0
    gaps: int = 0
    states_in_gaps: int = 0
    """States that an order had while nobody was connected, or nobody could prove it."""
    lost_finals: list[str] = field(default_factory=list)
    """Orders whose last recorded state is not the true one."""
    lost_states: list[str] = field(default_factory=list)
    """States outside every gap that no line reports."""
    twice: list[str] = field(default_factory=list)
    """Statements that two lines of one order report."""
    holes: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    """Connections that ended, and no gap covers it."""
    early: list[str] = field(default_factory=list)
    """Gaps that begin before the last proof of life, and so call uncertain what was seen."""

    @property
    def faults(self) -> list[str]:
        """Everything that should not be."""
        verdict = self.verdict
        uncertain = [f"{name}: {each}" for name, venue in verdict.venues.items() for each in venue.uncertain]
        never = [f"{name} was never live" for name, venue in verdict.venues.items() if venue.first_live is None]
        found = [*verdict.damage, *verdict.broken_invariants, *verdict.late_alive, *uncertain, *never]
        if verdict.exit_code != 0:
            found.append(f"verify exits {verdict.exit_code}")
        return [*self.lost_finals, *self.lost_states, *self.twice, *self.holes, *self.unsaid, *self.early, *found]

    @property
    def faults_of_any_clock(self) -> list[str]:
        """What should not be even where the recorders' clocks were wrong, and so no time can be compared."""
        verdict = self.verdict
        lost = self.lost_finals if verdict.exit_code == 0 else []
        return [*lost, *self.twice, *self.holes, *verdict.damage, *verdict.broken_invariants]


def prove(soaked: "Soaked") -> Proof:
    """Read the whole recording and the journal, and compare."""
    files = soaked.files
    records = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    journal = [json.loads(line) for line in soaked.journal.read_text().splitlines()]
    orders = [record for record in records if record["type"] == "order"]
    proof = Proof(check(files), lines=len(records), order_lines=len(orders))
    proof.holes += _holes(records)
    proof.twice += _twice(orders)
    proof.orders = sum(entry["what"] == "truth" for entry in journal)
    proof.lost_finals += _lost_finals(orders, journal)
    _states(records, journal, proof)
    _connections(records, journal, proof)
    proof.early += _early(records)
    return proof


def knows_the_end(soaked: "Soaked") -> bool:
    """Whether the recording shows already how each order ended."""
    lines = [line for path in soaked.files for line in path.read_text().splitlines(keepends=True)]
    records = [json.loads(line) for line in lines if line.endswith("\n")]
    journal = [json.loads(line) for line in soaked.journal.read_text().splitlines()]
    orders = [record for record in records if record["type"] == "order"]
    return not list(_lost_finals(orders, journal))


def _holes(records: Sequence[Record]) -> Iterator[str]:
    for expected, record in enumerate(records, 1):
        if record["seq"] != expected:
            yield f"seq {record['seq']} stands where {expected} should"
            return


def _twice(orders: Iterable[Record]) -> Iterator[str]:
    reported: dict[str, int] = {}
    for order in orders:
        statement = json.dumps({key: value for key, value in order.items() if key not in _STATEMENT_WITHOUT})
        if statement in reported:
            yield f"seq {order['seq']} reports of {order['order_id']} what seq {reported[statement]} reported"
        reported[statement] = order["seq"]


def _lost_finals(orders: Iterable[Record], journal: Iterable[Record]) -> Iterator[str]:
    last = {_name(order): _stated(order) for order in orders if "late" not in order["flags"]}
    for entry in journal:
        if entry["what"] == "truth":
            name, true = _true(entry)
            if last.get(name) != true:
                yield f"{name} is {true}, the recording says {last.get(name)}"


def _states(records: Sequence[Record], journal: Iterable[Record], proof: Proof) -> None:
    """Whether each state that was true outside of every gap is in the recording."""
    reported = {(_name(record), _stated(record)) for record in records if record["type"] == "order"}
    uncovered = _uncovered(records)
    states = [entry for entry in journal if entry["what"] == "state"]
    under_way_ns = max(UNDER_WAY_NS, _longest_under_way_ns(records, states))
    for entry in states:
        proof.states += 1
        if uncovered[entry["venue"]].holds(entry["ns"], under_way_ns):
            proof.states_in_gaps += 1
        elif _true(entry) not in reported:
            proof.lost_states.append(f"{entry} stands in no line, and no gap covers it")


def _longest_under_way_ns(records: Sequence[Record], states: Iterable[Record]) -> int:
    """How late this machine was: the longest that a push took from a venue into a record."""
    pushed = {
        (_name(record), _stated(record)): time_ns(record["received_at"])
        for record in reversed(records)
        if record["type"] == "order" and record["source"] == "push"
    }
    return max((pushed[key] - entry["ns"] for entry in states if (key := _true(entry)) in pushed), default=0)


def _connections(records: Sequence[Record], journal: Iterable[Record], proof: Proof) -> None:
    """Whether each moment in which a connection ended lies in a gap, up to when the orders came to rest."""
    uncovered = _uncovered(records)
    proof.gaps = sum(record["type"] == "gap" and record["state"] == "open" for record in records)
    for entry in takewhile(lambda entry: entry["what"] != "truth", journal):
        if entry["what"] == "disconnected" and not uncovered[entry["venue"]].holds(entry["ns"]):
            proof.unsaid.append(f"{entry} lies in no gap")


def _early(records: Iterable[Record]) -> Iterator[str]:
    """Gaps after a kill must not begin before the last but one thing that was received."""
    received: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for record in records:
        match record:
            case {"type": "order", "venue": venue, "source": "push", "received_at": at}:
                _note(received[venue], time_ns(at))
            case {"type": "alive", "venues": venues}:
                for name, each in venues.items():
                    if each["state"] == "live":
                        _note(received[name], time_ns(each["last_rx"]))
            case {"type": "gap", "venue": venue, "state": "open", "from": from_, "gap": gap}:
                if time_ns(from_) < received[venue][0]:
                    yield f"{gap} begins {received[venue][0] - time_ns(from_)} ns before the last but one proof of life"
            case _:
                pass


def _note(received: list[int], ns: int) -> None:
    if ns > received[1]:
        received[:] = [received[1], ns]


class _Intervals:
    """Times, both ends included."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def add(self, start: int, end: int) -> None:
        self._starts.append(start)
        self._ends.append(end)

    def holds(self, ns: int, under_way_ns: int = UNDER_WAY_NS) -> bool:
        """Whether that time, or the one at which a push of then was here at the latest, lies in an interval."""
        place = bisect_right(self._starts, ns + under_way_ns)
        return any(end >= ns for end in self._ends[max(0, place - 3) : place])


def _uncovered(records: Sequence[Record]) -> dict[str, _Intervals]:
    """By venue, the time before the first `live` and every gap; one that is open lasts for ever."""
    found: dict[str, _Intervals] = defaultdict(_Intervals)
    still_open: dict[str, str] = {}
    for record in records:
        if record["type"] == "link" and record["state"] == "live" and record["venue"] not in found:
            found[record["venue"]].add(0, time_ns(record["at"]))
        elif record["type"] == "gap" and record["state"] == "closed":
            found[record["venue"]].add(time_ns(record["from"]), time_ns(record["to"]))
            still_open.pop(record["venue"], None)
        elif record["type"] == "gap":
            still_open[record["venue"]] = record["from"]
    for venue, from_ in still_open.items():
        found[venue].add(time_ns(from_), _NEVER_NS)
    return found


def _name(order: Record) -> OrderName:
    return order["venue"], order["environment"], order["account"], order["order_id"]


def _stated(order: Record) -> State:
    return order["status"], _amount(order["filled_qty"])


def _true(entry: Record) -> tuple[OrderName, State]:
    environment, account, order_id = entry["key"]
    return (entry["venue"], environment, account, order_id), (entry["status"], _amount(entry["filled"]))


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
