"""CoinW's private REST calls: how they are signed, and what their envelope means. Reading calls only.

Facts: CoinW API documentation, "Authentication" (spot) and the page of each call; limits as there, of which we use
half. `code` is a string in the samples and a number in the rate-limit answer (JKorf/CoinW.Net 3.4 reads both).
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import NoReturn

import msgspec

from ordwatch.core.errors import AuthError, Refused, RemoteProtocolError
from ordwatch.core.escaping import safe_text
from ordwatch.core.secrets import Secret
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import Call, HttpReply, HttpRequest, Rate, http
from ordwatch.venues.toolkit.lenient_json import Fields, Unreadable, fields, text

PATH = "/api/v1/private"

OPEN_ORDERS = "returnOpenOrders"
ORDER = "returnOrderTrades"
HISTORY = "returnUTradeHistory"

RATES = {
    OPEN_ORDERS: Rate(f"coinw {OPEN_ORDERS}", 15, 2.0),
    ORDER: Rate(f"coinw {ORDER}", 15, 2.0),
    HISTORY: Rate(f"coinw {HISTORY}", 2, 2.0),
}
"""Half of 30, 30 and 5 requests in 2 s."""

SUCCESS_CODES = frozenset({"0", "200"})
AUTH_CODES = frozenset({"1003", "6000", "10004", "10006", "10007"})
"""Credentials, permission, key and signature."""
BUSY_CODES = frozenset({"29001", "429", "-200"})
"""Too many requests, and a "system error" that may be asked again."""

TRIES = 4
_PAUSE = Rate("coinw pause", 1, 2.0)


class Busy(Refused):
    """The venue answered "too frequently", or the like, at each try."""


class Denied(Refused):
    """The venue refuses what was asked, such as an order it does not know."""

    def __init__(self, message: str, received_ns: int) -> None:
        super().__init__(message)
        self.received_ns = received_ns


def signature(params: Mapping[str, str], secret: Secret) -> str:
    """MD5 of the sorted parameters and the secret, 32 upper-case hex digits; `params` without command and sign."""
    joined = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
    signed = f"{joined}&secret_key={secret.reveal()}".encode()
    return hashlib.md5(signed, usedforsecurity=False).hexdigest().upper()


def request(settings: CoinwSettings, command: str, params: Mapping[str, str]) -> HttpRequest:
    """A signed call; everything is in the query string, the body is empty."""
    signed = {**params, "api_key": settings.api_key.reveal()}
    return HttpRequest(
        name=command,
        method="POST",
        url=settings.rest_url.rstrip("/") + PATH,
        params={"command": command, **signed, "sign": signature(signed, settings.secret_key)},
        rates=(RATES[command],),
    )


async def answer_data(
    call: Call, asked: HttpRequest, tries: int = TRIES, redact: Callable[[str], str] = str
) -> tuple[msgspec.Raw | None, int]:
    """The `data` of the venue's answer and when it came; asks again 2 s after a "too frequently".

    `redact` takes secrets out of the venue's text that the request does not hold.

    Raises:
        Busy: "Too frequently", `tries` times.
        Denied: A refusal of this request's content.
        Refused: Any other.
        AuthError: The credentials are refused.
        RemoteProtocolError: No answer of this venue's.
        ConnectionLost: No answer.
    """
    later = msgspec.structs.replace(asked, rates=(*asked.rates, _PAUSE))
    request = asked
    for _ in range(tries):
        reply = await http(call, request)
        envelope = _envelope(asked, reply)
        code = text(envelope.get("code")) or ""
        if code not in BUSY_CODES:
            if _is_success(code, envelope):
                return envelope.get("data"), reply.received_ns
            _raise_for(asked, reply, code, redact(_error_text(asked, code, envelope)))
        # The place is taken here, without waiting, so that the next try waits until the 2 s have passed.
        call.take(_PAUSE)
        request = later
    raise Busy(f"{asked.name}: {redact(_error_text(asked, code, envelope))}")


def _envelope(asked: HttpRequest, reply: HttpReply) -> Fields:
    try:
        return fields(reply.body)
    except Unreadable as exc:
        if reply.status == 401:
            raise AuthError(f"{asked.name}: refused with HTTP status 401") from None
        if reply.status == 429:
            raise Busy(f"{asked.name}: HTTP status 429") from None
        if reply.status != 200:
            raise Refused(f"{asked.name}: HTTP status {reply.status}") from None
        raise RemoteProtocolError(f"{asked.name}: the answer is {exc}") from None


def _is_success(code: str, envelope: Fields) -> bool:
    return code in SUCCESS_CODES or (not code and text(envelope.get("success")) == "true")


def _raise_for(asked: HttpRequest, reply: HttpReply, code: str, error_text: str) -> NoReturn:
    message = f"{asked.name}: {error_text}"
    if code in AUTH_CODES or reply.status == 401:
        raise AuthError(message)
    if not code or reply.status != 200:
        raise Refused(message)
    raise Denied(message, reply.received_ns)


def _error_text(asked: HttpRequest, code: str, envelope: Fields) -> str:
    reason = text(envelope.get("msg")) or text(envelope.get("message")) or "no text"
    return safe_text(asked.redacted(f"code {code or 'unknown'}: {reason}"), 300)
