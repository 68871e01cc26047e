"""Tests in simulated time, where no busy machine makes anything late."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import ParamSpec

from ordwatch.testing.simulated_time import run_in_simulated_time

P = ParamSpec("P")


def in_simulated_time(test: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    """The test, run by `run_in_simulated_time`: all its sockets must have both their ends in it."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_in_simulated_time(test(*args, **kwargs))

    return run
