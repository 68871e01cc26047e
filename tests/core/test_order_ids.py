import msgspec
import pytest

from ordwatch.core.order_ids import OrderName
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
