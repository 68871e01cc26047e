from ordwatch.venues.toolkit.unknown_kinds import MAX_KINDS, MAX_NAME, UnknownKinds


def test_a_kind_is_new_once() -> None:
    kinds = UnknownKinds()

    assert [kinds.is_new(kind) for kind in ("a", "b", "a", 1, 1)] == [True, True, False, True, False]


def test_only_the_beginning_of_a_long_name_counts() -> None:
    kinds = UnknownKinds()

    assert [kinds.is_new("x" * MAX_NAME + end) for end in "ab"] == [True, False]


def test_a_venue_that_invents_kinds_without_end_is_reported_so_often() -> None:
    kinds = UnknownKinds()

    assert sum(kinds.is_new(str(number)) for number in range(1000)) == MAX_KINDS
