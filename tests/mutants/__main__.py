"""Mutants: `python -m tests.mutants [WORD ...]`. Each bug of the catalog, in a copy of the package; a test must fail.

The copy is first tested as it is, so that a test that fails anyway kills nothing. Takes some minutes; with words,
only the mutants whose names hold one of them. Exits 1 if one survives.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.catalog import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
TESTED = ("ordwatch", "tests", "pyproject.toml", "README.md", "config.example.yaml")
LIMIT_S = 120


def copy_to(folder: Path) -> None:
    """The package and its tests, without what was compiled."""
    for name in TESTED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)


def failing(folder: Path, tests: Sequence[str]) -> str | None:
    """The first of these tests that fails in the copy, with the words pytest has for it; None if all pass."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=no", *tests]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no end within {LIMIT_S} s"
    if done.returncode == 0:
        return None
    told = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if done.returncode != 1 or not told:
        raise SystemExit(f"pytest could not run {' '.join(tests)}:\n{done.stdout}{done.stderr}")
    return told[0].split(" - ")[0].split("::", 1)[-1]


def killer(folder: Path, mutant: Mutant) -> str | None:
    """The test that notices the bug; the copy is healed again."""
    path = folder / "ordwatch" / mutant.file
    text = path.read_text()
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: its text stands {text.count(mutant.old)} times in {mutant.file}")
    path.write_text(text.replace(mutant.old, mutant.new))
    try:
        return failing(folder, mutant.tests)
    finally:
        path.write_text(text)


def main() -> None:
    """Try every mutant and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("words", nargs="*", help="of names of mutants; default: all")
    words = parser.parse_args().words
    chosen = [each for each in MUTANTS if not words or any(word in each.name for word in words)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_to(folder)
        if (fails := failing(folder, sorted({test for each in chosen for test in each.tests}))) is not None:
            sys.exit(f"without any mutant this fails: {fails}")
        found = {each.name: killer(folder, each) for each in chosen}
    for name, test in found.items():
        print(f"{'killed  ' if test else 'SURVIVES'}  {name:62} {test or ''}")
    survivors = [name for name, test in found.items() if test is None]
    print(f"{len(found) - len(survivors)} of {len(found)} killed")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
