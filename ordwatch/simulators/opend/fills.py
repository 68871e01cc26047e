"""The fill push (2218), written by hand: ordwatch never reads one, so its protobuf definitions have none.

Fields: Futu API documentation, "Trading Definitions" (OrderFill) and "Deals Push Callback".
"""

import struct

from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

UPDATE_ORDER_FILL = 2218

_VARINT, _DOUBLE, _BYTES = 0, 1, 2


def fill_push(header: pb.TrdHeader, order: pb.Order, *, fill_id: int, qty: float, price: float) -> bytes:
    """The body of the push for one fill of this order."""
    fill = b"".join(
        (
            _number(1, order.trdSide),
            _number(2, fill_id),
            _bytes(3, str(fill_id).encode()),
            _number(4, order.orderID),
            _bytes(5, order.orderIDEx),
            _bytes(6, order.code),
            _bytes(7, order.name),
            _double(8, qty),
            _double(9, price),
            _bytes(10, order.updateTime),
            _number(13, order.secMarket),
            _double(14, order.updateTimestamp),
            _double(15, order.updateTimestamp),
            _number(16, 0),
            _number(17, order.trdMarket),
        )
    )
    s2c = _bytes(1, header.SerializeToString()) + _bytes(2, fill)
    return _number(1, 0) + _bytes(4, s2c)


def card_number(text: str) -> bytes:
    """TrdAcc's field cardNum, which ordwatch has no use for and must not show."""
    return _bytes(5, text.encode())


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | _DOUBLE) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
