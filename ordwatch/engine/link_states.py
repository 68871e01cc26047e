"""The links of one venue together: what is due on each, and which state of the venue follows. Pure.

Silence is measured by bytes. After half the limit a link is `stale`, after the whole limit its connection is dropped.
When a link is opened, is live, and is tried again is decided in supervisor.py.
"""

import math

from ordwatch.core.errors import ConnectionLost
from ordwatch.core.events import FeedEvent, LinkState, LinkUpdate, VenueStats
from ordwatch.engine.actions import Action, Drop, EmitEvents, SendHeartbeat
from ordwatch.engine.link import Link
from ordwatch.engine.moment import Moment
from ordwatch.engine.policy import Policy

_BADNESS: tuple[LinkState, ...] = (
    "live", "stale", "reconciling", "subscribing", "authenticating", "connecting", "down", "failed",
)  # fmt: skip


class LinkStates:
    """The links of one venue; the state of the venue is that of its worst link."""

    def __init__(self, policy: Policy, stats: VenueStats) -> None:
        self.all = [Link() for _ in range(policy.links)]
        self._venue = policy.venue
        self._attempt_timeout_s = policy.attempt_timeout_s
        self._stats = stats

    @property
    def ready(self) -> bool:
        """Whether every subscription was acknowledged, and the venue sees orders on each of them."""
        return all(link.subscribed and not link.interrupted for link in self.all)

    def change(
        self, link: Link, to: LinkState, now: Moment, detail: str | None = None, wait_s: float | None = None
    ) -> list[FeedEvent]:
        """Change the state of the link, and with it that of the venue."""
        link.state = to
        self._stats.state = max((each.state for each in self.all), key=_BADNESS.index)
        return [
            LinkUpdate(
                venue=self._venue,
                conn=link.conn,
                state=to,
                detail=detail,
                wait_s=round(wait_s, 3) if wait_s is not None else None,
                at_ns=now.wall_ns,
            )
        ]

    def drop_all(self, cause: str, detail: str) -> list[Action]:
        """Close every connection, and end every attempt."""
        return [Drop(index, ConnectionLost(detail, cause)) for index, link in enumerate(self.all) if link.is_trying]

    def check(self, index: int, now: Moment) -> list[Action]:
        """Do what is due on a link that is tried or up."""
        link = self.all[index]
        if now.mono_s >= link.deadline_s:
            link.deadline_s = math.inf
            return [Drop(index, ConnectionLost(f"no subscription within {self._attempt_timeout_s:g} s", "silent"))]
        if now.mono_s >= link.dead_at_s:
            silent_s = now.mono_s - link.last_rx_s
            link.last_rx_s = math.inf
            link.subscribed = False
            return [Drop(index, ConnectionLost(f"received nothing for {silent_s:.0f} s", "silent"))]
        actions: list[Action] = []
        if now.mono_s >= link.next_heartbeat_s:
            link.heartbeat_sent(now.mono_s)
            actions.append(SendHeartbeat(index))
        if now.mono_s >= link.stale_at_s:
            link.stale = True
            if link.state in ("live", "reconciling"):
                stale = self.change(link, "stale", now, "received nothing for half the silence limit")
                actions.append(EmitEvents(stale))
        return actions
