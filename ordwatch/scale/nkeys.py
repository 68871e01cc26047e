"""Keys of NATS: a seed as text, its public key, and signatures. Pure; Ed25519 itself is from `cryptography`.

Layout: NATS documentation, "NKeys" (base32 of a prefix, the key, and a CRC-16, low byte first).
"""

from base64 import b32decode, b32encode, b64encode
from binascii import crc_hqx

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_SEED = 18 << 3
_USER = 20 << 3
_SEED_BYTES = 36


class KeyPair:
    """The key of a user."""

    def __init__(self, seed: str) -> None:
        """`seed` is text that begins with SU.

        Raises:
            ValueError: It is no seed of a user; the message does not show it.
        """
        try:
            data = b32decode(seed + "=" * (-len(seed) % 8))
        except ValueError:
            raise ValueError("not the seed of an nkey") from None
        if len(data) != _SEED_BYTES or _checksum(data[:-2]) != data[-2:]:
            raise ValueError("not the seed of an nkey")
        if (data[0] & 0xF8, (data[0] & 7) << 5 | (data[1] & 0xF8) >> 3) != (_SEED, _USER):
            raise ValueError("the seed of an nkey, but not of a user's; it begins with SU")
        self._key = Ed25519PrivateKey.from_private_bytes(data[2:-2])

    @property
    def public(self) -> str:
        """The public key, text that begins with U."""
        data = bytes([_USER]) + self._key.public_key().public_bytes_raw()
        return b32encode(data + _checksum(data)).decode().rstrip("=")

    def sign(self, nonce: str) -> bytes:
        """The signature of a server's nonce, as base64."""
        return b64encode(self._key.sign(nonce.encode()))


def _checksum(data: bytes) -> bytes:
    return crc_hqx(data, 0).to_bytes(2, "little")


def in_credentials(text: str) -> tuple[str, str]:
    """The JWT and the seed in the text of a `.creds` file.

    Raises:
        ValueError: One of them is missing.
    """
    found: dict[str, str] = {}
    section = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("---"):
            begins = "BEGIN" in line
            section = line.strip("- ").removeprefix("BEGIN").strip() if begins else None
        elif line and section is not None:
            found.setdefault(section, line)
    try:
        return found["NATS USER JWT"], found["USER NKEY SEED"]
    except KeyError as exc:
        raise ValueError(f"not a credentials file of NATS: it has no {exc.args[0]}") from None
