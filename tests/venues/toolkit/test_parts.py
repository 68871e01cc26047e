"""Parts of a query that fail alone."""

import asyncio

import pytest

from ordwatch.core.errors import AuthError, ConnectionLost, Refused, RemoteProtocolError, VenueError
from ordwatch.venues.toolkit.parts import Parts

LOST = ConnectionLost("no answer")


async def end(failure: Exception | None) -> None:
    if failure is not None:
        raise failure


def attempted(*failures: Exception | None) -> Parts:
    """Parts 0, 1, ... that ended so, one after the other."""
    parts = Parts()

    async def attempt_all() -> None:
        for number, failure in enumerate(failures):
            await parts.attempt(f"part {number}", end(failure))

    asyncio.run(attempt_all())
    return parts


@pytest.mark.parametrize("failure", [Refused("no"), RemoteProtocolError("nonsense"), LOST], ids=lambda exc: str(exc))
def test_part_that_fails_leaves_the_others(failure: VenueError) -> None:
    assert attempted(None, failure, None).failed == {"part 1": failure}


def test_refused_credentials_end_the_query() -> None:
    with pytest.raises(AuthError):
        attempted(AuthError("no"), None)


def test_two_parts_without_an_answer_end_the_query() -> None:
    with pytest.raises(ConnectionLost):
        attempted(LOST, LOST, None)


def test_parts_without_an_answer_among_answered_ones_end_nothing() -> None:
    assert attempted(LOST, None, LOST, Refused("no"), LOST).failed.keys() == {"part 0", "part 2", "part 3", "part 4"}


def test_bug_is_no_failure_of_a_part() -> None:
    with pytest.raises(KeyError):
        attempted(KeyError("bug"))


def test_first_failure_of_a_part_is_kept() -> None:
    parts, first = Parts(), Refused("first")

    async def attempt_twice() -> None:
        await parts.attempt("pair", end(first))
        await parts.attempt("pair", end(Refused("second")))

    asyncio.run(attempt_twice())

    assert parts.failed == {"pair": first}


def test_failures_of_all_parts_are_raised() -> None:
    parts = attempted(Refused("first"), Refused("second"))

    with pytest.raises(Refused, match="first"):
        parts.raise_if_all_failed(["part 0", "part 1"])


@pytest.mark.parametrize("names", [[], ["part 0", "part 1"], ["part 1", "part 0"]])
def test_failures_of_some_parts_are_not_raised(names: list[str]) -> None:
    attempted(Refused("no"), None).raise_if_all_failed(names)
