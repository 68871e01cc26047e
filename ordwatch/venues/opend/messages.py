"""OpenD's messages: bodies read and written, with the proto ids that name them.

Knows nothing of frames, and leaves what an order means to orders.py. Ids and fields: Futu API documentation,
"Protocol Introduction" and "Trade".
"""

from collections.abc import Callable, Iterable
from math import isfinite
from typing import Protocol, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from ordwatch.core.errors import Refused, RemoteProtocolError
from ordwatch.core.escaping import decode_text, safe_text
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

INIT_WEBSOCKET = 1
OPEND_DISCONNECTED = 2
"""WebSocket only: the gateway lost its OpenD."""
INIT_CONNECT = 1001
GET_GLOBAL_STATE = 1002
NOTIFY = 1003
KEEP_ALIVE = 1004
GET_ACC_LIST = 2001
SUB_ACC_PUSH = 2008
GET_ORDER_LIST = 2201
UPDATE_ORDER = 2208
UPDATE_ORDER_FILL = 2218
GET_HISTORY_ORDER_LIST = 2221

NAMES = {
    INIT_WEBSOCKET: "InitWebSocket",
    INIT_CONNECT: "InitConnect",
    GET_GLOBAL_STATE: "GetGlobalState",
    NOTIFY: "Notify",
    KEEP_ALIVE: "KeepAlive",
    GET_ACC_LIST: "GetAccList",
    SUB_ACC_PUSH: "SubAccPush",
    GET_ORDER_LIST: "GetOrderList",
    UPDATE_ORDER: "UpdateOrder",
    UPDATE_ORDER_FILL: "UpdateOrderFill",
    GET_HISTORY_ORDER_LIST: "GetHistoryOrderList",
}
"""OpenD's own names of the messages we know."""

SENT = frozenset(
    {
        INIT_WEBSOCKET,
        INIT_CONNECT,
        GET_GLOBAL_STATE,
        KEEP_ALIVE,
        GET_ACC_LIST,
        SUB_ACC_PUSH,
        GET_ORDER_LIST,
        GET_HISTORY_ORDER_LIST,
    }
)
"""Every id that ordwatch ever sends; none of them changes anything at the venue."""

PUSHED = frozenset({3005, 3007, 3009, 3011, 3013, 3015, 3019, 3261, 3310, 3450, 3451, 3452})
"""Ids of market data pushes, which concern no order."""

SUCCEEDED = 0

CLIENT_ID = "ordwatch"
CLIENT_VERSION = 300
"""InitConnect's clientVer, as a * 100 + b: what the official SDK sends, because OpenD may refuse older clients."""


class Response(Protocol):
    """What every answer and every push has."""

    retType: int  # noqa: N815
    retMsg: bytes  # noqa: N815

    def IsInitialized(self) -> bool:  # noqa: N802
        """Whether every required field is there."""
        ...


MessageT = TypeVar("MessageT", bound=Response)


def parse(from_string: Callable[[bytes], MessageT], body: bytes) -> MessageT:
    """The message in a body, whatever its retType.

    Raises:
        RemoteProtocolError: It is not such a message, or lacks a required field.
    """
    try:
        message = from_string(body)
    except DecodeError:
        raise RemoteProtocolError("not the protobuf message it should be") from None
    if not message.IsInitialized():
        raise RemoteProtocolError("a required field is missing")
    return message


def parse_update_order(body: bytes) -> pb.UpdateOrder.Response:
    """An order push. No field of an order is required; orders.py looks at what it needs.

    Raises:
        RemoteProtocolError: It is not protobuf, or reports neither success nor failure.
    """
    try:
        push = pb.UpdateOrder.Response.FromString(body)
    except DecodeError:
        raise RemoteProtocolError("not the protobuf message it should be") from None
    # Checking with upb whether all required fields are there takes as long as parsing; this one reads as a failure.
    if push.retType != SUCCEEDED and not push.HasField("retType"):
        raise RemoteProtocolError("a required field is missing")
    return push


def answer(from_string: Callable[[bytes], MessageT], body: bytes) -> MessageT:
    """The same for an answer that reports success.

    Raises:
        Refused: It reports a failure, with the venue's message.
        RemoteProtocolError: As `parse`.
    """
    message = parse(from_string, body)
    if message.retType != SUCCEEDED:
        raise Refused(refusal(message))
    return message


def order_list(body: bytes) -> pb.OrderList.S2C:
    """The answer to a query for orders, today's or the history's; each order is read by `order`.

    Reading 100,000 orders in one go would keep everything else waiting for a tenth of a second.

    Raises:
        Refused: As `answer`.
        RemoteProtocolError: As `parse`, or it reports success without a list.
    """
    response = answer(pb.OrderList.Response.FromString, body)
    if not response.HasField("s2c"):
        raise RemoteProtocolError("a yes without a list")
    return response.s2c


def order(data: bytes) -> pb.Order:
    """One order of such a list.

    Raises:
        RemoteProtocolError: It is no order.
    """
    try:
        return pb.Order.FromString(data)
    except DecodeError:
        raise RemoteProtocolError("not the protobuf message it should be") from None


def refusal(response: Response) -> str:
    """The venue's own message for a retType that is not 0, safe to show."""
    text = safe_text(decode_text(response.retMsg))
    return f"{text} (retType {response.retType})" if text else f"retType {response.retType}"


def init_connect(encryption: int) -> bytes:
    """InitConnect's request body: protobuf pushes and events, please."""
    request = pb.InitConnect.Request()
    c2s = request.c2s
    c2s.clientVer = CLIENT_VERSION
    c2s.clientID = CLIENT_ID
    c2s.recvNotify = True
    c2s.packetEncAlgo = encryption
    c2s.pushProtoFmt = 0
    c2s.programmingLanguage = "Python"
    return request.SerializeToString()


def init_web_socket(key_md5: str) -> bytes:
    """InitWebSocket's request body; `key_md5` is the hex MD5 of the key, empty without one."""
    c2s = pb.InitWebSocket.C2S(websocketKey=key_md5, clientID=CLIENT_ID, programmingLanguage="Python")
    return pb.InitWebSocket.Request(c2s=c2s).SerializeToString()


def get_global_state() -> bytes:
    """GetGlobalState's request body."""
    return pb.GetGlobalState.Request(c2s=pb.GetGlobalState.C2S(userID=0)).SerializeToString()


def keep_alive(now_s: int) -> bytes:
    """KeepAlive's request body."""
    return pb.KeepAlive.Request(c2s=pb.KeepAlive.C2S(time=now_s)).SerializeToString()


def get_acc_list() -> bytes:
    """GetAccList's request body: without the flag universal accounts may be missing from the answer."""
    c2s = pb.GetAccList.C2S(userID=0, needGeneralSecAccount=True)
    return pb.GetAccList.Request(c2s=c2s).SerializeToString()


def sub_acc_push(accounts: Iterable[int]) -> bytes:
    """SubAccPush's request body; the list replaces the former one of this connection."""
    return pb.SubAccPush.Request(c2s=pb.SubAccPush.C2S(accIDList=accounts)).SerializeToString()


def get_order_list(header: pb.TrdHeader, order_ids: Iterable[int], *, refresh: bool) -> bytes:
    """GetOrderList's request body; without ids: all orders of the day."""
    request = pb.GetOrderList.Request(c2s=pb.GetOrderList.C2S(header=header, refreshCache=refresh))
    if ids := list(order_ids):
        request.c2s.filterConditions.idList.extend(ids)
    return request.SerializeToString()


def get_history_order_list(header: pb.TrdHeader, order_ids: Iterable[int], *, begin: str, end: str) -> bytes:
    """GetHistoryOrderList's request body; the times are local texts, YYYY-MM-DD HH:MM:SS."""
    conditions = pb.TrdFilterConditions(idList=order_ids, beginTime=begin, endTime=end)
    c2s = pb.GetHistoryOrderList.C2S(header=header, filterConditions=conditions)
    return pb.GetHistoryOrderList.Request(c2s=c2s).SerializeToString()


def payload(header: pb.TrdHeader, order: pb.Order) -> dict[str, object]:
    """Header and order as protobuf's own JSON would show them: every field that was sent, 64-bit integers as text."""
    return {"header": _fields(header), "order": _fields(order)}


def _fields(message: Message) -> dict[str, object]:
    return {field.name: _value(field.cpp_type, value) for field, value in message.ListFields()}


def _value(kind: int, value: object) -> object:
    match value:
        case bytes():
            return decode_text(value)
        case float():
            return value if isfinite(value) else str(value)
        case int():
            return str(value) if kind == FieldDescriptor.CPPTYPE_UINT64 else value
        case Message():
            return _fields(value)
        case Iterable():
            return [_value(kind, item) for item in value]
        case _:
            return None
