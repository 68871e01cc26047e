"""How the progress of reading shows: as a bar, as lines, or not at all."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from ordwatch.cli.reading_progress import reading_progress
from ordwatch.cli.stderr import log
from tests.recording.samples import SESSION, alive, end, start, written
from tests.support.process import COMMAND, DEADLINE_S, run


class Clock:
    """Monotonic seconds that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "rec"
    found.write_bytes(bytes(4_000_000))
    return found


def test_line_every_ten_seconds_says_how_far_it_is(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    caplog.set_level("INFO", log.name)

    with reading_progress("verify", [path], now_s=clock) as on_read:
        for clock.now in (1.0, 9.9, 10.0, 19.9, 20.0):
            on_read(500_000)

    assert caplog.messages == ["verify: 2 MB read (38 %)", "verify: 2 MB read (62 %)"]


def test_size_that_is_not_known_has_no_percentage(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    caplog.set_level("INFO", log.name)

    with reading_progress("verify", [Path("-")], now_s=clock) as on_read:
        clock.now = 10.0
        on_read(3_000_000)

    assert caplog.messages == ["verify: 3 MB read"]


def test_quiet_shows_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    caplog.set_level("INFO", log.name)

    with reading_progress("verify", [path], quiet=True, now_s=clock) as on_read:
        clock.now = 100.0
        on_read(1)

    assert caplog.messages == []


def test_bar_on_a_terminal_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    monkeypatch.setattr(os, "isatty", lambda fd: fd == 2)
    monkeypatch.setenv("FORCE_COLOR", "1")

    with reading_progress("verify", [path], now_s=clock) as on_read:
        on_read(1_000_000)
        before = capsys.readouterr().err
        clock.now = 1.1
        on_read(1_000_000)
        on_read(1_000_000)

    after = capsys.readouterr().err
    assert before == ""
    assert "verify" in after
    assert "/4.0 MB" in after
    assert after.endswith(("\x1b[2K", "\x1b[?25h"))


def seen_on_terminal(*args: str | Path, env: dict[str, str]) -> tuple[int, str, str]:
    """Exit code, stdout, and what stderr, a terminal, has shown."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *args], stdout=subprocess.PIPE, stderr=terminal, stdin=subprocess.DEVNULL, env=env, encoding="utf-8"
    )
    os.close(terminal)
    out, _ = process.communicate(timeout=DEADLINE_S)
    shown = b""
    try:
        while chunk := os.read(main, 65536):
            shown += chunk
    except OSError:
        pass  # EIO: the other end of the terminal is closed
    os.close(main)
    return process.returncode, out, shown.decode()


def test_short_file_shows_no_bar(tmp_path: Path) -> None:
    code, out, shown = seen_on_terminal("verify", written(tmp_path / "rec", *SESSION), env={"TERM": "xterm"})

    assert (code, shown) == (0, "")
    assert out.splitlines()[-1].startswith("covered")


@pytest.mark.parametrize("command", ["verify", "replay"])
def test_commands_read_compressed_files_and_stdin(command: str, tmp_path: Path) -> None:
    path = written(tmp_path / "rec", start(), alive(5), end(6))
    subprocess.run(["gzip", "--keep", path], check=True, timeout=DEADLINE_S)

    plain, packed = run(command, path, "-o", "json"), run(command, path.with_name("rec.gz"), "-o", "json")
    piped = run(command, "-", "-o", "json", stdin=path.read_text())

    assert plain.out.replace("rec", "") == packed.out.replace("rec.gz", "")
    assert plain.out.replace(str(path), "-") == piped.out
    assert (plain.err, packed.err, piped.err) == ("", "", "")
