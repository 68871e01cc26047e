"""Decides when a venue is queried for its orders: first, after each loss of coverage, in resyncs and rechecks. Pure.

What a query must reach back to, and which gap it closes, is decided in gaps.py.
"""

import math
import random
from dataclasses import dataclass

from ordwatch.engine.policy import Policy
from ordwatch.engine.rates import backoff
from ordwatch.engine.refusals import Refusals
from ordwatch.venues.contract import QueryResult

LIVE_QUERY_RETRY_S = 5.0
"""The longest wait after a failed query while the venue is live."""


@dataclass(frozen=True)
class Query:
    """A running query."""

    number: int
    epoch: int
    """Of the gaps' when it started: a query that started before a loss of coverage closes no gap."""
    since_ns: int | None
    next_since_ns: int
    """Where the history of the next query must begin if coverage is not lost until then."""


class Queries:
    """The queries of one venue, of which one runs at a time. Times are seconds of the monotonic clock."""

    def __init__(self, policy: Policy, draw: random.Random) -> None:
        self._resync_s = policy.resync_s
        self._resync_when_idle = policy.resync_when_idle
        self._settle_s = policy.settle_s
        self._pace = policy.pace
        self._draw = draw
        self.running: Query | None = None
        self.due_s = -math.inf
        """When the next query is due, once the venue can be queried."""
        self.refusals = Refusals()
        self._number = 0
        self._waits = backoff(*policy.pace.query_retry_s, draw)
        self._recheck_s = math.inf
        """By when to query because a state is doubtful or a query requests it; infinity: not needed."""
        self._started_s = -math.inf
        """When the last query was started."""
        self._settles_at_s = -math.inf
        """An answer to what was asked before may still lack what was missed."""

    def request(self, now_s: float) -> None:
        """Something may have been missed until now: the venue must be queried as soon as it can be.

        Its answer may be behind, so it is queried once more after `settle_s`.
        """
        self.due_s = now_s
        self._settles_at_s = now_s + self._settle_s

    def repeat(self, now_s: float) -> None:
        """An answer came too late: query again."""
        self.due_s = now_s

    def recheck(self, now_s: float) -> None:
        """Only the order of arrival decided a state: query soon."""
        if self._recheck_s == math.inf and self._resync_s is not None:
            self._recheck_s = now_s + self._pace.recheck_s
            self.due_s = min(self.due_s, self._recheck_s)

    def may_skip(self, *, has_open_orders: bool) -> bool:
        """Whether the resync that is due is not needed: nothing is open, and nothing in doubt."""
        requested = self._recheck_s < math.inf or self.refusals.given_up is not None
        return not (requested or self._resync_when_idle or has_open_orders)

    def skip(self, now_s: float) -> None:
        """Leave out the resync that is due."""
        self.due_s = now_s + (self._resync_s or math.inf)

    def start(self, epoch: int, since_ns: int | None, next_since_ns: int, now_s: float) -> Query:
        """Start the query that is due; the first arguments are as in `Query`."""
        self._started_s = now_s
        self._recheck_s = math.inf
        self._number += 1
        self.running = Query(self._number, epoch, since_ns, next_since_ns)
        return self.running

    def take(self, number: int) -> Query | None:
        """The running query, which ended; None if it is another one by now, whose result does not matter."""
        query = self.running
        if query is None or query.number != number:
            return None
        self.running = None
        return query

    def cancel(self) -> bool:
        """Cancel the running query, if there is one: it can close no gap any more, and may be waiting for a rate."""
        was_running, self.running = self.running is not None, None
        return was_running

    def on_answer(self, result: QueryResult, now_s: float) -> None:
        """The query was answered, and was not too late: plan the next one."""
        self._waits = backoff(*self._pace.query_retry_s, self._draw)
        if result.again_s is not None:
            self._recheck_s = min(self._recheck_s, now_s + result.again_s)
        if self._started_s < self._settles_at_s and self._resync_s is not None:
            self._recheck_s = min(self._recheck_s, self._settles_at_s)
        # A recheck that was requested while the query was running still needs its own query.
        self.due_s = min(now_s + (self._resync_s or math.inf), self._recheck_s)

    def on_failure(self, now_s: float, *, live: bool) -> None:
        """The query was refused or not answered: plan it again."""
        wait_s = next(self._waits)
        self.due_s = now_s + (min(wait_s, LIVE_QUERY_RETRY_S) if live else wait_s)
        # What it was to clear up is in doubt still, also where an idle venue goes without resyncs.
        self._recheck_s = min(self._recheck_s, self.due_s)
