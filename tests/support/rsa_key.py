"""RSA keys for tests: made there, so that none lies in the repository."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@cache
def new_rsa_key(bits: int = 1024, name: str = "") -> str:
    """A private key in PEM form, PKCS#1, as OpenD wants it; the same for a name all through a test run."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
