"""Soak: `python -m tests.soak [--runs 100]`. Recorders killed one after the other, then their recording on trial.

Takes about three seconds a run, uses loopback only, and exits 1 if the recording breaks its word anywhere.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from ordwatch.venues import REGISTRY
from tests.soak.proof import prove
from tests.soak.recorders import soak

MOST_SHOWN = 20


def main() -> None:
    """Soak, prove, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=200.0, help="states of orders a second, all venues together")
    parser.add_argument("--venue", action="append", choices=list(REGISTRY), help="repeatable; default: all")
    parser.add_argument("--wrong-clocks", action="store_true", help="the recorders' clocks are wrong, some jump")
    parser.add_argument("--folder", type=Path, help="keep everything in this new folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(mode=0o700, exist_ok=True)
        began = time.monotonic()
        soaked = soak(
            folder,
            given.venue or list(REGISTRY),
            runs=given.runs,
            seed=given.seed,
            rate=given.rate,
            wrong_clocks=given.wrong_clocks,
        )
        proof = prove(soaked)
        took_s = time.monotonic() - began
    bugs = [err for err in soaked.stderr if "Traceback" in err or "internal error" in err]
    print(
        f"seed {given.seed}: {soaked.kills} kills, {soaked.rotations} runs with rotations, {proof.lines} lines, "
        f"{proof.orders} orders, {proof.states} states ({proof.states_in_gaps} inside gaps), {proof.gaps} gaps, "
        f"{proof.verdict.repairs} repairs, {took_s:.0f} s"
    )
    print(
        f"lost finals {len(proof.lost_finals)}, lost states {len(proof.lost_states)}, twice {len(proof.twice)}, "
        f"holes {len(proof.holes)}, ends without a gap {len(proof.unsaid)}, early gaps {len(proof.early)}, "
        f"bugs {len(bugs)}, verify exits {proof.verdict.exit_code}"
    )
    faults = proof.faults_of_any_clock if given.wrong_clocks else proof.faults
    for what in [*faults, *bugs][:MOST_SHOWN]:
        print(f"  {what[:400]}")
    sys.exit(1 if faults or bugs else 0)


if __name__ == "__main__":
    main()
