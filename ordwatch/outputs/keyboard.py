"""The keys typed at a terminal, read by a thread of its own while the table is drawn.

The terminal is ours only while this process is in its foreground: elsewhere reading or setting it would stop the
process. It is given back at the end, before the process is stopped, and whenever it dies in an orderly way.
"""

import os
import time
from collections.abc import Callable, Sequence
from threading import Lock, Thread

from ordwatch import system
from ordwatch.outputs.keys import KeyDecoder, KeyPress

_LOOK_AGAIN_S = 0.5
"""How often a process in the background looks whether it is in the foreground now."""
_JOIN_S = 0.5


class Keyboard:
    """Reads keys from `fd`, a terminal, and hands them to `on_keys`; `on_end` is called when none can come any more."""

    def __init__(
        self, fd: int, on_keys: Callable[[Sequence[KeyPress]], None], on_end: Callable[[], None] = lambda: None
    ) -> None:
        self._fd = fd
        self._on_keys = on_keys
        self._on_end = on_end
        self._decoder = KeyDecoder()
        self._lock = Lock()
        self._ours = False
        self._wanted = True
        self._closed = False
        self._waker = system.Waker()
        self._thread = Thread(target=self._run, name="read keys", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def suspend(self) -> None:
        """Give the terminal back until `resume`."""
        self._set(wanted=False)

    def resume(self) -> None:
        """Take the terminal again as soon as this process is in its foreground."""
        self._set(wanted=True)

    def close(self) -> None:
        """Give the terminal back, as it was."""
        self._closed = True
        self._set(wanted=False)
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _set(self, *, wanted: bool) -> None:
        with self._lock:
            self._wanted = wanted
            # Taken again even if it seems to be ours: a shell that stopped this process may have set the terminal.
            self._ours = False
            if not wanted:
                system.reset_terminal(self._fd)
        self._waker.wake()

    def _run(self) -> None:
        system.refuse_background_reads()
        try:
            while not self._closed:
                if self._is_ours():
                    self._read()
                else:
                    self._waker.wait(_LOOK_AGAIN_S)
        except OSError:
            pass  # the terminal is gone; whoever draws on it notices
        finally:
            self._waker.close()
            self._on_end()

    def _is_ours(self) -> bool:
        with self._lock:
            if not self._wanted or system.in_background(self._fd):
                self._ours = False
            elif not self._ours:
                self._ours = system.read_single_keys(self._fd)
            return self._ours

    def _read(self) -> None:
        due_s = self._decoder.due_s()
        timeout_s = max(0.0, due_s - time.monotonic()) if due_s is not None else None
        readable = self._waker.wait(timeout_s, self._fd)
        if not readable:
            self._hand_over(self._decoder.expire(time.monotonic()))
        elif self._is_ours():
            self._hand_over(self._decoder.feed(self._bytes(), time.monotonic()))

    def _bytes(self) -> bytes:
        """What was typed.

        Raises:
            OSError: The terminal is gone.
        """
        try:
            data = os.read(self._fd, 4096)
        except OSError:
            if system.in_background(self._fd):
                return b""
            raise
        if not data:
            raise OSError("end of input")
        return data

    def _hand_over(self, keys: Sequence[KeyPress]) -> None:
        if keys:
            self._on_keys(keys)
