"""Certificates made for a test, and servers whose answer is no TLS that a client of today takes."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HELLO_OF_TLS_1_1 = bytes([2, 0, 0, 38, 3, 2, *range(32), 0, 0, 0x2F, 0])
"""RFC 4346, 7.4.1.3: type, length, version 3.2, random, no session, a cipher suite, no compression."""

_NO_TLS = "TLS failed: the answer is not TLS; is the port one without TLS?"
_OLD_TLS = "TLS failed: the other side has no TLS 1.2 or later"

ANSWERS = {
    "plain HTTP": (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", _NO_TLS),
    "TLS 1.1": (bytes([22, 3, 2, 0, len(_HELLO_OF_TLS_1_1)]) + _HELLO_OF_TLS_1_1, _OLD_TLS),
    "alert of the version": (bytes([21, 3, 1, 0, 2, 2, 70]), _OLD_TLS),
    "alert": (bytes([21, 3, 3, 0, 2, 2, 40]), "TLS failed: alert handshake failure"),
}
"""What the server sends, and what a user is to read; alerts as in RFC 5246, 7.2."""


@asynccontextmanager
async def answering(answer: bytes, connections: list[int] | None = None) -> AsyncIterator[int]:
    """A server on this port that answers each client so, and leaves; `connections` grows with each."""

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connections is not None:
            connections.append(1)
        await reader.read(100)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(answer_once, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def certificate(folder: Path, *, host: str, days: int) -> ssl.SSLContext:
    """A server's context whose certificate is its own issuer, for this address, good for so many days more."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
