"""What stdout shows while a recording is made."""

import asyncio
import contextlib
from collections.abc import Sequence

import pytest

from ordwatch.cli.nonfatal_output import NonfatalOutput
from ordwatch.core.errors import OrdwatchError, OutputError, ReaderClosed, StdoutFailed
from ordwatch.core.records import ClockRecord, OutputRecord, for_outputs

RECORD = ClockRecord(jump_ms=0.0, suspended_ms=0.0, at="2026-03-02T12:00:00.000000Z")

FAILURES = [
    ReaderClosed("nobody reads stdout any more"),
    OutputError("cannot write to stdout: No space left on device"),
]


class Failing:
    """A sink that fails at once, and is stalled."""

    stalled = True

    def __init__(self, error: OrdwatchError) -> None:
        self.error = error
        self.closes_with: OrdwatchError | None = None
        self.taken = 0
        self.did: list[str] = []

    def start(self) -> None:
        self.did.append("start")

    def write(self, records: Sequence[OutputRecord]) -> None:
        self.taken += len(records)

    async def watch(self) -> None:
        raise self.error

    async def drain(self) -> None:
        self.did.append("drain")

    async def close(self) -> None:
        self.did.append("close")
        if self.closes_with is not None:
            raise self.closes_with


async def watched_for_a_moment(sink: NonfatalOutput) -> None:
    """Let the sink be watched until it waits for nothing."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await sink.watch()


@pytest.mark.parametrize("error", FAILURES, ids=["reader gone", "disk full"])
def test_stdout_that_fails_ends_nothing(error: OrdwatchError, caplog: pytest.LogCaptureFixture) -> None:
    failing = Failing(error)
    noted: list[StdoutFailed] = []
    sink = NonfatalOutput(failing, noted.append)
    sink.write(for_outputs([RECORD]))

    asyncio.run(watched_for_a_moment(sink))
    sink.write(for_outputs([RECORD]))
    asyncio.run(sink.drain())

    assert (failing.taken, failing.did, sink.stalled) == (1, [], False)
    assert [(failure.exit_code, str(failure)) for failure in noted] == [(74, str(error))]
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", f"{error}; the recording continues")
    ]


@pytest.mark.parametrize("error", FAILURES, ids=["reader gone", "disk full"])
def test_what_could_not_be_written_at_the_end_is_said_and_raised(
    error: OrdwatchError, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing(error)
    failing.closes_with = error

    with pytest.raises(StdoutFailed, match=str(error)):
        asyncio.run(NonfatalOutput(failing, lambda _: None).close())

    assert caplog.messages == [str(error)]


def test_failure_is_not_said_again_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    failing = Failing(OutputError("no space"))
    failing.closes_with = failing.error
    noted: list[StdoutFailed] = []
    sink = NonfatalOutput(failing, noted.append)

    asyncio.run(watched_for_a_moment(sink))
    asyncio.run(sink.close())

    assert (len(noted), len(caplog.records), failing.did) == (1, 1, ["close"])


def test_until_then_it_is_the_sink_itself() -> None:
    failing = Failing(ReaderClosed(""))
    sink = NonfatalOutput(failing, lambda _: None)

    sink.start()
    asyncio.run(sink.drain())
    asyncio.run(sink.close())

    assert (failing.did, sink.stalled) == (["start", "drain", "close"], True)
