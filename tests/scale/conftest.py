"""A real server for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nats_server import SERVER, Server, nats_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A NATS server of its own for a test; the test is skipped where there is none."""
    if SERVER is None:
        pytest.skip("there is no nats-server")
    with nats_server(tmp_path) as started:
        yield started
