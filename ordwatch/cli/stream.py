"""`ordwatch stream`: makes the stream that recordings are published to, and shows how its collectors are."""

from typing import Annotated

import msgspec
import typer

from ordwatch.cli import options as opt
from ordwatch.cli.nats_options import NatsOptions
from ordwatch.cli.process import write_out
from ordwatch.cli.stderr import log, set_up
from ordwatch.core.errors import ConfigError

DIFFERS = ConfigError.exit_code
NOT_COVERED = 69


def create(
    *,
    nats: NatsOptions,
    replicas: Annotated[
        int,
        opt.option("--replicas", parser=opt.whole_number(1), metavar="N", help="Copies of each message. Default: 3."),
    ] = 3,
    max_age: Annotated[
        float | None,
        opt.option(
            "--max-age",
            parser=opt.duration,
            metavar="TIME",
            help="How long messages are kept, longer than any order lives; 0: for ever. Default: 100d.",
        ),
    ] = None,
    max_bytes: Annotated[
        int | None,
        opt.option("--max-bytes", parser=opt.whole_number(1), metavar="N", help="The oldest messages go beyond it."),
    ] = None,
    messages: opt.MessageOptions,
) -> None:
    """\b
    Examples:
      ordwatch stream create
      ordwatch stream create --server nats://127.0.0.1:4222 --replicas 1

    Make the stream that `ordwatch tail --publish` publishes to, and print what was made. One that is there is compared
    and never changed: exits 78 if it differs.
    """
    stderr = set_up(messages.level)
    from ordwatch.cli.running import run_to_end
    from ordwatch.scale import stream
    from ordwatch.scale.nats_client import connect

    settings = nats.settings(stderr)
    max_age_s = stream.MAX_AGE_S if max_age is None else max_age
    want = stream.wanted(settings.stream, replicas=replicas, max_age_s=max_age_s, max_bytes=max_bytes)

    async def made() -> tuple[stream.StreamInfo, bool]:
        async with connect(settings, name="ordwatch stream create") as connection:
            found = await stream.info(connection, settings.stream)
            return (found, False) if found is not None else (await stream.create(connection, want), True)

    found, is_new = run_to_end(made())
    differences = [] if is_new else stream.differences(found.config, want)
    write_out(f"{settings.stream}: {'made' if is_new else 'is there'}: {stream.described(found.config)}")
    for difference in differences:
        log.error("%s: %s; left as it is", settings.stream, difference)
    raise typer.Exit(DIFFERS if differences else 0)


def status(
    *, nats: NatsOptions, output: opt.ResultFormatOption = opt.ResultFormat.TEXT, messages: opt.MessageOptions
) -> None:
    """\b
    Examples:
      ordwatch stream status
      ordwatch stream status --server nats://127.0.0.1:4222 -o json | jq .venues

    Show the collectors of the stream, their venues, and whether each venue is covered by one of them. Exits 0, or 69 if
    a venue is not covered.
    """
    stderr = set_up(messages.level)
    from ordwatch.cli.running import run_to_end
    from ordwatch.scale import stream, stream_status
    from ordwatch.scale.nats_client import connect

    settings = nats.settings(stderr)

    async def found() -> stream_status.StreamStatus:
        async with connect(settings, name="ordwatch stream status") as connection:
            return await stream.status(connection, settings.stream)

    result = run_to_end(found())
    if output is opt.ResultFormat.JSON:
        write_out(msgspec.json.encode(result).decode())
    else:
        write_out(stderr.redact(stream_status.text(result)))
    raise typer.Exit(0 if result.is_covered else NOT_COVERED)
