"""One REST call over aiohttp; what is tried again, and when, is decided by http.py.

A module of its own because aiohttp takes a while to import: a venue without REST never needs it.
"""

import ssl
import time
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from ordwatch.core.errors import ConnectionLost, RemoteProtocolError, TlsFailed
from ordwatch.engine.failures import reason
from ordwatch.engine.tls import tls_context
from ordwatch.venues.contract import HttpReply, HttpRequest


class RawReply(NamedTuple):
    """An answer, and the headers that matter."""

    reply: HttpReply
    date: str | None
    retry_after: str


class HttpClient:
    """A pool of connections."""

    def __init__(self, *, timeout_s: float, tls_ca_file: str | None) -> None:
        """`tls_ca_file`: as in `tls_context`. To be made in the event loop that uses it."""
        self._timeout_s = timeout_s
        self._tls_ca_file = tls_ca_file
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            trust_env=False,
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def call(self, request: HttpRequest, max_body_bytes: int) -> RawReply:
        """Send the request once; its name and address are in no message.

        Raises:
            TlsFailed: TLS failed.
            ConnectionLost: There was no answer, or not in time.
            RemoteProtocolError: The body is larger than `max_body_bytes`.
        """
        try:
            return await self._call(request, max_body_bytes)
        except (aiohttp.ClientSSLError, ssl.SSLError) as exc:
            raise TlsFailed(_tls_reason(exc)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise ConnectionLost(self._failure_text(exc)) from None

    async def _call(self, request: HttpRequest, max_body_bytes: int) -> RawReply:
        async with self._session.request(
            request.method,
            request.url,
            params=dict(request.params),
            headers=_headers(request),
            data=dict(request.form) if request.form is not None else request.json_body(),
            ssl=tls_context(self._tls_ca_file) if urlsplit(request.url).scheme == "https" else True,
            allow_redirects=False,
        ) as response:
            body = bytearray()
            while len(body) <= max_body_bytes and (more := await response.content.read(max_body_bytes)):
                body += more
            if len(body) > max_body_bytes:
                raise RemoteProtocolError(f"an answer of more than {max_body_bytes} bytes")
            reply = HttpReply(status=response.status, body=bytes(body), received_ns=time.time_ns(), sent=request)
            return RawReply(reply, response.headers.get("Date"), response.headers.get("Retry-After", ""))

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    def _failure_text(self, exc: BaseException) -> str:
        """Why the request failed, without its address, which the library's own text contains."""
        match exc:
            case TimeoutError():
                return f"no answer within {self._timeout_s:.0f} s"
            case aiohttp.ClientConnectorDNSError():
                return "the host name cannot be resolved"
            case aiohttp.ClientConnectorError(os_error=os_error):
                return reason(os_error)
            case _:
                return "the connection broke"


def _headers(request: HttpRequest) -> dict[str, str]:
    return {**({"Content-Type": "application/json"} if request.json is not None else {}), **request.headers}


def _tls_reason(exc: aiohttp.ClientSSLError | ssl.SSLError) -> str:
    match exc:
        case aiohttp.ClientConnectorCertificateError(certificate_error=OSError() as error):
            return reason(error)
        case aiohttp.ClientSSLError(os_error=error):
            return reason(error)
        case ssl.SSLError():
            return reason(exc)
