"""Checks the sections of a configuration and makes settings of them; notes every mistake, not only the first.

A message names the path of the key, suggests a similar name, and never shows a value.
"""

import re
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from ordwatch.config.document import Document, Tree, Unclear
from ordwatch.config.document import Path as KeyPath
from ordwatch.config.nats import NatsSettings
from ordwatch.config.sources import File, Unread, secret_source
from ordwatch.core.errors import ConfigError
from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.core.suggestions import suggest
from ordwatch.venues import REGISTRY, kinds, load
from ordwatch.venues.contract import VenueKind, VenueSettings

SettingsT = TypeVar("SettingsT", VenueSettings, NatsSettings)
Venues = dict[str, tuple[VenueKind, VenueSettings]]

VENUE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)


def sections_of(document: Document) -> tuple[Venues, NatsSettings | None]:
    """The settings of the venues and of the section `nats`; those with mistakes, which are noted, are left out."""
    tree = document.tree
    if tree is None:
        document.note((), "is empty; expected `venues:`")
        return {}, None
    if not isinstance(tree, dict):
        document.note((), "expected a mapping with the key `venues`")
        return {}, None
    _refuse_unknown(document, (), tree, ["venues", "nats"])
    return _venues(document, tree), _nats(document, tree["nats"]) if "nats" in tree else None


def _venues(document: Document, tree: dict[str, Tree]) -> Venues:
    if "nats" in tree and "venues" not in tree:
        return {}  # a machine that only follows has no venues of its own
    blocks = tree.get("venues")
    if not isinstance(blocks, dict) or not blocks:
        # A misspelt `venues` is an unknown key, which was noted.
        if "venues" in tree or not document.mistakes:
            document.note(("venues",), "expected at least one venue")
        return {}
    found = {name: _venue(document, name, block) for name, block in blocks.items()}
    return {name: venue for name, venue in found.items() if venue is not None}


def _venue(document: Document, name: str, block: Tree) -> tuple[VenueKind, VenueSettings] | None:
    path: KeyPath = ("venues", name)
    if not VENUE_NAME.fullmatch(name):
        line = document.lines[path]
        document.note_unreadable(line, "a venue's name has only letters, digits, _ and -, at most 32")
        return None
    block = {} if block is None else block  # nothing under the name: all defaults
    if not isinstance(block, dict):
        document.note(path, "expected a mapping of settings")
        return None
    kind = block.get("kind", name)
    where: KeyPath = (*path, "kind") if "kind" in block else path
    if not isinstance(kind, str) or (kind not in REGISTRY and kind not in kinds()):
        known = kinds()
        hint = suggest_or_list(kind, known) if isinstance(kind, str) else f"; there are {', '.join(known)}"
        document.note(where, f"no such kind of venue{hint}")
        return None
    try:
        venue = load(kind)
    except ConfigError as exc:
        document.note(where, str(exc))
        return None
    settings = _settings(document, path, {**block, "kind": kind}, venue.settings)
    return None if settings is None else (venue, settings)


def _nats(document: Document, block: Tree) -> NatsSettings | None:
    if block is None:
        return NatsSettings()
    if not isinstance(block, dict):
        document.note(("nats",), "expected a mapping of settings")
        return None
    return _settings(document, ("nats",), block, NatsSettings)


def _settings(document: Document, path: KeyPath, block: dict[str, Tree], wanted: type[SettingsT]) -> SettingsT | None:
    """The settings; None if there was a mistake, which was noted."""
    fields = msgspec.structs.fields(wanted)
    faults = _refuse_unknown(document, path, block, [field.encode_name for field in fields])
    for field in fields:
        if field.encode_name in block:
            where = (*path, field.encode_name)
            fault = _fault(where, block[field.encode_name], field.type)
        else:
            fault = (path, f"missing key `{field.encode_name}`") if field.required else None
        if fault is not None:
            document.note(*fault)
            faults += 1
    if faults:
        return None
    settings = msgspec.convert(block, wanted, dec_hook=_read_secret)
    return settings if _fits_together(document, path, block, settings) else None


# Any: what `msgspec.structs.fields` gives as a type is typed so.
def _fault(path: KeyPath, value: Tree, wanted: Any) -> tuple[KeyPath, str] | None:
    """Where a value is not what is wanted, and why; None if it is."""
    types = inspect.type_info(wanted)
    if value is None and _takes_text(types):
        return path, "is empty; quote it, or leave the key out"
    try:
        msgspec.convert(value, wanted, dec_hook=_read_secret)
    except msgspec.ValidationError as exc:
        return _of_type(path, types, value, exc)
    return None


def _fits_together(document: Document, path: KeyPath, block: dict[str, Tree], settings: SettingsT) -> bool:
    """Whether the settings' own check finds nothing; what it finds is noted.

    It raises one mistake at a time: the key of that gets its default, so that the next is found too.
    """
    defaults = {field.name: field.default for field in msgspec.structs.fields(type(settings)) if not field.required}
    fits = True
    while True:
        try:
            settings.check()
        except ValueError as exc:
            fits = False
            document.note(*_of_check(document, path, str(exc), block))
            key = str(exc).partition(": ")[0]
            default = defaults.pop(key, msgspec.NODEFAULT)
            if default is msgspec.NODEFAULT:
                return fits
            settings = msgspec.structs.replace(settings, **{key: default})
        else:
            return fits


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


def _of_type(path: KeyPath, wanted: inspect.Type, value: Tree, exc: msgspec.ValidationError) -> tuple[KeyPath, str]:
    """Where msgspec found a mistake, and which, without the value."""
    message, _, place = str(exc).partition(" - at `$")
    inner = tuple(int(index) if index else key for key, index in re.findall(r"\.([^.\[`]+)|\[(\d+)\]", place))
    where = (*path, *inner)
    if exc.__cause__ is not None:
        return where, message
    if message.startswith("Invalid enum value") and isinstance(wanted, inspect.LiteralType):
        allowed = list(map(str, wanted.values))
        return where, f"expected one of {', '.join(allowed)}{suggest(str(value), allowed)}"
    if not (expected := re.fullmatch(r"Expected (.+?)(?:, got `(.+)`)?", message)):
        return where, "not a valid value"
    if "`str" in expected[1] and expected[2] in ("int", "float", "bool", Unclear.__name__):
        return where, "quote it"
    types = expected[1].replace(" | null", "").replace("`", "")
    return where, "expected " + re.sub(r"^\w+", lambda name: _TYPE_NAMES.get(name[0], name[0]), types)


def _of_check(document: Document, path: KeyPath, message: str, block: dict[str, Tree]) -> tuple[KeyPath, str]:
    """What a venue's own check says, at the key that it begins with, and without the value."""
    key, colon, rest = message.partition(": ")
    if not colon or (*path, key) not in document.lines:
        return path, reduce(_without_quoted, _texts(block), message)
    return (*path, key), reduce(_without, _texts(block[key]), rest)


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


def _refuse_unknown(document: Document, path: KeyPath, block: Mapping[str, Tree], known: Iterable[str]) -> int:
    """Note each key that is not known; returns how many."""
    known = list(known)
    unknown = block.keys() - set(known)
    for key in unknown:
        # Text that cannot be a name may be a secret without its key.
        shown = f" `{key}`" if re.fullmatch("[a-z_]{1,32}", key) else ""
        document.note_key((*path, key), f"unknown key{shown}{suggest_or_list(key, known)}")
    return len(unknown)


def suggest_or_list(name: str, known: Iterable[str]) -> str:
    """ ", did you mean ...?", or the list of known names."""
    known = list(known)
    return suggest(name, known) or f"; there are {', '.join(known)}"
