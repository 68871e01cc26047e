"""Time that passes only while a test waits: when no socket has data, the clock jumps to the next timer.

A minute until the venue allows the next request takes no time, and on a busy machine nothing comes too late. All
sockets must have both their ends in the event loop that `run_in_simulated_time` makes: data from elsewhere may arrive
later than the next timer. Threads of `run_in_executor` are waited for in real time.
"""

import asyncio
import time
from asyncio import SelectorEventLoop
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from functools import partial
from selectors import DefaultSelector, SelectorKey
from typing import TypeVar, TypeVarTuple

from ordwatch.engine import http, rates

IN_FLIGHT_S = 0.002
"""How long data may be on its way from one socket of this process to another."""
THREADS_S = 0.05
"""How often threads are looked for again."""
LOOK_NS = 1000
"""How much time passes with each look at a clock, so that no two times are the same."""
T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


def run_in_simulated_time(test: Coroutine[None, None, None]) -> None:
    """Run a test to its end in a new event loop."""
    clock = _Clock()
    with _replaced(clock), asyncio.Runner(loop_factory=partial(_Loop, clock)) as runner:
        runner.run(test)


class _Clock:
    """The wall clock and the monotonic clock, both from what they were."""

    def __init__(self) -> None:
        self._wall_ns = time.time_ns()
        self._mono_ns = time.monotonic_ns()
        self._passed_ns = 0

    def skip(self, seconds: float) -> None:
        self._passed_ns += int(seconds * 1e9)

    def time_ns(self) -> int:
        self._passed_ns += LOOK_NS
        return self._wall_ns + self._passed_ns

    def monotonic_ns(self) -> int:
        self._passed_ns += LOOK_NS
        return self._mono_ns + self._passed_ns

    def monotonic(self) -> float:
        return self.monotonic_ns() / 1e9


class _Loop(SelectorEventLoop):
    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self._sockets = _Selector(clock)
        super().__init__(self._sockets)

    def time(self) -> float:
        return self._clock.monotonic()

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Arguments], T], *args: *Arguments
    ) -> "asyncio.Future[T]":
        future = super().run_in_executor(executor, func, *args)
        self._sockets.threads += 1
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _: object) -> None:
        self._sockets.threads -= 1


class _Selector(DefaultSelector):
    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self.threads = 0
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        if self.threads:
            return super().select(THREADS_S)
        if not (ready := super().select(IN_FLIGHT_S)):
            self._clock.skip(timeout)
        return ready


@contextmanager
def _replaced(clock: _Clock) -> Iterator[None]:
    """Let everybody in this process read this clock."""
    with ExitStack() as stack:
        for module, name, read in (
            (time, "time_ns", clock.time_ns),
            (time, "monotonic_ns", clock.monotonic_ns),
            (time, "monotonic", clock.monotonic),
            (time, "clock_gettime_ns", lambda _: clock.monotonic_ns()),
            (rates, "monotonic", clock.monotonic),
            (http, "monotonic", clock.monotonic),
        ):
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, read)
        yield
