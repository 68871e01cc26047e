"""Holds a follower's recording against that of a collector that saw everything, and against those that it followed."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ordwatch.core.times import time_ns
from ordwatch.recording.verdict import Verdict
from ordwatch.recording.verify import check
from ordwatch.scale.joint import Span, intersection, union, without

Record = dict[str, Any]
Key = tuple[str, str, str | None, str]
State = tuple[str, Decimal | None]
SLACK_NS = 1_000_000_000
"""How much longer a joint gap may be than what both collectors missed, and how late a push may be on a busy machine."""
_EVER_NS = 2**62


@dataclass
class Proof:
    """What was found; all lists are empty if the follower keeps its promise."""

    verdict: Verdict
    orders: int = 0
    states: int = 0
    missing: int = 0
    joint_gaps: int = 0
    wrong_ends: list[str] = field(default_factory=list)
    """Orders whose last state is not the true one."""
    twice: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    """States that are missing and lie in no joint gap."""
    seen: list[str] = field(default_factory=list)
    """Joint gaps in which one of the collectors was covered."""

    @property
    def faults(self) -> list[str]:
        """Everything that should not be."""
        verdict = self.verdict
        return [*self.wrong_ends, *self.twice, *self.outside, *self.seen, *verdict.damage, *verdict.broken_invariants]


def prove(truth: Path, followed: Sequence[Path], follower: Path) -> Proof:
    """Compare the recordings."""
    true, shown = _records(truth), _records(follower)
    proof = Proof(check([follower]))
    gaps = _gaps(shown)
    proof.joint_gaps = sum(len(spans) for spans in gaps.values())
    covered = [_covered(_records(path)) for path in followed]
    # Nobody promises states from before the first collector was live; the truth may be live seconds earlier.
    since_ns = {
        venue: min(spans[venue][0].from_ns for spans in covered if spans.get(venue))
        for venue in {name for spans in covered for name in spans if spans[name]}
    }
    _compare(_orders(true), _orders(shown), gaps, since_ns, proof)
    for venue, spans in gaps.items():
        for name, known in zip(followed, covered, strict=True):
            shrunk = [Span(each.from_ns + SLACK_NS, each.to_ns - SLACK_NS) for each in known.get(venue, [])]
            inside = intersection(spans, union(span for span in shrunk if span.from_ns < span.to_ns))
            proof.seen += [f"{venue}: {name.stem} saw {span} of a joint gap" for span in inside]
    return proof


def is_settled(truth: Mapping[Key, State], watched: Path, followed: Sequence[Path], follower: Path) -> bool:
    """Whether the follower and who `watched` all have the true last states, and no recording has an open gap."""
    read = [_records(path) for path in (watched, follower, *followed)]
    shown = [{key: states[-1][0] for key, states in _orders(records).items()} for records in read[:2]]
    open_gaps = [span for records in read for spans in _gaps(records).values() for span in spans]
    return all(each == truth for each in shown) and all(span.to_ns < _EVER_NS for span in open_gaps)


def live_venues(recording: Path) -> set[str]:
    """The venues that were live at any time, so far."""
    records = _records(recording)
    return {each["venue"] for each in records if each["type"] == "link" and each["state"] == "live"}


def _records(path: Path) -> list[Record]:
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _orders(records: Sequence[Record]) -> Mapping[Key, list[tuple[State, int]]]:
    """By order its states, each once in a row, and when it was received; without late ones."""
    found: dict[Key, list[tuple[State, int]]] = defaultdict(list)
    for each in records:
        if each["type"] != "order" or "late" in each["flags"]:
            continue
        filled = each["filled_qty"]
        state = (each["status"], None if filled is None else Decimal(filled))
        states = found[each["venue"], each["environment"], each["account"], each["order_id"]]
        if not states or states[-1][0] != state:
            states.append((state, time_ns(each["received_at"])))
    return found


def _compare(
    true: Mapping[Key, list[tuple[State, int]]],
    shown: Mapping[Key, list[tuple[State, int]]],
    gaps: Mapping[str, list[Span]],
    since_ns: Mapping[str, int],
    proof: Proof,
) -> None:
    proof.orders = len(true)
    for key, states in true.items():
        found = shown.get(key, [])
        last = found[-1][0] if found else None
        if last != states[-1][0]:
            proof.wrong_ends.append(f"{key} is {states[-1][0]}, the follower says {last}")
        true_count, shown_count = Counter(state for state, _ in states), Counter(state for state, _ in found)
        proof.twice += [
            f"{key}: {state} is shown twice" for state in shown_count if shown_count[state] > max(1, true_count[state])
        ]
        for state, at_ns in states:
            proof.states += 1
            if state in shown_count or at_ns < since_ns.get(key[0], 0):
                continue
            proof.missing += 1
            if not any(span.from_ns - SLACK_NS <= at_ns <= span.to_ns + SLACK_NS for span in gaps.get(key[0], [])):
                proof.outside.append(f"{key}: {state} of {at_ns} is missing, and lies in no joint gap")


def _gaps(records: Sequence[Record]) -> Mapping[str, list[Span]]:
    """By venue the gaps; one that is open goes on for ever."""
    found: dict[str, dict[str, Span]] = defaultdict(dict)
    for each in records:
        if each["type"] == "gap":
            to_ns = _EVER_NS if each["to"] is None else time_ns(each["to"])
            found[each["venue"]][each["gap"]] = Span(time_ns(each["from"]), to_ns)
    return {
        venue: union(span for span in spans.values() if span.from_ns < span.to_ns) for venue, spans in found.items()
    }


def _covered(records: Sequence[Record]) -> Mapping[str, list[Span]]:
    """By venue when a collector saw it: from the first live on, without its gaps."""
    first: dict[str, int] = {}
    for each in records:
        if each["type"] == "link" and each["state"] == "live":
            first.setdefault(each["venue"], time_ns(each["at"]))
    last_ns = max((time_ns(each["at"]) for each in records if each["type"] == "alive"), default=0)
    gaps = _gaps(records)
    return {venue: without([Span(from_ns, last_ns)], gaps.get(venue, [])) for venue, from_ns in first.items()}


def problems(stderr: Mapping[str, str]) -> Iterator[str]:
    """Bugs that a process reported."""
    for name, text in stderr.items():
        if "Traceback" in text or "internal error" in text:
            yield f"{name}: {text[-2000:]}"
