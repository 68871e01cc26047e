"""What proves to a NATS server who we are, and how we know that it is the server. Sends nothing itself."""

import ssl
from collections.abc import Callable, Mapping

from ordwatch.config.nats import NatsSettings
from ordwatch.core.errors import ConfigError
from ordwatch.scale.nkeys import KeyPair, in_credentials


class Credentials:
    """The credentials of the configuration, in the form in which a connection asks for them."""

    def __init__(self, settings: NatsSettings) -> None:
        """The secrets of `settings` are resolved.

        Raises:
            ConfigError: A file of the configuration does not hold what it should.
        """
        self._settings = settings
        self._jwt: str | None = None
        self._keys: KeyPair | None = None
        try:
            if settings.credentials_file is not None:
                self._jwt, seed = in_credentials(settings.credentials_file.reveal())
                self._keys = KeyPair(seed)
            elif settings.nkey_file is not None:
                self._keys = KeyPair(_seed_in(settings.nkey_file.reveal()))
        except ValueError as exc:
            key = "credentials_file" if settings.credentials_file is not None else "nkey_file"
            raise ConfigError(f"nats.{key}: {exc}") from None

    @property
    def public_nkey(self) -> str | None:
        """The user's public key, where that is the user's name; None otherwise."""
        return self._keys.public if self._keys is not None and self._jwt is None else None

    def options(self, before_sending: Callable[[], None]) -> Mapping[str, object]:
        """The arguments of a connection: functions, each called when what it returns is sent at once.

        `before_sending` is called before a secret is given away, and raises if it must not be.
        """
        settings = self._settings
        if self._keys is not None:
            keys = self._keys

            def sign(nonce: str) -> bytes:
                before_sending()
                return keys.sign(nonce)

            jwt = self._jwt
            return {"signature_cb": sign} if jwt is None else {"signature_cb": sign, "user_jwt_cb": jwt.encode}
        secrets = {"user": settings.user, "password": settings.password, "token": settings.token}

        def revealing(value: str) -> Callable[[], str]:
            def reveal() -> str:
                before_sending()
                return value

            return reveal

        return {name: revealing(secret.reveal()) for name, secret in secrets.items() if secret is not None}


def _seed_in(text: str) -> str:
    """The seed in the text of a file that may have comments around it."""
    lines = map(str.strip, text.splitlines())
    return next((line for line in lines if line.startswith("S")), "")


def tls_context(settings: NatsSettings) -> ssl.SSLContext:
    """Verifies servers by the system's CAs and that of the configuration; TLS 1.2 or later.

    Raises:
        ConfigError: `tls_ca_file` cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.tls_ca_file is not None:
        try:
            context.load_verify_locations(settings.tls_ca_file)
        except ssl.SSLError:
            raise ConfigError(f"nats.tls_ca_file: {settings.tls_ca_file}: holds no certificate") from None
        except OSError as exc:
            reason = (exc.strerror or "cannot be read").lower()
            raise ConfigError(f"nats.tls_ca_file: {settings.tls_ca_file}: {reason}") from None
    return context
