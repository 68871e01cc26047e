from ordwatch.engine.refusals import Refusals


def test_a_part_is_given_up_after_the_third_refusal_in_a_row() -> None:
    refusals = Refusals()
    seen = []
    for _ in range(4):
        refusals.add({"account 7": "funds"})
        seen.append((refusals.pending, refusals.given_up))

    assert seen == [("account 7: funds", None)] * 2 + [(None, "account 7: funds")] * 2


def test_an_answer_in_between_counts_anew() -> None:
    refusals = Refusals()
    for refused in ({"a": "x"}, {"a": "x"}, {}, {"a": "x"}, {"a": "x"}):
        refusals.add(refused)

    assert (refusals.pending, refusals.given_up) == ("a: x", None)


def test_parts_are_counted_apart_and_named_with_their_last_words() -> None:
    refusals = Refusals()
    for refused in ({"a": "x"}, {"a": "x", "b": "y"}, {"a": "z", "b": "y"}):
        refusals.add(refused)

    assert (refusals.pending, refusals.given_up) == ("b: y", "a: z")
