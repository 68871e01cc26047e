"""From OpenD's Order to an OrderUpdate."""

from typing import Literal

import msgspec
import pytest

from ordwatch.core.errors import RemoteProtocolError
from ordwatch.core.events import FINAL, OrderStatus, OrderUpdate, Side, TimeInForce
from ordwatch.venues.opend.messages import parse_update_order
from ordwatch.venues.opend.orders import OpendExtra, OrderReader
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

READER = OrderReader("opend", futures_zone="Asia/Shanghai")


def read(body: bytes, reader: OrderReader = READER) -> OrderUpdate:
    s2c = parse_update_order(body).s2c
    return reader.read(s2c.header, s2c.order, 17, "push")


def order(**fields: object) -> OrderUpdate:
    """A plain order of an account, with these fields set or, given None, not sent."""
    header = pb.TrdHeader(trdEnv=1, accID=281756455988249902, trdMarket=1)
    sent = pb.Order(trdSide=1, orderType=1, orderStatus=5, orderID=7, code=b"00700", qty=100, fillQty=0, secMarket=1)
    for name, value in fields.items():
        if value is None:
            sent.ClearField(name)
        else:
            setattr(sent, name, value)
    return READER.read(header, sent, 17, "push")


def extra(update: OrderUpdate) -> OpendExtra:
    assert isinstance(update.extra, OpendExtra)
    return update.extra


def ns(seconds: int, microseconds: int = 0) -> int:
    return (seconds * 1_000_000 + microseconds) * 1000


def test_reads_the_working_order_that_the_documentation_prints(sdk: dict[str, bytes]) -> None:
    assert read(sdk["push_javascript_submitted"]) == OrderUpdate(
        venue="opend",
        environment="live",
        account="281756455988249902",
        order_id="4883217202603317248",
        order_id_ext="20210913_5915950_OD|pM+9NqXZAaxnZYpScrsjT4zHWtlk1",
        symbol="HK.00700",
        name="Tencent",
        side=Side.BUY,
        order_type="LIMIT",
        time_in_force=TimeInForce.DAY,
        status=OrderStatus.NEW,
        venue_status="Submitted",
        reason="",
        qty="100",
        filled_qty="0",
        remaining_qty="100",
        price="480",
        avg_price="0",
        created_ns=ns(1631522700, 312849),
        updated_ns=ns(1631522700, 567732),
        received_ns=17,
        source="push",
        extra=OpendExtra(
            trd_market="HK",
            sec_market="HK",
            create_time="2021-09-13 16:45:00.313",
            update_time="2021-09-13 16:45:00.568",
        ),
    )


@pytest.mark.parametrize(
    ("name", "environment", "status", "order_type", "filled", "remaining", "updated_ns"),
    [
        ("java_filled", "paper", OrderStatus.FILLED, "ABSOLUTE_LIMIT", "100", "0", ns(1624592310)),
        ("cpp_submitted", "paper", OrderStatus.NEW, "ABSOLUTE_LIMIT", "0", "100", ns(1623225606)),
        ("cpp_cancelled", "paper", OrderStatus.CANCELED, "ABSOLUTE_LIMIT", "0", "100", ns(1623225622)),
        ("javascript_submitting", "live", OrderStatus.PENDING_NEW, "LIMIT", "0", "100", ns(1631522700)),
        ("javascript_submitted", "live", OrderStatus.NEW, "LIMIT", "0", "100", ns(1631522700, 567732)),
        ("javascript_filled", "live", OrderStatus.FILLED, "LIMIT", "100", "0", ns(1631522700, 604215)),
    ],
)
def test_reads_every_push_that_the_documentation_prints(
    name: str,
    environment: Literal["live", "paper"],
    status: OrderStatus,
    order_type: str,
    filled: str,
    remaining: str,
    updated_ns: int,
    sdk: dict[str, bytes],
) -> None:
    update = read(sdk[f"push_{name}"])

    assert (update.environment, update.status, update.order_type) == (environment, status, order_type)
    assert (update.filled_qty, update.remaining_qty, update.updated_ns) == (filled, remaining, updated_ns)
    assert update.flags == ()


@pytest.mark.parametrize(
    ("name", "symbol", "currency", "updated_ns"),
    [
        ("python_hk", "HK.00700", "HKD", ns(1635996387)),  # 11:26:27 in Hong Kong
        ("python_us", "US.AAPL", "USD", ns(1636039587)),  # 11:26:27 in New York, summer time
    ],
)
def test_a_text_time_is_read_in_the_zone_of_its_market_and_says_so(
    name: str, symbol: str, currency: str, updated_ns: int, sdk: dict[str, bytes]
) -> None:
    update = read(sdk[f"push_{name}"])

    assert (update.symbol, update.currency) == (symbol, currency)
    assert (update.created_ns, update.updated_ns) == (updated_ns, updated_ns)
    assert update.flags == ("zone_assumed",)


def test_reads_every_field_there_is(sdk: dict[str, bytes]) -> None:
    update = read(sdk["push_every_field"])

    assert (update.account, update.order_id) == ("18446744073709551615", "18446744073709551615")
    assert (update.symbol, update.name) == ("US.AAPL260116C250000", "苹果 260116 250.00C")
    assert (update.side, update.order_type) == (Side.SELL_SHORT, "TRAILING_STOP_LIMIT")
    assert (update.time_in_force, update.status) == (TimeInForce.GTD, OrderStatus.PARTIALLY_FILLED)
    assert (update.qty, update.filled_qty, update.remaining_qty) == ("3", "1", "2")
    assert (update.price, update.stop_price, update.avg_price) == ("1.25", "1.5", "1.2500000000000002")
    assert (update.currency, update.remark, update.reason) == ("USD", "备注", "价格超出范围")
    assert update.flags == ()
    assert update.extra == OpendExtra(
        session="ETH",
        fill_outside_rth=True,
        trail_type="RATIO",
        trail_value="0.1",
        trail_spread="0.01",
        expire_time="2026-02-01 16:00:00",
        order_amount="375.5",
        strategy_type="SPREAD",
        combo_legs=[
            {
                "market": "US_SECURITY",
                "code": "AAPL260116C250000",
                "side": "BUY",
                "qty_ratio": "1",
                "position_id": "9223372036854775808",
                "pred_side": "YES",
            },
            {
                "market": "EVENT_CONTRACT",
                "code": "X",
                "side": None,
                "qty_ratio": None,
                "position_id": None,
                "pred_side": None,
            },
        ],
        jp_acc_type="JP_GENERAL",
        trd_market="US",
        sec_market="US",
        create_time="2026-01-02 09:30:00.5",
        update_time="2026-01-02 09:30:01.25",
    )


@pytest.mark.parametrize(
    ("number", "venue_status", "status", "final"),
    [
        (-1, "Unknown", OrderStatus.UNKNOWN, False),
        (0, "Unsubmitted", OrderStatus.PENDING_NEW, False),
        (1, "WaitingSubmit", OrderStatus.PENDING_NEW, False),
        (2, "Submitting", OrderStatus.PENDING_NEW, False),
        (3, "SubmitFailed", OrderStatus.REJECTED, True),
        (4, "TimeOut", OrderStatus.UNKNOWN, False),
        (5, "Submitted", OrderStatus.NEW, False),
        (10, "Filled_Part", OrderStatus.PARTIALLY_FILLED, False),
        (11, "Filled_All", OrderStatus.FILLED, True),
        (12, "Cancelling_Part", OrderStatus.PENDING_CANCEL, False),
        (13, "Cancelling_All", OrderStatus.PENDING_CANCEL, False),
        (14, "Cancelled_Part", OrderStatus.CANCELED, True),
        (15, "Cancelled_All", OrderStatus.CANCELED, True),
        (21, "Failed", OrderStatus.REJECTED, True),
        (22, "Disabled", OrderStatus.SUSPENDED, False),
        (23, "Deleted", OrderStatus.CANCELED, True),
        (24, "FillCancelled", OrderStatus.CANCELED, True),
        (6, "6", OrderStatus.UNKNOWN, False),
        (99, "99", OrderStatus.UNKNOWN, False),
        (-7, "-7", OrderStatus.UNKNOWN, False),
    ],
)
def test_every_status_has_its_meaning(number: int, venue_status: str, status: OrderStatus, final: bool) -> None:
    update = order(orderStatus=number)

    assert (update.venue_status, update.status) == (venue_status, status)
    assert (update.status in FINAL) is final


@pytest.mark.parametrize(
    ("status", "qty", "filled", "conflict"),
    [
        (11, 100.0, 100.0, False),
        (11, 100.0, 60.0, True),
        (10, 100.0, 60.0, False),
        (10, 100.0, 0.0, True),
        (10, 100.0, 100.0, True),
        (14, 100.0, 60.0, False),
        (14, 100.0, 0.0, True),
        (15, 100.0, 0.0, False),
        (15, 100.0, 1.0, True),
        (5, 100.0, 0.0, False),
        (5, 100.0, 1.0, True),
        (21, 100.0, 1.0, True),
        (22, 100.0, 60.0, False),
        (22, 100.0, 101.0, True),
        (99, 100.0, 50.0, False),
        (11, 0.0, 1.5, False),
    ],
)
def test_status_and_quantities_that_disagree_are_flagged(
    status: int, qty: float, filled: float, conflict: bool
) -> None:
    assert ("conflict" in order(orderStatus=status, qty=qty, fillQty=filled).flags) is conflict


def test_a_busted_fill_is_flagged() -> None:
    assert order(orderStatus=24, fillQty=60.0).flags == ("fill_busted",)


def test_not_said_is_null_and_said_zero_is_zero() -> None:
    silent, zero = order(fillQty=None), order(fillQty=0.0)

    assert (silent.filled_qty, silent.remaining_qty) == (None, None)
    assert (zero.filled_qty, zero.remaining_qty) == ("0", "100")


@pytest.mark.parametrize(
    ("qty", "filled", "remaining"),
    [(0.3, 0.1, "0.2"), (1e22, 1.0, "9999999999999999999999"), (5e-324, 0.0, f"0.{'0' * 323}5"), (100.0, 101.0, None)],
)
def test_what_remains_is_exact(qty: float, filled: float, remaining: str | None) -> None:
    assert order(orderStatus=22, qty=qty, fillQty=filled).remaining_qty == remaining


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1.0])
@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("qty", "qty"),
        ("fillQty", "filled_qty"),
        ("price", "price"),
        ("auxPrice", "stop_price"),
        ("fillAvgPrice", "avg_price"),
    ],
)
def test_a_number_that_cannot_be_read_is_null_and_flagged(field: str, key: str, value: float) -> None:
    update = order(**{field: value})

    assert msgspec.structs.asdict(update)[key] is None
    assert f"bad:{key}" in update.flags


@pytest.mark.parametrize("order_type", [2, 6, 10, 12, 14, 16, 18])
def test_an_order_without_a_limit_has_no_price(order_type: int) -> None:
    assert order(orderType=order_type, price=480.0).price is None


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, None),
        (1, "LIMIT"),
        (2, "MARKET"),
        (3, "UNKNOWN(3)"),
        (5, "ABSOLUTE_LIMIT"),
        (6, "AUCTION"),
        (9, "SPECIAL_LIMIT_ALL"),
        (12, "MARKET_IF_TOUCHED"),
        (19, "VWAP_LIMIT"),
        (77, "UNKNOWN(77)"),
    ],
)
def test_order_types_are_upper_snake_words(number: int, name: str | None) -> None:
    assert order(orderType=number).order_type == name


@pytest.mark.parametrize(
    ("number", "side", "flags"),
    [
        (0, None, ()),
        (1, Side.BUY, ()),
        (2, Side.SELL, ()),
        (3, Side.SELL_SHORT, ()),
        (4, Side.BUY_BACK, ()),
        (9, None, ("bad:side",)),
    ],
)
def test_a_side_that_is_not_documented_is_bad(number: int, side: Side | None, flags: tuple[str, ...]) -> None:
    update = order(trdSide=number)

    assert (update.side, update.flags) == (side, flags)


@pytest.mark.parametrize(
    ("number", "time_in_force", "flags"),
    [
        (None, None, ()),
        (0, TimeInForce.DAY, ()),
        (1, TimeInForce.GTC, ()),
        (2, TimeInForce.IOC, ()),
        (3, TimeInForce.GTD, ()),
        (9, None, ("bad:time_in_force",)),
    ],
)
def test_a_time_in_force_that_is_not_documented_is_bad(
    number: int | None, time_in_force: TimeInForce | None, flags: tuple[str, ...]
) -> None:
    update = order(timeInForce=number)

    assert (update.time_in_force, update.flags) == (time_in_force, flags)


def test_numbers_the_documentation_does_not_have_survive_in_extra() -> None:
    reported = extra(order(session=9, trailType=9, strategyType=9, trdMarket=99, secMarket=99, jpAccType=99))

    assert (reported.session, reported.trail_type, reported.strategy_type) == ("UNKNOWN(9)", "UNKNOWN(9)", "BUTTERFLY")
    assert (reported.trd_market, reported.sec_market, reported.jp_acc_type) == (
        "UNKNOWN(99)",
        "UNKNOWN(99)",
        "UNKNOWN(99)",
    )


@pytest.mark.parametrize(
    ("sec_market", "trd_market", "symbol"),
    [
        (1, None, "HK.00700"),
        (2, None, "US.00700"),
        (31, None, "SH.00700"),
        (32, None, "SZ.00700"),
        (41, None, "SG.00700"),
        (51, None, "JP.00700"),
        (61, None, "AU.00700"),
        (71, None, "MY.00700"),
        (81, None, "CA.00700"),
        (91, None, "FX.00700"),
        (101, None, "CC.00700"),
        (None, 2, "US.00700"),
        (99, 15, "JP.00700"),
        (None, None, "HK.00700"),
        (None, 0, "HK.00700"),
        (None, 3, "00700"),
        (None, 5, "00700"),
        (None, 99, "00700"),
    ],
)
def test_a_symbol_bears_its_markets_prefix(sec_market: int | None, trd_market: int | None, symbol: str) -> None:
    assert order(secMarket=sec_market, trdMarket=trd_market).symbol == symbol


def test_a_code_of_no_known_market_stays_bare() -> None:
    header = pb.TrdHeader(trdEnv=1, accID=7, trdMarket=5)

    assert READER.read(header, pb.Order(orderStatus=5, orderID=1, code=b"MHImain"), 0, "push").symbol == "MHImain"


def test_text_that_is_not_utf8_is_shown_and_the_order_kept() -> None:
    update = order(name=b"Ten\xffcent", code=b"\xfe", remark=b"\xc3", lastErrMsg=b"\x80", orderIDEx=b"\xff")

    assert (update.name, update.symbol, update.remark) == ("Ten\\xffcent", "HK.\\xfe", "\\xc3")
    assert (update.reason, update.order_id_ext) == ("\\x80", "\\xff")


def test_no_error_takes_a_former_reason_back_but_empty_texts_say_nothing() -> None:
    update = order(lastErrMsg=b"", name=b"", remark=b"", orderIDEx=b"")

    assert update.reason == ""
    assert (update.name, update.remark, update.order_id_ext) == (None, None, None)


def test_required_fields_that_were_not_sent_are_holes_not_losses() -> None:
    update = order(trdSide=None, orderType=None, code=None, qty=None)

    assert update.status == OrderStatus.NEW
    assert set(update.flags) == {"bad:side", "bad:order_type", "bad:symbol", "bad:qty"}


@pytest.mark.parametrize(
    "header",
    [pb.TrdHeader(), pb.TrdHeader(accID=7), pb.TrdHeader(trdEnv=1), pb.TrdHeader(trdEnv=7, accID=7)],
    ids=str,
)
def test_an_order_of_no_known_account_is_no_order(header: pb.TrdHeader) -> None:
    with pytest.raises(RemoteProtocolError, match="environment or account"):
        READER.read(header, pb.Order(orderStatus=5, orderID=1), 0, "push")


@pytest.mark.parametrize("sent", [pb.Order(), pb.Order(orderID=1), pb.Order(orderStatus=5)], ids=str)
def test_an_order_without_id_or_status_is_no_order(sent: pb.Order) -> None:
    with pytest.raises(RemoteProtocolError, match="without"):
        READER.read(pb.TrdHeader(trdEnv=1, accID=7), sent, 0, "push")


@pytest.mark.parametrize(
    ("fields", "updated_ns", "flags"),
    [
        ({"updateTimestamp": 1631522700.312849}, ns(1631522700, 312849), ()),
        ({"updateTimestamp": 1631522700.999999}, ns(1631522700, 999999), ()),
        ({"updateTime": b"2021-09-13 16:45:00"}, ns(1631522700), ("zone_assumed",)),
        ({"updateTime": b"2021-09-13 16:45:00.313"}, ns(1631522700, 313000), ("zone_assumed",)),
        ({"updateTimestamp": 0.0, "updateTime": b"2021-09-13 16:45:00"}, ns(1631522700), ("zone_assumed",)),
        ({"updateTimestamp": float("nan")}, None, ("bad:updated_at",)),
        ({"updateTimestamp": 1.7e12}, None, ("bad:updated_at",)),
        ({"updateTimestamp": -5.0}, None, ("bad:updated_at",)),
        ({"updateTime": b"soon"}, None, ("bad:updated_at",)),
        ({"updateTime": b"2021-02-30 16:45:00"}, None, ("bad:updated_at",)),
        ({"updateTime": b"2021-09-13 16:45:00", "secMarket": 99, "trdMarket": 7}, ns(1631522700), ("zone_assumed",)),
        ({}, None, ()),
    ],
)
def test_a_time_is_the_timestamp_s_else_the_text_s(
    fields: dict[str, object], updated_ns: int | None, flags: tuple[str, ...]
) -> None:
    update = order(createTimestamp=1631522700.0, **fields)

    assert (update.updated_ns, update.flags) == (updated_ns, flags)


def test_a_futures_time_text_is_in_the_configured_zone() -> None:
    reader = OrderReader("opend", futures_zone="America/Chicago")
    sent = pb.Order(orderStatus=5, orderID=1, updateTime=b"2021-09-13 16:45:00")

    update = reader.read(pb.TrdHeader(trdEnv=1, accID=7, trdMarket=5), sent, 0, "push")

    assert update.updated_ns == ns(1631569500)


def test_the_raw_payload_is_what_the_documentation_prints(
    sdk: dict[str, bytes], documented: dict[str, dict[str, dict[str, object]]]
) -> None:
    reader = OrderReader("opend", futures_zone="UTC", raw=True)
    printed = documented["javascript_submitted"]

    assert read(sdk["push_javascript_submitted"], reader).raw == printed


def test_the_raw_payload_shows_what_json_cannot(sdk: dict[str, bytes]) -> None:
    header = pb.TrdHeader(trdEnv=1, accID=7)
    sent = pb.Order(orderID=1, orderStatus=5, qty=float("nan"), comboLegs=[pb.ComboLeg(side=1, positionID=2**63)])

    raw = OrderReader("opend", futures_zone="UTC", raw=True).read(header, sent, 0, "push").raw

    assert raw == {
        "header": {"trdEnv": 1, "accID": "7"},
        "order": {
            "orderStatus": 5,
            "orderID": "1",
            "qty": "nan",
            "comboLegs": [{"side": 1, "positionID": "9223372036854775808"}],
        },
    }


def test_the_raw_payload_is_not_kept_unless_wanted(sdk: dict[str, bytes]) -> None:
    assert read(sdk["push_javascript_submitted"]).raw is None
