"""Publishing on trial: `python -m tests.publishing [--seconds 120] [--rate 500] [FAULT ...]`.

Uses loopback and real NATS servers only, and exits 1 if a stream does not hold what was recorded.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from ordwatch.venues import REGISTRY
from tests.publishing.trial import FAULTS, publish


def main() -> None:
    """Run, compare, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.publishing")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=500.0, help="states of orders a second, all venues together")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)}; default: all")
    given = parser.parse_args()
    failed = False
    for fault in given.faults or FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            settings = {"seconds": given.seconds, "seed": given.seed, "rate": given.rate}
            world, wrong = asyncio.run(publish(Path(folder), fault, list(REGISTRY), **settings))
            count = world.recording.read_bytes().count(b"\n")
        print(f"{fault}: struck {world.struck} times, {count} lines, {len(wrong)} faults", flush=True)
        for what in wrong:
            print(f"  {what[:400]}")
        failed = failed or bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
