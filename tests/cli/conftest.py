"""What the tests of commands run against."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ordwatch.venues import REGISTRY
from tests.support.process import Simulated

KINDS = list(REGISTRY)


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[Simulated]:
    """One simulated venue and the configuration that reaches it."""
    with Simulated(KINDS[1:2], tmp_path / "config.yaml") as running:
        yield running


@pytest.fixture
def two_simulated(tmp_path: Path) -> Iterator[Simulated]:
    """Two of them."""
    with Simulated(KINDS[1:3], tmp_path / "config.yaml") as running:
        yield running
