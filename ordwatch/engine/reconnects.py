"""Decides when a link is tried again: back-off, the rate of attempts, and the waits after internal errors. Pure."""

import math
import random
from collections import deque

from ordwatch.core.errors import Refused, TlsFailed
from ordwatch.engine.link import Link
from ordwatch.engine.policy import Pace
from ordwatch.engine.rates import TLS_RETRY_S, backoff

ATTEMPTS_WINDOW_S = 60.0
BUGS_ALLOWED = 2
BUGS_WINDOW_S = 600.0


class Reconnects:
    """The attempts of one venue, over all its links. Times are seconds of the monotonic clock."""

    def __init__(self, pace: Pace, draw: random.Random) -> None:
        self._pace = pace
        self._draw = draw
        self._attempts: deque[float] = deque(maxlen=pace.attempts_a_minute)
        self._bugs: deque[float] = deque(maxlen=BUGS_ALLOWED + 1)

    def attempt(self, now_s: float) -> None:
        """An attempt begins."""
        self._attempts.append(now_s)

    def allowed_s(self) -> float:
        """When the rate of attempts allows the next one."""
        if len(self._attempts) < (self._attempts.maxlen or 0):
            return -math.inf
        return self._attempts[0] + ATTEMPTS_WINDOW_S

    def wait_s(self, link: Link, error: Exception, now_s: float) -> float:
        """How long to wait before the next attempt of this link, which ended for this reason."""
        usual = (self._pace.first_s, self._pace.max_s)
        wanted = error.retry_s if isinstance(error, Refused) and error.retry_s is not None else usual
        was_steady = link.live_s is not None and now_s - link.live_s > self._pace.steady_s
        if link.waits is None or link.waits_range != wanted or was_steady:
            link.waits, link.waits_range = backoff(*wanted, self._draw), wanted
        wait_s = max(next(link.waits), self.allowed_s() - now_s)
        if wanted is not usual:
            wait_s = max(wait_s, wanted[0])
        return max(wait_s, TLS_RETRY_S) if isinstance(error, TlsFailed) else wait_s

    def wait_after_bug_s(self, now_s: float) -> float | None:
        """How long to wait after an internal error; None: it was one too many, the venue is not tried again."""
        self._bugs.append(now_s)
        if len(self._bugs) > BUGS_ALLOWED and self._bugs[-1] - self._bugs[0] < BUGS_WINDOW_S:
            return None
        return self._pace.bug_s * 5.0 ** (len(self._bugs) - 1) * self._draw.uniform(0.75, 1.25)
