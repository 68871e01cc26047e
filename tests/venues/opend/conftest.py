"""Bytes we did not write; see data/SOURCES.md."""

import json
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def sdk() -> dict[str, bytes]:
    """Message bodies serialized by the official SDK, by name."""
    return {name: bytes.fromhex(text) for name, text in json.loads((DATA / "sdk_bodies.json").read_text()).items()}


@pytest.fixture(scope="session")
def vectors() -> dict[str, str]:
    """Frames and encryption computed without our code, hex or text."""
    found: dict[str, str] = json.loads((DATA / "vectors.json").read_text())
    return found


@pytest.fixture(scope="session")
def documented() -> dict[str, dict[str, dict[str, object]]]:
    """The pushes that the documentation prints."""
    found: dict[str, dict[str, dict[str, object]]] = json.loads((DATA / "documentation_pushes.json").read_text())
    return found
