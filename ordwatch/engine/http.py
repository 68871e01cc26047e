"""REST calls for every venue: time-outs, retries, rates. Messages show only the name of a request."""

import asyncio
import math
import ssl
import time
from collections.abc import Callable
from time import monotonic
from urllib.parse import urlsplit

import aiohttp

from ordwatch.core.errors import ConnectionLost, RemoteProtocolError, TlsFailed
from ordwatch.engine.failures import reason
from ordwatch.engine.moment import moment
from ordwatch.engine.rates import TLS_RETRY_S, Rates, backoff
from ordwatch.engine.read_only import only_reading
from ordwatch.engine.tls import tls_context
from ordwatch.engine.venue_clock import VenueClock, server_date_ns
from ordwatch.venues.contract import HttpReply, HttpRequest, Payload

TIMEOUT_S = 10.0
TRIES = 3
MAX_BODY_BYTES = 16 * 2**20
RETRY_AFTER_MAX_S = 30.0


class Http:
    """Sends the requests of one venue; the connection pool opens with the first."""

    def __init__(
        self,
        rates: Rates,
        only_reads: Callable[[HttpRequest | Payload], bool],
        on_server_date: Callable[[int], None] = lambda _: None,
        *,
        tls_ca_file: str | None = None,
    ) -> None:
        """`only_reads`: the venue's list of what may be sent.

        `on_server_date` gets the time in the `Date` header of each answer, ns since 1970 UTC.

        `tls_ca_file`: as in `tls_context`.
        """
        self.clock = VenueClock()
        """The venue's time, to sign requests with."""
        self._rates = rates
        self._only_reads = only_reads
        self._on_server_date = on_server_date
        self._tls_ca_file = tls_ca_file
        self._session: aiohttp.ClientSession | None = None
        self._tls_failure = (-math.inf, "")
        """When TLS last failed, and why."""

    async def send(self, request: HttpRequest, on_send: Callable[[], None] = lambda: None) -> HttpReply:
        """The venue's answer, whatever its status, after up to three tries for 429, 5xx and lost connections.

        `on_send` is called, and the request signed, before each try, after the waits.

        Raises:
            ConnectionLost: No answer in time, three times.
            TlsFailed: TLS failed, now or less than a minute ago.
            RemoteProtocolError: The answer is larger than 16 MiB.
            NotReadOnly: It is not on the venue's list.
        """
        self._refuse_untrusted(request)
        waits = backoff(0.5, 5.0)
        for last in (False,) * (TRIES - 1) + (True,):
            try:
                reply, retry_after_s = await self._send_within_rates(request, on_send)
            except (aiohttp.ClientSSLError, ssl.SSLError) as exc:
                self._tls_failure = (monotonic(), _tls_reason(exc))
                self._refuse_untrusted(request)
            except (aiohttp.ClientError, TimeoutError, OSError) as exc:
                if last:
                    raise ConnectionLost(f"{request.name}: {_failure_text(exc)}") from None
            else:
                if last or not (reply.status == 429 or reply.status >= 500):
                    return reply
                await asyncio.sleep(retry_after_s)
            await asyncio.sleep(next(waits))
        raise AssertionError("unreachable")

    def _refuse_untrusted(self, request: HttpRequest) -> None:
        failed_s, why = self._tls_failure
        if monotonic() - failed_s < TLS_RETRY_S:
            raise TlsFailed(f"{request.name}: {why}") from None

    async def _send_within_rates(self, request: HttpRequest, on_send: Callable[[], None]) -> tuple[HttpReply, float]:
        places = [await self._rates.wait(rate) for rate in request.rates]
        on_send()
        try:
            return await self._once(only_reading(self._only_reads, request.signed(self._venue_ns())))
        finally:
            for place in places:
                place.answered()

    def _venue_ns(self) -> int:
        """The venue's time now; this host's before the venue's first answer."""
        venue_ns = self.clock.at(moment().running_ns)
        return time.time_ns() if venue_ns is None else venue_ns

    async def _once(self, request: HttpRequest) -> tuple[HttpReply, float]:
        session = self._session = self._session or aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            trust_env=False,
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        async with session.request(
            request.method,
            request.url,
            params=dict(request.params),
            headers=_headers(request),
            data=dict(request.form) if request.form is not None else request.json_body(),
            ssl=tls_context(self._tls_ca_file) if urlsplit(request.url).scheme == "https" else True,
            allow_redirects=False,
        ) as response:
            body = await response.content.read(MAX_BODY_BYTES + 1)
            while len(body) <= MAX_BODY_BYTES and (more := await response.content.read(MAX_BODY_BYTES)):
                body += more
            if len(body) > MAX_BODY_BYTES:
                raise RemoteProtocolError(f"{request.name}: an answer of more than {MAX_BODY_BYTES} bytes")
            reply = HttpReply(status=response.status, body=body, received_ns=time.time_ns(), sent=request)
            if (date_ns := server_date_ns(response.headers.get("Date"))) is not None:
                self.clock.read(date_ns, moment().running_ns)
                self._on_server_date(date_ns)
            return reply, _retry_after_s(response.headers.get("Retry-After", ""))

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _headers(request: HttpRequest) -> dict[str, str]:
    return {**({"Content-Type": "application/json"} if request.json is not None else {}), **request.headers}


def _retry_after_s(text: str) -> float:
    return min(float(text), RETRY_AFTER_MAX_S) if text.isascii() and text.isdigit() else 0.0


def _tls_reason(exc: aiohttp.ClientSSLError | ssl.SSLError) -> str:
    match exc:
        case aiohttp.ClientConnectorCertificateError(certificate_error=OSError() as error):
            return reason(error)
        case aiohttp.ClientSSLError(os_error=error):
            return reason(error)
        case ssl.SSLError():
            return reason(exc)


def _failure_text(exc: BaseException) -> str:
    """Why the request failed, without its address, which the library's own text contains."""
    match exc:
        case TimeoutError():
            return f"no answer within {TIMEOUT_S:.0f} s"
        case aiohttp.ClientConnectorDNSError():
            return "the host name cannot be resolved"
        case aiohttp.ClientConnectorError(os_error=os_error):
            return reason(os_error)
        case _:
            return "the connection broke"
