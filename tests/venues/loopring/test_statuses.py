import pytest

from ordwatch.core.events import OrderStatus
from ordwatch.venues.loopring.statuses import CLOSED, order_status, status_rank


@pytest.mark.parametrize(
    ("word", "filled", "status"),
    [
        ("waiting", "0", "PENDING_NEW"),
        ("waiting", None, "PENDING_NEW"),
        ("waiting", "1", "PARTIALLY_FILLED"),
        ("processing", "0", "NEW"),
        ("processing", None, "NEW"),
        ("processing", "1", "PARTIALLY_FILLED"),
        ("PROCESSING", "1", "PARTIALLY_FILLED"),
        ("cancelling", "0", "PENDING_CANCEL"),
        ("cancelling", "1", "PENDING_CANCEL"),
        ("processed", "1", "FILLED"),
        ("processed", "0", "FILLED"),
        ("cancelled", "0", "CANCELED"),
        ("cancelled", "1", "CANCELED"),
        ("expired", "0", "EXPIRED"),
        ("expired", "1", "EXPIRED"),
        ("failed", "0", "REJECTED"),
        ("failed", "1", "CANCELED"),
        ("frozen", "0", "UNKNOWN"),
        ("", "1", "UNKNOWN"),
    ],
)
def test_status_words_mean(word: str, filled: str | None, status: str) -> None:
    assert order_status(word, filled) is OrderStatus(status)


@pytest.mark.parametrize(
    ("word", "rank"),
    [
        ("waiting", 0),
        ("processing", 1),
        ("Cancelling", 2),
        ("processed", CLOSED),
        ("cancelled", CLOSED),
        ("expired", CLOSED),
        ("failed", CLOSED),
        ("frozen", None),
    ],
)
def test_statuses_only_go_forward_by_rank(word: str, rank: int | None) -> None:
    assert status_rank(word) == rank
