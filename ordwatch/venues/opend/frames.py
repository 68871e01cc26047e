"""OpenD's frames: on TCP a 44-byte header before each body, on WebSocket a header inside each message.

Knows nothing of what a body means or how it is encrypted; see messages.py and crypto.py for that.
Layout: Futu API documentation, "Protocol Introduction"; WebSocket: the official JavaScript SDK (futu-api 10.11).
"""

import hashlib
import struct
from collections.abc import Container

import msgspec

from ordwatch.core.errors import RemoteProtocolError

MAX_PUSH_BYTES = 16 * 2**20
"""The largest body that is accepted for a push."""
MAX_ANSWER_BYTES = 256 * 2**20
"""The same for an answer to a request: a list of 100,000 orders has 21 MB."""
PROTOBUF = 0
JSON = 1

_HEADER = struct.Struct("<2s I B B I I 20s 8s")
_FLAG = b"FT"
_VERSION = 0

_WS_FLAG = b"ft-v1.0\0"
_WS_REQUEST = struct.Struct(">8s I Q")
_WS_ANSWER = struct.Struct(">8s I Q i 20s")

MAX_WS_MESSAGE_BYTES = _WS_ANSWER.size + MAX_ANSWER_BYTES
"""The largest WebSocket message of OpenD's."""


class Frame(msgspec.Struct, frozen=True):
    """One frame as it came: the body may be encrypted still, `sha1` is that of the plain one."""

    proto_id: int
    body_format: int
    serial: int
    sha1: bytes
    body: bytes


def write_frame(proto_id: int, serial: int, plain: bytes, encrypted: bytes | None = None) -> bytes:
    """A frame that carries `encrypted`, the encrypted form of `plain`; None: `plain` as it is."""
    body = plain if encrypted is None else encrypted
    sha1 = hashlib.sha1(plain, usedforsecurity=False).digest()
    return _HEADER.pack(_FLAG, proto_id, PROTOBUF, _VERSION, serial, len(body), sha1, bytes(8)) + body


def sent_id(message: bytes) -> int | None:
    """The proto id of a request as it is sent, on TCP or on WebSocket; None for what is no request."""
    if message.startswith(_FLAG) and len(message) >= _HEADER.size:
        proto_id: int = _HEADER.unpack_from(message)[1]
        return proto_id
    if message.startswith(_WS_FLAG) and len(message) >= _WS_REQUEST.size:
        cmd: int = _WS_REQUEST.unpack_from(message)[1]
        return cmd
    return None


def is_sound(plain: bytes, sha1: bytes) -> bool:
    """Whether the body is the one its sender took the SHA-1 of."""
    return hashlib.sha1(plain, usedforsecurity=False).digest() == sha1


Asked = Container[tuple[int, int]]
"""Proto id and serial of the requests whose answers are waited for."""


class FrameReader:
    """Splits a byte stream into frames. Feed it chunks of any size; it holds no more than what came."""

    def __init__(self) -> None:
        self.damage: RemoteProtocolError | None = None
        """Set once the stream is not Futu's: no frame can be found in it any more."""
        self.growing: tuple[int, int] | None = None
        """Proto id and serial of the frame whose header came, but not all of its body."""
        self._buffer = bytearray()
        self._wanted = 1

    def feed(self, chunk: bytes, asked: Asked = ()) -> list[Frame]:
        """Every frame that `chunk` completes, oldest first; those before a damage too."""
        if self.damage is not None:
            return []
        data = chunk
        if self._buffer:
            self._buffer += chunk
            if len(self._buffer) < self._wanted:
                return []
            data = bytes(self._buffer)
            self._buffer = bytearray()
        frames: list[Frame] = []
        try:
            used = self._split(data, frames, asked)
        except RemoteProtocolError as exc:
            self.damage = exc
            used = len(data)
        if used < len(data):
            self._buffer += data[used:]
        return frames

    def _split(self, data: bytes, frames: list[Frame], asked: Asked) -> int:
        start, size = 0, len(data)
        self.growing = None
        while size - start >= _HEADER.size:
            flag, proto_id, body_format, version, serial, length, sha1, _reserved = _HEADER.unpack_from(data, start)
            if flag != _FLAG or version != _VERSION:
                raise RemoteProtocolError(_damage(flag, version))
            if length > MAX_PUSH_BYTES:
                check_length(length, asked=(proto_id, serial) in asked)
            end = start + _HEADER.size + length
            if end > size:
                self._wanted = end - start
                self.growing = (proto_id, serial)
                return start
            frames.append(Frame(proto_id, body_format, serial, sha1, data[start + _HEADER.size : end]))
            start = end
        flag = data[start : start + len(_FLAG)]
        if not _FLAG.startswith(flag):
            raise RemoteProtocolError(_damage(flag, _VERSION))
        # Before its whole header only the flag of a frame is looked at, as early as it can be.
        self._wanted = _HEADER.size if flag == _FLAG else len(flag) + 1
        return start


def check_length(length: int, *, asked: bool) -> None:
    """Refuse a body of an unbelievable length.

    Raises:
        RemoteProtocolError: It is longer than a push, or an answer that was `asked` for, can be.
    """
    limit = MAX_ANSWER_BYTES if asked else MAX_PUSH_BYTES
    if length > limit:
        kind = "an answer that was asked for" if asked else "a push"
        raise RemoteProtocolError(f"a body of {length} bytes, at most {limit} are accepted for {kind}")


def _damage(flag: bytes, version: int) -> str:
    if flag == b"HT":
        return "an answer of HTTP, no OpenD frame; is this OpenD's WebSocket port? look at `port` and `transport`"
    if flag != _FLAG:
        return f"not an OpenD frame: it begins with {flag!r}, expected {_FLAG!r}"
    return f"frame of protocol version {version}, expected {_VERSION}"


class WsRequest(msgspec.Struct, frozen=True):
    """A message of a client on WebSocket."""

    cmd: int
    section: int
    body: bytes


class WsAnswer(msgspec.Struct, frozen=True):
    """A message of OpenD on WebSocket: an answer, or a push."""

    cmd: int
    section: int
    error: int
    """0: fine; else there is no body."""
    error_text: bytes
    body: bytes


def write_ws_request(cmd: int, section: int, body: bytes) -> bytes:
    """The WebSocket message of a client's request."""
    return _WS_REQUEST.pack(_WS_FLAG, cmd, section) + body


def read_ws_request(data: bytes) -> WsRequest:
    """The request in a client's WebSocket message.

    Raises:
        RemoteProtocolError: It is not one.
    """
    _check_ws(data, _WS_REQUEST.size)
    _flag, cmd, section = _WS_REQUEST.unpack_from(data)
    return WsRequest(cmd, section, data[_WS_REQUEST.size :])


def write_ws_answer(cmd: int, section: int, body: bytes, *, error: int = 0, error_text: bytes = b"") -> bytes:
    """The WebSocket message of OpenD's answer or push; the error text is cut at 20 bytes."""
    return _WS_ANSWER.pack(_WS_FLAG, cmd, section, error, error_text) + body


def read_ws_answer(data: bytes) -> WsAnswer:
    """The answer or push in OpenD's WebSocket message.

    Raises:
        RemoteProtocolError: It is neither.
    """
    _check_ws(data, _WS_ANSWER.size)
    _flag, cmd, section, error, error_text = _WS_ANSWER.unpack_from(data)
    return WsAnswer(cmd, section, error, error_text.rstrip(b"\0"), data[_WS_ANSWER.size :])


def _check_ws(data: bytes, header_bytes: int) -> None:
    if not data.startswith(_WS_FLAG):
        raise RemoteProtocolError(f"not an OpenD message: it begins with {data[:8]!r}, expected {_WS_FLAG!r}")
    if len(data) < header_bytes:
        raise RemoteProtocolError(f"message of {len(data)} bytes, its header alone has {header_bytes}")
