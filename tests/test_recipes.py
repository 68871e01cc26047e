"""The recipes that can run here: each is taken from the page and run on a recording."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ordwatch.core.events import OrderStatus
from tests.recording.samples import end, gap_closed, gap_opened, link, order, start, written

PAGE = (Path(__file__).parents[1] / ".github" / "RECIPES.md").read_text(encoding="utf-8")
ACCOUNT = "281756455988249902"
ID = "3964487191049756904"


def code(title: str) -> list[str]:
    """The blocks of code under this heading."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    [found] = [part for part in section if part.startswith(f"{title}\n")]
    return re.findall(r"^```\w+\n(.*?)^```", found, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a recording of a fill and a gap."""
    filled = order(ID, second=3, status=OrderStatus.FILLED, filled="100")
    records = [order(ID, second=2), filled]
    written(
        tmp_path / "day.jsonl",
        start(),
        link("live", 1),
        *(msgspec.structs.replace(each, account=ACCOUNT) for each in records),
        gap_opened(4),
        gap_closed(4, 5),
        link("live", 5),
        end(6),
    )
    return tmp_path


def output(folder: Path, *args: str) -> str:
    return subprocess.run(args, cwd=folder, capture_output=True, encoding="utf-8", check=True, timeout=120).stdout


def test_pandas_keeps_ids_whole(folder: Path) -> None:
    [script] = code("pandas")

    printed = output(folder, sys.executable, "-c", script)

    assert [line.split()[1:] for line in printed.splitlines()[1:]] == [
        ["alpha", ACCOUNT, ID, "AAA-BBB", "FILLED", "100", "100"]
    ]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_jq_lists_fills_and_gaps(folder: Path) -> None:
    fills, gaps = (output(folder, "sh", "-c", script) for script in code("jq"))

    assert fills == '"2026-03-02T12:00:03.000000Z","alpha","AAA-BBB",,"100",\n'
    assert gaps == "alpha\t2026-03-02T12:00:04.000000Z\t2026-03-02T12:00:05.000000Z\trecovered\t\n"


@pytest.mark.parametrize("title", ["DuckDB", "polars", "sqlite-utils", "A fill on the phone", "Kafka, by Vector"])
def test_the_others_are_on_the_page(title: str) -> None:
    assert code(title)
