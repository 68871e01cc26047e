"""Imports beside the event loop."""

import asyncio
import sys
from pathlib import Path

import pytest

from ordwatch.engine.imports import import_in_thread

SLOW = """
import time
time.sleep(0.5)
"""


async def test_the_event_loop_goes_on_while_a_module_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_to_import.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    steps = 0

    importing = asyncio.create_task(import_in_thread("slow_to_import"))
    while not importing.done():
        steps += 1
        await asyncio.sleep(0.01)
    await importing

    assert steps > 2
    assert "slow_to_import" in sys.modules


async def test_what_cannot_be_imported_is_said() -> None:
    with pytest.raises(ImportError, match="no_such_module"):
        await import_in_thread("no_such_module")
