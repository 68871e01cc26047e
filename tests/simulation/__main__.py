"""`python -m tests.simulation --hours 1000`: worlds of some hours each, from fresh seeds, until so many were lived.

`--seed N [--trace]` runs one world again, with its whole history. Exits 1 if an invariant did not hold.
"""

import argparse
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from time import monotonic

from tests.simulation.world import Failure, live_through

HOURS = 1.0


def main() -> None:
    """Run, and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--hours", type=float, default=100.0, help="simulated hours in all")
    parser.add_argument("--seed", type=int, help="one world alone")
    parser.add_argument("--first", type=int, help="seeds from this one on, rather than fresh ones")
    parser.add_argument("--seeds", type=int, nargs="+", help="these worlds, one after the other")
    parser.add_argument("--stop", action="store_true", help="with --seeds: at the first that breaks")
    parser.add_argument("--trace", action="store_true", help="the whole history")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    began_s = monotonic()
    worlds = failed = 0
    for failure in failures(options):
        worlds += 1
        if failure is not None:
            failed += 1
            show(failure, whole=options.seed is not None)
            if options.stop:
                break
    print(f"{worlds - failed} of {worlds} worlds without a fault, {monotonic() - began_s:.0f} s")
    sys.exit(1 if failed else 0)


def failures(options: argparse.Namespace) -> Iterator[Failure | None]:
    """Why each world failed, as soon as it is known; None for those that did not."""
    if options.seed is not None:
        yield live_through(options.seed, hours=HOURS, trace=options.trace)
        return
    if options.seeds is not None:
        yield from (live_through(seed, hours=HOURS) for seed in options.seeds)
        return
    first = random.SystemRandom().randrange(10**9) if options.first is None else options.first
    seeds = max(1, round(options.hours / HOURS))
    print(f"{seeds} worlds of {HOURS:g} h from seed {first} on", flush=True)
    with ProcessPoolExecutor(options.jobs) as pool:
        yield from pool.map(partial(live_through, hours=HOURS), range(first, first + seeds), chunksize=4)


def show(failure: Failure, *, whole: bool) -> None:
    """Print why a world failed, with its history if it was run alone."""
    if whole:
        print("\n".join(failure.history))
    print(f"seed {failure.seed}: {failure.why}", flush=True)


if __name__ == "__main__":
    main()
