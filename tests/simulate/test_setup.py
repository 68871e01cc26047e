"""From what a simulator says of itself to settings, in memory and as a file."""

from pathlib import Path

import msgspec
import pytest

from ordwatch.config import read
from ordwatch.simulate.setup import config_text, setup
from ordwatch.venues import REGISTRY, load

every_kind = pytest.mark.parametrize("kind", REGISTRY)


def block(kind: str) -> dict[str, object]:
    simulator = load(kind).simulator()
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


def test_a_block_that_fits_no_venue_is_refused() -> None:
    kind = next(iter(REGISTRY))

    with pytest.raises(msgspec.ValidationError):
        setup(kind, {"kind": kind, "nonsense": 1})
