"""REST answers in JSON whose errors are an object with a `code` and a `msg`: the commonest form."""

from collections.abc import Callable, Container

from ordwatch.core.errors import AuthError, Refused, RemoteProtocolError
from ordwatch.core.escaping import safe_text
from ordwatch.venues.contract import HttpReply
from ordwatch.venues.toolkit.lenient_json import Unreadable, loads

MAX_MESSAGE = 300


class ApiError(Refused):
    """The venue answered with an error; `code` is its own as text, "" if it gave none."""

    def __init__(self, message: str, code: str, received_ns: int) -> None:
        super().__init__(message)
        self.code = code
        self.received_ns = received_ns


def answer(reply: HttpReply, *, auth_codes: Container[str], redact: Callable[[str], str]) -> object:
    """What a successful answer holds, every number as its own text.

    `auth_codes` are those that name the credentials; `redact` takes secrets out of the venue's message.

    Raises:
        AuthError: The credentials are refused.
        ApiError: Any other error of the venue's, or a status that is not 200.
        RemoteProtocolError: Status 200, and no JSON.
    """
    name = reply.sent.name if reply.sent is not None else "REST"
    try:
        body = loads(reply.body)
    except Unreadable as exc:
        if reply.status == 200:
            raise RemoteProtocolError(f"{name}: {exc}") from None
        raise ApiError(f"{name}: HTTP status {reply.status}", "", reply.received_ns) from None
    code = body.get("code") if isinstance(body, dict) else None
    if reply.status == 200 and code in (None, "0", "200"):
        return body
    message = body.get("msg", body.get("message", "no text")) if isinstance(body, dict) else "no text"
    text = safe_text(redact(f"{name}: HTTP status {reply.status}, code {code}: {message}"), MAX_MESSAGE)
    if code in auth_codes:
        raise AuthError(text)
    raise ApiError(text, code if isinstance(code, str) else "", reply.received_ns)
