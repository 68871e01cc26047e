"""The commands in one command line; what they raise becomes one line on stderr and an exit code."""

import typer

from ordwatch import __version__, system
from ordwatch.cli import check, demo, messages, replay, schema, simulate, tail, verify
from ordwatch.cli.process import Killed, die_by, leave_threads, raise_on_signals
from ordwatch.errors import OrdwatchError, ReaderGone

_VARIABLES = "Each option can also come from a variable such as ORDWATCH_TAIL_OUTPUT."

app = typer.Typer(
    name="ordwatch",
    help="""\b
    Watch the order streams of several trading venues: every update once, every gap named.

    \b
    Examples:
      ordwatch demo                                  try it: no account, no configuration
      ordwatch check                                 is everything in place?
      ordwatch tail                                  a live table of your orders
      ordwatch tail | jq -c 'select(.final)'         JSON lines for other programs
      ordwatch tail --once --open -o text            what is open now
      ordwatch tail --until 16:10 --record day.jsonl -q
    """,
    context_settings={"auto_envvar_prefix": "ORDWATCH", "help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command(short_help="Show the order updates of the configured venues.", epilog=_VARIABLES)(tail.tail)
app.command(short_help="The same against built-in simulators: no account needed.", epilog=_VARIABLES)(demo.demo)
app.command(short_help="Run simulators of venues alone.")(simulate.simulate)
app.command(short_help="Check configuration, secrets and every venue.")(check.check)
app.command(short_help="Show a recording, or emit it again.", epilog=_VARIABLES)(replay.replay)
app.command(short_help="Say what a recording proves.")(verify.verify)
app.command(short_help="Print the JSON Schema of the records.")(schema.schema)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ordwatch {__version__}")
        raise typer.Exit


_VERSION = typer.Option(
    False, "--version", callback=_show_version, is_eager=True, show_envvar=False, help="Show the version."
)


@app.callback()
def _options(version: bool = _VERSION) -> None:
    pass


def run(args: list[str]) -> int:
    """Run one command line; gives the exit code, unless the process ends by a signal."""
    raise_on_signals()
    said = messages.set_up()
    killed_by: int | None = None
    code = 0
    try:
        typer.main.get_command(app).main(args, prog_name="ordwatch")
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except Killed as killed:
        killed_by = killed.signal
    except (ReaderGone, BrokenPipeError):
        killed_by = system.SIGPIPE
    except OrdwatchError as exc:
        messages.log.error("%s", exc)
        code = exc.exit_code
    except Exception:  # noqa: BLE001 - a bug; the exit code is 1, and the line says where
        messages.log.exception("internal error")
        code = 1
    said.close()
    if killed_by is not None:
        die_by(killed_by)
    leave_threads(code)
    return code
