"""What every command that watches does around its run."""

import gc
from collections.abc import Iterator, Mapping, Sequence

import pytest

from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.options import OutputKind
from ordwatch.cli.stderr import StderrHandler
from ordwatch.cli.watching import Outputs, watch
from ordwatch.core.errors import OrdwatchError
from ordwatch.core.events import VenueStats
from ordwatch.core.records import OrderRecord
from ordwatch.engine.ending import Outcome


class Noting:
    """A run that ends at once, and notes how many objects the garbage collector leaves alone then."""

    def __init__(self) -> None:
        self.frozen = 0

    def stats(self) -> Mapping[str, VenueStats]:
        return {}

    def restored(self) -> Sequence[OrderRecord]:
        return ()

    def stop(self, reason: str, signal: int | None = None) -> None:
        pass

    def note_failure(self, error: OrdwatchError) -> None:
        pass

    async def run(self) -> Outcome:
        self.frozen = gc.get_freeze_count()
        return Outcome("over")


@pytest.fixture
def nothing_frozen() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("nothing_frozen")
async def test_what_is_there_before_a_run_is_not_walked_over_in_it() -> None:
    run = Noting()
    outputs = Outputs(display=DisplayOptions(output=OutputKind.JSON), stderr=StderrHandler())

    outcome = await watch(lambda _sinks, _stdout: run, outputs, [], [])

    assert outcome.reason == "over"
    assert run.frozen > 10_000
