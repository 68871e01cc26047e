"""Exact arithmetic on base units (a token's smallest unit) of any length: text in, text out, no float.

A scaled amount is computed, not reported, so it is written without the trailing zeros that scaling makes:
"500000000" of a token with 18 decimals is "0.0000000005", "1000000000000000000" is "1".
"""

MAX_UNITS_DIGITS = 78
"""Digits of the largest integer an Ethereum contract knows, 2**256 - 1."""
MAX_DECIMALS = 77

AVERAGE_DECIMALS = 30
"""Decimals of an average price; those of a market's own prices are ten or so."""

_POWERS = [10**exponent for exponent in range(AVERAGE_DECIMALS + MAX_DECIMALS + 1)]


def units_text(value: str | int) -> str:
    """The integer's digits without leading zeros.

    Raises:
        ValueError: Not a whole number of zero or more, or of more digits than 256 bits can hold.
    """
    digits = value if isinstance(value, str) else str(value)
    if not (len(digits) <= MAX_UNITS_DIGITS and digits.isdigit() and digits.isascii()):
        raise ValueError("not a whole number of base units")
    return digits if digits[0] != "0" else digits.lstrip("0") or "0"


def scaled(units: str, decimals: int) -> str:
    """Base units (as `units_text` gives them) in human units: units / 10**decimals."""
    if not decimals or units == "0":
        return units
    if len(units) <= decimals:
        units = units.zfill(decimals + 1)
    fraction = units[-decimals:].rstrip("0")
    return f"{units[:-decimals]}.{fraction}" if fraction else units[:-decimals]


def average(value: int, value_decimals: int, amount: int, amount_decimals: int) -> str:
    """What one unit of the base token cost, from base units of both; exact to 30 decimals. `amount` is not zero."""
    shift = AVERAGE_DECIMALS + amount_decimals - value_decimals
    if shift >= 0:
        value *= _POWERS[shift]
    else:
        amount *= _POWERS[-shift]
    return scaled(str((2 * value + amount) // (2 * amount)), AVERAGE_DECIMALS)
