import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.times import time_ns, time_text


def test_time_is_rfc_3339_in_utc() -> None:
    assert time_text(1_631_522_700_312_849_000) == "2021-09-13T08:45:00.312849Z"


@given(st.integers(min_value=0, max_value=253_402_300_799_999_999))
def test_time_reads_back(microseconds: int) -> None:
    assert time_ns(time_text(microseconds * 1000)) == microseconds * 1000


@pytest.mark.parametrize(
    "text", ["", "2021-09-13T08:45:00Z", "2021-09-13 08:45:00.312849Z", "2021-09-13T08:45:00.31284xZ"]
)
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words may be the standard library's
        time_ns(text)
