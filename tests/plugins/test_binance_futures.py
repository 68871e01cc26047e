"""A venue from outside, written from the contract alone: held to what all are, and every command works with it."""

import json
from pathlib import Path

import pytest

from ordwatch.simulators.scenario import one_of_each
from ordwatch.testing import VenueTests
from ordwatch.testing.runs import run, simulator_of, watching
from tests.plugins.conftest import SOURCE
from tests.support.process import Ended, Simulated
from tests.support.process import run as command

KIND = "binance_futures"
LIFECYCLE = one_of_each()


@pytest.mark.parametrize("kind", [KIND])
class TestBinanceFutures(VenueTests):
    pass


def test_it_is_as_short_as_a_venue_may_be() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in SOURCE.rglob("*.py")}

    assert sum(lines.values()) < 350
    assert lines["simulator.py"] < 150


def test_an_expired_listen_key_is_a_gap_that_a_new_one_closes() -> None:
    async def test() -> None:
        async with watching(simulator_of(KIND)) as watched:
            watched.hosted.fault("listen_key_expired")
            await watched.closed_gaps(1)
            for step in LIFECYCLE:
                watched.hosted.play(step)
            await watched.true()

            assert watched.out.gaps[0].cause == "listen_key_expired"

    run(test())


@pytest.fixture
def configured(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def ordwatch(site: Path, *args: str | Path) -> Ended:
    return command(*args, env={"PYTHONPATH": str(site), "HOME": str(site)})


def test_tail_shows_its_orders_once(site: Path, configured: Path) -> None:
    with Simulated([KIND], configured) as simulated:
        simulated.play(LIFECYCLE[:3])
        ended = ordwatch(site, "tail", "--config", configured, "--once", "-o", "json")

    assert (ended.code, ended.err) == (0, "")
    [order] = map(json.loads, ended.lines)
    assert (order["venue"], order["status"]) == (KIND, "PARTIALLY_FILLED")


def test_check_finds_everything_in_place(site: Path, configured: Path) -> None:
    with Simulated([KIND], configured):
        ended = ordwatch(site, "check", "--config", configured)

    assert ended.code == 0, ended
    assert all(line.startswith("ok ") for line in ended.lines)
    assert any(f"{KIND} query" in line for line in ended.lines)


def test_a_recording_of_it_is_verified_and_replayed(site: Path, configured: Path, tmp_path: Path) -> None:
    with Simulated([KIND], configured) as simulated:
        simulated.play(LIFECYCLE[:3])
        tailed = ordwatch(
            site, "tail", "--config", configured, "--once", "-o", "json", "--record", tmp_path / "day.jsonl"
        )
    verified = ordwatch(site, "verify", tmp_path / "day.jsonl")
    replayed = ordwatch(site, "replay", tmp_path / "day.jsonl", "-o", "json")

    assert (tailed.code, verified.code, replayed.code) == (0, 0, 0), (tailed, verified, replayed)
    [shown], [again] = ([json.loads(line) for line in ended.lines] for ended in (tailed, replayed))
    assert (again["order_id"], again["extra"]) == (shown["order_id"], shown["extra"])


def test_the_demo_shows_it_when_it_is_named(site: Path) -> None:
    ended = ordwatch(
        site, "demo", "--venue", KIND, "--speed", "50", "--max-events", "5", "-o", "json", "--records", "orders"
    )

    assert ended.code == 0, ended
    assert [json.loads(line)["venue"] for line in ended.lines] == [KIND] * 5


def test_the_demo_of_all_venues_does_not_load_it(site: Path) -> None:
    ended = ordwatch(site, "demo", "--max-events", "30", "--speed", "50", "-o", "json", "--records", "orders")

    assert KIND not in {json.loads(line)["venue"] for line in ended.lines}


def test_the_demo_leaves_out_a_venue_without_simulator(site: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    info = bare / "bare-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ordwatch.venues]\nbare = bare:VENUE\n")
    ended = ordwatch(bare, "demo", "--venue", "bare")

    assert ended.code == 2
    assert "bare: has no simulator; left out" in ended.err


def test_a_package_of_another_contract_is_refused_with_78(site: Path, tmp_path: Path, configured: Path) -> None:
    later = tmp_path / "later"
    later.mkdir()
    info = later / "later-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: later\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ordwatch.venues]\nlater = later:VENUE\n")
    (later / "later.py").write_text("class VENUE:\n    contract = 2\n")
    configured.touch(0o600)
    configured.write_text("venues:\n  later: {}\n")
    ended = ordwatch(later, "tail", "--config", configured)

    assert ended.code == 78
    assert "written for version 2 of the venue contract, this ordwatch has version 1" in ended.err


def test_its_keys_are_in_the_schema_when_it_is_named(site: Path) -> None:
    ended = ordwatch(site, "schema", "--venue", KIND)

    [extra] = json.loads(ended.out)["$defs"]["OrderRecord"]["properties"]["extra"]["anyOf"]
    assert ended.code == 0
    assert extra["$ref"].startswith("#/$defs/")
    assert extra["$ref"].removeprefix("#/$defs/") in json.loads(ended.out)["$defs"]
