"""What `check` finds out about venues, from the states of their links."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from ordwatch.model import LinkState
from ordwatch.records import AnyRecord, LinkRecord
from ordwatch.text import time_ns

MAX_CLOCK_OFFSET_S = 5.0

_STAGES: dict[LinkState, str] = {
    "connecting": "reachability",
    "authenticating": "login",
    "subscribing": "subscription",
    "reconciling": "query",
}
_REMEDIES = {
    "reachability": "check host, port or URL in the configuration, the network, and that the venue is up",
    "subscription": "check that the account may read orders",
    "query": "the venue may be busy: try again; if it stays, run `ordwatch tail -v`",
}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, a line of the answer."""

    venue: str | None = None
    check: str
    verdict: Literal["ok", "warning", "failed"]
    detail: str
    remedy: str | None = None
    exit_code: int = 0
    """What `tail` would exit with; 0 unless failed."""


class Witness:
    """A sink that watches how far each venue comes until it is live or fails for the first time."""

    def __init__(self, credentials: Mapping[str, Sequence[str]]) -> None:
        self.when_decided: Callable[[], None] = lambda: None
        """Called once, when every venue is live or has failed."""
        self.offsets_s: Mapping[str, float | None] = {}
        """By venue: how far its clock is ahead of ours, where it told."""
        self._ends: dict[str, LinkRecord] = {}
        self._asked_ns: dict[str, int] = {}
        self.expect(credentials)

    def expect(self, credentials: Mapping[str, Sequence[str]]) -> None:
        """Watch these venues; the keys of the configuration that hold the credentials of each."""
        self._credentials = credentials
        self._stage = dict.fromkeys(credentials, "reachability")

    def start(self) -> None:
        """Nothing has to be opened."""

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Note the states of links."""
        for record in records:
            if isinstance(record, LinkRecord) and record.venue not in self._ends:
                self._note(record)

    async def drain(self) -> None:
        """Nothing is queued."""

    @property
    def stalled(self) -> bool:
        """Never."""
        return False

    async def watch(self) -> None:
        """Nothing can fail."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing was opened."""

    def _note(self, link: LinkRecord) -> None:
        if link.state == "reconciling":
            self._asked_ns[link.venue] = time_ns(link.at)
        if link.state in _STAGES:
            self._stage[link.venue] = _STAGES[link.state]
        if link.state in ("live", "down", "failed"):
            self._ends[link.venue] = link
            if self._ends.keys() == self._stage.keys():
                self.when_decided()

    def verdicts(self) -> list[Verdict]:
        """What was found, venue by venue, each up to its first failure."""
        return [verdict for name in self._stage for verdict in self.of(name)]

    def of(self, name: str) -> list[Verdict]:
        """What was found of one venue; nothing if it was not watched."""
        if name not in self._stage:
            return []
        end = self._ends.get(name)
        stages = list(_STAGES.values())
        if end is not None and end.state == "live":
            *before, query = (_ok(name, stage) for stage in stages)
            took_ms = (time_ns(end.at) - self._asked_ns.get(name, time_ns(end.at))) / 1e6
            answered = msgspec.structs.replace(query, detail=f"answered in {took_ms:.0f} ms")
            return [*before, answered, self._clock(name)]
        stage = self._stage[name]
        if end is not None and end.state == "failed" and stage == "reachability":
            stage = "login"  # whoever refuses was reached
        return [*(_ok(name, earlier) for earlier in stages[: stages.index(stage)]), self._failure(name, stage, end)]

    def _failure(self, name: str, stage: str, end: LinkRecord | None) -> Verdict:
        refused = end is not None and end.state == "failed"
        keys = ", ".join(f"`{key}`" for key in self._credentials[name]) or "the credentials"
        return Verdict(
            venue=name,
            check=stage,
            verdict="failed",
            detail=(end.detail if end is not None else None) or "no answer in time",
            remedy=f"check {keys} in the configuration" if refused or stage == "login" else _REMEDIES[stage],
            exit_code=77 if refused else 69,
        )

    def _clock(self, name: str) -> Verdict:
        offset_s = self.offsets_s.get(name)
        if offset_s is None:
            return Verdict(venue=name, check="clock", verdict="ok", detail="the venue does not tell its time")
        off = abs(offset_s) > MAX_CLOCK_OFFSET_S
        return Verdict(
            venue=name,
            check="clock",
            verdict="warning" if off else "ok",
            detail=f"{abs(offset_s):.1f} s {'behind' if offset_s > 0 else 'ahead of'} the venue's",
            remedy="set this machine's clock, for example by NTP" if off else None,
        )


def _ok(name: str, stage: str) -> Verdict:
    return Verdict(venue=name, check=stage, verdict="ok", detail=_WORDS[stage])


_WORDS = {
    "reachability": "connected",
    "login": "accepted",
    "subscription": "acknowledged",
    "query": "answered",
}
