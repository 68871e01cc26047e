"""How a conversation with OpenD differs between TCP and WebSocket: its frames, its login, its heartbeat.

Both sans-I/O. Facts: Futu API documentation, "Protocol Introduction"; the official JavaScript SDK for WebSocket.
"""

import hashlib
from collections.abc import Iterator
from typing import Protocol

import msgspec

from ordwatch.core.errors import AuthError, ConnectionLost, Refused, RemoteProtocolError, VenueError
from ordwatch.core.escaping import decode_text, safe_text
from ordwatch.core.secrets import Secret
from ordwatch.venues.opend import frames, messages
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

NO_ENCRYPTION = -1
AES_CBC = 2

RETRY_S = (6.0, 60.0)
"""Shortest and longest wait in seconds after a refused login. The official SDK tries every 6 s."""

_INTERVAL_S = range(1, 31)
"""Seconds between heartbeats that are accepted; OpenD drops a client that was silent for 30."""
_USUAL_INTERVAL_S = 10
_MIN_SILENCE_S = 30.0
_WRONG_KEY_TERMS = ("key", "password", "密钥", "秘钥")
"""What OpenD's messages about a wrong key contain."""


class ReceivedMessage(msgspec.Struct, frozen=True):
    """What OpenD sent, decrypted: an answer or a push."""

    proto_id: int
    serial: int
    """An answer repeats that of its request."""
    body: bytes
    fault: VenueError | None = None
    """Refused: OpenD refuses. RemoteProtocolError: the body is not to be used."""


class BodyCipher(Protocol):
    """One way to encrypt a body and to decrypt it; see crypto.py."""

    def encrypt(self, plain: bytes, /) -> bytes:
        """The body as it is transmitted."""
        ...

    def decrypt(self, encrypted: bytes, /) -> bytes:
        """The plain body; raises RemoteProtocolError."""
        ...


class Wire(Protocol):
    """How requests and messages travel to and from OpenD: `TcpWire` or `WebSocketWire`."""

    heartbeat_s: float
    silence_s: float
    login_id: int
    polls: bool
    """The heartbeat itself is GetGlobalState."""
    key_setting: str
    """The key of the configuration that names the secret of a login."""
    has_key: bool
    """That secret is configured, so it may be the wrong one."""

    def login(self) -> bytes:
        """The body of the first request."""
        ...

    def logged_in(self, body: bytes) -> None:
        """Use what the login's answer holds: keys, the interval of heartbeats.

        Raises:
            AuthError: OpenD refuses the configured key.
            Refused: It refuses the login for another reason, which may pass.
            RemoteProtocolError: The answer holds nothing usable.
        """
        ...

    @property
    def growing(self) -> tuple[int, int] | None:
        """Proto id and serial of the message whose header came, but not all of its body."""
        ...

    def receive(self, data: bytes, asked: frames.Asked) -> Iterator[ReceivedMessage]:
        """The messages in what was received, to be taken to the end; an answer to what was asked may be longer.

        Raises:
            RemoteProtocolError: After the good ones: no more can be found.
            ConnectionLost: The gateway reports that OpenD has ended.
        """
        ...

    def write(self, proto_id: int, serial: int, body: bytes) -> bytes:
        """The bytes of a request."""
        ...


class TcpWire:
    """Frames on TCP; with an RSA key the login is encrypted by it, and everything after by AES."""

    login_id = messages.INIT_CONNECT
    polls = False
    key_setting = "rsa_private_key_file"

    def __init__(self, rsa: BodyCipher | None) -> None:
        """`rsa` draws random numbers, so it is made outside; see crypto.py."""
        self.heartbeat_s = 0.8 * _USUAL_INTERVAL_S
        self.silence_s = _MIN_SILENCE_S
        self._reader = frames.FrameReader()
        self.has_key = rsa is not None
        self._rsa = rsa
        self._seal = rsa
        self._answered_in_clear = False

    def login(self) -> bytes:
        """InitConnect; asks for AES-CBC where there is a key."""
        return messages.init_connect(NO_ENCRYPTION if self._rsa is None else AES_CBC)

    def logged_in(self, body: bytes) -> None:
        """Use the interval and the AES key. Raises as `Wire.logged_in`."""
        response = messages.parse(pb.InitConnect.Response.FromString, body)
        if response.retType != messages.SUCCEEDED:
            raise login_refused(self, messages.refusal(response))
        if self._answered_in_clear:
            raise RemoteProtocolError("OpenD answered without encryption; it has no RSA key, or another configuration")
        if not response.HasField("s2c"):
            raise RemoteProtocolError("an empty answer to the login")
        s2c = response.s2c
        interval_s = s2c.keepAliveInterval if s2c.keepAliveInterval in _INTERVAL_S else _USUAL_INTERVAL_S
        self.heartbeat_s = 0.8 * interval_s
        self.silence_s = max(_MIN_SILENCE_S, 3.0 * interval_s)
        if self._rsa is not None:
            from ordwatch.venues.opend.crypto import body_seal

            self._seal = body_seal(s2c.connAESKey, s2c.aesCBCiv)

    @property
    def growing(self) -> tuple[int, int] | None:
        """The frame that is not whole yet."""
        return self._reader.growing

    def receive(self, data: bytes, asked: frames.Asked) -> Iterator[ReceivedMessage]:
        """The messages of every frame that `data` completes. Raises as `Wire.receive`."""
        for frame in self._reader.feed(data, asked):
            yield self._message(frame)
        if self._reader.damage is not None:
            raise self._reader.damage

    def write(self, proto_id: int, serial: int, body: bytes) -> bytes:
        """A frame."""
        encrypted = None if self._seal is None else self._seal.encrypt(body)
        return frames.write_frame(proto_id, serial, body, encrypted)

    def _message(self, frame: frames.Frame) -> ReceivedMessage:
        try:
            return ReceivedMessage(frame.proto_id, frame.serial, self._open(frame))
        except RemoteProtocolError as exc:
            return ReceivedMessage(frame.proto_id, frame.serial, frame.body, exc)

    def _open(self, frame: frames.Frame) -> bytes:
        if frame.body_format != frames.PROTOBUF:
            raise RemoteProtocolError(f"a body in format {frame.body_format}, expected protobuf")
        if self._seal is None:
            if frames.is_sound(frame.body, frame.sha1):
                return frame.body
            raise RemoteProtocolError("the body does not match its SHA-1")
        return self._decrypt(self._seal, frame)

    def _decrypt(self, seal: BodyCipher, frame: frames.Frame) -> bytes:
        # An OpenD that could not read our login may refuse it in clear.
        if seal is self._rsa and frames.is_sound(frame.body, frame.sha1):
            self._answered_in_clear = True
            return frame.body
        plain = seal.decrypt(frame.body)
        if not frames.is_sound(plain, frame.sha1):
            raise RemoteProtocolError("cannot be decrypted")
        return plain


class WebSocketWire:
    """One message in each WebSocket message; no encryption but that of TLS, no KeepAlive."""

    login_id = messages.INIT_WEBSOCKET
    polls = True
    key_setting = "websocket_key"

    def __init__(self, key: Secret | None) -> None:
        self.heartbeat_s = 10.0
        self.silence_s = _MIN_SILENCE_S
        self.has_key = key is not None
        self._key = key

    def login(self) -> bytes:
        """InitWebSocket with the MD5 of the key, which is what OpenD is configured with."""
        if self._key is None:
            return messages.init_web_socket("")
        digest = hashlib.md5(self._key.reveal().encode(), usedforsecurity=False)
        return messages.init_web_socket(digest.hexdigest())

    def logged_in(self, body: bytes) -> None:
        """Check that the login succeeded. Raises as `Wire.logged_in`."""
        response = messages.parse(pb.InitWebSocket.Response.FromString, body)
        if response.retType != messages.SUCCEEDED:
            raise login_refused(self, messages.refusal(response))

    growing: tuple[int, int] | None = None
    """None: WebSocket delivers whole messages."""

    def receive(self, data: bytes, asked: frames.Asked) -> Iterator[ReceivedMessage]:
        """The one message. Raises as `Wire.receive`."""
        answer = frames.read_ws_answer(data)
        frames.check_length(len(answer.body), asked=(answer.cmd, answer.section) in asked)
        if answer.cmd == messages.OPEND_DISCONNECTED:
            raise ConnectionLost("the gateway lost its OpenD")
        fault = None
        if answer.error:
            text = safe_text(decode_text(answer.error_text)) or "no reason given"
            fault = Refused(f"{text} (error {answer.error})")
        yield ReceivedMessage(answer.cmd, answer.section, answer.body, fault)

    def write(self, proto_id: int, serial: int, body: bytes) -> bytes:
        """A WebSocket message."""
        return frames.write_ws_request(proto_id, serial, body)


def login_refused(wire: Wire, message: str) -> AuthError | Refused:
    """What a refused login means, by OpenD's own message: a wrong key, or something temporary.

    OpenD answers -1 to any login while its own waits for a code from the phone, is limited, or wants a questionnaire
    accepted (FutunnOpen/futuquant issue 120): so the number proves nothing about the key; only the message does.
    """
    names_key = any(word in message.lower() for word in _WRONG_KEY_TERMS)
    message = f"login refused: {message}"
    if not names_key:
        return Refused(message, retry_s=RETRY_S)
    if wire.has_key:
        return AuthError(message)
    return Refused(f"{message}; `{wire.key_setting}` is not configured", retry_s=RETRY_S)
