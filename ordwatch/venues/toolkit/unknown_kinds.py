"""Messages of kinds that a venue's documents do not name: reported once each, and not without end."""

from collections.abc import Hashable

MAX_KINDS = 64
MAX_NAME = 300
"""Characters of a kind's name that are looked at."""


class UnknownKinds:
    """Which unknown kinds one connection has reported; what a venue sends cannot make it grow for ever."""

    def __init__(self, most: int = MAX_KINDS) -> None:
        self._most = most
        self._known: set[Hashable] = set()

    def is_new(self, kind: str | int) -> bool:
        """Whether this kind is to be reported: the first time, and while there are not too many."""
        name = kind[:MAX_NAME] if isinstance(kind, str) else kind
        if name in self._known or len(self._known) >= self._most:
            return False
        self._known.add(name)
        return True
