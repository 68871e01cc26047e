import pytest

from ordwatch.outputs.cells import ASCII, UNICODE, Cell, clipped, cut_end, cut_middle, padded, shown, width_of

HASH = "0x3f7be2c190d5e84d5c1a5b7a0f43c2d6e8b9a1c7d5e3f2a1b0c9d8e7f6a59a1c"


@pytest.mark.parametrize(
    ("text", "width", "cut"),
    [
        ("70012603317248", 14, "70012603317248"),
        ("70012603317248", 11, "…2603317248"),
        (HASH, 11, "0x3f…a59a1c"),
        (HASH, 8, "…6a59a1c"),
        ("订单订单订单订单", 11, "订单订单订…"),
    ],
    ids=["fits", "number", "hash", "hash in little room", "wide"],
)
def test_an_id_is_cut_in_the_middle(text: str, width: int, cut: str) -> None:
    assert cut_middle(text, width, "…") == cut
    assert width_of(cut) <= width


@pytest.mark.parametrize(("width", "cut"), [(9, "abcdef"), (6, "abcdef"), (4, "abc…"), (1, "…"), (0, ""), (-1, "")])
def test_text_is_cut_at_its_end(width: int, cut: str) -> None:
    assert cut_end("abcdef", width, "…") == cut


def test_wide_characters_take_two_cells() -> None:
    assert padded("腾讯", 6) == "腾讯  "


def test_commands_to_a_terminal_are_shown() -> None:
    assert shown("\x1b]0;x\x07\u202e\x9b", UNICODE) == r"\x1b]0;x\x07\u202e\x9b"


def test_long_text_is_cut() -> None:
    assert len(shown("x" * 100_000, UNICODE)) == 200


def test_a_terminal_without_unicode_gets_ascii() -> None:
    assert shown("腾讯 é", ASCII) == r"\u817e\u8baf \xe9"
    assert shown("x" * 300, ASCII).endswith("x~")


def test_nothing_is_shown_as_nothing() -> None:
    assert shown(None, UNICODE) == ""


def test_a_line_is_clipped_where_the_terminal_ends() -> None:
    line = [Cell("ab", "bold"), Cell("讯讯", "dim"), Cell("c")]

    assert [cell.text for cell in clipped(line, 5)] == ["ab", "讯", ""]
    assert clipped(line, 7) == line
    assert [cell.text for cell in clipped(line, -1)] == ["", "", ""]
