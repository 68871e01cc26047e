"""`ordwatch tail`, as a process, against simulators."""

import json
import os
import re
import resource
import signal
import socket
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import IO, Any

import pytest

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.contract import Intent, Step
from tests.support.process import DEADLINE_S, Ended, Simulated, end, run, running, write_private

OPEN_ORDERS = [
    Step("bought", OrderStatus.NEW, Intent(side=Side.BUY, qty="2", price="10")),
    Step("sold", OrderStatus.NEW, Intent(side=Side.SELL, qty="3", price="11")),
    Step("sold too", OrderStatus.NEW, Intent(side=Side.SELL, qty="4", price="12")),
]


def records(out: str) -> list[dict[str, Any]]:
    """The records on stdout."""
    return [json.loads(line) for line in out.splitlines()]


def of_type(out: str, kind: str) -> list[dict[str, Any]]:
    """Those of one type."""
    return [record for record in records(out) if record["type"] == kind]


def until_live(out: IO[str]) -> None:
    """Read records until a venue is live."""
    for line in out:
        if '"state":"live"' in line:
            return
    raise AssertionError("it ended before")


def test_json_lines_are_what_a_pipe_gets(simulated: Simulated) -> None:
    simulated.play(OPEN_ORDERS)

    ended = run("tail", "--config", simulated.path, "--once")

    assert ended.code == 0
    assert [record["seq"] for record in records(ended.out)] == list(range(1, len(ended.lines) + 1))
    assert {record["type"] for record in records(ended.out)} == {"order"}


def test_metrics_are_written_beside_the_stream(simulated: Simulated, tmp_path: Path) -> None:
    ended = run("tail", "--config", simulated.path, "--once", "--metrics", tmp_path / "ordwatch.prom")

    assert ended.code == 0
    assert "ordwatch_venue_updates_total{" in (tmp_path / "ordwatch.prom").read_text()


@pytest.mark.parametrize("target", ["taken port", "missing/x.prom"])
def test_metrics_that_cannot_be_given_end_it_before_anything_else(
    simulated: Simulated, tmp_path: Path, target: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}" if target == "taken port" else tmp_path / target

        ended = run("tail", "--config", simulated.path, "--metrics", place, "--record", tmp_path / "day.jsonl")

    assert (ended.code, simulated.connections) == (73, 0)
    assert not (tmp_path / "day.jsonl").exists()


def test_all_records_begin_and_end_with_the_session(simulated: Simulated) -> None:
    ended = run("tail", "--config", simulated.path, "--once", "--records", "all")

    assert [record["state"] for record in of_type(ended.out, "session")] == ["start", "end"]
    assert (records(ended.out)[0]["type"], records(ended.out)[-1]["type"]) == ("session", "session")


def test_the_session_has_the_fingerprint_of_the_configuration(simulated: Simulated) -> None:
    ended = run("tail", "--config", simulated.path, "--once", "--records", "all")

    assert re.fullmatch("[0-9a-f]{64}", records(ended.out)[0]["config_sha256"])


def test_text_is_one_plain_line_for_each_record(simulated: Simulated) -> None:
    simulated.play(OPEN_ORDERS)

    ended = run("tail", "--config", simulated.path, "--once", "-o", "text")

    assert ended.lines
    assert all(" ORDER " in line and "\x1b" not in line for line in ended.lines)


def test_a_table_in_a_pipe_is_the_last_state_once_and_without_escapes(simulated: Simulated) -> None:
    simulated.play(OPEN_ORDERS)

    ended = run("tail", "--config", simulated.path, "--once", "-o", "table", env={"FORCE_COLOR": "1", "TERM": "xterm"})

    assert "FILLED / QTY" in ended.out
    assert "\x1b" not in ended.out


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"])
def test_no_variable_makes_a_live_table_of_a_pipe(simulated: Simulated, variable: str) -> None:
    simulated.play(OPEN_ORDERS)

    ended = run("tail", "--config", simulated.path, "--once", env={variable: "1", "TERM": "xterm"})

    assert {record["type"] for record in records(ended.out)} == {"order"}


def test_no_color_is_stronger_than_forced_colour(simulated: Simulated) -> None:
    simulated.play(OPEN_ORDERS)
    variables = {"NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "xterm"}

    ended = run("tail", "--config", simulated.path, "--once", "-o", "text", env=variables)

    assert ended.lines
    assert "\x1b" not in ended.out


def test_a_run_ends_after_so_many_orders_were_shown(simulated: Simulated) -> None:
    simulated.play(OPEN_ORDERS)

    ended = run("tail", "--config", simulated.path, "--max-events", "2")

    assert (ended.code, len(of_type(ended.out, "order"))) == (0, 2)


def test_filters_narrow_what_is_shown(simulated: Simulated) -> None:
    simulated.play(OPEN_ORDERS)

    ended = run("tail", "--config", simulated.path, "--once", "--open", "--side", "sell")

    assert {(record["final"], record["side"]) for record in records(ended.out)} == {(False, "SELL")}


def test_raw_holds_what_the_venue_sent(simulated: Simulated) -> None:
    simulated.play(OPEN_ORDERS)

    ended = run("tail", "--config", simulated.path, "--once", "--raw")

    assert all(isinstance(record["raw"], dict) for record in records(ended.out))


def test_only_the_venues_that_are_named_are_watched(two_simulated: Simulated) -> None:
    name = list(two_simulated.hosts)[1]

    ended = run("tail", "--config", two_simulated.path, "--once", "--records", "all", "--venue", name)

    assert records(ended.out)[0]["venues"] == [name]


def test_options_can_come_from_variables(simulated: Simulated) -> None:
    variables = {"ORDWATCH_TAIL_ONCE": "1", "ORDWATCH_TAIL_RECORDS": "all", "ORDWATCH_CONFIG": str(simulated.path)}

    ended = run("tail", env=variables)

    assert (ended.code, records(ended.out)[0]["type"]) == (0, "session")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly_and_is_what_it_died_by(simulated: Simulated, number: signal.Signals) -> None:
    with running("tail", "--config", simulated.path, "--records", "all") as process:
        assert process.stdout is not None
        until_live(process.stdout)

        ended = end(process, number)

    assert ended.code == -number
    assert (records(ended.out)[-1]["type"], records(ended.out)[-1]["reason"]) == ("session", number.name)
    assert ended.err == ""


def hanging_up_at_start(simulated: Simulated) -> None:
    """Let the command that gives a secret send SIGHUP to the process that starts."""
    text = simulated.path.read_text()
    key = re.search("api_key: (.*)", text)
    assert key is not None
    simulated.path.write_text(
        text.replace(key[1], f"{{command: [sh, -c, 'kill -HUP $PPID; printf %s \"$0\"', {key[1]}]}}", 1)
    )


def test_a_hangup_during_start_up_ends_no_recorder(simulated: Simulated, tmp_path: Path) -> None:
    hanging_up_at_start(simulated)
    recording = tmp_path / "day.jsonl"
    run("tail", "--config", simulated.path, "--once", "--record", recording)

    ended = run("tail", "--config", simulated.path, "--once", "--record", recording)

    assert (ended.code, ended.err) == (0, "")
    assert len(list(tmp_path.glob("day.jsonl.1-*"))) == 1
    assert run("verify", *tmp_path.glob("day.jsonl*")).code == 0


def test_a_hangup_while_modules_are_imported_ends_no_recorder(simulated: Simulated, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class HangUp:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            os.kill(os.getpid(), signal.SIGHUP)\n"
        "sys.meta_path.insert(0, HangUp())\n"
    )
    variables = {"PYTHONPATH": str(tmp_path)}

    ended = run("tail", "--config", simulated.path, "--once", "--record", tmp_path / "day.jsonl", env=variables)

    assert (ended.code, ended.err) == (0, "")


def test_a_hangup_during_start_up_ends_what_does_not_record(simulated: Simulated) -> None:
    hanging_up_at_start(simulated)

    ended = run("tail", "--config", simulated.path)

    assert ended.code == -signal.SIGHUP


def test_a_hangup_that_is_ignored_ends_nothing(simulated: Simulated) -> None:
    with running("tail", "--config", simulated.path, "--records", "all", before=ignore_hangups) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)

        ended = end(process, signal.SIGTERM)

    assert ended.code == -signal.SIGTERM


def ignore_hangups() -> None:
    """As nohup does."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def test_a_reader_that_leaves_ends_it_quietly(simulated: Simulated) -> None:
    with running("tail", "--config", simulated.path, "--records", "all") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        simulated.play(OPEN_ORDERS)

        code, err = process.wait(DEADLINE_S), process.stderr.read()

    assert (code, err) == (-signal.SIGPIPE, "")


def test_secrets_stand_in_no_output(simulated: Simulated) -> None:
    secrets = re.findall(r"(?:api_key|secret_key): '?([^'\n]+)", simulated.path.read_text())

    ended = run("tail", "--config", simulated.path, "--once", "--records", "all", "--raw", "-vv")

    assert secrets
    assert not [secret for secret in secrets if secret in ended.out + ended.err]


def test_a_venue_that_is_not_configured_is_named_with_the_nearest(simulated: Simulated) -> None:
    [name] = simulated.hosts

    ended = run("tail", "--config", simulated.path, "--venue", name[:-1])

    assert ended.code == 2
    assert ended.err.endswith(f"did you mean `{name}`?\n")
    assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_configuration_that_others_can_read_connects_nothing(simulated: Simulated, mode: int) -> None:
    simulated.path.chmod(mode)

    ended = run("tail", "--config", simulated.path, "--once")

    assert ended.code == 78
    assert ended.err == f"ordwatch: {simulated.path}: mode {mode:04o}, must be 0600 (chmod 600 {simulated.path})\n"
    assert simulated.connections == 0


def test_a_configuration_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    ended = run("tail", env={"HOME": str(tmp_path)})

    assert ended.code == 78
    assert ended.err.startswith(f"ordwatch: {tmp_path}/.config/ordwatch/config.yaml: no such file or directory")


def test_nobody_there_within_the_time_to_connect_is_reported_by_the_code(simulated: Simulated) -> None:
    simulated.do(lambda: next(iter(simulated.hosts.values())).refuse())

    ended = run("tail", "--config", simulated.path, "--connect-timeout", "0.3")

    assert ended.code == 69
    assert "no venue became live in time" in ended.err


def test_once_shows_who_answered_and_names_who_did_not(two_simulated: Simulated) -> None:
    there, away = two_simulated.hosts
    two_simulated.play(OPEN_ORDERS)
    two_simulated.do(two_simulated.hosts[away].refuse)

    ended = run("tail", "--config", two_simulated.path, "--once", "--connect-timeout", "2", "-q")

    assert ended.code == 69
    assert {order["venue"] for order in of_type(ended.out, "order")} == {there}
    never, reason = ended.err.splitlines()
    assert never.startswith(f"ordwatch: {away}: never was live: ")
    assert reason == "ordwatch: not every venue has answered in time"


def test_a_venue_that_never_was_live_is_named_also_with_few_messages(simulated: Simulated) -> None:
    [name] = simulated.hosts
    simulated.do(simulated.hosts[name].refuse)

    ended = run("tail", "--config", simulated.path, "--duration", "0.5", "-q")

    assert (ended.code, ended.out) == (0, "")
    assert re.fullmatch(rf"ordwatch: {name}: never was live: .+\n", ended.err)


def test_a_gap_that_fails_the_run_is_named_also_with_few_messages(simulated: Simulated) -> None:
    [name] = simulated.hosts
    with running(
        "tail", "--config", simulated.path, "--records", "all", "--fail-on-gap", "--duration", "3", "-q"
    ) as tail:
        assert tail.stdout is not None
        until_live(tail.stdout)
        simulated.do(simulated.hosts[name].refuse)
        simulated.do(simulated.hosts[name].drop)

        _, err = tail.communicate(timeout=DEADLINE_S)

    assert tail.returncode == 3
    assert re.fullmatch(
        rf"ordwatch: {name}: uncertain: \S+Z to \S+Z \(.+\); gap \S+ was not closed when the run ended\n", err
    )


def test_plain_text_off_loopback_is_refused(tmp_path: Path, simulated: Simulated) -> None:
    elsewhere = write_private(tmp_path / "elsewhere.yaml", simulated.path.read_text().replace("127.0.0.1", "192.0.2.1"))

    ended = run("tail", "--config", elsewhere, "--once")

    assert ended.code == 78
    assert "allow_plaintext" in ended.err


def test_plain_text_that_is_allowed_is_warned_of_at_each_start(simulated: Simulated) -> None:
    simulated.path.write_text(simulated.path.read_text() + "    allow_plaintext: true\n")

    ended = run("tail", "--config", simulated.path, "--once")

    assert (ended.code, ended.err.count("allow_plaintext is set")) == (0, 1)


@pytest.mark.parametrize("variable", ["SSLKEYLOGFILE", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"])
def test_a_variable_that_would_redirect_traffic_is_ignored_with_a_warning(
    simulated: Simulated, tmp_path: Path, variable: str
) -> None:
    ended = run("tail", "--config", simulated.path, "--once", env={variable: str(tmp_path / "keys")})

    assert ended.code == 0
    assert f"ordwatch: {variable} is set and ignored" in ended.err
    assert not (tmp_path / "keys").exists()


def test_a_recording_stands_beside_what_is_shown(simulated: Simulated, tmp_path: Path) -> None:
    simulated.play(OPEN_ORDERS)
    recording = tmp_path / "day.jsonl"

    ended = run("tail", "--config", simulated.path, "--once", "--open", "--record", recording, "--fsync", "always")

    kinds = {json.loads(line)["type"] for line in recording.read_text().splitlines()}
    assert ended.code == 0
    assert {"session", "link", "order", "alive"} <= kinds
    assert run("verify", recording).code == 0


def test_a_recording_goes_on_where_it_ended(simulated: Simulated, tmp_path: Path) -> None:
    recording = tmp_path / "day.jsonl"
    run("tail", "--config", simulated.path, "--once", "--record", recording)

    run("tail", "--config", simulated.path, "--once", "--record", recording)

    lines = recording.read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))


def test_a_recording_goes_on_when_the_reader_of_stdout_leaves(simulated: Simulated, tmp_path: Path) -> None:
    recording = tmp_path / "day.jsonl"
    with running("tail", "--config", simulated.path, "--records", "all", "--record", recording) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        simulated.play(OPEN_ORDERS)
        warning = process.stderr.readline()
        simulated.play([Step("sold late", OrderStatus.NEW, Intent(side=Side.SELL, qty="5", price="13"))])
        process.send_signal(signal.SIGTERM)

        code, more = process.wait(DEADLINE_S), process.stderr.read()

    last = json.loads(recording.read_text().splitlines()[-1])
    assert about_stdout(warning + more) == ["ordwatch: nobody reads stdout any more; the recording continues"]
    assert (code, last["reason"], last["exit"]) == (74, "SIGTERM", 74)


@pytest.mark.parametrize("output", ["json", "text"])
def test_a_recording_goes_on_when_stdout_is_a_full_disk(simulated: Simulated, tmp_path: Path, output: str) -> None:
    simulated.play(OPEN_ORDERS)
    recording = tmp_path / "day.jsonl"

    ended = run_to_full_disk("--config", simulated.path, "-q", "-o", output, "--duration", "2", "--record", recording)

    stderr = "ordwatch: cannot write to stdout: No space left on device; the recording continues"
    last = json.loads(recording.read_text().splitlines()[-1])
    assert (ended.code, about_stdout(ended.err)) == (74, [stderr])
    assert (last["reason"], last["exit"]) == ("duration reached", 74)
    assert run("verify", recording).code == 0


@pytest.mark.parametrize("output", ["json", "text", "table"])
def test_without_a_recording_a_full_disk_ends_the_run(simulated: Simulated, output: str) -> None:
    simulated.play(OPEN_ORDERS)

    ended = run_to_full_disk("--config", simulated.path, "-o", output, "--once")

    stderr = "ordwatch: cannot write to stdout: No space left on device"
    assert (ended.code, about_stdout(ended.err)) == (74, [stderr])


def about_stdout(err: str) -> list[str]:
    """The messages that say something of stdout."""
    return [line for line in err.splitlines() if "stdout" in line]


def run_to_full_disk(*args: str | Path) -> Ended:
    """`tail` with a stdout that refuses every write."""
    with open("/dev/full", "wb") as full, running("tail", *args, stdout=full.fileno()) as process:
        _, err = process.communicate(timeout=DEADLINE_S)
    return Ended(process.returncode, "", err)


def full_pipe() -> tuple[int, int]:
    """A pipe that takes nothing more."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(65536))
    os.set_blocking(writer, True)
    return reader, writer


def test_a_reader_that_takes_nothing_is_not_waited_for_and_the_code_says_so(simulated: Simulated) -> None:
    simulated.play(OPEN_ORDERS)
    reader, writer = full_pipe()
    with running("tail", "--config", simulated.path, "-v", stdout=writer) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.endswith(": live\n"):
                break
        ended = end(process, signal.SIGTERM)
    os.close(reader)
    os.close(writer)

    stderr = "ordwatch: stdout took too little in 2 s: not all was written"
    assert (ended.code, about_stdout(ended.err)) == (74, [stderr])


def test_a_signal_while_the_disk_refuses_ends_with_the_code_of_lost_lines(simulated: Simulated, tmp_path: Path) -> None:
    recording = tmp_path / "day.jsonl"
    with running("tail", "--config", simulated.path, "--record", recording, before=no_large_files) as process:
        assert process.stderr is not None
        refused = process.stderr.readline()
        ended = end(process, signal.SIGTERM)

    assert refused.endswith("write failed (File too large); trying again every 2 s\n")
    assert ended.code == 74
    assert "could not be written" in ended.err


def no_large_files() -> None:
    """Refuse what is written beyond a few lines: as a full disk does."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))


MACOS = ["os.fdatasync", "time.CLOCK_BOOTTIME", "/proc"]
WINDOWS = [
    *MACOS,
    "fcntl",
    "resource",
    "loop.add_signal_handler",
    "os.geteuid",
    "os.fchmod",
    "os.killpg",
    "os.set_blocking",
    "os.O_NOFOLLOW",
    "os.O_CLOEXEC",
    "os.O_NONBLOCK",
    "os.O_DIRECTORY",
    "select.poll",
    "signal.SIGHUP",
    "signal.SIGPIPE",
    "signal.pthread_sigmask",
]


@pytest.mark.parametrize(
    ("missing", "code"), [(MACOS, -signal.SIGTERM), (WINDOWS, 128 + signal.SIGTERM)], ids=["macos", "windows"]
)
def test_a_recording_is_made_where_the_system_lacks_what_linux_has(
    simulated: Simulated, tmp_path: Path, missing: list[str], code: int
) -> None:
    simulated.play(OPEN_ORDERS)
    variables = without(missing, tmp_path)
    recording = tmp_path / "day.jsonl"

    with running("tail", "--config", simulated.path, "-v", "--record", recording, env=variables) as process:
        assert process.stderr is not None
        stderr = list(takewhile(lambda line: not line.endswith(": live\n"), process.stderr))
        ended = end(process, signal.SIGTERM)

    assert (ended.code, ended.err, stderr) == (code, "", [])
    assert run("verify", recording, env=variables).code == 0


def without(names: list[str], folder: Path) -> dict[str, str]:
    """Variables with which a Python lacks these names from its start on."""
    (folder / "sitecustomize.py").write_text(
        "import asyncio, asyncio.unix_events, os, pathlib, select, signal, sys, time\n"
        "def refuse(*_): raise NotImplementedError\n"
        "def read_text(path, *args, read=pathlib.Path.read_text, **kwargs):\n"
        "    if str(path).startswith('/proc/'):\n"
        "        raise FileNotFoundError(2, 'No such file or directory')\n"
        "    return read(path, *args, **kwargs)\n"
        f"for name in {names}:\n"
        "    module, _, attribute = name.partition('.')\n"
        "    if module == 'loop':\n"
        "        asyncio.unix_events._UnixSelectorEventLoop.add_signal_handler = refuse\n"
        "    elif module == '/proc':\n"
        "        pathlib.Path.read_text = read_text\n"
        "    elif attribute:\n"
        "        delattr(sys.modules[module], attribute)\n"
        "    else:\n"
        "        sys.modules[module] = None\n"
    )
    return {"PYTHONPATH": str(folder)}


def test_a_recording_that_cannot_stand_there_connects_nothing(simulated: Simulated, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    ended = run("tail", "--config", simulated.path, "--once", "--record", tmp_path / "link")

    assert ended.code == 73
    assert simulated.connections == 0
