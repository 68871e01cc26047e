"""Keys typed at a pseudo-terminal."""

import contextlib
import os
import pty
import termios
from collections.abc import Iterator, Sequence
from queue import Queue

import pytest

from ordwatch.outputs.keyboard import Keyboard
from ordwatch.outputs.keys import Key, KeyPress

LIMIT_S = 20


class Typist:
    """A terminal at which keys are typed, and what a keyboard makes of them."""

    def __init__(self) -> None:
        self.hand, self.fd = pty.openpty()
        self.before = termios.tcgetattr(self.fd)
        self.keys: Queue[KeyPress | None] = Queue()
        self.keyboard = Keyboard(self.fd, self._take, lambda: self.keys.put(None))

    def _take(self, keys: Sequence[KeyPress]) -> None:
        for key in keys:
            self.keys.put(key)

    def type(self, data: bytes) -> KeyPress | None:
        """The first key that comes after these bytes."""
        os.write(self.hand, data)
        return self.keys.get(timeout=LIMIT_S)

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was."""
        return termios.tcgetattr(self.fd) == self.before


@pytest.fixture
def typist() -> Iterator[Typist]:
    typist = Typist()
    yield typist
    typist.keyboard.close()
    for fd in (typist.hand, typist.fd):
        os.close(fd)


def test_keys_come_one_by_one_without_being_shown(typist: Typist) -> None:
    typist.keyboard.start()
    typist.type(b"x")  # perhaps typed, and shown, before the terminal was set
    os.set_blocking(typist.hand, False)
    with contextlib.suppress(BlockingIOError):
        os.read(typist.hand, 100)

    assert [typist.type(data) for data in (b"j", b"\x1b[6~", "讯".encode())] == ["j", Key.PAGE_DOWN, "讯"]
    with pytest.raises(BlockingIOError):
        os.read(typist.hand, 100)


def test_escape_alone_comes_without_another_key(typist: Typist) -> None:
    typist.keyboard.start()

    assert typist.type(b"\x1b") == Key.ESCAPE


def test_what_was_typed_before_is_not_missed(typist: Typist) -> None:
    os.write(typist.hand, b"q")

    typist.keyboard.start()

    assert typist.keys.get(timeout=LIMIT_S) == "q"


def test_control_c_stays_a_signal(typist: Typist) -> None:
    typist.keyboard.start()
    typist.type(b"j")

    assert termios.tcgetattr(typist.fd)[3] & termios.ISIG


def test_at_the_end_the_terminal_is_as_it_was(typist: Typist) -> None:
    typist.keyboard.start()
    typist.type(b"j")
    during = typist.restored

    typist.keyboard.close()

    assert (during, typist.restored, typist.keys.get(timeout=LIMIT_S)) == (False, True, None)


def test_one_that_was_never_started_can_be_closed(typist: Typist) -> None:
    typist.keyboard.close()

    assert typist.restored


def test_while_it_is_suspended_the_terminal_is_as_it_was(typist: Typist) -> None:
    typist.keyboard.start()
    typist.type(b"j")

    typist.keyboard.suspend()
    suspended = typist.restored
    typist.keyboard.resume()

    assert suspended
    assert typist.type(b"k\n") == "k"
    assert not typist.restored


def test_a_terminal_that_another_program_has_set_meanwhile_is_set_again(typist: Typist) -> None:
    typist.keyboard.start()
    typist.type(b"j")
    termios.tcsetattr(typist.fd, termios.TCSANOW, typist.before)

    typist.keyboard.resume()

    assert typist.type(b"k\n") == "k"


def test_a_terminal_that_is_closed_ends_the_keys(typist: Typist) -> None:
    typist.keyboard.start()
    typist.type(b"j")

    os.close(typist.hand)

    assert typist.keys.get(timeout=LIMIT_S) is None
    typist.hand = os.open(os.devnull, os.O_RDONLY)
