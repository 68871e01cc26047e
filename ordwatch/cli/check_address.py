"""The first part of `check`: name lookup, TCP and TLS of the venue's address. Nothing is sent to the venue."""

import asyncio
import socket
import ssl
import time
from urllib.parse import urlsplit

from ordwatch.cli.check_results import CheckResult, Keys, keys_of, quoted
from ordwatch.core.errors import AuthError, ConfigError, OrdwatchError, Refused, TlsFailed
from ordwatch.core.escaping import safe_text
from ordwatch.engine.failures import describe
from ordwatch.engine.http import Http
from ordwatch.engine.rates import Rates
from ordwatch.engine.runner import Caller
from ordwatch.engine.tls import tls_context
from ordwatch.engine.transport import next_address_s
from ordwatch.venues.contract import Endpoint, Setup, VenueKind, VenueSettings

PROBE_S = 10.0


async def check_address(venue: VenueKind, setup: Setup[VenueSettings]) -> list[CheckResult]:
    """A result for each step, up to the first that fails. Includes the REST requests needed before a connection."""
    ca_file = setup.settings.tls_ca_file
    http = Http(Rates(), venue.only_reads, tls_ca_file=ca_file)
    keys = keys_of(venue)
    try:
        plan = await venue.configure(setup).open(0, Caller(Rates(), http, {}))
    except (OrdwatchError, OSError) as exc:
        return [_not_opened(setup.name, exc, keys)]
    finally:
        await http.close()
    host, port, tls = _address(plan.endpoint)
    verdicts = [await _look_up(setup.name, host, port, keys)]
    if verdicts[-1].verdict == "ok":
        context = tls_context(ca_file) if tls else None
        verdicts.append(await _connect(setup.name, plan.endpoint, host, port, keys, tls=context))
    return verdicts


def _not_opened(name: str, error: Exception, keys: Keys) -> CheckResult:
    """The result when the REST requests before the connection failed."""
    look = quoted(keys.rest)
    match error:
        case ConfigError():
            key, colon, _ = str(error).partition(": ")
            remedy = f"correct `{key}` in the configuration" if colon and key.isidentifier() else None
            return _failed(name, "configuration", error, remedy, error.exit_code)
        case AuthError():
            return _failed(name, "login", error, f"check {quoted(keys.credentials)} in the configuration", 77)
        case TlsFailed():
            return _failed(name, "REST", error, f"check {look}, this machine's clock and its certificates")
        case Refused():
            return _failed(name, "REST", error, f"the venue answered and refused: try again, then check {look}")
        case OrdwatchError():
            return _failed(name, "REST", error, f"check {look} and the network", error.exit_code)
        case _:
            return _failed(name, "REST", error, f"check {look} and the network")


def _address(endpoint: Endpoint) -> tuple[str, int, bool]:
    if endpoint.transport == "tcp":
        return endpoint.host, endpoint.port, False
    url = urlsplit(endpoint.url)
    tls = url.scheme == "wss"
    return url.hostname or "", url.port or (443 if tls else 80), tls


async def _look_up(name: str, host: str, port: int, keys: Keys) -> CheckResult:
    try:
        async with asyncio.timeout(PROBE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        return _failed(name, "name lookup", exc, f"check {quoted(keys.address[:1])} in the configuration, and DNS")
    addresses = ", ".join(dict.fromkeys(str(info[4][0]) for info in found))
    return CheckResult(venue=name, check="name lookup", verdict="ok", detail=safe_text(f"{host} is {addresses}", 200))


async def _connect(
    name: str, endpoint: Endpoint, host: str, port: int, keys: Keys, *, tls: ssl.SSLContext | None
) -> CheckResult:
    step = "TLS" if tls is not None else "TCP"
    began_s = time.perf_counter()
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(host, port, ssl=tls, happy_eyeballs_delay=next_address_s(host))
            writer.transport.abort()
    except ssl.SSLError as exc:
        look = quoted((*keys.address, *keys.tls))
        return _failed(
            name, "TLS", exc, f"check {look} in the configuration, this machine's clock and its certificates"
        )
    except OSError as exc:
        hint = f"; {endpoint.hint}" if endpoint.hint else ", and that the venue is up"
        return _failed(name, "TCP", exc, f"check {quoted(keys.address)} in the configuration{hint}")
    took_ms = (time.perf_counter() - began_s) * 1000
    return CheckResult(venue=name, check=step, verdict="ok", detail=f"{endpoint.shown} in {took_ms:.1f} ms")


def _failed(name: str, step: str, error: Exception, remedy: str | None, exit_code: int = 69) -> CheckResult:
    return CheckResult(
        venue=name, check=step, verdict="failed", detail=describe(error), remedy=remedy, exit_code=exit_code
    )
