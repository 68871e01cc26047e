"""The schema, held to the records and the records to it."""

from typing import Any, get_args

import jsonschema
import pytest
from msgspec import structs

from ordwatch.core import records
from ordwatch.core.events import Extra, OrderStatus, Side, TimeInForce
from ordwatch.core.records import AnyRecord, encode, numbered
from ordwatch.outputs.schema import closed, record_schema
from ordwatch.venues import REGISTRY, load
from tests.support.lines import refusals

TIME = "2026-03-02T12:03:09.604000Z"
KIND = next(iter(REGISTRY))
ORDER = records.OrderRecord(
    venue="toy",
    environment="live",
    account="1",
    order_id="2",
    order_id_ext=None,
    client_order_id=None,
    symbol="A-B",
    name=None,
    side=Side.BUY,
    order_type="UNKNOWN(99)",
    time_in_force=TimeInForce.DAY,
    status=OrderStatus.NEW,
    venue_status="Submitted",
    prev_status=None,
    final=False,
    reason=None,
    qty="100",
    filled_qty="0",
    remaining_qty="100",
    price="-0.5",
    stop_price=None,
    avg_price=None,
    filled_value=None,
    fee=None,
    fee_currency=None,
    currency=None,
    remark=None,
    created_at=None,
    updated_at=TIME,
    received_at=TIME,
    source="push",
    gap=None,
    changed=(),
    flags=("late", "bad:qty", "derived:avg_price"),
    extra=load(KIND).extra(),
    raw={"any": ["thing"]},
)
ALL: list[AnyRecord] = [
    ORDER,
    records.GapRecord(
        venue="toy",
        gap="toy-1",
        state="closed",
        cause="close:1006",
        from_=TIME,
        to=TIME,
        outcome="partial",
        recovered=0,
        limits="no history",
        at=TIME,
    ),
    records.LinkRecord(venue="toy", conn=1, state="down", detail="refused", wait_s=0.5, at=TIME),
    records.AliveRecord(
        venues={
            "toy": records.VenueAlive(
                state="live",
                last_rx=TIME,
                rtt_ms=None,
                updates=1,
                duplicates=0,
                rejected=0,
                reconnects=0,
                open_orders=1,
            )
        },
        queue=0,
        loop_lag_ms=0.5,
        rss_mib=40.0,
        synced_seq=None,
        at=TIME,
    ),
    records.RejectRecord(venue="toy", reason="not JSON", bytes=3, head="616263", suppressed=0, at=TIME),
    records.SessionRecord(
        state="end",
        schema="ordwatch/1",
        version="0.1.0",
        pid=1,
        host="here",
        venues=["toy"],
        kinds={"toy": KIND},
        simulated=True,
        config_sha256="0" * 64,
        reason="SIGTERM",
        exit=143,
        counts={"updates": 1},
        uncertain_s=0.0,
        at=TIME,
    ),
    records.SinkGapRecord(count=5, from_=TIME, to=TIME, at=TIME),
    records.ClockRecord(jump_ms=-1000.0, suspended_ms=0.0, at=TIME),
    records.PrevSessionRecord(last_seq=5, last_at=None, end="unclean", reboot=False),
    records.RepairRecord(bytes=5, sha256="0" * 64, saved_as="day.torn", after_seq=4),
    records.RotateRecord(next="day.jsonl", last_seq=9),
    records.RotatedFromRecord(prev="day.1-9.jsonl", prev_last_seq=9),
    records.IoErrorRecord(op="write", errno=28, ms=2000.0, waiting=7),
]


def test_every_kind_of_record_is_tried_here() -> None:
    assert {type(record) for record in ALL} == set(get_args(AnyRecord))


@pytest.mark.parametrize("record", ALL, ids=lambda record: type(record).__name__)
def test_what_is_written_fits_the_schema(record: AnyRecord) -> None:
    assert refusals(numbered(encode(record), 1)) == []


@pytest.mark.parametrize("record", ALL, ids=lambda record: type(record).__name__)
def test_a_line_without_its_place_does_not_fit(record: AnyRecord) -> None:
    assert refusals(encode(record)) != []


@pytest.mark.parametrize("kind", list(REGISTRY))
def test_extra_is_that_of_a_venue(kind: str) -> None:
    record = structs.replace(ORDER, extra=load(kind).extra())

    assert refusals(numbered(encode(record), 1)) == []


class StrangeExtra(Extra, frozen=True, kw_only=True):
    """The fields of no venue."""

    strange: str | None = None


WRONG: list[dict[str, Any]] = [
    {"qty": "1e3"},
    {"qty": "01"},
    {"qty": ".5"},
    {"qty": "NaN"},
    {"qty": ""},
    {"price": 480},
    {"received_at": "2026-03-02T12:03:09Z"},
    {"received_at": "2026-03-02T12:03:09.604000+00:00"},
    {"updated_at": ""},
    {"side": "buy"},
    {"status": "DONE"},
    {"status": None},
    {"environment": "test"},
    {"time_in_force": "FOREVER"},
    {"order_type": "limit"},
    {"order_id": ""},
    {"order_id": 5},
    {"flags": ["strange"]},
    {"flags": ["late", "late"]},
    {"gap": "toy"},
    {"extra": StrangeExtra()},
    {"extra": None},
    {"raw": "text"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_no_order_says_does_not_fit(wrong: dict[str, Any]) -> None:
    assert refusals(numbered(encode(structs.replace(ORDER, **wrong)), 1)) != []


def test_a_missing_key_does_not_fit() -> None:
    assert refusals(numbered(encode(ORDER).replace(b'"qty":"100",', b""), 1)) != []


def test_a_session_without_the_kinds_of_its_venues_does_not_fit() -> None:
    line = next(line for line in map(encode, ALL) if b'"kinds"' in line)

    assert refusals(numbered(line.replace(b'"kinds":', b'"other":'), 1), record_schema()) != []


def test_readers_pass_over_a_key_that_was_added() -> None:
    line = numbered(encode(ORDER).replace(b'"qty":', b'"added":1,"qty":'), 1)

    assert refusals(line) != []
    assert refusals(line, record_schema()) == []


def test_keys_in_another_order_do_not_fit() -> None:
    line = numbered(encode(ORDER).replace(b'"qty":"100","filled_qty":"0"', b'"filled_qty":"0","qty":"100"'), 1)

    assert refusals(line) != []


@pytest.mark.parametrize("schema", [record_schema(), closed(record_schema())], ids=["open", "closed"])
def test_the_schema_is_one(schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
