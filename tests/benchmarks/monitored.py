"""The `ordwatch` command with a monitor in its event loop: how long anything else kept a 5 ms timer waiting.

Run as a process: FILE ARGUMENT...; at its end FILE has {"stall_ms": ..., "busy_ms": ..., "process_ms": ...}. `stall_ms`
is the longest delay by the clock, and includes the time for which a busy machine did not run this process; `busy_ms` is
the CPU time of this thread within one such delay, the longest one; `process_ms` is the same of all threads: one that
sorts or collects garbage holds up the others.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

TICK_S = 0.005


class Monitor:
    """Measures while it runs in the event loop."""

    def __init__(self) -> None:
        self.stall_s = self.busy_s = self.process_s = 0.0

    async def watch(self) -> None:
        while True:
            began_s, used_s, process_s = time.monotonic(), time.thread_time(), time.process_time()
            await asyncio.sleep(TICK_S)
            self.stall_s = max(self.stall_s, time.monotonic() - began_s - TICK_S)
            self.busy_s = max(self.busy_s, time.thread_time() - used_s)
            self.process_s = max(self.process_s, time.process_time() - process_s)


def main() -> None:
    """Run the command with these arguments."""
    path, *arguments = sys.argv[1:]
    # The first REST request and the first drawing would import them, which is measured with the start of commands.
    import ordwatch.engine.http_client
    import ordwatch.outputs.screen  # noqa: F401
    from ordwatch.cli import main as command
    from ordwatch.engine.run import Run

    monitor, run = Monitor(), Run.run

    async def monitored(self: Run) -> object:
        task = asyncio.create_task(monitor.watch())
        try:
            return await run(self)
        finally:
            task.cancel()

    Run.run = monitored  # type: ignore[method-assign,assignment]  # the one place where nothing is measured but this
    sys.argv = ["ordwatch", *arguments]
    try:
        command()
    finally:
        found = {"stall_ms": monitor.stall_s, "busy_ms": monitor.busy_s, "process_ms": monitor.process_s}
        Path(path).write_text(json.dumps({name: seconds * 1e3 for name, seconds in found.items()}))


if __name__ == "__main__":
    main()
