"""RSA keys for tests: made there, so that none lies in the repository."""

from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@cache
def new_rsa_key(bits: int = 1024, name: str = "") -> str:
    """A private key in PEM form, PKCS#1, as OpenD wants it; the same for a name all through a test run."""
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=bits))


def rsa_key_of_512_bits() -> str:
    """The same of a length that the library reads but does not make any more; of two primes anyone can find."""
    p, q, e = 2**256 - 2**200 + 137, 2**256 - 2**220 + 101, 65537
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p=p,
        q=q,
        d=d,
        dmp1=d % (p - 1),
        dmq1=d % (q - 1),
        iqmp=rsa.rsa_crt_iqmp(p, q),
        public_numbers=rsa.RSAPublicNumbers(e, p * q),
    )
    return _pem(numbers.private_key())


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
