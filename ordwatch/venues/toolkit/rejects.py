"""What is shown of a venue's messages and of unreadable input: without what must stay secret."""

from collections.abc import Iterable

import msgspec

from ordwatch.core.secrets import Redaction, Secret
from ordwatch.venues.contract import VenueSettings

MAX_BYTES = 4096
MAX_REJECTS = 32
"""Of one message; after the first the venue is asked for its orders in any case."""
MIN_SECRET = 6
"""Shorter ones are no secrets, and would blot out innocent bytes."""


def redaction(settings: VenueSettings) -> Redaction:
    """Takes every secret of the settings out of a text, and what is easily made from one."""
    found = Redaction()
    for value in msgspec.structs.astuple(settings):
        if isinstance(value, Secret):
            found.add(value)
    return found


def head(data: bytes, secrets: Iterable[str]) -> bytes:
    """The beginning of the input with *** in place of each secret; no more of it is looked at."""
    found = [secret.encode() for secret in secrets if len(secret) >= MIN_SECRET]
    spare = max(map(len, found), default=1) - 1
    shown = data[: MAX_BYTES + spare]
    is_cut = len(shown) < len(data)
    for secret in found:
        shown = shown.replace(secret, b"***")
    # The last bytes of what was cut may be the beginning of a secret.
    return (shown[: len(shown) - spare] if is_cut else shown)[:MAX_BYTES]
