"""A configuration file as a tree, with the line of each key, and its mistakes.

No message shows a value or a line of the file, because it may contain a secret.
"""

from dataclasses import dataclass, field
from typing import TypeAlias, Union

from ordwatch.core.errors import ConfigError

MAX_BYTES = 2**20
MAX_MISTAKES = 100
"""Mistakes of one file that are reported."""

Key: TypeAlias = str | int
Path: TypeAlias = tuple[Key, ...]
Tree: TypeAlias = Union[str, int, float, bool, "Unclear", list["Tree"], dict[str, "Tree"], None]


@dataclass(frozen=True)
class Unclear:
    """An unquoted scalar that YAML 1.1 reads differently from what it looks like: a date, an octal number, 12:30."""


@dataclass
class Document:
    """The content of one file."""

    shown: str
    """The name of the file in messages."""
    tree: Tree = field(default=None, repr=False)
    lines: dict[Path, int] = field(default_factory=dict)
    """The line of each key and item, from 1."""
    mistakes: list[tuple[int, str]] = field(default_factory=list)
    """Of the file so far, MAX_MISTAKES at most: the line (0: of the whole file) and the message."""
    _unreadable: set[int] = field(default_factory=set)
    """Lines whose value is not known."""

    def note(self, path: Path, text: str) -> None:
        """Note a mistake in the value at `path`, unless its line was not read as it stands."""
        line = self._line_of(path)
        if line not in self._unreadable:
            self._note(line, str(self.error(path, text)))

    def note_key(self, path: Path, text: str) -> None:
        """Note a mistake in the key at `path` itself, which is not shown: it may be a secret without its key."""
        line = self.lines[path]
        where = ": ".join(filter(None, [f"{self.shown}:{line}", path_text(path[:-1])]))
        self._note(line, f"{where}: {text}")

    def note_unreadable(self, line: int, text: str) -> None:
        """Note why a line is not read as it stands."""
        self._unreadable.add(line)
        self._note(line, f"{self.shown}:{line}: {text}")

    def refuse_mistakes(self) -> None:
        """Raise all mistakes, in the order of their lines.

        Raises:
            ConfigError: There is one.
        """
        if self.mistakes:
            raise ConfigError(*(text for _, text in sorted(self.mistakes, key=lambda mistake: mistake[0])))

    def _note(self, line: int, text: str) -> None:
        if len(self.mistakes) < MAX_MISTAKES:
            self.mistakes.append((line, text))

    def _line_of(self, path: Path) -> int:
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), 0)

    def error(self, path: Path, text: str) -> ConfigError:
        """An error about the value at `path`; if that has no line, with the line of the closest parent that has one."""
        line = self._line_of(path)
        where = f"{self.shown}:{line}" if line else self.shown
        return ConfigError(": ".join(filter(None, [where, path_text(path), text])))


def path_text(path: Path) -> str:
    """The path as text for messages: venues.coinw.pairs[0]."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".")
