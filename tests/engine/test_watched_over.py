"""What watches over a run, all at once: the service manager, the metrics, and the status of the recording."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ordwatch.engine import run_session
from ordwatch.engine.policy import Pace
from ordwatch.engine.run import Run
from ordwatch.outputs.openmetrics import RunMetrics
from ordwatch.outputs.service import service
from ordwatch.recording.files import Files
from ordwatch.recording.rotation import Rotation, older_files
from ordwatch.recording.sink import Recording
from ordwatch.recording.status import Status, judge
from ordwatch.recording.tail import last_state
from ordwatch.venues.contract import Setup, VenueKind
from tests.recording.faults import FailingFiles
from tests.support.collect import DEADLINE_S, Collected
from tests.support.openmetrics import samples
from tests.support.service_manager import ServiceManager
from tests.support.toy import TOY, ToyServer, ToySettings, toy_server

FAST = Pace(first_s=0.01, max_s=0.05, attempts_a_minute=10_000, bug_s=0.01, recheck_s=0.01, query_retry_s=(0.01, 0.05))


@pytest.fixture(autouse=True)
def _often_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_session, "ALIVE_S", 0.01)


@dataclass
class Watched:
    server: ToyServer
    out: Collected
    manager: ServiceManager
    run: Run
    path: Path

    def metrics(self) -> dict[str, float]:
        metrics = RunMetrics(self.run.stats)
        for record in self.out.records:
            metrics.record(record)
        text = metrics.text(now_ns=time.time_ns(), memory_bytes=0, synced_seq=None)
        return samples(text.replace('{venue="toy"}', ""))

    def status(self) -> Status:
        return judge(last_state(self.path), now_ns=time.time_ns(), max_age_s=30, being_written=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 - a thread writes the recording
                await asyncio.sleep(0.001)


@asynccontextmanager
async def watching(path: Path, files: Files | None = None, rotate: Rotation | None = None) -> AsyncIterator[Watched]:
    out, manager = Collected(), ServiceManager(f"@ordwatch-test{path}")
    recording = Recording(path, files=files, rotate=rotate)
    reporting = service({"NOTIFY_SOCKET": manager.address})
    assert reporting is not None
    async with asyncio.timeout(DEADLINE_S), toy_server() as server:
        venue: VenueKind = replace(TOY, settle_s=0.0)
        setup = Setup("toy", ToySettings(port=server.port))
        recording.start()
        run = Run([(venue, setup)], [recording, out, reporting], pace=FAST)
        outcome = asyncio.create_task(run.run())
        try:
            yield Watched(server, out, manager, run, path)
        finally:
            run.stop("test over")
            await outcome
            manager.close()


async def test_venue_that_goes_away_shows_everywhere_until_it_is_back(tmp_path: Path) -> None:
    async with watching(tmp_path / "rec") as seen:
        await seen.until(lambda: seen.status().exit_code == 0)
        assert seen.metrics()["ordwatch_venue_live"] == 1
        assert seen.metrics()["ordwatch_venue_gap_open_seconds"] == 0

        seen.server.greeting = "no"
        seen.server.drop()
        await seen.until(lambda: seen.status().exit_code == 69)
        venue = seen.status().venues["toy"]

        assert (venue.covered, (venue.reason or "").startswith("reset")) == (False, True)
        assert seen.metrics()["ordwatch_venue_live"] == 0
        assert seen.metrics()["ordwatch_venue_gap_open_seconds"] > 0
        assert any("STATUS=toy " in message for message in seen.manager.received())

        seen.server.greeting = "ok"
        await seen.until(lambda: seen.status().exit_code == 0)
        await seen.until(lambda: any("STATUS=toy live" in message for message in seen.manager.received()))
        assert seen.metrics()["ordwatch_venue_gap_open_seconds"] == 0

    assert seen.status().session_exit == 0


async def test_watchdog_is_fed_while_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    full = FailingFiles("write", 2, times=10**9)

    async with watching(tmp_path / "rec", full) as seen:
        messages: list[str] = []

        def fed() -> bool:
            messages.extend(seen.manager.received())
            return sum("WATCHDOG=1" in message for message in messages) >= 20

        await seen.until(fed)

        assert messages[0].startswith("READY=1\n")
        assert seen.status().exit_code == 69


async def test_status_is_healthy_at_each_moment_while_files_rotate(tmp_path: Path) -> None:
    async with watching(tmp_path / "rec", rotate=Rotation(max_bytes=2000)) as seen:
        await seen.until(lambda: seen.status().exit_code == 0)
        unhealthy: list[Status] = []

        def rotated() -> bool:
            found = seen.status()
            if found.exit_code:
                unhealthy.append(found)
            return len(older_files(seen.path)) > 20

        await seen.until(rotated)

    assert unhealthy == []
