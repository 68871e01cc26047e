"""How the text of an option becomes its value."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
import typer

from ordwatch.cli.options import duration, option
from ordwatch.cli.values import reader


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (str | None, "a", "a"),
        (Path | None, "a", Path("a")),
        (list[str] | None, "a", "a"),
        (Annotated[list[Path], typer.Argument()], "a", Path("a")),
        (Annotated[float | None, option("--x", parser=duration)], "2m", 120.0),
        (bool, "1", True),
        (bool, "Yes", True),
        (bool, "0", False),
        (bool, "", False),
        (int, "3", 3),
    ],
)
def test_the_annotation_says_how_a_value_is_read(annotation: object, text: str, value: object) -> None:
    assert reader(annotation)(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [(reader(bool), "maybe"), (reader(int), "-1"), (reader(int), "\N{SUPERSCRIPT TWO}")],
)
def test_a_flag_that_is_wrong_is_a_mistake(read: Callable[[str], object], text: str) -> None:
    with pytest.raises(typer.BadParameter):
        read(text)


def test_another_type_needs_a_parser() -> None:
    with pytest.raises(TypeError, match="no reader for"):
        reader(float | None)
