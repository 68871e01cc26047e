import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ordwatch.core.errors import ConfigError
from ordwatch.simulators import has_simulator, load_simulator
from ordwatch.venues import REGISTRY, kinds, load, plugins

Install = Callable[[str, str, str], None]

VENUE = """
from ordwatch.core.events import Extra, Recency
from ordwatch.venues.contract import VenueKind, VenueSettings, reads_only

VENUE = VenueKind(
    contract=1, kind="elsewhere", settings=VenueSettings, extra=Extra, configure=print, only_reads=reads_only(),
    compare_versions=lambda new, known, same_channel: Recency.EQUAL,
)
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package of one module with these entry points, for the length of a test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins._points.cache_clear()

    def installed(package: str, source: str, entry_points: str) -> None:
        (tmp_path / f"{package}.py").write_text(source)
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        monkeypatch.delitem(sys.modules, package, raising=False)
        plugins._points.cache_clear()

    yield installed
    plugins._points.cache_clear()


def test_a_venue_from_outside_is_listed_without_being_loaded(install: Install) -> None:
    install("ow_far", "raise RuntimeError", "[ordwatch.venues]\nelsewhere = ow_far:VENUE\n")

    assert kinds() == [*REGISTRY, "elsewhere"]
    assert "ow_far" not in sys.modules


def test_a_venue_from_outside_is_loaded_by_its_name(install: Install) -> None:
    install("ow_far", VENUE, "[ordwatch.venues]\nelsewhere = ow_far:VENUE\n")

    assert load("elsewhere").kind == "elsewhere"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            VENUE.replace("contract=1", "contract=2"),
            "the package ow_far was written for version 2 of the venue contract, this ordwatch has version 1",
        ),
        (
            "class VENUE:\n    contract = 7",
            "the package ow_far was written for version 7 of the venue contract, this ordwatch has version 1",
        ),
        ("VENUE = 5", "ow_far:VENUE of the package ow_far is no VenueKind"),
        ("1 / 0", "ow_far:VENUE of the package ow_far cannot be loaded (ZeroDivisionError: division by zero)"),
        ("", "ow_far:VENUE of the package ow_far cannot be loaded (AttributeError: "),
        (VENUE.replace('"elsewhere"', '"other"'), "the package ow_far calls its venue 'other'"),
    ],
    ids=["later contract", "contract of another shape", "no venue", "raises", "nothing there", "other name"],
)
def test_a_package_that_does_not_fit_is_refused_in_words(install: Install, source: str, words: str) -> None:
    install("ow_far", source, "[ordwatch.venues]\nelsewhere = ow_far:VENUE\n")

    with pytest.raises(ConfigError) as refused:
        load("elsewhere")

    assert str(refused.value).startswith(f"elsewhere: {words}")
    assert refused.value.exit_code == 78


def test_a_built_in_venue_comes_before_one_from_outside(install: Install) -> None:
    install("ow_far", VENUE, "[ordwatch.venues]\nopend = ow_far:VENUE\n")

    assert load("opend").settings.__name__ == "OpendSettings"
    assert plugins.shadowed("ordwatch.venues", "opend") == ["ow_far"]


def test_of_two_packages_the_first_by_name_is_used(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    install("ow_z", "", "[ordwatch.venues]\nelsewhere = ow_z:VENUE\n")
    install("ow_a", VENUE, "[ordwatch.venues]\nelsewhere = ow_a:VENUE\n")

    assert load("elsewhere").kind == "elsewhere"
    assert caplog.messages == ["elsewhere: ow_a, ow_z all have it; ow_a is used"]


def test_a_simulator_from_outside_is_made(install: Install) -> None:
    entry_points = "[ordwatch.venues]\nelsewhere = ow_far:VENUE\n[ordwatch.simulators]\nelsewhere = ow_far:dict\n"
    install("ow_far", f"{VENUE}\ndict = dict\n", entry_points)

    assert has_simulator("elsewhere")
    assert isinstance(load_simulator("elsewhere"), dict)


def test_a_simulator_of_another_contract_is_refused(install: Install) -> None:
    entry_points = "[ordwatch.venues]\nelsewhere = ow_far:VENUE\n[ordwatch.simulators]\nelsewhere = ow_far:dict\n"
    install("ow_far", VENUE.replace("contract=1", "contract=3"), entry_points)

    with pytest.raises(ConfigError, match="version 3 of the venue contract"):
        load_simulator("elsewhere")


def test_a_venue_may_have_no_simulator(install: Install) -> None:
    install("ow_far", VENUE, "[ordwatch.venues]\nelsewhere = ow_far:VENUE\n")

    assert not has_simulator("elsewhere")
    with pytest.raises(ConfigError, match="no simulator of 'elsewhere'; there are opend, coinw, loopring"):
        load_simulator("elsewhere")
