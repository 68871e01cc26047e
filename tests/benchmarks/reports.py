"""What a benchmark prints: one line with a ratio or a figure, and what it was made of."""

import statistics

from tests.benchmarks.processes import Rate


def report(what: str, value: float, more: str) -> None:
    """Print one line."""
    print(f"{what:48} {value:9.2f}   {more}", flush=True)


def report_pairs(what: str, rounds: list[tuple[Rate, Rate]]) -> None:
    """The median of the other side's CPU time over ours: above 1 we are the cheaper one."""
    ratio = statistics.median(theirs.cpu_us / ours.cpu_us for ours, theirs in rounds)
    ours, theirs = (_median(side) for side in zip(*rounds, strict=True))
    report(what, ratio, f"{cost(ours)} against {cost(theirs)}")


def _median(rates: tuple[Rate, ...]) -> Rate:
    return Rate(statistics.median(each.cpu_us for each in rates), statistics.median(each.per_s for each in rates))


def cost(rate: Rate) -> str:
    """What an update costs, and how many there were a second."""
    return f"{rate.cpu_us:.1f} us CPU ({rate.per_s:,.0f}/s)"
