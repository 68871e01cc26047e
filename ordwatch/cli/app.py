"""All commands in one command line. An exception becomes one line on stderr and an exit code.

Only the command that is called is imported: the others are known by name and one line of help.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from importlib import import_module

import typer

from ordwatch import __version__, system
from ordwatch.cli.help import PlainCommand
from ordwatch.cli.process import Killed, end_on_hangup, exit_by_signal, exit_despite_threads, raise_on_signals
from ordwatch.cli.stderr import log, set_up
from ordwatch.cli.values import ReadingGroup, command_class, reader
from ordwatch.core.errors import ConfigError, OrdwatchError, ReaderClosed

COMMANDS = {
    "tail": "Show the order updates of the venues in the configuration.",
    "demo": "Show updates from built-in simulators; no account needed.",
    "simulate": "Run the simulators only.",
    "init": "Write the commented example configuration.",
    "check": "Check configuration, secrets and every venue.",
    "wait": "Wait until an order reaches a status.",
    "follow": "Show what collectors on other machines publish.",
    "stream": "Make the NATS stream, or show its collectors.",
    "replay": "Show a recording again.",
    "verify": "Check whether a recording is complete.",
    "status": "Check whether a recording's session is healthy.",
    "schema": "Print the JSON Schema of the records.",
}
"""The help of each command. Its function has the same name, and so has its module here."""

GROUPS = {"stream": {"create": "Make the stream.", "status": "Show the collectors and what they cover."}}
"""Commands that have commands of their own: these are the functions of its module, with their help."""


def command_line(names: Collection[str] = tuple(COMMANDS)) -> typer.Typer:
    """The command line; of the commands with other names only the help in the list of commands is right."""
    app = typer.Typer(
        name="ordwatch",
        cls=ReadingGroup,
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
    app.callback()(_options)
    for name, short_help in COMMANDS.items():
        if name in names and name in GROUPS:
            group = typer.Typer(cls=ReadingGroup, help=short_help, no_args_is_help=True, rich_markup_mode=None)
            for inner, inner_help in GROUPS[name].items():
                _add(group, name, inner_help, inner)
            app.add_typer(group, name=name, short_help=short_help)
        elif name in names:
            _add(app, name, short_help, name)
        else:
            app.command(name, cls=PlainCommand, short_help=short_help)(_not_loaded)
    return app


def _add(app: typer.Typer, module: str, short_help: str, name: str) -> None:
    # Imported here: their imports take longer than the help of all commands.
    from ordwatch.cli.option_groups import with_single_options

    prefix = "_".join(dict.fromkeys((module, name))).upper()
    variables = f"Each option can also come from a variable: --output from ORDWATCH_{prefix}_OUTPUT."
    command = with_single_options(getattr(import_module(f"ordwatch.cli.{module}"), name))
    options = command.__annotations__
    cls = command_class({name: reader(annotation) for name, annotation in options.items()})
    app.command(name, cls=cls, short_help=short_help, epilog=variables if "output" in options else None)(command)


def _not_loaded() -> None:
    raise AssertionError("the command was not imported")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ordwatch {__version__}")
        raise typer.Exit


_VERSION = typer.Option(
    False, "--version", callback=_show_version, is_eager=True, show_envvar=False, help="Show the version."
)


def _options(context: typer.Context, version: bool = _VERSION) -> None:
    if context.invoked_subcommand not in ("tail", "follow"):  # these decide: a recording rotates on SIGHUP
        end_on_hangup()


def called(args: Sequence[str], environ: Mapping[str, str]) -> set[str]:
    """The commands that may be called by these arguments, or that the shell completes."""
    completed = f"{environ.get('COMP_WORDS', '')} {environ.get('_TYPER_COMPLETE_ARGS', '')}".split()
    return COMMANDS.keys() & {*args[:1], *completed}


def run(args: list[str]) -> int:
    """Run one command line and return its exit code, unless the process ends by a signal."""
    raise_on_signals()
    stderr = set_up()
    killed_by: int | None = None
    code = 0
    try:
        app = command_line(called(args, os.environ))
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
