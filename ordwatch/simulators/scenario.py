"""Lifecycles of orders that every venue can play: lists of steps for a simulator.

A venue without stop prices or suspended orders plays something similar.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import count as numbers
from itertools import islice
from random import Random

from ordwatch.core.events import OrderStatus, Side
from ordwatch.simulators.contract import Intent, Market, Step

ACTIVE = 8
"""Orders that are active at the same time."""
ACCOUNTS = 5

Lifecycle = list[Step]
"""The steps of one order, oldest first."""


MARKETS = (
    Market("480.00", "0.20", "100"),
    Market("231.50", "0.01", "10"),
    Market("82.35", "0.05", "200"),
    Market("19.80", "0.01", "500"),
    Market("6.42", "0.01", "1000"),
    Market("140.10", "0.10", "50"),
)
"""By instrument, the same at every venue."""


def filled_in_parts(order: str, intent: Intent) -> Lifecycle:
    """A limit order that fills little by little."""
    return _lifecycle(order, intent, "PENDING_NEW", "NEW", "PARTIALLY_FILLED 0.2", "PARTIALLY_FILLED 0.7", "FILLED 1")


def filled_at_once(order: str, intent: Intent) -> Lifecycle:
    """An order that is filled at once."""
    return _lifecycle(order, intent, "NEW", "FILLED 1")


def canceled(order: str, intent: Intent) -> Lifecycle:
    """An order canceled before anything was executed."""
    return _lifecycle(order, intent, "NEW", "PENDING_CANCEL", "CANCELED")


def canceled_partly_filled(order: str, intent: Intent) -> Lifecycle:
    """An order that is partly filled, then canceled."""
    return _lifecycle(order, intent, "NEW", "PARTIALLY_FILLED 0.4", "PENDING_CANCEL 0.4", "CANCELED 0.4")


def cancel_came_too_late(order: str, intent: Intent) -> Lifecycle:
    """An order that fills while its cancel is on the way."""
    return _lifecycle(order, intent, "NEW", "PENDING_CANCEL", "FILLED 1")


def rejected(order: str, intent: Intent) -> Lifecycle:
    """An order the venue does not take."""
    return _ending(_lifecycle(order, intent, "PENDING_NEW", "REJECTED"), "not enough buying power")


def expired(order: str, intent: Intent) -> Lifecycle:
    """An order that nobody wanted until its day was over."""
    return _ending(_lifecycle(order, intent, "NEW", "EXPIRED"), "the day is over")


def expired_partly_filled(order: str, intent: Intent) -> Lifecycle:
    """An order whose day ended before it was filled."""
    return _ending(_lifecycle(order, intent, "NEW", "PARTIALLY_FILLED 0.3", "EXPIRED 0.3"), "the day is over")


def market(order: str, intent: Intent) -> Lifecycle:
    """An order at whatever price there is."""
    bare = dataclasses.replace(intent, price=None, order_type="MARKET")
    return _lifecycle(order, bare, "NEW", "PARTIALLY_FILLED 0.5", "FILLED 1", paid=_market_price(intent))


def stop(order: str, intent: Intent) -> Lifecycle:
    """An order that waits for its trigger and is one at market then."""
    waiting = dataclasses.replace(intent, price=None, stop_price=intent.price, order_type="STOP")
    return _lifecycle(order, waiting, "NEW", "FILLED 1", paid=intent.price)


def stop_limit(order: str, intent: Intent) -> Lifecycle:
    """An order that waits for its trigger and has a limit then."""
    waiting = dataclasses.replace(intent, stop_price=intent.price, order_type="STOP_LIMIT")
    return _lifecycle(order, waiting, "NEW", "PARTIALLY_FILLED 0.6", "FILLED 1")


def trailing_stop(order: str, intent: Intent) -> Lifecycle:
    """An order whose trigger follows the price, taken back in the end."""
    waiting = dataclasses.replace(intent, price=None, stop_price=intent.price, order_type="TRAILING_STOP")
    return _lifecycle(order, waiting, "NEW", "CANCELED")


def suspended(order: str, intent: Intent) -> Lifecycle:
    """An order that is suspended and resumed, if the venue can do that."""
    return _lifecycle(order, intent, "NEW", "SUSPENDED", "NEW", "FILLED 1")


LIFECYCLES: tuple[Callable[[str, Intent], Lifecycle], ...] = (
    filled_in_parts,
    filled_at_once,
    canceled,
    canceled_partly_filled,
    cancel_came_too_late,
    rejected,
    expired,
    expired_partly_filled,
    market,
    stop,
    stop_limit,
    trailing_stop,
)
"""Every lifecycle whose states never go back, at any venue."""

_WEIGHTS = (8, 4, 4, 3, 1, 2, 1, 1, 3, 1, 1, 1)


def natives(native_statuses: Iterable[str], intent: Intent) -> Lifecycle:
    """One order for each of the venue's own statuses, which it is given after it was placed."""
    steps: Lifecycle = []
    for word in native_statuses:
        steps.append(Step(f"native {word}", OrderStatus.NEW, intent))
        steps.append(Step(f"native {word}", OrderStatus.UNKNOWN, intent, native=word))
    return steps


def one_of_each(name: str = "order", markets: Sequence[Market] = MARKETS, seed: int = 0) -> Lifecycle:
    """Every lifecycle once, one after the other, over all instruments and accounts."""
    random = Random(seed)  # noqa: S311 - makes repeatable orders, guards nothing
    return [
        step
        for number, life in enumerate(LIFECYCLES)
        for step in life(f"{name} {number}", _intent(random, markets, instrument=number, account=number))
    ]


def lifecycles(
    seed: int = 0, count: int | None = None, *, rate: float = 4.0, markets: Sequence[Market] = MARKETS
) -> Iterator[Step]:
    """The steps of `count` orders (None: without end), several alive at a time, `rate` steps a second.

    The same arguments give the same steps.
    """
    random = Random(seed)  # noqa: S311
    coming = _coming(random, count, markets)
    alive = list(islice(coming, ACTIVE))
    while alive:
        index = random.randrange(len(alive))
        yield dataclasses.replace(alive[index].pop(0), after_s=random.expovariate(rate))
        if not alive[index]:
            alive[index : index + 1] = islice(coming, 1)


def _coming(random: Random, count: int | None, markets: Sequence[Market]) -> Iterator[Lifecycle]:
    for number in numbers(1) if count is None else range(1, count + 1):
        [life] = random.choices(LIFECYCLES, _WEIGHTS)
        instrument, account = random.randrange(len(markets)), random.randrange(ACCOUNTS)
        yield life(f"order {number}", _intent(random, markets, instrument, account))


def _intent(random: Random, markets: Sequence[Market], instrument: int, account: int) -> Intent:
    market = markets[instrument % len(markets)]
    ticks = round(Decimal(market.price) / Decimal(market.tick) * Decimal(random.uniform(0.98, 1.02)))
    side = random.choices([Side.BUY, Side.SELL, Side.SELL_SHORT], [5, 4, 1])[0]
    better = ticks % 4 * (-1 if side is Side.BUY else 1)
    return Intent(
        side=side,
        qty=_plain(Decimal(market.lot) * random.randint(1, 20)),
        price=_plain(ticks * Decimal(market.tick)),
        market_price=_plain((ticks + better) * Decimal(market.tick)),
        instrument=instrument,
        account=account,
        remark=random.choice(["", "", "grid 7", "再平衡"]),
    )


def _lifecycle(order: str, intent: Intent, *moments: str, paid: str | None = None) -> Lifecycle:
    """A lifecycle from texts such as "PARTIALLY_FILLED 0.4": a status and the executed share of the amount."""
    paid = paid or _market_price(intent)
    return [_step(order, intent, *moment.partition(" ")[::2], paid=paid) for moment in moments]


def _market_price(intent: Intent) -> str | None:
    return intent.market_price or intent.price


def _step(order: str, intent: Intent, status: str, share: str, *, paid: str | None) -> Step:
    filled = Decimal(intent.qty) * Decimal(share or 0)
    return Step(order, OrderStatus(status), intent, filled=_plain(filled), avg_price=paid if filled else None)


def _ending(lifecycle: Lifecycle, reason: str) -> Lifecycle:
    return [*lifecycle[:-1], dataclasses.replace(lifecycle[-1], reason=reason)]


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
