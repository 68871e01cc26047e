"""OpenD's end of a connection: TCP frames and their encryption, and WebSocket messages; mirrors the venue's wire.py."""

import hashlib
from typing import NamedTuple, Protocol

from ordwatch.core.errors import RemoteProtocolError
from ordwatch.venues.opend import frames, messages
from ordwatch.venues.opend.crypto import Rsa, body_seal

AES_KEY = b"0123456789ABCDEF"
AES_IV = b"fedcba9876543210"

_NONE, _FTAES_ECB, _AES_CBC = -1, 0, 2


class Request(NamedTuple):
    """What a client asked, decrypted."""

    proto_id: int
    serial: int
    body: bytes


class ServerCipher(Protocol):
    """One way to encrypt a body and to decrypt it; see crypto.py."""

    def encrypt(self, plain: bytes, /) -> bytes:
        """The body as it is transmitted."""
        ...

    def decrypt(self, encrypted: bytes, /) -> bytes:
        """The plain body; raises RemoteProtocolError."""
        ...


class ClientLink(Protocol):
    """How OpenD and one client exchange messages: framed TCP or WebSocket."""

    beats: bool
    """A client has to send KeepAlive."""

    def receive(self, data: bytes) -> list[Request]:
        """The requests that this chunk completes.

        Raises:
            RemoteProtocolError: The client does not use OpenD's protocol, or lacks its key.
        """
        ...

    def encrypt(self, algorithm: int) -> bool:
        """Use what InitConnect asked for, from its answer on; True if an IV goes with it.

        Raises:
            RemoteProtocolError: Not one of those simulated.
        """
        ...

    def answer(self, request: Request, body: bytes, *, error: bytes = b"") -> bytes:
        """The answer to a request; on WebSocket an error stands in the header, without a body."""
        ...

    def push(self, proto_id: int, serial: int, body: bytes, *, sound: bool = True) -> bytes:
        """A push; on TCP one that is not sound has a wrong SHA-1."""
        ...


class TcpClient:
    """Frames; with a key InitConnect is encrypted by it, and later bodies by what the client asked for."""

    beats = True

    def __init__(self, rsa: Rsa | None) -> None:
        self._reader = frames.FrameReader()
        self._rsa = rsa
        self._login: ServerCipher | None = None
        self._seal: ServerCipher | None = None

    def receive(self, data: bytes) -> list[Request]:
        """The requests that this chunk completes. Raises as `ClientLink.receive`."""
        requests = [Request(frame.proto_id, frame.serial, self._open(frame)) for frame in self._reader.feed(data)]
        if self._reader.damage is not None:
            raise self._reader.damage
        return requests

    def encrypt(self, algorithm: int) -> bool:
        """Only with a key is anything encrypted. Raises as `ClientLink.encrypt`."""
        if self._rsa is None or algorithm == _NONE:
            return False
        if algorithm not in (_FTAES_ECB, _AES_CBC):
            raise RemoteProtocolError(f"packetEncAlgo {algorithm} is not simulated")
        self._login = self._rsa
        self._seal = body_seal(AES_KEY, AES_IV if algorithm == _AES_CBC else b"")
        return algorithm == _AES_CBC

    def answer(self, request: Request, body: bytes, *, error: bytes = b"") -> bytes:
        """A frame with the request's id and serial."""
        seal = self._login if request.proto_id == messages.INIT_CONNECT else self._seal
        return frames.write_frame(request.proto_id, request.serial, body, _encrypted(seal, body))

    def push(self, proto_id: int, serial: int, body: bytes, *, sound: bool = True) -> bytes:
        """A frame of OpenD's own counting."""
        frame = frames.write_frame(proto_id, serial, body, _encrypted(self._seal, body))
        return frame if sound else _with_wrong_sha1(frame)

    def _open(self, frame: frames.Frame) -> bytes:
        seal = self._rsa if frame.proto_id == messages.INIT_CONNECT else self._seal
        plain = seal.decrypt(frame.body) if seal is not None else frame.body
        if not frames.is_sound(plain, frame.sha1):
            raise RemoteProtocolError("the body does not match its SHA-1")
        return plain


class WebSocketClient:
    """A message each; no encryption of its own."""

    beats = False

    def receive(self, data: bytes) -> list[Request]:
        """The one request. Raises as `ClientLink.receive`."""
        request = frames.read_ws_request(data)
        return [Request(request.cmd, request.section, request.body)]

    def encrypt(self, algorithm: int) -> bool:
        """False: over WebSocket, OpenD encrypts nothing itself."""
        return False

    def answer(self, request: Request, body: bytes, *, error: bytes = b"") -> bytes:
        """A message with the request's section."""
        if error:
            return frames.write_ws_answer(request.proto_id, request.serial, b"", error=-1, error_text=error)
        return frames.write_ws_answer(request.proto_id, request.serial, body)

    def push(self, proto_id: int, serial: int, body: bytes, *, sound: bool = True) -> bytes:
        """A message whose section is that of no request."""
        return frames.write_ws_answer(proto_id, 0, body)


def websocket_key_md5(key: str) -> str:
    """What a client has to send for the key that its user knows."""
    return hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()


def _encrypted(seal: ServerCipher | None, body: bytes) -> bytes | None:
    return seal.encrypt(body) if seal is not None else None


_SHA1_AT = 16


def _with_wrong_sha1(frame: bytes) -> bytes:
    return frame[:_SHA1_AT] + bytes([frame[_SHA1_AT] ^ 1]) + frame[_SHA1_AT + 1 :]
