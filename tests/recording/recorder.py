"""A process that records until it is killed, or until its stdin ends; says what it did on stdout."""

import asyncio
import sys
from pathlib import Path

from ordwatch.core.errors import RecordingBusy
from ordwatch.core.records import for_outputs
from ordwatch.recording.sink import Recording
from tests.recording.told import alive, end, link, lost, order, start


async def record_for_ever(recording: Recording, path: Path) -> None:
    recording.start()
    recording.write(for_outputs([start(), link("live", 1)]))
    enough = size(path) + 50_000
    said = False
    for n in range(1_000_000):
        recording.write(for_outputs([order(str(n % 50), second=2, filled=str(n)), alive(2 + n / 1000, updates=n + 1)]))
        await asyncio.sleep(0.0001)
        if not said and size(path) > enough:
            said = True
            print("recording", flush=True)


def size(path: Path) -> int:
    return path.stat().st_size


async def hold(recording: Recording) -> None:
    recording.start()
    recording.write(for_outputs([start(), link("live", 1), lost(2)]))
    print("recording", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    recording.write(for_outputs([end(3)]))
    await recording.close()


def main() -> None:
    path = Path(sys.argv[2])
    recording = Recording(path)
    try:
        recording.open()
    except RecordingBusy:
        print("busy", flush=True)
        sys.exit(RecordingBusy.exit_code)
    asyncio.run(record_for_ever(recording, path) if sys.argv[1] == "for-ever" else hold(recording))


main()
