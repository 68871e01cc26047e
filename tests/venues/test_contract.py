"""What a venue and the engine hand to each other."""

import pytest

from ordwatch.venues.contract import HttpRequest

REQUEST = HttpRequest(
    name="orders",
    url="https://example.com/orders",
    params={"pair": "BTC_USDT", "sign": "EA05777B26E50204", "apiKey": "c821db84"},
    headers={"X-API-KEY": "header-key"},
    form={"signature": "0badcafe", "token": "short"},
)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("bad sign EA05777B26E50204", "bad sign ***"),
        ("bad sign ea05777b26e50204", "bad sign ***"),
        ("key c821db84, header HEADER-KEY, form 0BADCAFE", "key ***, header ***, form ***"),
        ("no pair BTC_USDT; too short", "no pair BTC_USDT; too short"),
    ],
    ids=["signature", "in lower case", "everywhere", "innocent"],
)
def test_words_that_quote_the_request_lose_its_keys_and_signatures(words: str, shown: str) -> None:
    assert REQUEST.redacted(words) == shown
