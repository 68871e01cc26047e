"""The results of `check` for the section `nats`: server, TLS, permissions, and the stream. Publishes nothing."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from ordwatch.cli.check_results import CheckResult
from ordwatch.core.errors import AuthError, OrdwatchError, TlsFailed, UsageError

if TYPE_CHECKING:
    from ordwatch.config import NatsSettings
    from ordwatch.scale.nats_client import NatsConnection, NatsMessage
    from ordwatch.scale.stream import StreamInfo

NAME = "nats"
WINDOW_S = 120.0
ANSWER_S = 5.0
_REMEDIES = {
    "reachability": "check `servers` in the configuration, the network, and that one of them is up",
    "login": "check `credentials_file`, `user` and `password`, `token` or `nkey_file` in the configuration",
    "tls": "check `servers` and `tls_ca_file` in the configuration",
    "permissions": "let this user publish under `ow.<collector>.>` and ask for the stream, as the README shows",
    "stream": "run `ordwatch stream create`, or name another `stream` in the configuration",
}


def check_nats(settings: "NatsSettings") -> list[CheckResult]:
    """The results, up to the first failure."""
    from ordwatch.cli.running import run_to_end

    try:
        return run_to_end(_checked(settings))
    except UsageError as exc:  # the package is not installed
        return [_failed("package", exc)]


async def _checked(settings: "NatsSettings") -> list[CheckResult]:
    from ordwatch.scale import stream
    from ordwatch.scale.nats_client import connect

    results: list[CheckResult] = []
    stage = "reachability"
    try:
        async with connect(settings, name="ordwatch check") as connection:
            encrypted = "encrypted" if connection.encrypted else "not encrypted"
            results += [_ok("reachability", f"{connection.server}, {encrypted}"), _ok("login", "accepted")]
            stage = "stream"
            found = await stream.info(connection, settings.stream)
            if found is None:
                return [*results, _failed("stream", stream.NoStream(f"there is no stream {settings.stream}"))]
            results.append(_of_stream(settings.stream, found))
            stage = "permissions"
            await _may_publish(connection, settings.collector_name)
            results.append(_ok("permissions", f"may publish as {settings.collector_name}"))
    except TlsFailed as exc:
        results.append(_failed("tls", exc))
    except AuthError as exc:
        results.append(_failed("permissions" if results else "login", exc))
    except OrdwatchError as exc:
        results.append(_failed(stage, exc))
    return results


def _of_stream(name: str, found: "StreamInfo") -> CheckResult:
    from ordwatch.scale import stream

    replicas, window_s = int(found.config.get("num_replicas", 1)), int(found.config.get("duplicate_window", 0)) / 1e9
    detail = f"{name}: {stream.described(found.config)}"
    warnings = []
    if replicas < stream.REPLICAS:
        warnings.append(f"it has {replicas} replica{'s' if replicas > 1 else ''}: a lost server may lose messages")
    if found.replicas_current < replicas:
        warnings.append(f"{found.replicas_current} of {replicas} replicas are current")
    if window_s < WINDOW_S:
        warnings.append(f"its duplicate window of {window_s:g} s is shorter than {WINDOW_S:g} s")
    if not warnings:
        return _ok("stream", detail)
    return CheckResult(venue=NAME, check="stream", verdict="warning", detail=f"{detail}; {'; '.join(warnings)}")


async def _may_publish(connection: "NatsConnection", collector: str) -> None:
    """See that messages of this collector are taken; one that expects another stream is refused before it is stored.

    Raises:
        AuthError: This user may not publish them.
        ConnectionLost: No answer.
    """
    from ordwatch.scale.messages import EXPECTED_STREAM

    answered: asyncio.Event = asyncio.Event()

    def on_answer(_: "NatsMessage") -> None:
        answered.set()

    inbox = connection.new_inbox()
    await connection.listen(inbox, on_answer)
    await connection.publish(f"ow.{collector}.check", b"", {EXPECTED_STREAM: "none"}, inbox)
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            await answered.wait()
            return
    raise connection.no_answer(ANSWER_S)


def _ok(check: str, detail: str) -> CheckResult:
    return CheckResult(venue=NAME, check=check, verdict="ok", detail=detail)


def _failed(check: str, exc: OrdwatchError) -> CheckResult:
    return CheckResult(
        venue=NAME,
        check="reachability" if check == "tls" else check,
        verdict="failed",
        detail=str(exc),
        remedy=_REMEDIES.get(check),
        exit_code=exc.exit_code,
    )
