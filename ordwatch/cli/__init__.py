"""The command line. One file for each command; the only place that prints errors and picks exit codes.

`main` imports next to nothing itself, so that `ordwatch --version` costs no more than Python's own start.
"""

import os
import sys

from ordwatch import __version__
from ordwatch.cli.process import disable_key_log, hold_hangup, open_standard_descriptors


def main() -> int:
    """Run the command line of this process; gives the exit code."""
    # First of all: whoever rotates recordings sends SIGHUP to one that is just starting, too.
    hold_hangup()
    open_standard_descriptors()
    if sys.argv[1:] == ["--version"]:
        print(f"ordwatch {__version__}")  # noqa: T201 - the answer itself
        return 0
    disable_key_log(os.environ)
    from ordwatch.cli.app import run

    return run(sys.argv[1:])
