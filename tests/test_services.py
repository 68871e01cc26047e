"""The README's unit, and its stanza for logrotate, as the real programs take them; skipped where they are missing."""

import re
import shutil
import signal
import subprocess
from pathlib import Path
from time import monotonic, sleep

import pytest

from ordwatch.recording.verify import check
from ordwatch.venues import REGISTRY
from tests.support.process import COMMAND, DEADLINE_S, Simulated, end, running

README = (Path(__file__).parents[1] / "README.md").read_text()
[UNIT] = re.findall(r"```ini\n(.*?)```", README, re.DOTALL)
[LOGROTATE] = re.findall(r"```\n(/var/lib/ordwatch/orders.jsonl \{.*?)```", README, re.DOTALL)
INSTALLED = "/opt/ordwatch/bin/ordwatch"

with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")


def analyzed(tmp_path: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    """What systemd-analyze says of the unit, with the command that is installed here."""
    unit = tmp_path / "ordwatch.service"
    unit.write_text(UNIT.replace(INSTALLED, str(COMMAND)))
    return subprocess.run(
        ["systemd-analyze", *args, unit], capture_output=True, timeout=DEADLINE_S, encoding="utf-8", check=False
    )


@with_systemd
def test_unit_is_valid(tmp_path: Path) -> None:
    done = analyzed(tmp_path, "verify")

    assert (done.returncode, done.stderr) == (0, "")


@with_systemd
def test_exposure_of_the_unit_is_below_four(tmp_path: Path) -> None:
    done = analyzed(tmp_path, "security", "--offline=true", "--threshold=39")

    assert done.returncode == 0, done.stdout[-200:]


def test_hangup_goes_to_the_main_process_of_the_service() -> None:
    assert "ExecReload=/bin/kill -HUP $MAINPID\n" in UNIT
    assert "systemctl reload ordwatch.service\n" in LOGROTATE


def until_holds(path: Path, text: str) -> None:
    """Wait until the text is in the file."""
    last_s = monotonic() + DEADLINE_S
    while not (path.exists() and text in path.read_text()):
        assert monotonic() < last_s
        sleep(0.01)


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="no logrotate")
def test_logrotate_leaves_two_files_that_are_one_recording(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    tmp_path.chmod(0o700)
    with (
        Simulated(list(REGISTRY)[1:2], tmp_path / "config.yaml") as simulated,
        running("tail", "--config", simulated.path, "--record", path, "-q") as recorder,
    ):
        until_holds(path, '"state":"live"')
        stanza = LOGROTATE.replace("/var/lib/ordwatch/orders.jsonl", str(path)).replace(" ordwatch ordwatch", "")
        (tmp_path / "conf").write_text(
            stanza.replace("systemctl reload ordwatch.service", f"/bin/kill -HUP {recorder.pid}")
        )
        (tmp_path / "conf").chmod(0o600)
        subprocess.run(
            ["logrotate", "--force", "--state", tmp_path / "state", tmp_path / "conf"],
            check=True, timeout=DEADLINE_S, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )  # fmt: skip
        until_holds(path, '"type":"rotated_from"')
        ended = end(recorder, signal.SIGTERM)

    verdict = check([path, tmp_path / "orders.jsonl.1"])
    assert (ended.code, ended.err) == (-signal.SIGTERM, "")
    assert (verdict.exit_code, verdict.first_seq, verdict.damage, verdict.unclean_ends) == (0, 1, [], 0)
