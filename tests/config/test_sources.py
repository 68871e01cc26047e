"""Where secrets come from."""

import os
import re
import select
from collections.abc import Callable
from pathlib import Path

import pytest

from ordwatch.config import sources
from ordwatch.config.document import Tree, Unclear
from ordwatch.config.sources import Command, Env, File, Unread, fetch, read_private, secret_source
from ordwatch.core.secrets import Secret

CANARY = "cAnArY-5f3a"


def private(path: Path, data: bytes, mode: int = 0o600) -> Path:
    """A file with this content and mode."""
    path.write_bytes(data)
    path.chmod(mode)
    return path


def shell(script: str) -> Command:
    """A command that runs this script."""
    return Command(("/bin/sh", "-c", script))


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("text", Secret("text")),
        ({"env": "NAME"}, Env("NAME")),
        ({"file": "a.key"}, File("a.key")),
        ({"command": ["pass", "show", "x"]}, Command(("pass", "show", "x"))),
    ],
)
def test_a_secret_has_four_forms(value: Tree, source: object) -> None:
    assert secret_source(value) == source


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (12345678, "quote it"),
        (1.5, "quote it"),
        (True, "quote it"),
        (Unclear(), "quote it"),
        (None, "leave the key out"),
        ([], "expected a quoted string"),
        ("", "is empty"),
        ({}, "expected a quoted string"),
        ({"env": "A", "file": "b"}, "two sources"),
        ({"env": "A", "command": ["b"], "file": "c"}, "two sources"),
        ({"env": "A", CANARY: None}, "expected a quoted string"),
        ({CANARY: None}, "expected a quoted string"),
        ({"env": 5}, "expected a quoted string"),
        ({"env": ""}, "expected a quoted string"),
        ({"file": ""}, "expected a quoted string"),
        ({"command": "ls"}, "expected a quoted string"),
        ({"command": []}, "expected a quoted string"),
        ({"command": ["echo", 5]}, "put every argument"),
    ],
)
def test_another_form_is_refused_without_showing_it(value: Tree, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        secret_source(value)

    assert CANARY not in str(caught.value)


def test_a_secret_that_was_not_read_reveals_nothing() -> None:
    unread = Unread(Secret(CANARY))

    with pytest.raises(RuntimeError, match="not resolved"):
        unread.reveal()
    assert repr(unread) == "***"


def test_a_plain_secret_is_what_the_configuration_says(tmp_path: Path) -> None:
    assert fetch(Secret(" as it stands\n"), tmp_path, {}) == " as it stands\n"


def test_a_variable_is_read_from_the_environment(tmp_path: Path) -> None:
    assert fetch(Env("KEY"), tmp_path, {"KEY": "value"}) == "value"


@pytest.mark.parametrize(("environ", "said"), [({}, "variable KEY is not set"), ({"KEY": ""}, "variable KEY is empty")])
def test_a_variable_without_a_value_is_named(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fetch(Env("KEY"), tmp_path, environ)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"key", "key"),
        (b"key\n", "key"),
        (b"key\r\n", "key"),
        (b"key\n\n", "key\n"),
        (b"key\r\n\r\n", "key\r\n"),
        (b"key\r", "key\r"),
        (b" key ", " key "),
        ("schlüssel\n".encode(), "schlüssel"),
    ],
)
def test_exactly_one_line_end_of_a_file_is_removed(tmp_path: Path, data: bytes, value: str) -> None:
    private(tmp_path / "a.key", data)

    assert fetch(File("a.key"), tmp_path, {}) == value


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\r\n", "is empty"),
        (b"\xef\xbb\xbfkey", "byte-order mark"),
        (b"caf\xe9", "not UTF-8"),
        (b"a\0b", "NUL"),
        (b"x" * 100_000, "larger than"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    private(tmp_path / "a.key", data)

    with pytest.raises(ValueError, match=said):
        fetch(File("a.key"), tmp_path, {})


def test_a_path_may_begin_in_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    private(tmp_path / "a.key", b"key")

    assert fetch(File("~/a.key"), Path("/nowhere"), {}) == "key"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_for_the_user_alone_is_read(tmp_path: Path, mode: int) -> None:
    assert read_private(private(tmp_path / "a.key", b"key", mode)) == b"key"


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o666, 0o777, 0o660])
def test_a_file_for_others_too_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "a.key", b"key", mode)

    with pytest.raises(ValueError, match=re.escape(f"{path}: mode {mode:04o}, must be 0600 (chmod 600 {path})")):
        read_private(path)


def test_a_link_to_a_file_for_others_too_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(private(tmp_path / "a.key", b"key", 0o644))

    with pytest.raises(ValueError, match="mode 0644"):
        read_private(tmp_path / "link")


def test_a_link_to_a_private_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(private(tmp_path / "a.key", b"key"))

    assert read_private(tmp_path / "link") == b"key"


def test_a_file_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = private(tmp_path / "a.key", b"key")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    with pytest.raises(ValueError, match="belongs to user"):
        read_private(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _path: None, "no such file"),
        (Path.mkdir, "not a regular file"),
        (os.mkfifo, "not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.symlink_to(path), "symbolic links"),
    ],
    ids=["missing", "directory", "fifo", "device", "loop"],
)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, make: Callable[[Path], None], said: str) -> None:
    make(tmp_path / "a.key")

    with pytest.raises(ValueError, match=said):
        read_private(tmp_path / "a.key")


def test_a_command_gives_what_it_prints_without_one_line_end(tmp_path: Path) -> None:
    assert fetch(shell("printf 'key\\n\\n'"), tmp_path, {}) == "key\n"


def test_a_command_runs_without_a_shell(tmp_path: Path) -> None:
    assert fetch(Command(("printf", "%s", "$HOME;ls")), tmp_path, {}) == "$HOME;ls"


def test_a_command_runs_in_the_folder_of_the_configuration(tmp_path: Path) -> None:
    assert fetch(Command(("pwd",)), tmp_path, {}) == str(tmp_path)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (shell(f"echo {CANARY}; echo {CANARY} >&2; exit 2"), "exit status 2"),
        (shell("kill -9 $$"), "killed by signal 9"),
        (Command(("no-such-program-anywhere",)), "cannot be run: no such file"),
        (Command(("echo", "a\0b")), "cannot be run: not a command"),
        (shell("true"), "is empty"),
        (shell(f"echo {CANARY}; head -c 10000000 /dev/zero"), "printed more than"),
        (shell(": > /dev/tty"), "exit status"),
        (shell("read line"), "exit status 1"),
    ],
    ids=["fails", "killed", "missing", "malformed", "silent", "endless", "wants a terminal", "wants input"],
)
def test_a_command_that_gives_no_secret_is_refused(
    tmp_path: Path, command: Command, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        fetch(command, tmp_path, {})

    assert CANARY not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "COMMAND_S", 0.2)
    held = fifo(tmp_path / "held")

    with pytest.raises(ValueError, match="did not end within"):
        fetch(shell("sleep 600 > held & exec 1>&-; wait"), tmp_path, {})

    assert hung_up(held)


def test_a_child_left_behind_is_killed_and_not_waited_for(tmp_path: Path) -> None:
    held = fifo(tmp_path / "held")

    assert fetch(shell("exec 3> held; sleep 600 & echo key"), tmp_path, {}) == "key"

    assert hung_up(held)


def fifo(path: Path) -> int:
    """A new FIFO, open for reading."""
    os.mkfifo(path)
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)


def hung_up(descriptor: int) -> bool:
    """Whether, within 10 s, no process has the other end of the FIFO open any more."""
    poll = select.poll()
    poll.register(descriptor, 0)
    events = poll.poll(10_000)
    os.close(descriptor)
    return [event & select.POLLHUP for _, event in events] == [select.POLLHUP]
