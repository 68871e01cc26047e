import pytest

from ordwatch.engine import clocks
from ordwatch.engine.clocks import Clocks

SECOND = 1_000_000_000


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int]]:
    """Wall, monotonic and boot clock for each look; the first is the start."""
    looks: list[tuple[int, int, int]] = []
    monkeypatch.setattr(clocks, "_now", lambda: looks.pop(0))
    return looks


def test_time_passing_is_nothing(ticks: list[tuple[int, int, int]]) -> None:
    ticks += [(0, 0, 0), (SECOND // 4, SECOND // 4, SECOND // 4)]

    assert Clocks().tick() is None


def test_wall_clock_that_jumps_is_reported(ticks: list[tuple[int, int, int]]) -> None:
    ticks += [(0, 0, 0), (-3600 * SECOND, SECOND // 4, SECOND // 4)]
    jump = Clocks().tick()

    assert jump is not None
    assert (round(jump.jump_ms), jump.suspended_ms) == (-3_600_250, 0.0)


def test_sleep_of_the_machine_is_reported(ticks: list[tuple[int, int, int]]) -> None:
    ticks += [(0, 0, 0), (120 * SECOND, SECOND // 4, 120 * SECOND)]
    jump = Clocks().tick()

    assert jump is not None
    assert (jump.jump_ms, jump.suspended_ms) == (0.0, 119_750.0)


def test_stopped_process_counts_as_suspended(ticks: list[tuple[int, int, int]]) -> None:
    ticks += [(0, 0, 0), (60 * SECOND, 60 * SECOND, 60 * SECOND)]
    jump = Clocks().tick()

    assert jump is not None
    assert jump.suspended_ms == 59_750.0


def test_lag_is_the_latest_tick_and_is_taken(ticks: list[tuple[int, int, int]]) -> None:
    ticks += [(0, 0, 0), (SECOND, SECOND, SECOND), (SECOND * 5 // 4, SECOND * 5 // 4, SECOND * 5 // 4)]
    seen = Clocks()
    seen.tick()
    seen.tick()

    assert seen.take_lag_ms() == 750.0
    assert seen.take_lag_ms() == 0.0
