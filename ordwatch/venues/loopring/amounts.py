"""Exact arithmetic on base units (a token's smallest unit) of any length: text in, text out, no float.

A scaled amount is computed, not told, so it is written without the trailing zeros that scaling makes:
"500000000" of a token with 18 decimals is "0.0000000005", "1000000000000000000" is "1".
"""

from decimal import Context, Decimal
from functools import lru_cache

from ordwatch.text import decimal_text

MAX_UNITS_DIGITS = 78
"""Digits of the largest integer an Ethereum contract knows, 2**256 - 1."""
MAX_DECIMALS = 77

# decimal128's precision; far beyond the ten or so decimals a market's prices have.
_QUOTIENT = Context(prec=34)


@lru_cache(maxsize=16384)
def units_text(value: str | int) -> str:
    """The integer's digits without leading zeros.

    Raises:
        ValueError: Not a whole number of zero or more, or of more digits than 256 bits can hold.
    """
    digits = value if isinstance(value, str) else str(value)
    if not (len(digits) <= MAX_UNITS_DIGITS and digits.isascii() and digits.isdigit()):
        raise ValueError("not a whole number of base units")
    return digits.lstrip("0") or "0"


@lru_cache(maxsize=16384)
def scaled(units: str, decimals: int) -> str:
    """Base units (as `units_text` gives them) in human units: units / 10**decimals."""
    if not decimals:
        return units
    digits = units.rjust(decimals + 1, "0")
    fraction = digits[-decimals:].rstrip("0")
    return f"{digits[:-decimals]}.{fraction}" if fraction else digits[:-decimals]


def difference(units: str, less: str) -> str:
    """Base units left, never below zero."""
    return str(max(int(units) - int(less), 0))


def average(value: str, value_decimals: int, amount: str, amount_decimals: int) -> str:
    """Quote base units by base base units in human units, to 34 significant digits. `amount` is not zero."""
    quotient = _QUOTIENT.divide(Decimal(value), Decimal(amount)).scaleb(amount_decimals - value_decimals)
    text = decimal_text(quotient)
    return text.rstrip("0").rstrip(".") if "." in text else text
