"""`ordwatch simulate`: runs simulators and writes the configuration for connecting to them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ordwatch import system
from ordwatch.cli import options as opt
from ordwatch.cli.process import Killed, write_out
from ordwatch.cli.stderr import log, set_up
from ordwatch.core.errors import OutputRefused
from ordwatch.venues import REGISTRY


def simulate(
    venue: Annotated[list[str], typer.Argument(metavar="VENUE...", help=f"Kinds of venues: {', '.join(REGISTRY)}.")],
    *,
    write_config: Annotated[
        Path | None, opt.option("--write-config", metavar="FILE", help="Write the configuration to this new file.")
    ] = None,
    duration: opt.Duration = None,
    speed: opt.Speed = 1.0,
    seed: opt.Seed = 0,
    messages: opt.MessageOptions,
) -> None:
    """\b
    Examples:
      ordwatch simulate opend coinw --write-config sim.yaml &
      ordwatch tail --config sim.yaml

    Run simulators of venues on loopback until stopped, and print the configuration for connecting to them.
    """
    set_up(messages.level)
    # Imported here: `ordwatch --help` and usage errors need no engine.
    from ordwatch.cli.running import run_to_end
    from ordwatch.cli.simulators import chosen_kinds

    kinds = chosen_kinds(venue)
    ended_by = run_to_end(_simulate(kinds, write_config, duration, speed=speed, seed=seed))
    if ended_by is not None:
        raise Killed(ended_by)


async def _simulate(
    kinds: Sequence[str], path: Path | None, duration_s: float | None, *, speed: float, seed: int
) -> int | None:
    """Simulate until a signal, whose number it returns, or for some seconds."""
    import asyncio

    from ordwatch.cli.running import stop_on_signals
    from ordwatch.cli.simulators import run_simulators
    from ordwatch.simulators.setup import config_text

    ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    stop_on_signals(lambda _reason, number: ended.set_result(number))
    async with run_simulators(kinds, seed=seed, speed=speed) as hosts:
        blocks = {str(block["kind"]): block for block in (each.settings() for each in hosts)}
        text = config_text(blocks, [block for each in hosts for block in each.alternatives()])
        if path is None:
            write_out(text.rstrip())
        else:
            write_private(path, text)
            log.info("%s: written", path)
        try:
            return await asyncio.wait_for(ended, duration_s)
        except TimeoutError:
            return None


def write_private(path: Path, text: str) -> None:
    """Write a new file that only the user can read.

    Raises:
        OutputRefused: The file exists already, or cannot be created.
    """
    try:
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | system.open_flags("CLOEXEC", "NOFOLLOW"), 0o600
        )
    except OSError as exc:
        raise OutputRefused(f"cannot create {path}: {(exc.strerror or 'error').lower()}") from None
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
