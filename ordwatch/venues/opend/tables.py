"""What OpenD's numbers mean: its enumerations, and their names in ordwatch's terms.

Numbers and names: Futu API documentation, "Trading Definitions" and "Quotation Definitions", and the descriptors of
futu-api 10.11. The venue's Unknown (mostly 0) is null; a number it does not document is UNKNOWN(n).
"""

from collections.abc import Mapping

from ordwatch.core.events import Environment, OrderStatus, Side, TimeInForce

ENVIRONMENTS: Mapping[int, Environment] = {0: "paper", 1: "live"}

STATUSES: Mapping[int, tuple[str, OrderStatus]] = {
    -1: ("Unknown", OrderStatus.UNKNOWN),
    0: ("Unsubmitted", OrderStatus.PENDING_NEW),
    1: ("WaitingSubmit", OrderStatus.PENDING_NEW),
    2: ("Submitting", OrderStatus.PENDING_NEW),
    3: ("SubmitFailed", OrderStatus.REJECTED),
    4: ("TimeOut", OrderStatus.UNKNOWN),
    5: ("Submitted", OrderStatus.NEW),
    10: ("Filled_Part", OrderStatus.PARTIALLY_FILLED),
    11: ("Filled_All", OrderStatus.FILLED),
    12: ("Cancelling_Part", OrderStatus.PENDING_CANCEL),
    13: ("Cancelling_All", OrderStatus.PENDING_CANCEL),
    14: ("Cancelled_Part", OrderStatus.CANCELED),
    15: ("Cancelled_All", OrderStatus.CANCELED),
    21: ("Failed", OrderStatus.REJECTED),
    22: ("Disabled", OrderStatus.SUSPENDED),
    23: ("Deleted", OrderStatus.CANCELED),
    24: ("FillCancelled", OrderStatus.CANCELED),
}
"""OrderStatus: the wire's name and what FIX calls it. 4 means that the outcome is not known, 22 can be enabled again,
24 takes a fill back; "replaced" and "expired" do not exist."""

BUSTED = "FillCancelled"

ACCOUNT_DISABLED = 1
"""TrdAccStatus."""

SIDES: Mapping[int, Side | None] = {0: None, 1: Side.BUY, 2: Side.SELL, 3: Side.SELL_SHORT, 4: Side.BUY_BACK}

ORDER_TYPES: Mapping[int, str | None] = {
    0: None,
    1: "LIMIT",  # Normal
    2: "MARKET",
    5: "ABSOLUTE_LIMIT",
    6: "AUCTION",
    7: "AUCTION_LIMIT",
    8: "SPECIAL_LIMIT",
    9: "SPECIAL_LIMIT_ALL",
    10: "STOP",
    11: "STOP_LIMIT",
    12: "MARKET_IF_TOUCHED",
    13: "LIMIT_IF_TOUCHED",
    14: "TRAILING_STOP",
    15: "TRAILING_STOP_LIMIT",
    16: "TWAP_MARKET",
    17: "TWAP_LIMIT",
    18: "VWAP_MARKET",
    19: "VWAP_LIMIT",
}

PRICELESS = frozenset({2, 6, 10, 12, 14, 16, 18})
"""Order types whose `price` is absent or means nothing."""

TIMES_IN_FORCE: Mapping[int, TimeInForce] = {
    0: TimeInForce.DAY,
    1: TimeInForce.GTC,
    2: TimeInForce.IOC,
    3: TimeInForce.GTD,
}

CURRENCIES: Mapping[int, str | None] = {
    0: None,
    1: "HKD",
    2: "USD",
    3: "CNH",
    4: "JPY",
    5: "SGD",
    6: "AUD",
    7: "CAD",
    8: "MYR",
    9: "NZD",
}

TRAIL_TYPES: Mapping[int, str | None] = {0: None, 1: "RATIO", 2: "AMOUNT"}

SESSIONS: Mapping[int, str | None] = {0: "NONE", 1: "RTH", 2: "ETH", 3: "ALL", 4: "OVERNIGHT"}

TRD_MARKETS: Mapping[int, str | None] = {
    0: None,
    1: "HK",
    2: "US",
    3: "CN",
    4: "HKCC",
    5: "FUTURES",
    6: "SG",
    7: "CRYPTO",
    8: "AU",
    10: "FUTURES_SIMULATE_HK",
    11: "FUTURES_SIMULATE_US",
    12: "FUTURES_SIMULATE_SG",
    13: "FUTURES_SIMULATE_JP",
    15: "JP",
    17: "PREDICTION",
    111: "MY",
    112: "CA",
    113: "HK_FUND",
    123: "US_FUND",
    124: "SG_FUND",
    125: "MY_FUND",
    126: "JP_FUND",
}

SEC_MARKETS: Mapping[int, str | None] = {
    0: None,
    1: "HK",
    2: "US",
    31: "CN_SH",
    32: "CN_SZ",
    41: "SG",
    51: "JP",
    61: "AU",
    71: "MY",
    81: "CA",
    91: "FX",
    101: "CC",
    111: "EC",
}

QOT_MARKETS: Mapping[int, str | None] = {
    0: None,
    1: "HK_SECURITY",
    2: "HK_FUTURE",
    11: "US_SECURITY",
    21: "CNSH_SECURITY",
    22: "CNSZ_SECURITY",
    31: "SG_SECURITY",
    41: "JP_SECURITY",
    51: "AU_SECURITY",
    61: "MY_SECURITY",
    71: "CA_SECURITY",
    81: "FX_SECURITY",
    91: "CC_SECURITY",
    101: "EVENT_CONTRACT",
}
"""Markets of combo legs: other numbers than an order's own markets have."""

PREDICTIONS: Mapping[int, str | None] = {0: None, 1: "YES", 2: "NO"}

STRATEGIES: Mapping[int, str | None] = {
    0: None,
    1: "SINGLE_OPTION",
    2: "COVERED",
    4: "SPREAD",
    6: "STRADDLE",
    7: "STRANGLE",
    8: "COLLAR",
    9: "BUTTERFLY",
    11: "CONDOR",
    13: "IRON_BUTTERFLY",
    14: "IRON_CONDOR",
    15: "CALENDAR_SPREAD",
    16: "DIAGONAL_SPREAD",
    100: "CUSTOMIZE",
}

JP_ACC_TYPES: Mapping[int, str | None] = {
    0: None,
    1: "JP_GENERAL",
    2: "JP_TOKUTEI",
    3: "JP_NISA_GENERAL",
    4: "JP_NISA_TSUMITATE",
    5: "JP_GENERAL_SHORT",
    6: "JP_TOKUTEI_SHORT",
    7: "JP_HONPO_GENERAL",
    8: "JP_GAIKOKU_GENERAL",
    9: "JP_HONPO_TOKUTEI",
    10: "JP_GAIKOKU_TOKUTEI",
    11: "JP_DERIVATIVE_LONG",
    12: "JP_DERIVATIVE_SHORT",
    13: "JP_HONPO_DERIVATIVE_GENERAL",
    14: "JP_GAIKOKU_DERIVATIVE_GENERAL",
    15: "JP_HONPO_DERIVATIVE_TOKUTEI",
    16: "JP_GAIKOKU_DERIVATIVE_TOKUTEI",
}

SEC_MARKET_PREFIXES = {
    1: "HK",
    2: "US",
    31: "SH",
    32: "SZ",
    41: "SG",
    51: "JP",
    61: "AU",
    71: "MY",
    81: "CA",
    91: "FX",
    101: "CC",
    111: "EC",
}
"""What precedes a code, as futu-api prints it."""

TRD_MARKET_PREFIXES = {
    1: "HK",
    2: "US",
    6: "SG",
    7: "CC",
    8: "AU",
    10: "HK",
    11: "US",
    12: "SG",
    13: "JP",
    15: "JP",
    17: "EC",
    111: "MY",
    112: "CA",
    113: "HK",
    123: "US",
    124: "SG",
    125: "MY",
    126: "JP",
}
"""The same by trading market; those that span several (China, futures) give none."""

SEC_MARKET_ZONES = {
    1: "Asia/Hong_Kong",
    2: "America/New_York",
    31: "Asia/Shanghai",
    32: "Asia/Shanghai",
    41: "Asia/Singapore",
    51: "Asia/Tokyo",
    61: "Australia/Sydney",
    71: "Asia/Kuala_Lumpur",
    81: "America/Toronto",
    111: "America/New_York",
}
"""The exchange's own zone, in which OpenD writes the times of a security's orders."""

TRD_MARKET_ZONES = {
    1: "Asia/Hong_Kong",
    2: "America/New_York",
    3: "Asia/Shanghai",
    4: "Asia/Shanghai",
    6: "Asia/Singapore",
    8: "Australia/Sydney",
    15: "Asia/Tokyo",
    17: "America/New_York",
    111: "Asia/Kuala_Lumpur",
    112: "America/Toronto",
    113: "Asia/Hong_Kong",
    123: "America/New_York",
    124: "Asia/Singapore",
    125: "Asia/Kuala_Lumpur",
    126: "Asia/Tokyo",
}

ONE_DAY_MARKETS = frozenset({1, 3, 4, 6, 8, 111, 112})
"""Trading markets whose trading day begins after midnight and ends before the next: no night or overnight session."""

FUTURES_MARKETS = frozenset({5, 10, 11, 12, 13})
"""Trading markets whose times OpenD writes in its own setting `future_trade_api_time_zone`."""


def word(table: Mapping[int, str | None], number: int) -> str | None:
    """The table's name for a number; one that it does not have as UNKNOWN(n)."""
    return table.get(number, f"UNKNOWN({number})")
