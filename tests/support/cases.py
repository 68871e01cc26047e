"""Many cases in one test: a failure says in which of them it happened."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(*names: object) -> Iterator[None]:
    """Whatever fails inside is reported with these names."""
    try:
        yield
    except BaseException as failed:
        failed.add_note("in the case " + ", ".join(map(repr, names)))
        raise
