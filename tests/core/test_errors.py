"""Which exit code several causes make."""

from itertools import pairwise

import pytest

from ordwatch.core.errors import PRECEDENCE, AuthError, ConfigError, RecordingError, leaf_errors, worst

DOCUMENTED = (2, 1, 74, 65, 75, 78, 77, 73, 69, 3, 124, 4, 66, 0)


def test_the_order_of_exit_codes_is_the_documented_one() -> None:
    assert PRECEDENCE == DOCUMENTED


@pytest.mark.parametrize(("first", "second"), list(pairwise(DOCUMENTED)))
def test_of_two_causes_the_first_in_the_order_decides(first: int, second: int) -> None:
    assert worst([second, first]) == worst([first, second]) == first


def test_no_cause_is_success() -> None:
    assert worst([]) == 0


def test_an_exit_code_that_is_not_in_the_order_comes_before_all() -> None:
    assert worst([2, 1, 141]) == 141


def test_the_exceptions_of_nested_groups_are_found() -> None:
    refused, damaged, unreadable = AuthError("no"), RecordingError("seq"), ConfigError("key")

    assert leaf_errors(ExceptionGroup("a", [refused, ExceptionGroup("b", [damaged, unreadable])])) == [
        refused,
        damaged,
        unreadable,
    ]
