import pytest

from ordwatch.core.errors import AuthError, RemoteProtocolError, VenueError
from ordwatch.venues.contract import HttpReply, HttpRequest
from ordwatch.venues.toolkit.answers import ApiError, answer

SENT = HttpRequest(name="orders", url="https://example.com/orders")


def answered(body: bytes, status: int = 200) -> object:
    reply = HttpReply(status=status, body=body, received_ns=5, sent=SENT)
    return answer(reply, auth_codes={"-2015"}, redact=lambda words: words.replace("canary", "***"))


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'[{"id":8389765000000000001}]', [{"id": "8389765000000000001"}]),
        (b'{"code":0,"data":[]}', {"code": "0", "data": []}),
        (b"{}", {}),
    ],
    ids=["bare", "in an envelope", "empty"],
)
def test_a_successful_answer_is_its_json_with_numbers_as_text(body: bytes, value: object) -> None:
    assert answered(body) == value


@pytest.mark.parametrize(
    ("body", "status", "kind", "words"),
    [
        (b'{"code":-2013,"msg":"no canary"}', 400, ApiError, "orders: HTTP status 400, code -2013: no ***"),
        (b'{"code":-1,"msg":"no"}', 200, ApiError, "orders: HTTP status 200, code -1: no"),
        (b'{"code":-2015,"message":"bad key"}', 401, AuthError, "orders: HTTP status 401, code -2015: bad key"),
        (b"[]", 503, ApiError, "orders: HTTP status 503, code None: no text"),
        (b"<html>", 502, ApiError, "orders: HTTP status 502"),
        (b"<html>", 200, RemoteProtocolError, "orders: not JSON: Expecting value at character 0"),
    ],
    ids=["refused", "refused with 200", "credentials", "no words", "no JSON", "no JSON with 200"],
)
def test_an_error_is_one_of_ours_without_secrets(body: bytes, status: int, kind: type[VenueError], words: str) -> None:
    with pytest.raises(kind) as raised:
        answered(body, status)

    assert type(raised.value) is kind
    assert str(raised.value) == words


def test_an_error_keeps_its_code_and_when_it_came() -> None:
    with pytest.raises(ApiError) as raised:
        answered(b'{"code":-2013,"msg":"no"}', 400)

    assert (raised.value.code, raised.value.received_ns) == ("-2013", 5)
