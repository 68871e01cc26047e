import pytest

from ordwatch.config.document import MAX_MISTAKES, Document
from ordwatch.core.errors import ConfigError


def mistakes(document: Document) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        document.refuse_mistakes()
    return caught.value.messages


@pytest.fixture
def document() -> Document:
    return Document("file", lines={("a",): 1, ("a", "b"): 2, ("c",): 3})


def test_mistakes_are_raised_in_the_order_of_their_lines(document: Document) -> None:
    document.note(("c",), "third")
    document.note_unreadable(2, "second")
    document.note_key(("a",), "first")

    assert mistakes(document) == ("file:1: first", "file:2: second", "file:3: c: third")


def test_what_is_on_a_line_that_was_not_read_as_it_stands_is_no_mistake_of_its_own(document: Document) -> None:
    document.note_unreadable(2, "why")
    document.note(("a", "b"), "its value")

    assert mistakes(document) == ("file:2: why",)


def test_a_key_that_is_wrong_is_not_shown(document: Document) -> None:
    document.note_key(("a", "b"), "unknown key")

    assert mistakes(document) == ("file:2: a: unknown key",)


def test_a_flood_is_cut(document: Document) -> None:
    for _ in range(MAX_MISTAKES + 5):
        document.note(("c",), "again")

    assert len(mistakes(document)) == MAX_MISTAKES


def test_without_mistakes_nothing_is_raised(document: Document) -> None:
    document.refuse_mistakes()
