"""From what a simulator says of itself to settings, in memory and as a file."""

from pathlib import Path

import msgspec
import pytest
import yaml

from ordwatch.config import read
from ordwatch.simulators import load_simulator
from ordwatch.simulators.setup import config_text, setup
from ordwatch.venues import REGISTRY

every_kind = pytest.mark.parametrize("kind", REGISTRY)


def block(kind: str) -> dict[str, object]:
    simulator = load_simulator(kind)
    return simulator.settings({name: f"127.0.0.1:{port}" for port, name in enumerate(simulator.listeners, start=1)})


@every_kind
def test_what_a_simulator_says_makes_settings(kind: str) -> None:
    venue, made = setup("mine", block(kind), raw=True)

    assert (venue.kind, made.name, made.raw, made.settings.kind) == (kind, "mine", True, kind)


@every_kind
def test_the_file_it_makes_is_a_configuration(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config_text({kind: block(kind)}))
    path.chmod(0o600)

    [resolved] = read(path).resolve([kind])

    assert resolved == setup(kind, block(kind))[1]


@every_kind
def test_another_way_to_reach_it_makes_settings_too(kind: str) -> None:
    simulator = load_simulator(kind)
    addresses = {name: f"127.0.0.1:{port}" for port, name in enumerate(simulator.listeners, start=1)}

    made = [setup("mine", other) for other in simulator.alternatives(addresses)]

    assert all(venue.kind == kind for venue, _ in made)


def test_other_ways_stand_as_comments_which_can_be_put_in_the_place_of_the_block() -> None:
    usual, other = {"kind": "toy", "port": 1}, {"kind": "toy", "port": 2, "key": "hunter2"}

    text = config_text({"toy": usual}, [other])

    commented = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#   ")]
    assert yaml.safe_load(text) == {"venues": {"toy": usual}}
    assert yaml.safe_load("\n".join(["venues:", *commented])) == {"venues": {"toy": other}}


def test_a_block_that_fits_no_venue_is_refused() -> None:
    kind = next(iter(REGISTRY))

    with pytest.raises(msgspec.ValidationError):
        setup(kind, {"kind": kind, "nonsense": 1})
