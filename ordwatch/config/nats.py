"""The section `nats` of the configuration: which NATS servers, which stream, and under which name.

For `tail --publish`, `follow` and `stream`. Imports nothing of NATS: the section is read without it, too.
"""

import re
import socket
from urllib.parse import urlsplit

import msgspec

from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.venues.toolkit.addresses import is_loopback

COLLECTOR = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
STREAM = re.compile(r"[A-Za-z0-9_-]{1,255}", re.ASCII)
DEFAULT_SERVER = "nats://127.0.0.1:4222"


class NatsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of the section; the YAML keys are the field names."""

    servers: tuple[str, ...] = (DEFAULT_SERVER,)
    """`nats://HOST:PORT` or `tls://HOST:PORT`; any one of a cluster is enough, more survive its loss."""
    stream: str = "ORDWATCH"
    collector: str | None = None
    """None: this machine's name; see `collector_name`."""
    credentials_file: SecretFile | None = None
    """The content of a `.creds` file: a JWT and the seed of its key."""
    user: Secret | None = None
    password: Secret | None = None
    token: Secret | None = None
    nkey_file: SecretFile | None = None
    """The content of a file with the seed of a user's nkey."""
    tls_ca_file: str | None = None
    """The path of a private CA's certificate, trusted in addition to the system's."""
    allow_plaintext: bool = False

    @property
    def collector_name(self) -> str:
        """The name under which this process publishes."""
        return self.collector or safe_collector(socket.gethostname())

    def check(self) -> None:
        """Refuse what types cannot.

        Raises:
            ValueError: Names the key and the reason, without a value that could be secret.
        """
        if not self.servers:
            raise ValueError("servers: expected at least one server")
        for url in self.servers:
            check_server("servers", url, allow_plaintext=self.allow_plaintext)
        if not STREAM.fullmatch(self.stream):
            raise ValueError("stream: only letters, digits, _ and -, at most 255")
        if self.collector is not None and not COLLECTOR.fullmatch(self.collector):
            raise ValueError("collector: only letters, digits, _ and -, at most 32")
        self._check_credentials()

    def _check_credentials(self) -> None:
        if (self.user is None) != (self.password is None):
            key = "user" if self.password is None else "password"
            raise ValueError(f"{key}: `user` and `password` belong together")
        ways = {
            "credentials_file": self.credentials_file,
            "user": self.user,
            "token": self.token,
            "nkey_file": self.nkey_file,
        }
        given = [key for key, value in ways.items() if value is not None]
        if len(given) > 1:
            raise ValueError(f"{given[1]}: there is {given[0]} too; give one")


def check_server(key: str, url: str, *, allow_plaintext: bool) -> None:
    """Refuse the URL of a server that is none, has credentials in it, or is in plain text over a network.

    Raises:
        ValueError: Names the key and the host, never the whole URL.
    """
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as exc:
        raise ValueError(f"{key}: not a URL") from exc
    if parts.scheme not in ("nats", "tls") or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{key}: expected nats://HOST:PORT or tls://HOST:PORT")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{key}: credentials do not belong in a URL; use `user` and `password`, or `token`")
    if parts.scheme == "nats" and not allow_plaintext and not is_loopback(host):
        raise ValueError(
            f"{key}: plain nats:// to {host} is refused; use tls://, or a configuration with nats.allow_plaintext: true"
        )


def safe_collector(host: str) -> str:
    """A collector's name made of a machine's name."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", host, flags=re.ASCII)[:32] or "collector"
