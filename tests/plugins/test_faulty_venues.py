"""What is shipped for venues from outside finds what they do wrong: the same package with one line spoiled."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ordwatch.testing import FuzzTests
from ordwatch.venues import plugins
from tests.plugins.conftest import install

TESTS = FuzzTests()


@pytest.fixture
def spoil(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Installs the package with one text of one of its files replaced, before the sound one."""

    def spoiled(file: str, old: str, new: str) -> None:
        install(tmp_path)
        path = tmp_path / "ordwatch_binance_futures" / file
        source = path.read_text()
        assert old in source
        path.write_text(source.replace(old, new))
        monkeypatch.setattr(sys, "path", [str(tmp_path), *(entry for entry in sys.path if entry != str(site))])
        plugins._points.cache_clear()

    return spoiled


@pytest.mark.parametrize(
    ("file", "old", "new", "test", "fault"),
    [
        (
            "client.py",
            "redact=self.redact",
            "redact=str",
            TESTS.test_damaged_answers_raise_nothing_but_venue_errors_and_show_no_secret,
            "a message shows a secret",
        ),
        (
            "client.py",
            "secrets=secrets",
            "secrets=()",
            TESTS.test_damaged_frames_never_raise_and_show_no_secret,
            "a message shows a secret",
        ),
        (
            "client.py",
            'raise Unreadable("a message that is no event")',
            'raise KeyError("e")',
            TESTS.test_damaged_frames_never_raise_and_show_no_secret,
            "e",
        ),
        (
            "orders.py",
            'price=nonzero(amount(texts.get("price"), "price", flags))',
            'price=texts.get("price")',
            TESTS.test_damaged_frames_never_raise_and_show_no_secret,
            "price is no plain decimal",
        ),
        (
            "__init__.py",
            "(openOrders|allOrders|order)",
            "(openOrders|allOrders)",
            TESTS.test_it_sends_only_what_is_on_its_list,
            "/fapi/v1/order is not on the list",
        ),
        (
            "__init__.py",
            '"(POST|PUT) /fapi/v1/listenKey"',
            '".*"',
            TESTS.test_its_list_of_what_only_reads_is_no_list_of_everything,
            "the list allows",
        ),
    ],
    ids=[
        "secret in an answer",
        "secret in a frame",
        "raises",
        "no decimal",
        "not on the list",
        "everything on the list",
    ],
)
def test_a_fault_of_a_venue_is_found(
    spoil: Callable[[str, str, str], None], file: str, old: str, new: str, test: Callable[[str], None], fault: str
) -> None:
    spoil(file, old, new)

    with pytest.raises((AssertionError, KeyError), match=fault):
        test("binance_futures")
