"""Runs of `ordwatch tail --record`, one after the other: killed at a moment chosen by chance, the last one ended."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ordwatch.recording.rotation import older_files
from ordwatch.recording.verify import check
from tests.soak.proof import knows_the_end
from tests.support.process import DEADLINE_S, Process, running

WRONG_CLOCK = Path(__file__).parents[1] / "support" / "wrongclock"
SHORTEST_S, LONGEST_S = 0.2, 4.0
WATCH_S = 3.0
"""How long the last run watches before the orders come to rest."""
COVERED_S = 180.0
"""How long the last run has for its gaps and for what was sent last: the venues' limits on queries may delay the
answers, and a busy machine everything. A push that is lost is found by no resync until then."""


@dataclass
class Soaked:
    """What a soak leaves behind, in one folder."""

    folder: Path
    kills: int = 0
    rotations: int = 0
    stderr: list[str] = field(default_factory=list)
    wrong_clocks: random.Random | None = None

    def clock(self) -> dict[str, str]:
        """The environment that makes the next recorder's clock wrong."""
        if self.wrong_clocks is None:
            return {}
        steps = [f"0:{self.wrong_clocks.choice(WRONG_BY_S)}", f"2:{self.wrong_clocks.choice(WRONG_BY_S)}"]
        return {"PYTHONPATH": str(WRONG_CLOCK), "WRONG_CLOCK": ",".join(steps[: self.wrong_clocks.choice((1, 2))])}

    @property
    def recording(self) -> Path:
        """The last file of the recording; the older ones stand in the same folder."""
        return self.folder / "orders.jsonl"

    @property
    def files(self) -> list[Path]:
        """All of the recording's files, oldest first."""
        return [*(older.path for older in older_files(self.recording)), self.recording]

    @property
    def config(self) -> Path:
        """The configuration that reaches the venues."""
        return self.folder / "config.yaml"

    @property
    def journal(self) -> Path:
        """What the venues wrote down."""
        return self.folder / "journal.jsonl"


WRONG_BY_S = (0, 600, -600, 3600, -3600, 86_400)
"""How wrong the host's clock may be."""


def soak(
    folder: Path,
    kinds: Sequence[str],
    *,
    runs: int,
    seed: int,
    rate: float,
    longest_s: float = LONGEST_S,
    watch_s: float = WATCH_S,
    wrong_clocks: bool = False,
) -> Soaked:
    """Kill `runs` recorders while the venues' orders move, then let one record to its end after they have stopped.

    `wrong_clocks`: each recorder has a clock that is wrong, and some have one that jumps.
    """
    chance = random.Random(seed)
    soaked = Soaked(folder, wrong_clocks=random.Random(seed) if wrong_clocks else None)
    with _venues(soaked, kinds, seed, rate) as venues:
        for number in range(runs):
            _record_and_kill(soaked, chance, number, longest_s)
        with _recorder(soaked, "last") as recorder:
            _until_covered(soaked)
            time.sleep(watch_s)
            _send_line(venues, "quiet")
            _until(lambda: knows_the_end(soaked))
            _until_covered(soaked)
            recorder.send_signal(signal.SIGTERM)
            code = recorder.wait(DEADLINE_S)
        assert code == -signal.SIGTERM, (code, soaked.stderr[-1])
    return soaked


def _until_covered(soaked: Soaked) -> None:
    """Wait until the recording has no open gap, as long as that may take."""
    _until(lambda: _is_covered(soaked))


def _until(condition: Callable[[], bool]) -> None:
    """Wait until that is so, or for so long that the proof finds what is wrong."""
    give_up_s = time.monotonic() + COVERED_S
    while time.monotonic() < give_up_s and not condition():
        time.sleep(0.1)


def _is_covered(soaked: Soaked) -> bool:
    if not soaked.recording.exists() or not soaked.recording.stat().st_size:
        return False
    venues = check(soaked.files).venues.values()
    return bool(venues) and all(venue.open_gap is None and venue.first_live is not None for venue in venues)


@contextmanager
def _venues(soaked: Soaked, kinds: Sequence[str], seed: int, rate: float) -> Iterator["subprocess.Popen[str]"]:
    options = [
        "--config",
        str(soaked.config),
        "--journal",
        str(soaked.journal),
        "--seed",
        str(seed),
        "--rate",
        str(rate),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.soak.venues", *kinds, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        _wait_for(process, "ready")
        yield process
        process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def _send_line(process: "subprocess.Popen[str]", wanted: str) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    _wait_for(process, wanted)


def _wait_for(process: "subprocess.Popen[str]", wanted: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == f"{wanted}\n"


def _record_and_kill(soaked: Soaked, chance: random.Random, number: int, longest_s: float) -> None:
    live_s = chance.uniform(SHORTEST_S, longest_s)
    options = ["--rotate", "48K"] if chance.random() < 0.15 else []
    hangs_up = chance.random() < 0.2 and live_s > 2.0
    with _recorder(soaked, str(number), *options) as recorder:
        if hangs_up:
            time.sleep(live_s - 0.3)
            recorder.send_signal(signal.SIGHUP)
            live_s = chance.uniform(0.0, 0.3)
        if number == 0:
            # What ended before the first `live` is no part of the recording, however slow this machine is.
            _until_covered(soaked)
        time.sleep(live_s)
        assert recorder.poll() is None, (soaked.folder / f"{number}.err").read_text()
        recorder.kill()
        soaked.kills += 1
        soaked.rotations += hangs_up or bool(options)


@contextmanager
def _recorder(soaked: Soaked, name: str, *options: str) -> Iterator[Process]:
    files: list[str | Path] = ["--config", soaked.config, "--record", soaked.recording]
    err = soaked.folder / f"{name}.err"
    with err.open("wb") as stderr, open(os.devnull, "wb") as stdout:
        command = running(
            "tail", *files, "-o", "json", *options, env=soaked.clock(), stdout=stdout.fileno(), stderr=stderr.fileno()
        )
        with command as process:
            yield process
    soaked.stderr.append(err.read_text())
