"""Finds, reads and validates the configuration file; resolves its secrets in a separate step.

An error names the file, the line and the path of the key, suggests a similar name, and never shows a value.
"""

import hashlib
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ordwatch.config.document import MAX_BYTES, Document
from ordwatch.config.document import Path as KeyPath
from ordwatch.config.nats import NatsSettings
from ordwatch.config.sections import SettingsT, sections_of, suggest_or_list
from ordwatch.config.sources import Env, Unread, fault_of_certificates, fetch, read_regular, refuse_shared
from ordwatch.core.errors import ConfigError, UsageError
from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.venues import REGISTRY, kinds, load
from ordwatch.venues.contract import Setup, VenueKind, VenueSettings


def find(path: Path | None, environ: Mapping[str, str]) -> Path:
    """The path of the configuration: the given one, else $ORDWATCH_CONFIG, else the default in the user's folder.

    Raises:
        ConfigError: The user's folder is not known.
    """
    if path is not None:
        return path
    if named := environ.get("ORDWATCH_CONFIG"):
        return Path(named)
    return _user_folder(environ) / "ordwatch" / "config.yaml"


def _user_folder(environ: Mapping[str, str]) -> Path:
    base = environ.get("XDG_CONFIG_HOME", "")
    if Path(base).is_absolute():
        return Path(base)
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        raise ConfigError("no home directory to look for the configuration in; use --config FILE") from None
    return home / "Library" / "Application Support" if sys.platform == "darwin" else home / ".config"


@dataclass(frozen=True)
class Config:
    """A valid configuration. `resolve` checks permissions and reads the secrets."""

    path: Path
    document: Document
    status: os.stat_result | None
    """Of the file when it was read; None: there is no file, defaults are used."""
    venues: Mapping[str, tuple[VenueKind, VenueSettings]]
    nats: NatsSettings | None = None
    """The section `nats`; None if there is none."""

    def choose(self, names: Iterable[str]) -> list[str]:
        """These venues, each once, in the order of the configuration; none given: all.

        Raises:
            UsageError: There is no such venue.
            ConfigError: The configuration has no venue, only `nats`.
        """
        if not self.venues:
            raise self.document.error(("venues",), "expected at least one venue")
        wanted = set(names)
        for name in wanted - self.venues.keys():
            raise UsageError(f"no venue {name!r} in {self.path}{suggest_or_list(name, self.venues)}")
        return [name for name in self.venues if name in wanted or not wanted]

    def resolve(self, names: Iterable[str]) -> list[Setup[VenueSettings]]:
        """The setups of these venues, with their secrets.

        Raises:
            ConfigError: Others can read a file, or a secret cannot be read; for each that is so.
        """
        mistakes = self._shared()
        setups = [Setup(name, self._resolved(("venues", name), self.venues[name][1], mistakes)) for name in names]
        if mistakes:
            raise ConfigError(*mistakes)
        return setups

    def resolve_nats(self) -> NatsSettings:
        """The section `nats` with its secrets, and `tls_ca_file` relative to the configuration's folder.

        Raises:
            ConfigError: There is no such section, others can read a file, or a secret cannot be read.
        """
        if self.nats is None:
            raise self.document.error((), "has no section `nats`; the example of `ordwatch init` has one")
        mistakes = self._shared()
        settings = self._resolved(("nats",), self.nats, mistakes)
        if mistakes:
            raise ConfigError(*mistakes)
        return settings

    def _shared(self) -> list[str]:
        """The mistake of a file that others can read."""
        try:
            if self.status is not None:
                refuse_shared(self.path, self.status)
        except ValueError as exc:
            return [str(exc)]
        return []

    def _resolved(self, path: KeyPath, settings: SettingsT, mistakes: list[str]) -> SettingsT:
        resolved: dict[str, Secret | str] = {}
        for key, unread in secrets_of(settings).items():
            if isinstance(unread, Unread):
                try:
                    # A SecretFile is a Secret too, so this fits a field of either type, as Unread did.
                    resolved[key] = SecretFile(fetch(unread.source, self.path.parent, os.environ))
                except ValueError as exc:
                    mistakes.append(str(self.document.error((*path, key), str(exc))))
        if settings.tls_ca_file is not None:
            ca_file = self.path.parent / Path(settings.tls_ca_file).expanduser()
            resolved["tls_ca_file"] = str(ca_file)
            if (fault := fault_of_certificates(ca_file)) is not None:
                mistakes.append(str(self.document.error((*path, "tls_ca_file"), f"{ca_file}: {fault}")))
        return msgspec.structs.replace(settings, **resolved) if resolved else settings

    def described(self, name: str) -> str:
        """The settings of a venue that are not empty and not secret, in one line."""
        values = msgspec.structs.asdict(self.venues[name][1])
        return ", ".join(f"{key} {value}" for key, value in values.items() if value and isinstance(value, str | int))

    @property
    def secret_variables(self) -> frozenset[str]:
        """The environment variables that hold secrets of this configuration."""
        sections: list[VenueSettings | NatsSettings] = [settings for _, settings in self.venues.values()]
        sections += [self.nats] if self.nats is not None else []
        sources = [
            unread.source
            for settings in sections
            for unread in secrets_of(settings).values()
            if isinstance(unread, Unread)
        ]
        return frozenset(source.name for source in sources if isinstance(source, Env))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the settings without secrets; for the session record."""
        plain = {name: settings for name, (_, settings) in self.venues.items()}
        encoded = msgspec.json.encode(plain, enc_hook=str, order="sorted")
        return hashlib.sha256(encoded).hexdigest()


def secrets_of(settings: VenueSettings | NatsSettings) -> dict[str, Secret]:
    """The secrets among the settings, by key."""
    values = msgspec.structs.asdict(settings)
    return {key: value for key, value in values.items() if isinstance(value, Secret)}


def defaults(path: Path, names: Iterable[str]) -> Config | None:
    """A configuration of these venues with their defaults, for when there is no file at `path`.

    None if there are no names, or one of them is no kind of venue that needs no configuration.

    Raises:
        ConfigError: A package that has such a kind of venue does not fit.
    """
    wanted = dict.fromkeys(names)
    if not wanted or not all(name in REGISTRY or name in kinds() for name in wanted):
        return None
    venues = {name: load(name) for name in wanted}
    if any(venue.required_keys() for venue in venues.values()):
        return None
    found = {name: (venue, venue.settings(kind=name)) for name, venue in venues.items()}
    return Config(path, Document(str(path)), None, found)


def read(path: Path) -> Config:
    """Read and validate the configuration in this file.

    Raises:
        ConfigError: It cannot be read, or is not valid.
    """
    try:
        data, status = read_regular(path, MAX_BYTES, private=False)
    except ValueError as exc:
        raise ConfigError(f"{exc}; `ordwatch init` writes an example, `ordwatch demo` needs none") from None
    from ordwatch.config.parsing import parse  # YAML is not needed without a file

    document = parse(data, str(path))
    venues, nats = sections_of(document)
    document.refuse_mistakes()
    document.tree = None  # it may contain secrets and is not needed any more
    return Config(path, document, status, venues, nats)
