"""What holds for all tests."""

import asyncio.constants
import logging
import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings

# No test measures time: on a busy machine an example of Hypothesis takes longer than its limit of 0.2 s.
settings.register_profile("ordwatch", deadline=None)
settings.load_profile("ordwatch")

# Tests run in asyncio's debug mode for its checks. The stack that it keeps with each callback took more time than the
# tests themselves, and nobody reads it.
asyncio.constants.DEBUG_STACK_DEPTH = 0  # type: ignore[misc]  # it is marked as final

# Recordings are synced thousands of times. A disk makes the tests wait for it; what a power loss leaves of a disk they
# know from their own disks in memory.
MEMORY = Path("/dev/shm")  # noqa: S108 - Linux has it; pytest makes folders for the user alone
if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 2**30:
    tempfile.tempdir = str(MEMORY)

# The debug mode also reports each step that took 0.1 s, which is any step on a busy machine. Tests compare what
# ordwatch itself reports.
logging.getLogger("asyncio").addFilter(lambda record: not str(record.msg).startswith("Executing "))
