"""`python -m tests.simulation.faults_put_back [WORD ...]`: known faults, put back one at a time; a world must break.

Each is a change of the package's text, in a copy. Worlds that break without any are left out. Exits 1 if one is not
found within WORLDS worlds.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.simulation.world import live_through

ROOT = Path(__file__).parents[2]
WORLDS = 40
FIRST = 5_000


class Fault(NamedTuple):
    """A fault that was, or might have been."""

    name: str
    file: str
    """In the package."""
    old: str
    """Stands in the file exactly once."""
    new: str


SUPERVISOR = "engine/supervisor.py"
STORE = "core/order_store.py"

FAULTS = (
    Fault(
        "history asked in our clock",
        "engine/gaps.py",
        "            self.since_ns = since(self._clock.at(last_running_ns), latest_ns)\n",
        "            self.since_ns = since(last_ns, last_ns)\n",
    ),
    Fault(
        "a gap from the last byte instead of the last good message",
        SUPERVISOR,
        "        if good:\n            state.last_good_ns",
        "        if True:\n            state.last_good_ns",
    ),
    Fault(
        "an open gap counted as covered",
        "core/venue_coverage.py",
        "        self._end_coverage(from_ns, gap.cause)\n",
        "",
    ),
    Fault(
        "a time stamp decides within one second",
        "venues/opend/merging.py",
        "and abs(new - known) <= SECOND_NS:",
        "and new == known:",
    ),
    Fault(
        "a late record mixes the future in",
        STORE,
        "        before = venue.merge(update, states[index - 1]) if index > 0 else update\n",
        "        before = venue.merge(update, entry.state)\n",
    ),
    Fault(
        "a query from before a break closes a gap",
        SUPERVISOR,
        "        if query.epoch != self.gaps.epoch or not self._can_query():\n",
        "        if not self._can_query():\n",
    ),
    Fault(
        "a back-off that grows no more from the third failure on",
        "engine/rates.py",
        "        bound_s = min(2 * bound_s, max_s)\n",
        "        bound_s = min(2 * bound_s, 2 * first_s, max_s)\n",
    ),
    Fault(
        "a part that is refused keeps the venue from live",
        "engine/refusals.py",
        "if count < TRIES])",
        "if count <= TRIES])",
    ),
    Fault(
        "a restart after a bug without back-off",
        "engine/reconnects.py",
        "        return self._pace.bug_s * 5.0 ** (len(self._bugs) - 1) * self._draw.uniform(0.75, 1.25)\n",
        "        return 0.0\n",
    ),
    Fault(
        "a restart asks an open gap from the last update in it",
        "engine/gaps.py",
        "        self.since_ns = since(None, None if clock_went_back else self._latest_until(covered_until_ns))\n",
        "        self.since_ns = since(None, self._orders.latest_ns())\n",
    ),
    Fault(
        "a restart compares times of a clock that was put back",
        "engine/gaps.py",
        "None if clock_went_back else self._latest_until(covered_until_ns)",
        "self._latest_until(covered_until_ns)",
    ),
    Fault(
        "a venue logged out on one connection stays so on the next",
        "engine/link.py",
        "self.subscribed = self.interrupted = self.stale = False",
        "self.subscribed = self.stale = False",
    ),
    Fault(
        "a cached row counts as just arrived",
        "core/order_entry.py",
        "    return arrival.query is not None and arrival.query.cached\n",
        "    return False\n",
    ),
)


def copy_to(folder: Path) -> None:
    """The package and the simulation."""
    for name in ("ordwatch", "tests/simulation"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def finder(folder: Path, fault: Fault, seeds: list[int]) -> str | None:
    """The world that breaks, and how; the copy is mended again."""
    path = folder / "ordwatch" / fault.file
    text = path.read_text()
    if text.count(fault.old) != 1:
        raise SystemExit(f"{fault.name}: its text stands {text.count(fault.old)} times in {fault.file}")
    path.write_text(text.replace(fault.old, fault.new))
    command = [sys.executable, "-B", "-m", "tests.simulation", "--stop", "--seeds", *map(str, seeds)]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    finally:
        path.write_text(text)
    if done.returncode == 0:
        return None
    found = [line for line in done.stdout.splitlines() if line.startswith("seed ")]
    if not found:
        raise SystemExit(f"{fault.name}: the simulation could not run:\n{done.stdout}{done.stderr}")
    return found[0]


def main() -> None:
    """Put each fault back and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.faults_put_back")
    parser.add_argument("words", nargs="*", help="of names of faults; default: all")
    parser.add_argument("--worlds", type=int, default=WORLDS)
    options = parser.parse_args()
    chosen = [each for each in FAULTS if not options.words or any(word in each.name for word in options.words)]
    seeds = [seed for seed in range(FIRST, FIRST + options.worlds) if live_through(seed) is None]
    print(f"{len(seeds)} of {options.worlds} worlds are whole without any fault", flush=True)
    missed = 0
    with tempfile.TemporaryDirectory() as temporary:
        copy_to(Path(temporary))
        for fault in chosen:
            found = finder(Path(temporary), fault, seeds)
            missed += found is None
            print(f"{'found    ' if found else 'NOT FOUND'}  {fault.name:60} {(found or '')[:110]}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
