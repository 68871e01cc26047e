"""Groups of options as one argument."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from ordwatch.cli.option_groups import with_single_options


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where."""

    city: Annotated[str, typer.Option("--city")]
    street: Annotated[str | None, typer.Option("--street")] = None


@dataclass(frozen=True, kw_only=True)
class House(Place):
    """Where, to the door."""

    number: Annotated[int, typer.Option("-n", "--number")] = 1


def run(*arguments: str, env: dict[str, str] | None = None) -> list[object]:
    """What a command is called with."""
    seen: list[object] = []

    def visit(*, who: Annotated[str, typer.Argument()], house: House, loud: bool = False) -> None:
        seen.extend((who, house, loud))

    app = typer.Typer(context_settings={"auto_envvar_prefix": "GO"})
    app.command()(with_single_options(visit))
    result = CliRunner().invoke(app, list(arguments), env=env)
    return seen or [result.exit_code]


def test_options_of_a_group_arrive_as_one_argument() -> None:
    called = run("Ann", "--city", "Rome", "-n", "3", "--loud")

    assert called == ["Ann", House(city="Rome", street=None, number=3), True]


def test_options_left_out_have_the_groups_defaults() -> None:
    assert run("Ann", "--city", "Rome") == ["Ann", House(city="Rome"), False]


def test_an_option_without_default_is_required() -> None:
    assert run("Ann") == [2]


def test_an_option_of_a_group_comes_from_its_variable() -> None:
    assert run("Ann", "--city", "Rome", env={"GO_NUMBER": "7"}) == ["Ann", House(city="Rome", number=7), False]


def test_one_name_in_two_groups_is_refused() -> None:
    def visit(*, place: Place, house: House) -> None: ...

    with pytest.raises(ValueError, match="duplicate parameter name: 'city'"):
        with_single_options(visit)
