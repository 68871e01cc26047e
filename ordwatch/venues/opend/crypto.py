"""How OpenD encrypts bodies: RSA for the login, AES-128 for everything after it.

The session draws no random numbers, so what does (RSA padding) is an object handed to it.
Facts: Futu API documentation, "Protocol Introduction" and "FAQ"; padding and pieces as futu-api 10.11 codes them.
"""

from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ordwatch.core.errors import ConfigError, RemoteProtocolError

_RSA_BITS = (512, 1024)
"""What OpenD's manual allows; the official SDK knows 1024 only."""
_PLAIN_PIECE = 100
"""Plain bytes in a block, as the official SDK cuts them, where they fit into one."""
_PADDING = 11
"""Bytes that PKCS#1 v1.5 needs of each block."""
_BLOCK = 16
_BAD_KEY = "rsa_private_key_file: not an RSA private key of 1024 or 512 bits in PEM form without a password"


class Rsa:
    """PKCS#1 v1.5 in pieces: both directions encrypt with the public half of the one shared private key."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._private = key
        self._public = key.public_key()
        self._encrypted_piece = key.key_size // 8
        self._plain_piece = min(_PLAIN_PIECE, self._encrypted_piece - _PADDING)

    def encrypt(self, plain: bytes, /) -> bytes:
        """A block as long as the key for each piece, of 100 bytes where the key has 1024 bits. Draws random numbers."""
        pieces = _pieces(plain, self._plain_piece)
        return b"".join(self._public.encrypt(piece, PKCS1v15()) for piece in pieces)

    def decrypt(self, encrypted: bytes, /) -> bytes:
        """The plain body; with a wrong key possibly nonsense, which its SHA-1 shows.

        Raises:
            RemoteProtocolError: It cannot be decrypted. The same message for every cause.
        """
        pieces = _pieces(encrypted, self._encrypted_piece)
        return _guarded(lambda: b"".join(self._private.decrypt(piece, PKCS1v15()) for piece in pieces))


def load_rsa(pem: str) -> Rsa:
    """The key in a PEM text.

    Raises:
        ConfigError: It is no RSA private key without a password, or none of a length that OpenD takes.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigError(_BAD_KEY) from None  # the library's message may quote the file
    if not isinstance(key, RSAPrivateKey) or key.key_size not in _RSA_BITS:
        raise ConfigError(_BAD_KEY)
    return Rsa(key)


class AesCbc:
    """AES-128-CBC with PKCS#7 padding; the IV starts again with each frame."""

    def __init__(self, key: bytes, iv: bytes) -> None:
        self._cipher = Cipher(_aes(key), modes.CBC(iv))

    def encrypt(self, plain: bytes, /) -> bytes:
        """A whole block of padding follows a body that needs none."""
        padder = PKCS7(_BLOCK * 8).padder()
        encryptor = self._cipher.encryptor()
        return encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()

    def decrypt(self, encrypted: bytes, /) -> bytes:
        """The plain body; an empty one needs no decryption. Raises as `Rsa.decrypt` does."""
        return _guarded(lambda: self._open(encrypted)) if encrypted else b""

    def _open(self, encrypted: bytes) -> bytes:
        decryptor = self._cipher.decryptor()
        unpadder = PKCS7(_BLOCK * 8).unpadder()
        return unpadder.update(decryptor.update(encrypted) + decryptor.finalize()) + unpadder.finalize()


class FtAesEcb:
    """Futu's own AES-128-ECB: zero padding, then one block in clear whose last byte is the length modulo 16."""

    def __init__(self, key: bytes) -> None:
        # ECB is what OpenD uses unless CBC is requested; we request CBC.
        self._cipher = Cipher(_aes(key), modes.ECB())  # noqa: S305

    def encrypt(self, plain: bytes, /) -> bytes:
        """No padding if the length is a multiple of 16 already; the clear block always follows."""
        odd = len(plain) % _BLOCK
        padded = plain + bytes(-len(plain) % _BLOCK)
        encryptor = self._cipher.encryptor()
        return encryptor.update(padded) + encryptor.finalize() + bytes(_BLOCK - 1) + bytes([odd])

    def decrypt(self, encrypted: bytes, /) -> bytes:
        """The plain body; an empty one needs no decryption. Raises as `Rsa.decrypt` does."""
        return _guarded(lambda: self._open(encrypted)) if encrypted else b""

    def _open(self, encrypted: bytes) -> bytes:
        blocks, odd = encrypted[:-_BLOCK], encrypted[-1]
        if odd >= _BLOCK or (odd and not blocks):
            raise ValueError
        decryptor = self._cipher.decryptor()
        padded = decryptor.update(blocks) + decryptor.finalize()
        return padded[: len(padded) - _BLOCK + odd] if odd else padded


def body_seal(key: bytes, iv: bytes) -> AesCbc | FtAesEcb:
    """What encrypts bodies after the login: CBC if OpenD gave an IV, else Futu's ECB, as the official SDK chooses.

    Raises:
        RemoteProtocolError: Key or IV has not 16 bytes.
    """
    if len(key) != _BLOCK or len(iv) not in (0, _BLOCK):
        raise RemoteProtocolError("OpenD's login answer holds no usable AES key")
    return AesCbc(key, iv) if iv else FtAesEcb(key)


def _aes(key: bytes) -> algorithms.AES128:
    return algorithms.AES128(key)


def _pieces(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _guarded(decrypt: Callable[[], bytes]) -> bytes:
    """One text for all causes, so that nobody learns from it which one it was."""
    try:
        return decrypt()
    except ValueError:
        raise RemoteProtocolError("cannot be decrypted") from None
