"""Simulated venues on loopback, for demo, simulate and tests: what is not the venue, but plays it.

One folder for each venue, built on the venue's own codec; contract.py defines what a simulator is.
"""

from importlib import import_module

from ordwatch.core.errors import ConfigError
from ordwatch.simulators.contract import Simulator
from ordwatch.venues import load, plugins

SIMULATORS = {
    "opend": "ordwatch.simulators.opend.simulator:OpendSimulator",
    "coinw": "ordwatch.simulators.coinw.simulator:CoinwSimulator",
    "loopring": "ordwatch.simulators.loopring.simulator:LoopringSimulator",
}
"""Kind of venue -> the class that plays it, loaded only when asked for. A venue need not have one.

Others come from packages with an entry point in the group `ordwatch.simulators`.
"""


def has_simulator(kind: str) -> bool:
    """Whether there is a simulator of this kind of venue; nothing is loaded."""
    return kind in SIMULATORS or plugins.find("ordwatch.simulators", kind) is not None


def load_simulator(kind: str) -> Simulator:
    """A fresh simulator of this kind of venue.

    Raises:
        ConfigError: There is none, or the package that has it does not fit.
    """
    if kind in SIMULATORS:
        module, attribute = SIMULATORS[kind].split(":")
        simulator: Simulator = getattr(import_module(module), attribute)()
        return simulator
    point = plugins.find("ordwatch.simulators", kind)
    if point is None:
        known = ", ".join(dict.fromkeys([*SIMULATORS, *plugins.names("ordwatch.simulators")]))
        raise ConfigError(f"no simulator of {kind!r}; there are {known}")
    load(kind)  # says when the package was written for another contract
    make = plugins.load_object(point)
    if not callable(make):
        raise ConfigError(f"{kind}: {point.value} makes no simulator")
    made: Simulator = make()
    return made
