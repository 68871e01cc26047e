"""Bugs made by hand: `python -m tests.mutants [WORD ...]`. Each in a copy of the package, where a test must fail.

The copy has an environment of its own, so that commands started as processes run the copy too. It is first tested
as it is: a test that fails anyway notices nothing. With words, only the bugs whose names hold one of them;
`--sample N` takes N of them, others each day; `--limit-s` starts no more after so many seconds. Exits 1 if a bug is
not noticed.
"""

import argparse
import os
import random
import shutil
import site
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue

from tests.mutants.catalog import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("ordwatch", "tests", "pyproject.toml", "README.md", "config.example.yaml", ".ci", ".github")
TEST_LIMIT_S = 180

SCRIPT = """#!{python}
import sys
from ordwatch.cli import main
sys.exit(main())
"""


class Copy:
    """The package and its tests in a folder, with an interpreter and an `ordwatch` command that use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._python = folder / "env" / "bin" / "python"
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)
        self._make_environment()

    def _make_environment(self) -> None:
        venv.create(self.folder / "env", symlinks=True)
        [packages] = (self.folder / "env").glob("lib/python*/site-packages")
        # First the copy, then what is installed here; what an editable install adds comes after both.
        installed = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
        (packages / "copy.pth").write_text("\n".join([str(self.folder), *installed]) + "\n")
        command = self._python.with_name("ordwatch")
        command.write_text(SCRIPT.format(python=self._python))
        command.chmod(0o755)
        found = subprocess.run(
            [str(self._python), "-c", "import ordwatch; print(ordwatch.__file__)"],
            cwd="/",
            env={},
            capture_output=True,
            text=True,
            check=True,
        )
        if not Path(found.stdout.strip()).is_relative_to(self.folder):
            raise SystemExit(f"commands would run {found.stdout.strip()}, not the copy in {self.folder}")

    def failing(self, tests: Sequence[str], *, processes: str = "0") -> str | None:
        """The first of these tests that fails, as pytest names it; None if all pass."""
        options = ["-q", "-x", "-p", "no:cacheprovider", "--tb=no", f"--numprocesses={processes}"]
        command = [str(self._python), "-B", "-m", "pytest", *options, *tests]
        env = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(self.folder / "hypothesis")}
        try:
            done = subprocess.run(
                command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=TEST_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"no end within {TEST_LIMIT_S} s"
        if done.returncode == 0:
            return None
        failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        if not failed:
            raise SystemExit(f"pytest could not run {' '.join(tests)}:\n{done.stdout}{done.stderr}")
        return failed[0].split(" - ")[0].split("::", 1)[-1]

    def noticing(self, mutant: Mutant) -> str | None:
        """The test that notices the bug; the copy is healed again."""
        path = self.folder / "ordwatch" / mutant.file
        text = path.read_text()
        path.write_text(mutant.applied(text))
        try:
            return self.failing(mutant.tests)
        finally:
            path.write_text(text)


def chosen(words: Sequence[str], sample: int | None) -> list[Mutant]:
    """The bugs whose names hold one of the words; of these a sample that is another one each day."""
    found = [each for each in MUTANTS if not words or any(word in each.name for word in words)]
    if sample is None or sample >= len(found):
        return found
    return random.Random(datetime.now(UTC).date().toordinal()).sample(found, sample)


def main() -> None:
    """Try the bugs and print which test noticed each."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("words", nargs="*", help="of names of bugs; default: all")
    parser.add_argument("--sample", type=int, help="so many of them, others each day")
    parser.add_argument("--limit-s", type=float, default=float("inf"), help="begin with no more after so many seconds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many at the same time")
    given = parser.parse_args()
    mutants = chosen(given.words, given.sample)
    give_up_s = time.monotonic() + given.limit_s
    with ExitStack() as stack:
        copies: SimpleQueue[Copy] = SimpleQueue()
        for _ in range(given.jobs):
            copies.put(Copy(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        copy = copies.get()
        whole = sorted({test for each in mutants for test in each.tests})
        if (fails := copy.failing(whole, processes=str(given.jobs))) is not None:
            sys.exit(f"without any bug this fails: {fails}")
        copies.put(copy)

        def attempt(mutant: Mutant) -> bool | None:
            if time.monotonic() > give_up_s:
                return None
            copy = copies.get()
            try:
                test = copy.noticing(mutant)
            finally:
                copies.put(copy)
            print(f"{'noticed    ' if test else 'NOT NOTICED'}  {mutant.name:66} {test or ''}", flush=True)
            return test is not None

        with ThreadPoolExecutor(given.jobs) as pool:
            results = [noticed for noticed in pool.map(attempt, mutants) if noticed is not None]
    print(f"{sum(results)} of {len(results)} noticed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
