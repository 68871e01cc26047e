"""Imports beside the event loop."""

import asyncio
import importlib
import sys
from pathlib import Path

import pytest

from ordwatch.engine.imports import import_in_thread

SLOW = """
import time
time.sleep(0.5)
"""


async def test_the_event_loop_goes_on_while_two_venues_import_the_same_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_to_import.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    steps = 0

    async def connect() -> None:
        await import_in_thread("slow_to_import")
        importlib.import_module("slow_to_import")  # as the statement that follows

    first = asyncio.create_task(connect())
    while "slow_to_import" not in sys.modules:  # noqa: ASYNC110 - the other thread adds it
        await asyncio.sleep(0)
    second = asyncio.create_task(connect())
    while not (first.done() and second.done()):
        steps += 1
        await asyncio.sleep(0.01)
    await asyncio.gather(first, second)

    assert steps > 2


async def test_what_cannot_be_imported_is_said() -> None:
    with pytest.raises(ImportError, match="no_such_module"):
        await import_in_thread("no_such_module")
