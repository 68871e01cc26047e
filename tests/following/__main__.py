"""Following on trial: `python -m tests.following [--seconds 120]`. Two collectors that are cut, and one that is not.

Uses loopback and a real NATS server only, and exits 1 if the follower breaks its promise anywhere.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from ordwatch.venues import REGISTRY
from tests.following.proof import problems, prove
from tests.following.world import FOLLOWED, FOLLOWER, TRUTH, follow

MOST_SHOWN = 20


def main() -> None:
    """Run, compare, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.following")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=60.0, help="states of orders a second, all venues together")
    parser.add_argument("--venue", action="append", choices=list(REGISTRY), help="repeatable; default: all")
    parser.add_argument("--no-kills", action="store_true", help="cut connections only")
    parser.add_argument("--folder", type=Path, help="keep everything in this new folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(mode=0o700, exist_ok=True)
        kinds = given.venue or list(REGISTRY)
        followed = asyncio.run(
            follow(folder, kinds, seconds=given.seconds, seed=given.seed, rate=given.rate, kills=not given.no_kills)
        )
        recordings = [followed.recording(name) for name in FOLLOWED]
        proof = prove(followed.recording(TRUTH), recordings, followed.recording(FOLLOWER))
    faults = [*proof.faults, *problems(followed.stderr)]
    print(
        f"seed {given.seed}: {followed.cuts} cuts, {followed.kills} kills, {proof.orders} orders, "
        f"{proof.states} states, {proof.missing} missing in {proof.joint_gaps} joint gaps; "
        f"verify exits {proof.verdict.exit_code}"
    )
    print(
        f"wrong ends {len(proof.wrong_ends)}, twice {len(proof.twice)}, missing outside {len(proof.outside)}, "
        f"gaps that one saw {len(proof.seen)}"
    )
    for what in faults[:MOST_SHOWN]:
        print(f"  {what[:400]}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
