"""Parts of a venue (accounts, markets, pairs) whose queries it refuses while it answers others. Pure."""

from collections.abc import Mapping

TRIES = 3
"""Refusals in a row after which the venue is live without a part."""


class Refusals:
    """Counts how often each part was refused in a row."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._words: dict[str, str] = {}

    def note(self, refused: Mapping[str, str]) -> None:
        """Take up the refusals of one query, by part with the venue's words; a part that is not named was answered."""
        self._count = {part: min(self._count.get(part, 0) + 1, TRIES) for part in refused}
        self._words = dict(refused)

    @property
    def pending(self) -> str | None:
        """Parts that are asked again before the venue counts as live, with the venue's words."""
        return self._named([part for part, count in self._count.items() if count < TRIES])

    @property
    def given_up(self) -> str | None:
        """Parts without which the venue is live, with the venue's words."""
        return self._named([part for part, count in self._count.items() if count >= TRIES])

    def _named(self, parts: list[str]) -> str | None:
        return "; ".join(f"{part}: {self._words[part]}" for part in parts) or None
