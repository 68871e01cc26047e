"""What the registry loads."""

from ordwatch.core.secrets import Secret
from ordwatch.simulators.coinw.simulator import CoinwSimulator
from ordwatch.venues import load
from ordwatch.venues.coinw import VENUE
from ordwatch.venues.coinw.orders import CoinwExtra
from ordwatch.venues.coinw.settings import CoinwSettings
from ordwatch.venues.contract import Setup


def test_registry_loads_it_by_its_kind() -> None:
    assert load("coinw").kind == VENUE.kind == "coinw"


def test_one_connection_is_enough() -> None:
    settings = CoinwSettings(api_key=Secret("k"), secret_key=Secret("s"))

    assert VENUE.configure(Setup("coinw", settings)).connections == 1


def test_extra_has_its_fixed_keys_in_order() -> None:
    assert VENUE.extra is CoinwExtra
    assert CoinwExtra.__struct_fields__ == ("price", "remaining_size", "type", "reason")


def test_audits_only_while_orders_are_open() -> None:
    assert (VENUE.resync_s, VENUE.resync_when_idle) == (30.0, False)


def test_credentials_name_keys_of_the_configuration() -> None:
    assert set(VENUE.credentials) <= set(CoinwSettings.__struct_fields__)


def test_simulator_gives_the_block_that_reaches_it() -> None:
    simulator = CoinwSimulator()
    block = simulator.settings({"stream": "127.0.0.1:1", "rest": "127.0.0.1:2"})

    assert isinstance(simulator, CoinwSimulator)
    assert (block["ws_url"], block["rest_url"]) == ("ws://127.0.0.1:1", "http://127.0.0.1:2")
    assert set(block) <= {*CoinwSettings.__struct_fields__}
