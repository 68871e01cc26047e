"""What each attempt to connect needs: where OpenD listens, and a session that talks there."""

from ordwatch.venues.contract import Call, ConnectionPlan, Endpoint, Setup
from ordwatch.venues.opend.frames import MAX_WS_MESSAGE_BYTES
from ordwatch.venues.opend.orders import OrderReader
from ordwatch.venues.opend.session import OpendSession
from ordwatch.venues.opend.settings import OpendSettings
from ordwatch.venues.opend.wire import TcpWire, WebSocketWire, Wire

# OpenD sends no error to a client at the wrong port or with the wrong key: it ends the connection, or is silent.
_TCP_UNANSWERED = (
    "is this OpenD's TCP port, and has OpenD no RSA key? look at `port`, `transport` and `rsa_private_key_file`"
)
_RSA_UNANSWERED = (
    "has OpenD the same RSA key, and is this its TCP port? look at `rsa_private_key_file`, `port` and `transport`"
)
_WEBSOCKET_UNANSWERED = "is this OpenD's `websocket_port`, and does it use TLS? look at `port`, `transport` and `tls`"


async def open_connection(setup: Setup[OpendSettings], call: Call) -> ConnectionPlan:
    """Nothing needs to be fetched first.

    Raises:
        ConfigError: The RSA key cannot be used.
    """
    settings = setup.settings
    reader = OrderReader(setup.name, futures_zone=settings.futures_time_zone, raw=setup.raw)
    return ConnectionPlan(_endpoint(settings), OpendSession(setup.name, _wire(settings), reader, settings.accounts))


def _endpoint(settings: OpendSettings) -> Endpoint:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{host}:{settings.dialled_port}"
    hint = "is OpenD running?"
    if settings.transport == "tcp":
        unanswered = _TCP_UNANSWERED if settings.rsa_private_key_file is None else _RSA_UNANSWERED
        port = settings.dialled_port
        return Endpoint("tcp", shown=address, host=settings.host, port=port, hint=hint, unanswered=unanswered)
    url = f"{'wss' if settings.tls else 'ws'}://{address}"
    return Endpoint(
        "websocket",
        shown=url,
        url=url,
        hint=hint,
        unanswered=_WEBSOCKET_UNANSWERED,
        max_message_bytes=MAX_WS_MESSAGE_BYTES,
    )


def _wire(settings: OpendSettings) -> Wire:
    if settings.transport == "websocket":
        return WebSocketWire(settings.websocket_key)
    if settings.rsa_private_key_file is None:
        return TcpWire(None)
    # The library takes a while to import, and few need it.
    from ordwatch.venues.opend.crypto import load_rsa

    return TcpWire(load_rsa(settings.rsa_private_key_file.reveal()))
