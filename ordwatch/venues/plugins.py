"""Venues and simulators from outside: entry points of installed packages, loaded only when they are named.

A package that cannot be loaded is a ConfigError; its traceback is logged with -vv.
"""

import logging
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

from ordwatch.core.errors import ConfigError
from ordwatch.core.escaping import safe_text
from ordwatch.venues.contract import CONTRACT, VenueKind

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Group = Literal["ordwatch.venues", "ordwatch.simulators"]

log = logging.getLogger(__name__)


def names(group: Group) -> list[str]:
    """The names in this group, each once; nothing is loaded."""
    return sorted({point.name for point in _points(group)})


def find(group: Group, name: str) -> "EntryPoint | None":
    """The entry point of this name; of several packages that have it the first by name, with a warning."""
    found = sorted((point for point in _points(group) if point.name == name), key=_package)
    if len({point.value for point in found}) > 1:
        log.warning("%s: %s all have it; %s is used", name, ", ".join(map(_package, found)), _package(found[0]))
    return found[0] if found else None


def shadowed(group: Group, name: str) -> list[str]:
    """The packages that have something of this name, where the built-in one is used."""
    return [_package(point) for point in _points(group) if point.name == name]


def load_object(point: "EntryPoint") -> object:
    """What the entry point names.

    Raises:
        ConfigError: It cannot be loaded.
    """
    try:
        loaded: object = point.load()
    except Exception as exc:
        log.debug("%s: cannot be loaded", point.name, exc_info=True)
        what = safe_text(f"{type(exc).__name__}: {exc}", 300)
        raise ConfigError(
            f"{point.name}: {point.value} of the package {_package(point)} cannot be loaded ({what})"
        ) from None
    return loaded


def load_venue(point: "EntryPoint") -> VenueKind:
    """The kind of venue that the entry point names.

    Raises:
        ConfigError: It cannot be loaded, is none, or was written for another version of the contract.
    """
    venue = load_object(point)
    # A venue for another contract may be of another class, or lack what this one asks for: its number comes first.
    contract = getattr(venue, "contract", None)
    if contract is not None and contract != CONTRACT:
        raise ConfigError(
            f"{point.name}: the package {_package(point)} was written for version {contract!r} of the venue contract, "
            f"this ordwatch has version {CONTRACT}; install versions of both that fit"
        )
    if not isinstance(venue, VenueKind):
        raise ConfigError(f"{point.name}: {point.value} of the package {_package(point)} is no VenueKind")
    if venue.kind != point.name:
        raise ConfigError(
            f"{point.name}: the package {_package(point)} calls its venue {venue.kind!r}; both names must be the same"
        )
    return venue


@cache
def _points(group: Group) -> "Sequence[EntryPoint]":
    # Imported and read once: some 10 ms each.
    from importlib.metadata import entry_points

    return tuple(entry_points(group=group))


def _package(point: "EntryPoint") -> str:
    return point.dist.name if point.dist is not None else point.module
