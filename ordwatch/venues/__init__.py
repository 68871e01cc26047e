"""The registry of venues: kind -> where its `Venue` is, loaded only when asked for."""

from importlib import import_module

from ordwatch.core.errors import ConfigError
from ordwatch.venues.contract import VenueKind

REGISTRY = {
    "opend": "ordwatch.venues.opend:VENUE",
    "coinw": "ordwatch.venues.coinw:VENUE",
    "loopring": "ordwatch.venues.loopring:VENUE",
}


def load(kind: str) -> VenueKind:
    """The venue of this kind.

    Raises:
        ConfigError: There is no such kind.
    """
    try:
        module, attribute = REGISTRY[kind].split(":")
    except KeyError:
        raise ConfigError(f"unknown kind of venue {kind!r}; there are {', '.join(REGISTRY)}") from None
    venue: VenueKind = getattr(import_module(module), attribute)
    return venue
