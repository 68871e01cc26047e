"""Secrets, which print as *** and give their value only by `reveal`; and their redaction from messages."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from hashlib import md5, sha1, sha256
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

MIN_REDACTED = 6
"""Length from which a secret is redacted from messages; shorter ones would match ordinary text."""


class Secret:
    """A credential. `repr`, `str`, formatting and pickling never show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; only for the code that sends it or signs with it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be copied out of the process")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _memo: Any) -> "Secret":
        return self


class SecretFile(Secret):
    """A secret that the configuration names by the path of the file that holds it (a private key)."""

    __slots__ = ()


class Redaction:
    """Replaces every known secret, and its usual encodings and hashes, with ***."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: Secret) -> None:
        """Redact this secret from now on."""
        value = secret.reveal()
        self._forms.update(form for form in _forms(value) if len(form) >= MIN_REDACTED)
        # The longest first: a secret may be the beginning of another form of it.
        forms = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, forms)), re.IGNORECASE) if forms else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return self._pattern.sub("***", text) if self._pattern is not None else text


def _forms(value: str) -> Iterator[str]:
    if len(value) < MIN_REDACTED:
        return
    yield from (line for line in value.splitlines() if not line.startswith("-----"))
    data = value.encode()
    yield from (value, value[::-1], data.hex(), quote(value), quote(value, safe=""), quote_plus(value))
    yield from (repr(value)[1:-1], repr(data)[2:-1], ascii(value)[1:-1], json.dumps(value)[1:-1])
    yield from (b64encode(data).decode().rstrip("="), urlsafe_b64encode(data).decode().rstrip("="))
    yield from (hashed(data, usedforsecurity=False).hexdigest() for hashed in (md5, sha1, sha256))
