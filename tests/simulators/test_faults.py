"""What happens to pushes on the way."""

from ordwatch.simulators.contract import Outgoing
from ordwatch.simulators.faults import PushFaults

PUSHES = [Outgoing(1, f"push {number}", push=True) for number in range(10)]
ANSWER = Outgoing(1, "answer")


def test_without_faults_everything_passes_in_order() -> None:
    assert PushFaults().pass_on([*PUSHES, ANSWER]) == [*PUSHES, ANSWER]


def test_so_many_pushes_are_swallowed_and_counted() -> None:
    faults = PushFaults()
    faults.to_swallow = 2

    assert faults.pass_on(PUSHES) == PUSHES[2:]
    assert faults.swallowed == 2


def test_a_share_of_all_pushes_is_missed() -> None:
    faults = PushFaults()
    faults.miss_share = 1.0

    assert faults.pass_on([*PUSHES, ANSWER]) == [ANSWER]


def test_each_push_is_sent_several_times() -> None:
    faults = PushFaults()
    faults.repeats = 3

    assert faults.pass_on([ANSWER, PUSHES[0]]) == [ANSWER, PUSHES[0], PUSHES[0], PUSHES[0]]


def test_a_window_is_shuffled_and_loses_nothing() -> None:
    faults = PushFaults()
    faults.window = 10

    passed = faults.pass_on(PUSHES)

    assert passed != PUSHES
    assert sorted(map(str, passed)) == sorted(map(str, PUSHES))


def test_answers_overtake_what_is_held_back() -> None:
    faults = PushFaults()
    faults.window = 4

    assert faults.pass_on([*PUSHES[:3], ANSWER]) == [ANSWER]


def test_what_is_held_back_can_be_released() -> None:
    faults = PushFaults()
    faults.window = 4
    faults.pass_on(PUSHES[:3])

    assert len(faults.delayed()) == 3
    assert faults.delayed() == []


def test_the_same_seed_makes_the_same_faults() -> None:
    first, second = PushFaults(seed=5), PushFaults(seed=5)
    first.miss_share = second.miss_share = 0.5
    first.window = second.window = 3

    assert first.pass_on(PUSHES) == second.pass_on(PUSHES)
