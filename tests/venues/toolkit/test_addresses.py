"""The rule about plain text."""

import pytest

from ordwatch.venues.toolkit.addresses import check_url, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.1", "example.com", "localhost.example.com", "169.254.1.1", "::2", ""])
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "url", ["wss://example.com", "wss://example.com:8443/path", "ws://127.0.0.1:1", "ws://[::1]:1"]
)
def test_accepts_tls_anywhere_and_plain_text_on_loopback(url: str) -> None:
    check_url("ws_url", url, secure="wss", plain="ws", allow_plaintext=False)


def test_accepts_plain_text_elsewhere_when_it_is_allowed() -> None:
    check_url("ws_url", "ws://example.com", secure="wss", plain="ws", allow_plaintext=True)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ws://example.com/x?token=canary", "ws_url: plain ws:// to example.com is refused"),
        ("https://example.com", "begins with wss://"),
        ("wss://", "names a host"),
        ("wss://user:canary@example.com", "credentials do not belong"),
        ("wss://example.com:99999", "not a URL"),
        ("wss://[canary", "not a URL"),
    ],
)
def test_refusal_names_the_key_and_never_the_whole_url(url: str, message: str) -> None:
    with pytest.raises(ValueError, match="ws_url") as refused:
        check_url("ws_url", url, secure="wss", plain="ws", allow_plaintext=False)

    assert message in str(refused.value)
    assert "canary" not in str(refused.value)
