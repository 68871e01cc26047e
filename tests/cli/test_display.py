"""What stdout shows."""

import os

import pytest

from ordwatch.cli.display import DisplayOptions, TailDisplayOptions, wants_color
from ordwatch.cli.options import ColorChoice, OutputKind, RecordKinds
from ordwatch.core.errors import UsageError
from ordwatch.core.events import OrderStatus, Side
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.json_lines import JsonLines
from ordwatch.outputs.table import Table
from ordwatch.outputs.text import TextLines


@pytest.mark.parametrize(("terminal", "kind"), [(True, OutputKind.TABLE), (False, OutputKind.JSON)])
def test_a_terminal_gets_the_table_and_a_pipe_json(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: OutputKind
) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: terminal)

    assert DisplayOptions().kind is kind


@pytest.mark.parametrize(
    ("kind", "sink"), [(OutputKind.JSON, JsonLines), (OutputKind.TEXT, TextLines), (OutputKind.TABLE, Table)]
)
def test_the_output_asked_for_is_what_is_made(kind: OutputKind, sink: type) -> None:
    assert isinstance(DisplayOptions(output=kind).sink([], dict), sink)


@pytest.mark.parametrize("kind", [OutputKind.TEXT, OutputKind.TABLE])
def test_kinds_of_records_are_for_json_only(kind: OutputKind) -> None:
    with pytest.raises(UsageError, match="add -o json"):
        DisplayOptions(output=kind, records=RecordKinds.ALL).check()


@pytest.mark.parametrize(("kind", "records"), [(OutputKind.JSON, RecordKinds.ALL), (OutputKind.TABLE, None)])
def test_other_options_go_together(kind: OutputKind, records: RecordKinds | None) -> None:
    DisplayOptions(output=kind, records=records).check()


def test_nothing_asked_for_filters_nothing() -> None:
    assert DisplayOptions().filter == Filter()


def test_every_filter_option_reaches_the_filter() -> None:
    asked = DisplayOptions(
        symbol=["HK.*"],
        status=[OrderStatus.NEW],
        side=[Side.BUY],
        account=["1"],
        open=True,
        records=RecordKinds.ORDERS,
    )

    assert asked.filter == Filter(
        symbols=("HK.*",),
        statuses=frozenset({OrderStatus.NEW}),
        sides=frozenset({Side.BUY}),
        accounts=frozenset({"1"}),
        open_only=True,
        records="orders",
    )


@pytest.mark.parametrize(
    ("choice", "environ", "terminal", "wanted"),
    [
        (ColorChoice.AUTO, {"TERM": "xterm"}, True, True),
        (ColorChoice.AUTO, {"TERM": "xterm"}, False, False),
        (ColorChoice.AUTO, {"TERM": "dumb"}, True, False),
        (ColorChoice.AUTO, {}, True, False),
        (ColorChoice.AUTO, {"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        (ColorChoice.AUTO, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        (ColorChoice.AUTO, {"FORCE_COLOR": "1"}, False, True),
        (ColorChoice.ALWAYS, {"NO_COLOR": "1"}, False, True),
        (ColorChoice.NEVER, {"FORCE_COLOR": "1", "TERM": "xterm"}, True, False),
    ],
)
def test_colour_is_wanted_where_it_can_be_seen(
    monkeypatch: pytest.MonkeyPatch, choice: ColorChoice, environ: dict[str, str], terminal: bool, wanted: bool
) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: terminal)

    assert wants_color(choice, environ) is wanted


def test_messages_go_above_a_table_only_if_stderr_is_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    table = DisplayOptions().table()
    monkeypatch.setattr(os, "isatty", lambda _: False)

    assert DisplayOptions().print_above(table) is None


def test_a_table_that_does_not_move_takes_no_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    table = DisplayOptions().table()
    monkeypatch.setattr(os, "isatty", lambda _: True)

    above = DisplayOptions().print_above(table)

    assert above is not None
    assert not above("ordwatch: text")


def test_lines_have_no_table_to_stand_above(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _: True)

    assert DisplayOptions().print_above(DisplayOptions(output=OutputKind.JSON).sink([], dict)) is None


def test_the_filter_of_since_is_made_once_and_its_mistakes_are_found_first() -> None:
    display = TailDisplayOptions(output=OutputKind.JSON, since="30m")

    assert display.filter is display.filter
    assert (display.filter.rows_since or "") > "2020"
    with pytest.raises(UsageError, match="--since"):
        TailDisplayOptions(output=OutputKind.JSON, since="noon").check()
