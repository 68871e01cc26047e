"""Imports what takes long beside the event loop, not in it.

A library that is needed by some venues only is imported with the first connection that needs it. On a slow machine that
takes seconds, in which other venues must be read and signals answered.
"""

import asyncio
import importlib
from concurrent.futures import ThreadPoolExecutor

_imported: set[str] = set()
"""Not `sys.modules`: a module is there from the beginning of its import, and a second import would wait in the loop."""


async def import_in_thread(module: str) -> None:
    """Import this module in a thread, unless that was done before; after that an import statement takes no time.

    Raises:
        ImportError: It cannot be imported.
    """
    if module in _imported:
        return
    # A thread of its own: the loop's threads may all hang in name lookups.
    thread = ThreadPoolExecutor(1, "import")
    try:
        await asyncio.get_running_loop().run_in_executor(thread, importlib.import_module, module)
    finally:
        thread.shutdown(wait=False)
    _imported.add(module)
