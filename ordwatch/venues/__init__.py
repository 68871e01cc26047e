"""The registry of venues: kind -> where its `VenueKind` is, loaded only when asked for."""

from importlib import import_module

from ordwatch.core.errors import ConfigError
from ordwatch.venues import plugins
from ordwatch.venues.contract import VenueKind

REGISTRY = {
    "opend": "ordwatch.venues.opend:VENUE",
    "coinw": "ordwatch.venues.coinw:VENUE",
    "loopring": "ordwatch.venues.loopring:VENUE",
}
"""The built-in ones. Others come from packages with an entry point in the group `ordwatch.venues`."""


def kinds() -> list[str]:
    """Every kind there is: the built-in ones, then those of installed packages."""
    return list(dict.fromkeys([*REGISTRY, *plugins.names("ordwatch.venues")]))


def load(kind: str) -> VenueKind:
    """The venue of this kind; a built-in one comes before one of the same name from a package.

    Raises:
        ConfigError: There is no such kind, or the package that has it does not fit.
    """
    if kind in REGISTRY:
        module, attribute = REGISTRY[kind].split(":")
        venue: VenueKind = getattr(import_module(module), attribute)
        return venue
    point = plugins.find("ordwatch.venues", kind)
    if point is None:
        raise ConfigError(f"unknown kind of venue {kind!r}; there are {', '.join(kinds())}")
    return plugins.load_venue(point)
