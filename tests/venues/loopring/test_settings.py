import pytest

from ordwatch.core.secrets import Secret
from ordwatch.venues.loopring.protocol_versions import Protocol
from ordwatch.venues.loopring.settings import LoopringSettings, split
from tests.venues.loopring.joined import KEY


def settings(
    *,
    markets: tuple[str, ...] = ("LRC-ETH",),
    account_id: str = "10005",
    protocol: Protocol = "v3",
    ws_url: str | None = None,
    rest_url: str | None = None,
    allow_plaintext: bool = False,
) -> LoopringSettings:
    return LoopringSettings(
        api_key=Secret(KEY),
        account_id=account_id,
        markets=markets,
        protocol=protocol,
        ws_url=ws_url,
        rest_url=rest_url,
        allow_plaintext=allow_plaintext,
    )


@pytest.mark.parametrize(
    "good",
    [
        settings(),
        settings(markets=("lrc-eth", "AMM-LRC-ETH")),
        settings(ws_url="ws://127.0.0.1:9/v3/ws", rest_url="http://localhost:9"),
        settings(ws_url="ws://venue.example/v3/ws", allow_plaintext=True),
    ],
    ids=["defaults", "any case", "loopback", "allowed plain text"],
)
def test_accepts_good_settings(good: LoopringSettings) -> None:
    good.check()


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        (settings(account_id=""), "account_id"),
        (settings(account_id="me"), "account_id"),
        (settings(markets=()), "markets"),
        (settings(markets=("LRC-ETH", "LRC")), "markets"),
        (settings(markets=("A-B-C",)), "markets"),
        (settings(ws_url="ws://venue.example/v3/ws"), "ws_url"),
        (settings(ws_url="https://venue.example"), "ws_url"),
        (settings(ws_url="wss://me:secret@venue.example/"), "ws_url"),
        (settings(rest_url="http://venue.example"), "rest_url"),
        (settings(rest_url="venue.example"), "rest_url"),
    ],
)
def test_refuses_bad_settings_by_the_name_of_the_key(bad: LoopringSettings, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        bad.check()


@pytest.mark.parametrize(("protocol", "sizes"), [("v3", [20, 20, 5]), ("v2topics", [20, 20, 5]), ("v2args", [1] * 45)])
def test_markets_are_split_as_the_protocol_allows(protocol: Protocol, sizes: list[int]) -> None:
    markets = tuple(f"T{number}-ETH" for number in range(45))

    assert [len(part.markets) for part in split(settings(markets=markets, protocol=protocol))] == sizes


def test_doubled_markets_are_subscribed_once() -> None:
    (part,) = split(settings(markets=("lrc-eth", "LRC-USDT", "LRC-ETH")))

    assert part.markets == ("LRC-ETH", "LRC-USDT")


def test_no_setting_shows_the_key() -> None:
    assert KEY not in repr(settings())
