"""A small soak: recorders killed while orders move, their recording held against what the venues know."""

import pytest

from ordwatch.venues import REGISTRY
from tests.soak.proof import Proof, prove
from tests.soak.recorders import Soaked, soak

pytestmark = pytest.mark.xdist_group("soak")  # one soak for all tests here


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Soaked:
    return soak(tmp_path_factory.mktemp("soak"), list(REGISTRY)[:2], runs=6, seed=5, rate=100.0, longest_s=2.0)


@pytest.fixture(scope="module")
def proof(soaked: Soaked) -> Proof:
    return prove(soaked)


def test_recording_of_killed_runs_agrees_with_the_venues(proof: Proof) -> None:
    assert proof.faults == []


def test_states_were_recorded_between_the_gaps(proof: Proof) -> None:
    assert proof.states - proof.states_in_gaps > 100


def test_killed_runs_say_nothing_of_a_bug(soaked: Soaked) -> None:
    assert [err for err in soaked.stderr if "Traceback" in err or "internal error" in err] == []
