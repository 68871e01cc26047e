from ordwatch.outputs.widths import SHRINK_S, StickyWidths


def needs(*steps: tuple[float, int]) -> list[int]:
    """What is used when so much is needed at these times."""
    widths = StickyWidths()
    used = []
    for now_s, width in steps:
        widths.begin(now_s, 80)
        used.append(widths.need("PRICE", width))
    return used


def test_a_width_grows_at_once() -> None:
    assert needs((0, 5), (0.25, 9)) == [5, 9]


def test_a_width_shrinks_a_minute_after_it_was_needed_last() -> None:
    assert needs((0, 9), (1, 9), (2, 5), (SHRINK_S, 5), (1 + SHRINK_S, 5)) == [9, 9, 9, 9, 5]


def test_it_shrinks_to_the_largest_width_of_the_last_minute() -> None:
    assert needs((0, 9), (10, 7), (20, 5), (SHRINK_S, 3), (10 + SHRINK_S, 3), (20 + SHRINK_S, 3)) == [9, 9, 9, 7, 5, 3]


def test_another_width_of_the_terminal_forgets_everything() -> None:
    widths = StickyWidths()
    widths.begin(0, 80)
    widths.need("PRICE", 9)

    widths.begin(1, 100)

    assert widths.need("PRICE", 5) == 5


def test_each_column_has_its_own_width() -> None:
    widths = StickyWidths()
    widths.begin(0, 80)
    widths.need("PRICE", 9)

    assert widths.need("AVG", 5) == 5
