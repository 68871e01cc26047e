"""The parts of one query (pairs, markets) that are asked for one by one: where one fails, the others go on.

Does no I/O: what is awaited is the venue's own coroutine.
"""

from collections.abc import Coroutine, Iterable

from ordwatch.core.errors import AuthError, ConnectionLost, VenueError


class Parts:
    """Which parts of one query failed, and why."""

    def __init__(self) -> None:
        self.failed: dict[str, VenueError] = {}
        """By the part's name its first failure."""
        self._unanswered = False

    async def attempt(self, part: str, step: Coroutine[None, None, None]) -> None:
        """Do this for one part.

        Raises:
            AuthError: The credentials are refused.
            ConnectionLost: There was no answer twice in a row: the venue is away.
        """
        try:
            await step
        except AuthError:
            raise
        except VenueError as exc:
            was_unanswered, self._unanswered = self._unanswered, isinstance(exc, ConnectionLost)
            if was_unanswered and self._unanswered:
                raise
            self.failed.setdefault(part, exc)
        else:
            self._unanswered = False

    def raise_if_all_failed(self, parts: Iterable[str]) -> None:
        """Raise the first failure when there is one of every part named here."""
        failures = [self.failed.get(part) for part in parts]
        if failures and failures[0] is not None and None not in failures:
            raise failures[0]
