"""All commands in one command line. An exception becomes one line on stderr and an exit code."""

from collections.abc import Callable

import typer

from ordwatch import __version__, system
from ordwatch.cli import check, demo, init, replay, schema, simulate, status, stream, tail, verify, wait
from ordwatch.cli.help import PlainCommand, PlainGroup
from ordwatch.cli.option_groups import with_single_options
from ordwatch.cli.process import Killed, end_on_hangup, exit_by_signal, exit_despite_threads, raise_on_signals
from ordwatch.cli.stderr import log, set_up
from ordwatch.core.errors import ConfigError, OrdwatchError, ReaderClosed

app = typer.Typer(
    name="ordwatch",
    cls=PlainGroup,
    help="""\b
    Watch the order streams of several trading venues:
    every update once, every gap reported.

    \b
    Examples:
      ordwatch demo                           try it: no account, no configuration
      ordwatch check                          is everything in place?
      ordwatch tail                           a live table of your orders
      ordwatch tail | jq -c 'select(.final)'  JSON lines for other programs
      ordwatch tail --once --open -o text     what is open now
      ordwatch tail --until 16:10 --record day.jsonl -q
    """,
    context_settings={"auto_envvar_prefix": "ORDWATCH", "help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


_stream = typer.Typer(
    name="stream",
    cls=PlainGroup,
    help="Make the NATS stream that recordings are published to, or show how its collectors are.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _add(command: Callable[..., None], short_help: str, to: typer.Typer = app) -> None:
    name = command.__name__
    variables = f"Each option can also come from a variable: --output from ORDWATCH_{name.upper()}_OUTPUT."
    command = with_single_options(command)
    takes_output = "output" in command.__annotations__
    to.command(cls=PlainCommand, short_help=short_help, epilog=variables if takes_output else None)(command)


_add(tail.tail, "Show the order updates of the venues in the configuration.")
_add(demo.demo, "Show updates from built-in simulators; no account needed.")
_add(simulate.simulate, "Run the simulators only.")
_add(init.init, "Write the commented example configuration.")
_add(check.check, "Check configuration, secrets and every venue.")
_add(wait.wait, "Wait until an order reaches a status.")
_add(replay.replay, "Show a recording again.")
_add(verify.verify, "Check whether a recording is complete.")
_add(status.status, "Check whether a recording's session is healthy.")
_add(schema.schema, "Print the JSON Schema of the records.")

_add(stream.create, "Make the stream.", _stream)
_add(stream.status, "Show the collectors and what they cover.", _stream)
app.add_typer(_stream, short_help="Make the NATS stream of published recordings, or show its state.")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ordwatch {__version__}")
        raise typer.Exit


_VERSION = typer.Option(
    False, "--version", callback=_show_version, is_eager=True, show_envvar=False, help="Show the version."
)


@app.callback()
def _options(context: typer.Context, version: bool = _VERSION) -> None:
    if context.invoked_subcommand != "tail":  # `tail` decides itself: a recording rotates on SIGHUP
        end_on_hangup()


def run(args: list[str]) -> int:
    """Run one command line and return its exit code, unless the process ends by a signal."""
    raise_on_signals()
    stderr = set_up()
    killed_by: int | None = None
    code = 0
    try:
        typer.main.get_command(app).main(args, prog_name="ordwatch")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except Killed as killed:
        killed_by = killed.signal
    except (ReaderClosed, BrokenPipeError):
        killed_by = system.SIGPIPE
    except ConfigError as exc:
        for message in exc.messages:  # each of them, although they may look alike
            stderr.write_line(f"ordwatch: {message}")
        code = exc.exit_code
    except OrdwatchError as exc:
        log.error("%s", exc)
        code = exc.exit_code
    except Exception:  # noqa: BLE001 - a bug; the exit code is 1, and the message names the place
        log.exception("internal error")
        code = 1
    stderr.close()
    if killed_by is not None:
        exit_by_signal(killed_by)
    exit_despite_threads(code)
    return code
