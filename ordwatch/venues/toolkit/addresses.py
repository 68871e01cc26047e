"""Which addresses a venue's settings may name: the rule about plain text, the same for every venue."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether the host is 127.0.0.0/8, ::1 or the name localhost."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(key: str, url: str, *, secure: str, plain: str, allow_plaintext: bool) -> None:
    """Refuse a URL that is no such URL, or that would carry secrets in plain text over a network.

    Raises:
        ValueError: Names the key and the host, never the whole URL.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as exc:
        raise ValueError(f"{key}: not a URL") from exc
    if parts.scheme not in (secure, plain) or not host:
        raise ValueError(f"{key}: expected a URL that begins with {secure}:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{key}: credentials do not belong in a URL")
    if parts.scheme == plain and not allow_plaintext and not is_loopback(host):
        raise ValueError(f"{key}: plain {plain}:// to {host} is refused; use {secure}:// or set allow_plaintext: true")
