"""The first part of check: is the venue's address there at all?"""

import asyncio

import pytest

from ordwatch.cli.check_address import check_address
from ordwatch.cli.check_results import CheckResult
from ordwatch.core.errors import AuthError, ConfigError, Refused
from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.venues import load
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import Call, ConnectionPlan, Setup, VenueKind, VenueSettings
from ordwatch.venues.loopring.settings import LoopringSettings
from ordwatch.venues.opend.settings import OpendSettings
from tests.support import tls
from tests.support.hosts import deaf_address, resolves_to
from tests.support.toy import TOY, ToySettings, toy_kind, toy_server

NOBODY = 1
"""A port of loopback where nobody listens."""


def last(venue: VenueKind, settings: VenueSettings) -> CheckResult:
    """The last verdict on this venue."""
    return asyncio.run(check_address(venue, Setup("desk", settings)))[-1]


def loopring(rest_url: str) -> LoopringSettings:
    """An account whose tokens are asked for there."""
    return LoopringSettings(api_key=Secret("k" * 20), account_id="1", markets=("LRC-ETH",), rest_url=rest_url)


def coinw(ws_url: str) -> CoinwSettings:
    """An account whose stream is there."""
    return CoinwSettings(api_key=Secret("k" * 20), secret_key=Secret("s" * 20), ws_url=ws_url)


def refusing(error: Exception) -> VenueKind:
    """A venue where nothing can be had before dialling, for this reason."""

    async def open_connection(setup: Setup[ToySettings], call: Call) -> ConnectionPlan:
        raise error

    return toy_kind(open_connection)


def test_a_venue_that_is_there_is_looked_up_and_connected_to() -> None:
    async def test() -> list[CheckResult]:
        async with toy_server() as server:
            return await check_address(TOY, Setup("toy", ToySettings(port=server.port)))

    found = asyncio.run(test())

    assert [(verdict.check, verdict.verdict) for verdict in found] == [("name lookup", "ok"), ("TCP", "ok")]


def test_a_venue_whose_first_address_answers_nothing_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> list[CheckResult]:
        async with toy_server() as server:
            with deaf_address("127.0.0.2", server.port):
                resolves_to(monkeypatch, "127.0.0.2", "127.0.0.1")
                return await check_address(load("opend"), Setup("desk", OpendSettings(host="two", port=server.port)))

    assert [verdict.verdict for verdict in asyncio.run(test())] == ["ok", "ok"]


@pytest.mark.parametrize("pem", ["no key at all", "-----BEGIN RSA PRIVATE KEY-----"])
def test_an_rsa_key_that_cannot_be_used_is_a_fault_of_its_key(pem: str) -> None:
    verdict = last(load("opend"), OpendSettings(rsa_private_key_file=SecretFile(pem)))

    assert (verdict.check, verdict.exit_code) == ("configuration", 78)
    assert verdict.detail.startswith("rsa_private_key_file: ")
    assert verdict.remedy == "correct `rsa_private_key_file` in the configuration"


def test_a_fault_of_the_configuration_without_a_key_has_no_remedy_but_its_words() -> None:
    verdict = last(refusing(ConfigError("nothing fits")), ToySettings())

    assert (verdict.check, verdict.detail, verdict.remedy) == ("configuration", "nothing fits", None)


def test_credentials_that_are_refused_before_dialling_are_a_failed_login() -> None:
    verdict = last(refusing(AuthError("getTicket: the credentials are refused")), ToySettings())

    assert (verdict.check, verdict.exit_code) == ("login", 77)
    assert verdict.remedy == "check `api_key` in the configuration"


def test_a_refusal_over_rest_is_no_matter_of_the_network() -> None:
    verdict = last(refusing(Refused("getTicket: HTTP status 503")), ToySettings())

    assert (verdict.check, verdict.exit_code) == ("REST", 69)
    assert verdict.remedy is not None
    assert verdict.remedy.startswith("the venue answered and refused")


def test_nobody_there_over_rest_is_a_matter_of_its_address() -> None:
    verdict = last(load("loopring"), loopring(f"http://127.0.0.1:{NOBODY}"))

    assert (verdict.check, verdict.detail, verdict.exit_code) == ("REST", "getTicket: connection refused", 69)
    assert verdict.remedy == "check `rest_url` and the network"


def test_a_fault_of_tls_over_rest_names_the_address_the_clock_and_certificates() -> None:
    async def test() -> list[CheckResult]:
        async with tls.answering(b"HTTP/1.1 200 OK") as port:
            return await check_address(load("loopring"), Setup("desk", loopring(f"https://127.0.0.1:{port}")))

    [verdict] = asyncio.run(test())

    assert (verdict.check, verdict.exit_code) == ("REST", 69)
    assert verdict.remedy == "check `rest_url`, this machine's clock and its certificates"


def test_a_fault_of_tls_of_the_stream_names_its_own_address() -> None:
    async def test() -> list[CheckResult]:
        async with tls.answering(b"HTTP/1.1 200 OK") as port:
            return await check_address(load("coinw"), Setup("desk", coinw(f"wss://127.0.0.1:{port}")))

    verdict = asyncio.run(test())[-1]

    assert (verdict.check, verdict.detail) == (
        "TLS",
        "cannot connect (TLS failed: the answer is not TLS; is the port one without TLS?)",
    )
    assert verdict.remedy == "check `ws_url` in the configuration, this machine's clock and its certificates"


def test_nobody_there_names_host_and_port_and_asks_what_the_venue_would() -> None:
    verdict = last(load("opend"), OpendSettings(port=NOBODY))

    assert (verdict.check, verdict.detail) == ("TCP", "cannot connect (connection refused)")
    assert verdict.remedy == "check `host`, `port` in the configuration; is OpenD running?"


@pytest.mark.parametrize(
    ("kind", "settings", "key"),
    [("opend", OpendSettings(host="a..b"), "host"), ("coinw", coinw("wss://a..b"), "ws_url")],
    ids=["opend", "coinw"],
)
def test_a_name_that_is_none_is_a_matter_of_its_key(kind: str, settings: VenueSettings, key: str) -> None:
    verdict = last(load(kind), settings)

    assert (verdict.check, verdict.detail, verdict.exit_code) == ("name lookup", "no host has such a name", 69)
    assert verdict.remedy == f"check `{key}` in the configuration, and DNS"
