"""Numbers of an order as the table shows them, computed exactly: how much is filled, and the average price."""

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from ordwatch.core.records import OrderRecord

_EXACT = Context(prec=500, rounding=ROUND_HALF_EVEN)
_MORE_DIGITS = 2
"""Decimals that an average keeps beyond those of the price."""
_SIGNIFICANT = 8
"""Digits that the average of an order without a price keeps."""


def filled_share(order: OrderRecord) -> Decimal | None:
    """How much of the order is filled, 0 to 1; None if the venue does not report it."""
    filled, qty = _number(order.filled_qty), _number(order.qty)
    if filled is None or qty is None or qty <= 0:
        return None
    return min(Decimal(1), max(Decimal(0), _EXACT.divide(filled, qty)))


def percent_text(order: OrderRecord) -> str:
    """The share in whole percent: 0% only if nothing is filled, 100% only if everything is; - if it is not known."""
    share = filled_share(order)
    if share is None:
        return "-"
    if 0 < share < Decimal("0.01"):
        return "<1%"
    return f"{int(_EXACT.multiply(share, Decimal(100)))}%"


def bar_cells(order: OrderRecord, cells: int) -> int | None:
    """How many of the cells of a bar are full: at least one if anything is filled, all only if everything is."""
    share = filled_share(order)
    return None if share is None else max(int(share > 0), int(_EXACT.multiply(share, Decimal(cells))))


def average_text(order: OrderRecord) -> str | None:
    """The average price; None for an order without fills.

    One with more digits than its price and two is rounded, and marked with ≈.
    """
    average, filled = _number(order.avg_price), _number(order.filled_qty)
    if average is None:
        return order.avg_price if filled is None or filled else None
    if not (filled if filled is not None else average):
        return None
    places = max(_places(order, average), 1 - average.adjusted() if average else 0, 0)
    rounded = average.quantize(Decimal(1).scaleb(-places), context=_EXACT)
    if rounded == average:
        return order.avg_price
    text = f"{rounded:f}"
    return "≈" + (text.rstrip("0").rstrip(".") if "." in text else text)


def _places(order: OrderRecord, average: Decimal) -> int:
    """The decimals to which an average is rounded; at least two of its digits are kept in any case."""
    price = order.price or order.stop_price
    if _number(price) is None:
        return _SIGNIFICANT - 1 - average.adjusted()
    return len((price or "").partition(".")[2]) + _MORE_DIGITS


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text or "x")
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) < 400 else None
