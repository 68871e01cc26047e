"""The types of all records, schema ordwatch/1, and their encoding as JSON.

Keys are written in the order of the fields here. The output that writes a line adds `seq` (and a recording `crc`), so
one encoding serves all outputs. Unsafe characters are escaped here, for all outputs.
"""

import json
from collections.abc import Iterable
from typing import Literal

import msgspec

from ordwatch.core.escaping import MAX_TEXT, escape_json
from ordwatch.core.events import (
    Environment,
    LinkState,
    OrderStatus,
    Side,
    Source,
    TimeInForce,
)

SCHEMA = "ordwatch/1"

Time = str
"""RFC 3339, UTC, six decimals."""


class Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """One line of output."""


class _OrderFields(Record, frozen=True, gc=False):
    """What every version has written of an order. Given by position on the hot path; see `order_record`."""

    venue: str
    environment: Environment
    account: str | None
    order_id: str
    order_id_ext: str | None
    client_order_id: str | None
    symbol: str
    name: str | None
    side: Side | None
    order_type: str | None
    time_in_force: TimeInForce | None
    status: OrderStatus
    venue_status: str
    prev_status: OrderStatus | None
    final: bool
    reason: str | None
    qty: str | None
    filled_qty: str | None
    remaining_qty: str | None
    price: str | None
    stop_price: str | None
    avg_price: str | None
    filled_value: str | None
    fee: str | None
    fee_currency: str | None
    currency: str | None
    remark: str | None
    created_at: Time | None
    updated_at: Time | None
    received_at: Time
    source: Source
    gap: str | None
    # No lists: the garbage collector would walk over those of every record that is kept.
    changed: tuple[str, ...]
    flags: tuple[str, ...]
    extra: object
    """The venue's Extra; a dict when read from a recording."""


class OrderRecord(_OrderFields, frozen=True, kw_only=True, tag="order", gc=False):
    """One state of one order, merged with what was known before."""

    collector: str | None = None
    """Of several collectors that are followed, the one that reported it first."""
    stream_seq: int | None = None
    """Where that stands in their stream."""
    raw: object


class GapRecord(Record, frozen=True, kw_only=True, tag="gap"):
    """A gap in the coverage of a venue opened or closed."""

    venue: str
    gap: str
    state: Literal["open", "closed"]
    cause: str
    from_: Time = msgspec.field(name="from")
    to: Time | None
    outcome: Literal["recovered", "partial"] | None
    recovered: int | None
    limits: str | None
    at: Time


class LinkRecord(Record, frozen=True, kw_only=True, tag="link"):
    """A connection changed state."""

    venue: str
    conn: int
    state: LinkState
    detail: str | None
    wait_s: float | None
    at: Time


class VenueAlive(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one venue in an alive record. `updates` = order records written + `duplicates`, since the start."""

    state: LinkState
    last_rx: Time | None
    rtt_ms: float | None
    updates: int
    duplicates: int
    rejected: int
    reconnects: int
    open_orders: int
    covers: list[str] = []
    """What the subscription and the last complete query cover; collectors back each other up for equal entries."""


class AliveRecord(Record, frozen=True, kw_only=True, tag="alive"):
    """Written every 10 s, so that silence means that nothing happened."""

    venues: dict[str, VenueAlive]
    queue: int
    loop_lag_ms: float
    rss_mib: float
    synced_seq: int | None
    published_seq: int | None = None
    """With `--publish`: the highest seq up to which the stream has acknowledged every line."""
    at: Time


class RejectRecord(Record, frozen=True, kw_only=True, tag="reject"):
    """Input that could not be read."""

    venue: str
    reason: str
    bytes: int
    head: str
    suppressed: int
    at: Time


class SessionRecord(Record, frozen=True, kw_only=True, tag="session"):
    """A run begins or ends."""

    state: Literal["start", "end"]
    schema: str
    version: str
    pid: int
    host: str
    venues: list[str]
    kinds: dict[str, str] | None = None
    """The kind of each venue; None only in a recording of a version that did not write it."""
    simulated: bool | None = None
    """Whether the venues are simulators, as in a run of `demo`; None as for `kinds`."""
    config_sha256: str | None
    reason: str | None
    exit: int | None
    counts: dict[str, int] | None
    uncertain_s: float | None
    at: Time


class SinkGapRecord(Record, frozen=True, kw_only=True, tag="sink_gap"):
    """A slow reader of stdout missed `count` records, written between the two times."""

    count: int
    from_: Time = msgspec.field(name="from")
    to: Time
    at: Time


class ClockRecord(Record, frozen=True, kw_only=True, tag="clock"):
    """The wall clock jumped, or the machine slept."""

    jump_ms: float
    suspended_ms: float
    at: Time


class PrevSessionRecord(Record, frozen=True, kw_only=True, tag="prev_session"):
    """First record of a continued recording: how the previous session ended."""

    last_seq: int
    last_at: Time | None
    end: Literal["clean", "unclean"]
    reboot: bool


class RepairRecord(Record, frozen=True, kw_only=True, tag="repair"):
    """A partial write at the end of the file was saved to another file and removed."""

    bytes: int
    sha256: str
    saved_as: str
    after_seq: int


class RotateRecord(Record, frozen=True, kw_only=True, tag="rotate"):
    """Last record of a file: the recording continues in another."""

    next: str
    last_seq: int


class RotatedFromRecord(Record, frozen=True, kw_only=True, tag="rotated_from"):
    """First record of a file that continues another."""

    prev: str
    prev_last_seq: int


class IoErrorRecord(Record, frozen=True, kw_only=True, tag="io_error"):
    """Writing failed for a while and succeeds again."""

    op: str
    errno: int
    ms: float
    waiting: int


AnyRecord = (
    OrderRecord
    | GapRecord
    | LinkRecord
    | AliveRecord
    | RejectRecord
    | SessionRecord
    | SinkGapRecord
    | ClockRecord
    | PrevSessionRecord
    | RepairRecord
    | RotateRecord
    | RotatedFromRecord
    | IoErrorRecord
)


def record_time(record: AnyRecord) -> Time | None:
    """When ordwatch learnt of it; None for records that only recordings have."""
    match record:
        case OrderRecord():
            return record.received_at
        case (
            GapRecord()
            | LinkRecord()
            | AliveRecord()
            | RejectRecord()
            | SessionRecord()
            | SinkGapRecord()
            | ClockRecord()
        ):
            return record.at
        case _:
            return None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyRecord)

_SUSPECT = b"\x7f\xc2\xcd\xd8\xdb\xdc\xe0\xe1\xe2\xef\xf0\xf3"
"""DEL, and the first UTF-8 bytes of all unsafe characters beyond ASCII (escaping.UNSAFE), except one."""

_HANGUL_FILLER = b"\xe3\x85\xa4"
"""The exception: its first byte is also that of Chinese punctuation."""


def encode(record: Record) -> bytes:
    """The record as one JSON object without `seq` and without a line end; unsafe characters are escaped.

    A string longer than MAX_TEXT characters is cut and marked.
    """
    try:
        line = _encoder.encode(record)
    except UnicodeEncodeError:
        return _encode_slowly(record)
    if len(line) > MAX_TEXT:
        return _encode_slowly(record)
    if 0x7F in line or (not line.isascii() and _may_be_unsafe(line)):
        return escape_json(line.decode()).encode()
    return line


def _may_be_unsafe(line: bytes) -> bool:
    return len(line.translate(None, _SUSPECT)) != len(line) or (_HANGUL_FILLER[0] in line and _HANGUL_FILLER in line)


def _encode_slowly(record: Record) -> bytes:
    plain = _cut(msgspec.to_builtins(record))
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"))
    return escape_json(text).encode()


def _cut(value: object) -> object:
    match value:
        case str() if len(value) > MAX_TEXT:
            return value[: MAX_TEXT - 1] + "…"
        case dict():
            return {key: _cut(item) for key, item in value.items()}
        case list() | tuple():
            return [_cut(item) for item in value]
        case _:
            return value


class OutputRecord(msgspec.Struct, gc=False):
    """A record on its way to the outputs: its JSON is made once, when the first of them asks for it.

    Two threads that ask for the first time at the same moment may both make it; it is the same.
    """

    record: AnyRecord
    _json: bytes | None = None

    @property
    def json(self) -> bytes:
        """As from `encode`: for `numbered`, or with a checksum in a recording."""
        if self._json is None:
            self._json = encode(self.record)
        return self._json


def for_outputs(records: Iterable[AnyRecord]) -> list[OutputRecord]:
    """The records as outputs take them; all outputs of a run get the same list."""
    return [OutputRecord(record) for record in records]


def numbered(line: bytes, seq: int) -> bytes:
    """An encoded record with its number in a stream: `seq` after `type`."""
    head, _, rest = line.partition(b",")
    return b'%b,"seq":%d,%b' % (head, seq, rest)


def decode(line: bytes | str) -> AnyRecord:
    """The record in a line; `seq`, `crc` and unknown keys of later versions are ignored.

    Raises:
        msgspec.MsgspecError: Not a record of this schema.
    """
    record: AnyRecord = _decoder.decode(line)
    return record
