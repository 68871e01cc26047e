"""What a measured command took."""

import subprocess
import sys
import time

from tests.benchmarks.processes import used_by


def test_a_peak_is_that_of_the_command_and_not_of_who_started_it() -> None:
    held = b"x" * (200 * 2**20)

    command = [sys.executable, "-c", "import time; time.sleep(0.5); kept = b'x' * 2**26; time.sleep(0.5)"]
    used = used_by(subprocess.Popen(command), time.monotonic())

    assert 64 < used.peak_mib < 128 < len(held) / 2**20
