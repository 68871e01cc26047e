"""The configuration of a CoinW account."""

import pytest

from ordwatch.core.secrets import Secret
from ordwatch.venues.coinw.settings import CoinwSettings


def settings(
    *, pairs: tuple[str, ...] = (), ws_url: str = "wss://example.com", rest_url: str = "https://example.com"
) -> CoinwSettings:
    return CoinwSettings(
        api_key=Secret("canary-key"), secret_key=Secret("canary-secret"), pairs=pairs, ws_url=ws_url, rest_url=rest_url
    )


def test_defaults_are_the_documented_addresses() -> None:
    fresh = CoinwSettings(api_key=Secret("a"), secret_key=Secret("b"))

    assert (fresh.ws_url, fresh.rest_url, fresh.pairs) == ("wss://ws.futurescw.com", "https://api.coinw.com", ())
    fresh.check()


def test_pairs_have_one_form_and_stand_once() -> None:
    assert settings(pairs=("btc-usdt", "BTC_USDT", "ETH-usdt")).symbols == ("BTC_USDT", "ETH_USDT")


@pytest.mark.parametrize("pair", ["BTCUSDT", "", "BTC_USDT_X", "BTC/USDT", "BTC_USDT&x=1", "BTC_"])
def test_what_is_no_pair_is_refused(pair: str) -> None:
    with pytest.raises(ValueError, match="pairs"):
        settings(pairs=(pair,)).check()


def test_plain_text_to_elsewhere_is_refused() -> None:
    with pytest.raises(ValueError, match="ws_url"):
        settings(ws_url="ws://example.com").check()
    with pytest.raises(ValueError, match="rest_url"):
        settings(rest_url="http://example.com").check()


def test_settings_never_show_the_credentials() -> None:
    assert "canary" not in f"{settings()!r} {settings()}"
