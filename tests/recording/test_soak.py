"""A small soak: recorders killed while orders move, their recording held against what the venues know."""

from pathlib import Path

from ordwatch.venues import REGISTRY
from tests.soak.proof import prove
from tests.soak.recorders import soak


def test_recording_of_killed_runs_agrees_with_the_venues(tmp_path: Path) -> None:
    soaked = soak(tmp_path, list(REGISTRY)[:2], runs=6, seed=5, rate=100.0, longest_s=1.2, watch_s=1.0)
    proof = prove(soaked)

    assert proof.faults == []
    assert proof.states - proof.states_in_gaps > 20
    assert [err for err in soaked.stderr if "Traceback" in err or "internal error" in err] == []
