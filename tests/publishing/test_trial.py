"""The short form of `python -m tests.publishing`."""

from pathlib import Path

import pytest

from ordwatch.venues import REGISTRY
from tests.publishing.trial import publish
from tests.support.nats_server import needs_nats_server


@needs_nats_server
@pytest.mark.parametrize("fault", ["restart", "kill"])
async def test_the_stream_holds_the_recording_whatever_fails(fault: str, tmp_path: Path) -> None:
    world, wrong = await publish(tmp_path, fault, list(REGISTRY)[:1], seconds=4.0, seed=1, rate=50.0)

    assert wrong == []
    assert world.struck
