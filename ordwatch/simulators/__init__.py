"""Simulated venues on loopback, for demo, simulate and tests: what is not the venue, but plays it.

One folder for each venue, built on the venue's own codec; contract.py says what a simulator is.
"""

from importlib import import_module

from ordwatch.core.errors import ConfigError
from ordwatch.simulators.contract import Simulator

SIMULATORS = {
    "opend": "ordwatch.simulators.opend.simulator:OpendSimulator",
    "coinw": "ordwatch.simulators.coinw.simulator:CoinwSimulator",
    "loopring": "ordwatch.simulators.loopring.simulator:LoopringSimulator",
}
"""Kind of venue -> the class that plays it, loaded only when asked for. A venue need not have one."""


def load_simulator(kind: str) -> Simulator:
    """A fresh simulator of this kind of venue.

    Raises:
        ConfigError: There is none.
    """
    try:
        module, attribute = SIMULATORS[kind].split(":")
    except KeyError:
        raise ConfigError(f"no simulator of {kind!r}; there are {', '.join(SIMULATORS)}") from None
    simulator: Simulator = getattr(import_module(module), attribute)()
    return simulator
