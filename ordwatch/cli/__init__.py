"""The command line. One file for each command; the only place that prints errors and picks exit codes.

`main` imports almost nothing itself, so that `ordwatch --version` takes no longer than Python's own start.
"""

import os
import sys

from ordwatch import __version__
from ordwatch.cli.process import defer_hangup, disable_key_log, open_standard_descriptors


def main() -> int:
    """Run the command line of this process and return its exit code."""
    # Before anything else: a log rotator may send SIGHUP to a process that has just started.
    defer_hangup()
    open_standard_descriptors()
    if sys.argv[1:] == ["--version"]:
        print(f"ordwatch {__version__}")  # noqa: T201 - the answer itself
        return 0
    disable_key_log(os.environ)
    from ordwatch.cli.app import run

    return run(sys.argv[1:])
