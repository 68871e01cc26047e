"""Counts refusals of single parts (accounts, markets, pairs) of a venue that answers for other parts. Pure."""

from collections.abc import Mapping

TRIES = 3
"""Refusals in a row after which the venue is live without a part."""


class Refusals:
    """Counts how often each part was refused in a row."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._messages: dict[str, str] = {}

    def add(self, refused: Mapping[str, str]) -> None:
        """Count the refusals of one query: the venue's message by part. A part that is missing was answered."""
        self._count = {part: min(self._count.get(part, 0) + 1, TRIES) for part in refused}
        self._messages = dict(refused)

    @property
    def pending(self) -> str | None:
        """Parts that are queried again before the venue counts as live, with the venue's messages."""
        return self._named([part for part, count in self._count.items() if count < TRIES])

    @property
    def given_up(self) -> str | None:
        """Parts that the venue goes live without, with the venue's messages."""
        return self._named([part for part, count in self._count.items() if count >= TRIES])

    @property
    def parts_given_up(self) -> frozenset[str]:
        """The same, without messages."""
        return frozenset(part for part, count in self._count.items() if count >= TRIES)

    def _named(self, parts: list[str]) -> str | None:
        return "; ".join(f"{part}: {self._messages[part]}" for part in parts) or None
