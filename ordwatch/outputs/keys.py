"""Keys out of the bytes that a terminal sends. No terminal and no clock: bytes and times come in, keys go out."""

import codecs
from enum import Enum

ESCAPE_S = 0.05
"""After so long a lone ESC byte is the key itself, and not the start of an arrow's sequence."""

_MAX_SEQUENCE = 64


class Key(Enum):
    """Keys that are not characters."""

    UP = "up"
    DOWN = "down"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    HOME = "home"
    END = "end"
    ENTER = "enter"
    ESCAPE = "escape"
    BACKSPACE = "backspace"


KeyPress = Key | str
"""A key; a character is itself."""

_FINAL = {
    "A": Key.UP,
    "B": Key.DOWN,
    "H": Key.HOME,
    "F": Key.END,
    "M": Key.ENTER,  # of the number pad, after ESC O
}
_NUMBERED = {
    "1": Key.HOME,
    "4": Key.END,
    "5": Key.PAGE_UP,
    "6": Key.PAGE_DOWN,
    "7": Key.HOME,
    "8": Key.END,
}
_CONTROLS = {
    "\r": Key.ENTER,
    "\n": Key.ENTER,
    "\x7f": Key.BACKSPACE,
    "\x08": Key.BACKSPACE,
    "\x02": Key.PAGE_UP,
    "\x06": Key.PAGE_DOWN,
    "\x0e": Key.DOWN,
    "\x10": Key.UP,
}
_ESC = "\x1b"


class KeyDecoder:
    """Splits input into keys, however it is cut; sequences of other keys, and of mice, are dropped whole."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("ignore")
        self._sequence = ""
        """The start of an escape sequence."""
        self._last_s = 0.0

    def feed(self, data: bytes, now_s: float) -> list[KeyPress]:
        """The keys that `data`, read at `now_s` by any clock that never goes back, completes."""
        keys = self.expire(now_s)
        self._last_s = now_s
        for char in self._utf8.decode(data):
            key = self._take(char)
            if key is not None:
                keys.append(key)
        return keys

    def due_s(self) -> float | None:
        """When `expire` has something to do; None if nothing waits."""
        return self._last_s + ESCAPE_S if self._sequence else None

    def expire(self, now_s: float) -> list[KeyPress]:
        """The ESC key, if the byte has stood alone for ESCAPE_S; the rest of an unfinished sequence is dropped."""
        due_s = self.due_s()
        if due_s is None or now_s < due_s:
            return []
        sequence, self._sequence = self._sequence, ""
        return [Key.ESCAPE] if sequence == _ESC else []

    def _take(self, char: str) -> KeyPress | None:
        if char == _ESC:
            lone, self._sequence = self._sequence == _ESC, _ESC
            return Key.ESCAPE if lone else None
        if self._sequence:
            return self._continue(char)
        if char in _CONTROLS:
            return _CONTROLS[char]
        return char if char.isprintable() else None

    def _continue(self, char: str) -> KeyPress | None:
        sequence = self._sequence + char
        self._sequence = sequence
        if len(sequence) == 2:
            if char in "[O":
                return None
            self._sequence = ""
            return None  # Alt and a character
        if sequence[1] == "[" and "\x20" <= char <= "\x3f" and len(sequence) < _MAX_SEQUENCE:
            return None  # a parameter
        self._sequence = ""
        if char == "~":
            return _NUMBERED.get(sequence[2:-1].partition(";")[0])
        return _FINAL.get(char)
