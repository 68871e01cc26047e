"""Installs the example package: its code and its metadata in a folder on Python's path."""

import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordwatch.venues import plugins

SOURCE = Path(__file__).parent / "ordwatch_binance_futures"


def install(folder: Path) -> None:
    """The package as pip would leave it there."""
    project = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]
    info = folder / f"ordwatch_binance_futures-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
    shutil.copytree(SOURCE / "ordwatch_binance_futures", folder / "ordwatch_binance_futures")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed."""
    folder = tmp_path_factory.mktemp("site")
    install(folder)
    return folder


@pytest.fixture(autouse=True)
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package is there for this process too."""
    monkeypatch.syspath_prepend(str(site))
    plugins._points.cache_clear()
    yield
    plugins._points.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "ordwatch_binance_futures"]:
        del sys.modules[name]
