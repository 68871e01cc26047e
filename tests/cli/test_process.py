"""The process itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ordwatch.cli.process import disable_key_log, ignored_variables


def python(code: str, *, closed: str = "") -> "subprocess.CompletedProcess[str]":
    """Run Python code with some of its standard descriptors closed by the shell."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, code],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_file_opened_later_never_becomes_a_standard_descriptor(closed: str, tmp_path: Path) -> None:
    code = (
        "import os; from ordwatch.cli.process import open_standard_descriptors as o; o();"
        f"open({str(tmp_path / 'number')!r}, 'w').write(str(os.open('/dev/null', os.O_RDONLY)));"
        "print('x', flush=True); import sys; print('y', file=sys.stderr, flush=True)"
    )

    assert python(code, closed=closed).returncode == 0
    assert int((tmp_path / "number").read_text()) > 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGHUP])
def test_it_dies_by_the_signal_even_if_that_is_blocked_or_handled(number: signal.Signals) -> None:
    code = (
        f"import signal; signal.signal({number}, lambda *_: None); signal.pthread_sigmask(0, [{number}]);"
        f"from ordwatch.cli.process import exit_by_signal; exit_by_signal({number})"
    )
    died = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)

    assert died.returncode == -number


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_anything_runs_lets_clean_ups_run(number: signal.Signals) -> None:
    code = f"""
import os
from ordwatch.cli.process import Killed, raise_on_signals
raise_on_signals()
try:
    os.kill(os.getpid(), {number})
    __import__("signal").pause()
except Killed as killed:
    print(killed.signal)
"""

    assert python(code).stdout == f"{number}\n"


HELD = """
import os, signal
from ordwatch.cli.process import Killed, defer_hangup, end_on_hangup, take_deferred_hangup
defer_hangup()

def hang_up():
    os.kill(os.getpid(), 1)

"""


def test_a_hangup_is_held_and_can_be_asked_for_once() -> None:
    code = f"{HELD}hang_up(); print(take_deferred_hangup(), take_deferred_hangup())"

    assert python(code).stdout == "True False\n"


@pytest.mark.parametrize(
    "order", ["os.kill(os.getpid(), 1); end_on_hangup()", "end_on_hangup(); os.kill(os.getpid(), 1)"]
)
def test_a_hangup_ends_what_it_need_not_be_held_for(order: str) -> None:
    code = f"""{HELD}
try:
    {order}
    signal.pause()
except Killed as killed:
    print(killed.signal)
"""

    assert python(code).stdout == "1\n"


def test_an_ignored_hangup_stays_ignored() -> None:
    code = (
        f"import signal; signal.signal(1, signal.SIG_IGN){HELD}end_on_hangup(); os.kill(os.getpid(), 1); print('here')"
    )

    assert python(code).stdout == "here\n"


@pytest.mark.parametrize("act", ["print(take_deferred_hangup())", "end_on_hangup(); print('here')"])
def test_where_there_is_no_hangup_none_is_held(act: str) -> None:
    assert python(f"import signal; del signal.SIGHUP{HELD}{act}").stdout in ("False\n", "here\n")


def test_a_thread_that_hangs_does_not_hold_the_process() -> None:
    code = """
import threading
from ordwatch.cli.process import exit_despite_threads
threading.Thread(target=threading.Event().wait).start()
print("flushed")
exit_despite_threads(7)
"""

    left = python(code)

    assert (left.returncode, left.stdout) == (7, "flushed\n")


def test_without_such_a_thread_python_ends_by_itself() -> None:
    code = "from ordwatch.cli.process import exit_despite_threads; exit_despite_threads(7); print('still here')"

    assert python(code).stdout == "still here\n"


def test_a_line_for_a_reader_that_left_ends_it_by_sigpipe() -> None:
    code = """
import os
from ordwatch.cli.process import Killed, write_out
read, write = os.pipe()
os.close(read)
os.dup2(write, 1)
try:
    write_out("text")
except Killed as killed:
    os.write(2, str(int(killed.signal)).encode())
"""

    assert python(code).stderr == str(int(signal.SIGPIPE))


def test_variables_that_would_redirect_or_reveal_traffic_are_named() -> None:
    environ = {"HTTPS_PROXY": "x", "all_proxy": "y", "NO_PROXY": "z", "SSLKEYLOGFILE": "k", "HOME": "/"}

    assert ignored_variables(environ) == ["HTTPS_PROXY", "all_proxy", "SSLKEYLOGFILE"]


def test_the_key_log_is_switched_off_but_still_known() -> None:
    environ = {"SSLKEYLOGFILE": "/tmp/keys"}  # noqa: S108 - never opened

    disable_key_log(environ)

    assert environ == {"SSLKEYLOGFILE": ""}


def test_without_a_key_log_nothing_is_set() -> None:
    environ = dict.fromkeys(["HOME"], os.sep)

    disable_key_log(environ)

    assert environ == {"HOME": os.sep}
