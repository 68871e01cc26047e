import msgspec
import pytest

from ordwatch.core.order_ids import ChosenOrders, OrderName
from tests.recording.samples import order

ORDER = msgspec.structs.replace(order("0x3fc49a1c"), order_id_ext="20260302_17_OD|ab", client_order_id="mine-7")


@pytest.mark.parametrize("text", ["0x3fc49a1c", "20260302_17_OD|ab", "mine-7"])
def test_any_of_its_ids_names_an_order(text: str) -> None:
    assert OrderName(text).is_id_of(ORDER)
    assert OrderName(text).is_short_for(ORDER)


@pytest.mark.parametrize("text", ["9a1c", "…9a1c", "0x3f…9a1c", "0x3f…", "-7", "|ab"])
def test_an_end_of_an_id_names_it_too_as_the_table_shows_it(text: str) -> None:
    assert OrderName(text).is_short_for(ORDER)
    assert not OrderName(text).is_id_of(ORDER)


@pytest.mark.parametrize("text", ["0x3f", "3fc4", "9A1C", "0x3fc49a…9a1c", "1x…9a1c", "mine"])
def test_other_parts_do_not(text: str) -> None:
    assert not OrderName(text).is_short_for(ORDER)


def test_an_order_without_other_ids_has_one() -> None:
    assert not OrderName("None").is_id_of(order("1"))


def chosen(*names: str) -> tuple[ChosenOrders, list[str]]:
    """Orders with these names, and the messages about them."""
    messages: list[str] = []
    return ChosenOrders(names, messages.append), messages


def test_one_of_several_names_is_enough() -> None:
    orders, messages = chosen("1", "mine-7")

    assert [orders.has(each) for each in (order("1"), ORDER, order("2"))] == [True, True, False]
    assert messages == []


def test_an_end_of_several_ids_is_reported_once() -> None:
    orders, messages = chosen("17")

    assert [orders.has(order(each)) for each in ("117", "117", "217", "317", "18")] == [True, True, True, True, False]
    assert messages == ["--order 17: matches several orders, such as 117 and 217"]


def test_a_whole_id_is_no_end_of_another() -> None:
    orders, messages = chosen("17")

    assert [orders.has(order(each)) for each in ("117", "17", "117", "17")] == [True, True, False, True]
    assert messages == []
