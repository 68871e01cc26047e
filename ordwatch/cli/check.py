"""`ordwatch check`: tests the configuration, the secrets and each venue up to its first answer.

Prints one line for each test: the result, and what to do if it failed.
"""

import json
from typing import TYPE_CHECKING

import msgspec
import typer

from ordwatch.cli import options as opt
from ordwatch.cli.check_results import CheckObserver, CheckResult, keys_of
from ordwatch.cli.configuration import read_config, resolve
from ordwatch.cli.process import Killed, write_out
from ordwatch.cli.stderr import StderrHandler, set_up
from ordwatch.core.errors import ConfigError
from ordwatch.core.escaping import safe_text
from ordwatch.venues.contract import Setup, VenueKind, VenueSettings

if TYPE_CHECKING:
    from ordwatch.config import Config

LONGEST_S = 90.0
"""A venue that has neither answered nor failed by then counts as failed."""


def check(
    config: opt.ConfigFile = None,
    venue: opt.Venues = None,
    output: opt.ResultFormatOption = opt.ResultFormat.TEXT,
    verbose: opt.Verbose = 0,
) -> None:
    """\b
    Examples:
      ordwatch check
      ordwatch check --venue coinw -o json | jq -c 'select(.verdict == "failed")'

    Check configuration, permissions and secrets, then reachability, login, subscription, query and clock of each
    venue, and of the NATS stream if the configuration has one. Changes nothing there. Exits 0, or as `tail` would after
    the first failure.
    """
    # The results name each failure, so the log need not repeat it.
    stderr = set_up(verbose if verbose else -2)
    verdicts = _checked(config, venue or [], stderr)
    for verdict in verdicts:
        write_out(stderr.redact(_line(verdict, output)))
    raise typer.Exit(next((verdict.exit_code for verdict in verdicts if verdict.exit_code), 0))


def _checked(path: "opt.ConfigFile", names: list[str], stderr: StderrHandler) -> list[CheckResult]:
    try:
        config = read_config(path, names)
    except ConfigError as exc:
        return [_mistake("configuration", message) for message in exc.messages]
    chosen = config.choose(names) if config.venues or not config.nats else []
    where = f"{config.path}: " if config.status is not None else f"no {config.path}, defaults: "
    verdicts = [CheckResult(check="configuration", verdict="ok", detail=f"{where}{', '.join(config.venues) or 'nats'}")]
    verdicts += [_shadowed(name, package) for name in chosen for package in _packages(config.venues[name][0].kind)]
    venues = []
    for name in chosen:
        try:
            venues += resolve(config, [name], stderr)
        except ConfigError as exc:
            verdicts += [_mistake("secrets", message, name) for message in exc.messages]
        else:
            verdicts.append(CheckResult(venue=name, check="secrets", verdict="ok", detail="complete, files private"))
    verdicts += _of_venues(venues) if venues else []
    return verdicts + (_of_nats(config, stderr) if config.nats is not None and not names else [])


def _of_nats(config: "Config", stderr: StderrHandler) -> list[CheckResult]:
    from ordwatch.cli.check_nats import NAME, check_nats
    from ordwatch.cli.nats_options import resolve_nats

    try:
        settings = resolve_nats(config, stderr)
    except ConfigError as exc:
        return [_mistake("secrets", message, NAME) for message in exc.messages]
    return check_nats(settings)


def _packages(kind: str) -> list[str]:
    from ordwatch.venues import REGISTRY, plugins

    return plugins.shadowed("ordwatch.venues", kind) if kind in REGISTRY else []


def _shadowed(name: str, package: str) -> CheckResult:
    detail = f"the built-in venue is used, not that of the package {package}"
    return CheckResult(venue=name, check="configuration", verdict="warning", detail=detail)


def _mistake(check: str, message: str, venue: str | None = None) -> CheckResult:
    return CheckResult(venue=venue, check=check, verdict="failed", detail=message, exit_code=ConfigError.exit_code)


def _of_venues(venues: list[tuple[VenueKind, Setup[VenueSettings]]]) -> list[CheckResult]:
    from ordwatch.cli.check_address import check_address
    from ordwatch.cli.running import run_to_end, stop_on_signals
    from ordwatch.engine.ending import Limits
    from ordwatch.engine.run import Run

    observer = CheckObserver({})
    addresses: dict[str, list[CheckResult]] = {}

    async def watch() -> int | None:
        for venue, setup in venues:
            addresses[setup.name] = await check_address(venue, setup)
        reachable = [(venue, setup) for venue, setup in venues if addresses[setup.name][-1].verdict == "ok"]
        if not reachable:
            return None
        observer.expect({setup.name: keys_of(venue) for venue, setup in reachable})
        run = Run(reachable, [observer], Limits(duration_s=LONGEST_S))
        observer.when_decided = lambda: run.stop("checked")
        stop_on_signals(run.stop)
        outcome = await run.run()
        observer.offsets_s = {name: stats.clock_offset_s for name, stats in run.stats().items()}
        return outcome.signal

    ended_by = run_to_end(watch())
    if ended_by is not None:
        raise Killed(ended_by)
    return [verdict for name, before in addresses.items() for verdict in (*before, *observer.of(name))]


def _line(verdict: CheckResult, output: opt.ResultFormat) -> str:
    if output is opt.ResultFormat.JSON:
        return json.dumps(msgspec.to_builtins(verdict))
    remedy = f"; {verdict.remedy}" if verdict.remedy else ""
    return safe_text(f"{verdict.verdict:<7} {verdict.venue or '-':<10} {verdict.check:<13} {verdict.detail}{remedy}")
