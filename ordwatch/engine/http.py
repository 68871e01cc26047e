"""REST calls for every venue: time-outs, retries, rates. Messages show only the name of a request."""

import asyncio
import math
import time
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from ordwatch.core.errors import ConnectionLost, RemoteProtocolError, TlsFailed
from ordwatch.engine.imports import import_in_thread
from ordwatch.engine.moment import moment
from ordwatch.engine.rates import TLS_RETRY_S, Rates, backoff
from ordwatch.engine.read_only import only_reading
from ordwatch.engine.venue_clock import VenueClock, server_date_ns
from ordwatch.venues.contract import HttpReply, HttpRequest, Payload

if TYPE_CHECKING:
    from ordwatch.engine.http_client import HttpClient

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
        self._client: HttpClient | None = None
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
            except TlsFailed as exc:
                self._tls_failure = (monotonic(), str(exc))
                self._refuse_untrusted(request)
            except ConnectionLost as exc:
                if last:
                    raise ConnectionLost(f"{request.name}: {exc}") from None
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
        client = self._client or await self._first_client()
        try:
            received = await client.call(request, MAX_BODY_BYTES)
        except RemoteProtocolError as exc:
            raise RemoteProtocolError(f"{request.name}: {exc}") from None
        if (date_ns := server_date_ns(received.date)) is not None:
            self.clock.read(date_ns, moment().running_ns)
            self._on_server_date(date_ns)
        return received.reply, _retry_after_s(received.retry_after)

    async def _first_client(self) -> "HttpClient":
        # Imported when it is first needed: it takes longer than all else.
        await import_in_thread("ordwatch.engine.http_client")
        from ordwatch.engine.http_client import HttpClient

        if self._client is None:  # another request may have waited for the same import
            self._client = HttpClient(timeout_s=TIMEOUT_S, tls_ca_file=self._tls_ca_file)
        return self._client

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None


def _retry_after_s(text: str) -> float:
    return min(float(text), RETRY_AFTER_MAX_S) if text.isascii() and text.isdigit() else 0.0
