"""The venues of the configuration, secrets resolved, with the process made ready to hold them."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ordwatch import system
from ordwatch.cli.messages import Messages, log
from ordwatch.cli.process import ignored_variables

if TYPE_CHECKING:
    from ordwatch.config import Config
    from ordwatch.venues.contract import Setup, VenueKind, VenueSettings


def read_config(path: Path | None) -> "Config":
    """The configuration, found and valid; no secret was looked at.

    Raises:
        ConfigError: It cannot be read, or says what cannot be.
    """
    from ordwatch.config import find, read

    return read(find(path, os.environ))


def resolve(
    config: "Config", names: Sequence[str], said: Messages, *, raw: bool = False
) -> "list[tuple[VenueKind, Setup[VenueSettings]]]":
    """The venues of these names (none: all), ready to run. Messages show their secrets no more.

    Raises:
        UsageError: There is no such venue.
        ConfigError: A file is not the user's alone, or a secret cannot be had.
    """
    from ordwatch.config import secrets_of

    system.harden()
    for variable in ignored_variables(os.environ):
        log.warning("%s is set and ignored: connections go straight, and their keys are logged nowhere", variable)
    setups = config.resolve(config.choose(names))
    for setup in setups:
        for secret in secrets_of(setup.settings).values():
            said.redact.learn(secret)
        if setup.settings.allow_plaintext:
            log.warning("%s: allow_plaintext is set: credentials may cross the network unencrypted", setup.name)
    return [(config.venues[setup.name][0], replace(setup, raw=raw)) for setup in setups]
