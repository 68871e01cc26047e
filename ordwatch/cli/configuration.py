"""Reads the configuration and its secrets, and protects the process that then holds them."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ordwatch import system
from ordwatch.cli.process import ignored_variables
from ordwatch.cli.stderr import StderrHandler, log

if TYPE_CHECKING:
    from ordwatch.config import Config
    from ordwatch.venues.contract import Setup, VenueKind, VenueSettings


def read_config(path: Path | None, names: Sequence[str] = ()) -> "Config":
    """Find and validate the configuration. Secrets are not read yet.

    If the user's own file does not exist, and the venues with these names need none, their defaults are used.

    Raises:
        ConfigError: The file cannot be read, or is not valid.
    """
    from ordwatch.config import defaults, find, read

    found = find(path, os.environ)
    by_default = path is None and not os.environ.get("ORDWATCH_CONFIG")
    if by_default and not os.path.lexists(found) and (config := defaults(found, names)) is not None:
        for name in config.venues:
            log.warning("%s: there is no %s; the defaults are used (%s)", name, found, config.described(name))
        return config
    return read(found)


def venue_names(path: Path | None) -> list[str]:
    """The names of the venues in the configuration, for the shell to complete; none if it cannot be read.

    Loads no venue and reads no secret: the shell waits for it.
    """
    from ordwatch.config import find
    from ordwatch.config.document import MAX_BYTES
    from ordwatch.config.parsing import parse
    from ordwatch.config.sources import read_regular
    from ordwatch.core.errors import ConfigError

    try:
        found = find(path, os.environ)
        tree = parse(read_regular(found, MAX_BYTES, private=False)[0], str(found)).tree
    except (ConfigError, ValueError):
        return []
    venues = tree.get("venues") if isinstance(tree, dict) else None
    return list(venues) if isinstance(venues, dict) else []


def resolve(
    config: "Config", names: Sequence[str], stderr: StderrHandler, *, raw: bool = False
) -> "list[tuple[VenueKind, Setup[VenueSettings]]]":
    """The venues with these names (none given: all), with their secrets; messages redact these from now on.

    Raises:
        UsageError: There is no such venue.
        ConfigError: Others can read a file, or a secret cannot be read.
    """
    from ordwatch.config import secrets_of

    system.harden()
    for variable in ignored_variables(os.environ):
        log.warning("%s is set and ignored: ordwatch uses no proxy and logs no keys", variable)
    setups = config.resolve(config.choose(names))
    for setup in setups:
        for secret in secrets_of(setup.settings).values():
            stderr.redact.add(secret)
        if setup.settings.allow_plaintext:
            log.warning("%s: allow_plaintext is set: credentials may cross the network unencrypted", setup.name)
    return [(config.venues[setup.name][0], replace(setup, raw=raw)) for setup in setups]
