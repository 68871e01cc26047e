"""The status of a pushed order, judged by its type, its reason and its sizes.

No partial fill was ever published, and of the final events only their names; so part of this is inferred.
Each inference is one line of RULES.
Facts: CoinW API documentation, "Subscribe Current Orders" (spot); the reasons as JKorf/CoinW.Net 3.4 has them.
"""

from collections.abc import Callable
from typing import NamedTuple

from ordwatch.core.events import OrderStatus


class ReportedOrder(NamedTuple):
    """What the status is judged by. `kind` and `reason` are upper case, "" when absent."""

    kind: str
    reason: str
    sized: bool = False
    """The ordered size is known; a market order placed by quote amount has none."""
    nothing_left: bool | None = None
    """None: x."""
    some_filled: bool = False
    """Money was paid, or less is left than was ordered."""


class Rule(NamedTuple):
    """A status and what makes it so. `guessed`: the venue's documents leave the meaning open."""

    number: int
    status: OrderStatus
    matches: Callable[[ReportedOrder], bool]
    guessed: bool = False


def _is_done(order: ReportedOrder) -> bool:
    return order.kind == "DONE" and not order.reason


RULES = (
    # from CoinW.Net; the documentation has no rejection
    Rule(1, OrderStatus.REJECTED, lambda order: order.reason.startswith("REJECT")),
    # documented
    Rule(2, OrderStatus.CANCELED, lambda order: order.reason.startswith("CANCEL")),
    Rule(3, OrderStatus.FILLED, lambda order: order.reason == "FILLED" and order.kind == "DONE"),
    # inferred: the reason came before the end
    Rule(4, OrderStatus.FILLED, lambda order: order.reason == "FILLED" and order.sized and order.nothing_left is True),
    Rule(4, OrderStatus.PARTIALLY_FILLED, lambda order: order.reason == "FILLED"),
    # inferred from "order success: Done"
    Rule(5, OrderStatus.FILLED, lambda order: _is_done(order) and order.nothing_left is True, guessed=True),
    Rule(5, OrderStatus.CANCELED, lambda order: _is_done(order) and order.nothing_left is False, guessed=True),
    Rule(5, OrderStatus.UNKNOWN, _is_done),
    # inferred: sizes decide, whatever the event is called
    Rule(6, OrderStatus.PARTIALLY_FILLED, lambda order: order.some_filled),
    # RECEIVED is documented, OPEN is inferred
    Rule(7, OrderStatus.NEW, lambda order: order.kind in ("RECEIVED", "OPEN")),
)
"""The first that holds decides; none: UNKNOWN."""

_NO_RULE = Rule(8, OrderStatus.UNKNOWN, lambda order: True)


def rule(
    kind: str, reason: str, sized: bool = False, nothing_left: bool | None = None, some_filled: bool = False
) -> Rule:
    """The rule that decides the status, by the fields of `ReportedOrder`."""
    order = ReportedOrder(kind, reason, sized, nothing_left, some_filled)
    return next((rule for rule in RULES if rule.matches(order)), _NO_RULE)
