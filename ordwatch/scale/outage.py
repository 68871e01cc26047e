"""When stderr reports that publishing waits: at once, then once a minute, and when it goes on. Pure."""

import logging
from typing import NamedTuple

EVERY_S = 60.0


class OutageMessage(NamedTuple):
    """A message for stderr."""

    level: int
    text: str


class Outage:
    """Follows whether lines are published. After a minute without, its messages are errors, so `-q` shows them too."""

    def __init__(self) -> None:
        self.reason: str | None = None
        """Why nothing is published now; None while it is."""
        self._since_s = 0.0
        self._reported_s: float | None = None
        self._was_error = False

    def failed(self, reason: str, now_s: float, waiting: int) -> OutageMessage | None:
        """Publishing does not go on, and so many lines wait. The message that is due, if one is."""
        if self.reason is None:
            self._since_s = now_s
        self.reason = reason
        if self._reported_s is not None and now_s < self._reported_s + EVERY_S:
            return None
        self._reported_s = now_s
        away_s = now_s - self._since_s
        self._was_error = away_s >= EVERY_S
        since = f" for {away_s:.0f} s" if away_s >= 1 else ""
        level = logging.ERROR if self._was_error else logging.WARNING
        return OutageMessage(level, f"not publishing{since}: {reason}; {waiting} lines wait in the recording")

    def recovered(self, now_s: float) -> OutageMessage | None:
        """Lines are published. The message that is due, if one is."""
        if self.reason is None:
            return None
        self.reason = None
        reported, self._reported_s = self._reported_s is not None, None
        level = logging.ERROR if self._was_error else logging.WARNING
        self._was_error = False
        return OutageMessage(level, f"publishing again after {now_s - self._since_s:.0f} s") if reported else None

    def away_s(self, now_s: float) -> float:
        """For how long nothing has been published; 0 while it is."""
        return now_s - self._since_s if self.reason is not None else 0.0
