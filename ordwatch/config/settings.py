"""Finds, reads and validates the configuration file; resolves its secrets in a separate step.

An error names the file, the line and the path of the key, suggests a similar name, and never shows a value.
"""

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import inspect

from ordwatch.config.document import MAX_BYTES, Document, Tree, Unclear, parse
from ordwatch.config.document import Path as KeyPath
from ordwatch.config.nats import NatsSettings
from ordwatch.config.sources import Env, File, Unread, fetch, read_regular, refuse_shared, secret_source
from ordwatch.core.errors import ConfigError, UsageError
from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.core.suggestions import suggest
from ordwatch.venues import REGISTRY, kinds, load
from ordwatch.venues.contract import Setup, VenueKind, VenueSettings

SettingsT = TypeVar("SettingsT", VenueSettings, NatsSettings)

VENUE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)


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
    status: os.stat_result
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
            ConfigError: Others can read a file, or a secret cannot be read.
        """
        self._refuse_shared()
        return [Setup(name, self._resolved(("venues", name), self.venues[name][1])) for name in names]

    def resolve_nats(self) -> NatsSettings:
        """The section `nats` with its secrets, and `tls_ca_file` relative to the configuration's folder.

        Raises:
            ConfigError: There is no such section, others can read a file, or a secret cannot be read.
        """
        if self.nats is None:
            raise self.document.error((), "has no section `nats`; config.example.yaml has one")
        self._refuse_shared()
        settings = self._resolved(("nats",), self.nats)
        if settings.tls_ca_file is None:
            return settings
        path = self.path.parent / Path(settings.tls_ca_file).expanduser()
        return msgspec.structs.replace(settings, tls_ca_file=str(path))

    def _refuse_shared(self) -> None:
        try:
            refuse_shared(self.path, self.status)
        except ValueError as exc:
            raise ConfigError(str(exc)) from None

    def _resolved(self, path: KeyPath, settings: SettingsT) -> SettingsT:
        secrets: dict[str, Secret] = {}
        for key, unread in secrets_of(settings).items():
            if isinstance(unread, Unread):
                secrets[key] = self._secret((*path, key), unread)
        return msgspec.structs.replace(settings, **secrets) if secrets else settings

    def _secret(self, path: KeyPath, unread: Unread) -> Secret:
        try:
            # A SecretFile is a Secret too, so this fits a field of either type, as Unread did.
            return SecretFile(fetch(unread.source, self.path.parent, os.environ))
        except ValueError as exc:
            raise self.document.error(path, str(exc)) from None

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


def read(path: Path) -> Config:
    """Read and validate the configuration in this file.

    Raises:
        ConfigError: It cannot be read, or is not valid.
    """
    try:
        data, status = read_regular(path, MAX_BYTES, private=False)
    except ValueError as exc:
        raise ConfigError(f"{exc}; config.example.yaml is an example, `ordwatch demo` needs none") from None
    document = parse(data, str(path))
    venues = {name: _venue(document, name, block) for name, block in _blocks(document).items()}
    nats = _nats(document)
    document.tree = None  # it may contain secrets and is not needed any more
    return Config(path, document, status, venues, nats)


def _blocks(document: Document) -> dict[str, dict[str, Tree]]:
    tree = document.tree
    if tree is None:
        raise document.error((), "is empty; expected `venues:`")
    if not isinstance(tree, dict):
        raise document.error((), "expected a mapping with the key `venues`")
    _refuse_unknown(document, (), tree, ["venues", "nats"])
    if "nats" in tree and "venues" not in tree:
        return {}  # a machine that only follows has no venues of its own
    venues = tree.get("venues")
    if not isinstance(venues, dict) or not venues:
        raise document.error(("venues",), "expected at least one venue")
    return {name: _block(document, name, block) for name, block in venues.items()}


def _block(document: Document, name: str, block: Tree) -> dict[str, Tree]:
    if not VENUE_NAME.fullmatch(name):
        path: KeyPath = ("venues", name)
        line = document.lines[path]
        raise ConfigError(f"{document.shown}:{line}: a venue's name has only letters, digits, _ and -, at most 32")
    if not isinstance(block, dict):
        raise document.error(("venues", name), "expected a mapping of settings")
    return block


def _venue(document: Document, name: str, block: dict[str, Tree]) -> tuple[VenueKind, VenueSettings]:
    path: KeyPath = ("venues", name)
    kind = block.get("kind", name)
    where: KeyPath = (*path, "kind") if "kind" in block else path
    if not isinstance(kind, str) or (kind not in REGISTRY and kind not in kinds()):
        known = kinds()
        hint = suggest_or_list(kind, known) if isinstance(kind, str) else f"; there are {', '.join(known)}"
        raise document.error(where, f"no such kind of venue{hint}")
    try:
        venue = load(kind)
    except ConfigError as exc:
        raise document.error(where, str(exc)) from None
    _refuse_unknown(document, path, block, [field.encode_name for field in msgspec.structs.fields(venue.settings)])
    return venue, _checked(document, path, {**block, "kind": kind}, venue.settings)


def _nats(document: Document) -> NatsSettings | None:
    tree = document.tree
    if not isinstance(tree, dict) or "nats" not in tree:
        return None
    block = tree["nats"]
    if block is None:
        return NatsSettings()
    if not isinstance(block, dict):
        raise document.error(("nats",), "expected a mapping of settings")
    _refuse_unknown(document, ("nats",), block, NatsSettings.__struct_fields__)
    return _checked(document, ("nats",), block, NatsSettings)


def _checked(document: Document, path: KeyPath, block: dict[str, Tree], wanted: type[SettingsT]) -> SettingsT:
    settings = _settings(document, path, block, wanted)
    try:
        settings.check()
    except ValueError as exc:
        raise _of_check(document, path, str(exc), block) from None
    return settings


def _settings(document: Document, path: KeyPath, block: dict[str, Tree], wanted: type[SettingsT]) -> SettingsT:
    types = inspect.type_info(wanted)
    assert isinstance(types, inspect.StructType)  # noqa: S101
    fields = {field.encode_name: field.type for field in types.fields}
    for key, value in block.items():
        if value is None and _takes_text(fields[key]):
            raise document.error((*path, key), "is empty; put it in quotes, or leave the key out")
    try:
        return msgspec.convert(block, wanted, dec_hook=_read_secret)
    except msgspec.ValidationError as exc:
        raise _of_type(document, path, fields, block, exc) from None


def _read_secret(wanted: type, value: Tree) -> Secret:
    if issubclass(wanted, SecretFile):
        if not isinstance(value, str) or not value:
            raise ValueError("expected the path of a file, in quotes")
        return Unread(File(value))
    if issubclass(wanted, Secret):
        return Unread(secret_source(value))
    raise NotImplementedError(wanted)


def _takes_text(wanted: inspect.Type) -> bool:
    if isinstance(wanted, inspect.UnionType):
        return any(map(_takes_text, wanted.types))
    return isinstance(wanted, inspect.StrType | inspect.CustomType | inspect.LiteralType)


_TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "float": "a number",
    "int": "a whole number",
    "str": "text in quotes",
    "bool": "true or false",
}


def _of_type(
    document: Document,
    path: KeyPath,
    fields: Mapping[str, inspect.Type],
    block: dict[str, Tree],
    exc: msgspec.ValidationError,
) -> ConfigError:
    """The error that msgspec found, without the value."""
    message, _, place = str(exc).partition(" - at `$")
    inner = tuple(int(index) if index else key for key, index in re.findall(r"\.([^.\[`]+)|\[(\d+)\]", place))
    where = (*path, *inner)
    if exc.__cause__ is not None:
        return document.error(where, message)
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", message):
        return document.error(where, f"missing key `{missing[1]}`")
    if message.startswith("Invalid enum value") and isinstance(literal := fields[str(inner[0])], inspect.LiteralType):
        allowed = list(map(str, literal.values))
        suggestion = suggest(str(block[str(inner[0])]), allowed)
        return document.error(where, f"expected one of {', '.join(allowed)}{suggestion}")
    if not (expected := re.fullmatch(r"Expected (.+?)(?:, got `(.+)`)?", message)):
        return document.error(where, "not a valid value")
    if "`str" in expected[1] and expected[2] in ("int", "float", "bool", Unclear.__name__):
        return document.error(where, "put it in quotes")
    types = expected[1].replace(" | null", "").replace("`", "")
    return document.error(where, "expected " + re.sub(r"^\w+", lambda name: _TYPE_NAMES.get(name[0], name[0]), types))


def _of_check(document: Document, path: KeyPath, message: str, block: dict[str, Tree]) -> ConfigError:
    """The error of a venue's own check, at the key that it begins with, and without the value."""
    key, colon, rest = message.partition(": ")
    if not colon or (*path, key) not in document.lines:
        return document.error(path, reduce(_without_quoted, _texts(block), message))
    return document.error((*path, key), reduce(_without, _texts(block[key]), rest))


def _texts(value: Tree) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for item in value for text in _texts(item)]
        case dict():
            return [text for item in value.values() for text in _texts(item)]
        case _:
            return []


def _without_quoted(message: str, value: str) -> str:
    return message.replace(repr(value), "…")


def _without(message: str, value: str) -> str:
    return _without_quoted(message, value).replace(value, "…") if len(value) > 3 else _without_quoted(message, value)


def _refuse_unknown(document: Document, path: KeyPath, block: Mapping[str, Tree], known: Iterable[str]) -> None:
    known = list(known)
    for key in block.keys() - set(known):
        # Text that cannot be a name may be a secret without its key.
        shown = f" `{key}`" if re.fullmatch("[a-z_]{1,32}", key) else ""
        line = document.lines[(*path, key)]
        where = ": ".join(filter(None, [f"{document.shown}:{line}", ".".join(map(str, path))]))
        raise ConfigError(f"{where}: unknown key{shown}{suggest_or_list(key, known)}")


def suggest_or_list(name: str, known: Iterable[str]) -> str:
    """ ", did you mean ...?", or the list of known names."""
    known = list(known)
    return suggest(name, known) or f"; there are {', '.join(known)}"
