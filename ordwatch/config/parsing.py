"""The part of YAML that a configuration needs: text, numbers, lists, mappings, and the line of each.

Refuses what makes YAML dangerous or ambiguous: anchors, aliases, merge keys, tags, several documents, duplicate keys,
deep nesting, large files.
"""

import re
from collections.abc import Iterator

import yaml

from ordwatch.config.document import MAX_BYTES, Document, Path, Tree, Unclear
from ordwatch.core.errors import ConfigError

MAX_DEPTH = 20
MAX_NODES = 20_000


def parse(data: bytes, shown: str) -> Document:
    """The document in these bytes, with the mistakes that did not end the reading.

    Raises:
        ConfigError: It is not YAML within bounds; the messages name the lines if they are known.
    """
    text = _text(data, shown)
    composer = _Composer(text, shown)
    try:
        return composer.document()
    except ConfigError as exc:
        raise ConfigError(*composer.messages(), *exc.messages) from None
    except yaml.MarkedYAMLError as exc:
        line = f":{exc.problem_mark.line + 1}" if exc.problem_mark is not None else ""
        if "nesting depth" in (exc.problem or ""):  # PyYAML 6.0.4 has its own, lower limit
            raise ConfigError(*composer.messages(), f"{shown}{line}: nested deeper than {MAX_DEPTH}") from None
        raise ConfigError(*composer.messages(), f"{shown}{line}: not valid YAML{_problem(exc)}") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise ConfigError(f"{shown}: not valid YAML") from None


def _text(data: bytes, shown: str) -> str:
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{shown}: larger than {MAX_BYTES} bytes")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(f"{shown}:1: begins with a byte-order mark; save it as UTF-8 without one")
    try:
        text = data.decode()
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise ConfigError(f"{shown}:{line}: not UTF-8 text") from None
    if found := re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text):
        raise ConfigError(f"{shown}:{_line(text, found)}: a control character; is this a text file?")
    if found := re.search(r"^ *\t", text, re.MULTILINE):
        raise ConfigError(f"{shown}:{_line(text, found)}: a tab; indent with spaces")
    return text


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1


def _line(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.end()) + 1


def _problem(exc: yaml.MarkedYAMLError) -> str:
    """The parser's own message, unless it may quote the file."""
    text = exc.problem or ""
    return f" ({text})" if re.fullmatch(r"([^'\"]|'[:?\-,]'|'<[a-z ]+>')+", text) else ""


class _Composer:
    """Builds the tree from parser events, so that depth and size are limited while it is built."""

    def __init__(self, text: str, shown: str) -> None:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the pure Python one is about twenty times slower
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=loader)
        self._resolver = yaml.resolver.Resolver()
        self._document = Document(shown)
        self._nodes = 0

    def messages(self) -> list[str]:
        """The mistakes found so far."""
        return [text for _, text in self._document.mistakes]

    def document(self) -> Document:
        documents = 0
        for event in self._events:
            match event:
                case yaml.StreamStartEvent() | yaml.DocumentEndEvent() | yaml.StreamEndEvent():
                    pass
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        raise self._refuse(event, "a second document; there must be one")
                case _:
                    self._document.tree = self._node(event, ())
        return self._document

    def _node(self, event: yaml.Event, path: Path) -> Tree:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._refuse(event, f"more than {MAX_NODES} entries")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            self._note(event, "anchors and aliases (& and *) are not allowed; put text in quotes")
        if getattr(event, "tag", None) is not None:
            self._note(event, "tags (!) are not allowed; put text in quotes")
        if len(path) > MAX_DEPTH:
            raise self._refuse(event, f"nested deeper than {MAX_DEPTH}")
        match event:
            case yaml.AliasEvent():
                return Unclear()
            case yaml.ScalarEvent():
                return self._scalar(event)
            case yaml.SequenceStartEvent():
                return self._list(path)
            case _:
                return self._mapping(path)

    def _list(self, path: Path) -> list[Tree]:
        items: list[Tree] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            here = (*path, len(items))
            self._document.lines[here] = _line_of(event)
            items.append(self._node(event, here))
        return items

    def _mapping(self, path: Path) -> dict[str, Tree]:
        entries: dict[str, Tree] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            here = (*path, key)
            if key in entries:
                self._note(event, f"duplicate key, first on line {self._document.lines[here]}")
                self._node(next(self._events), (*here, "again"))
                continue
            self._document.lines[here] = _line_of(event)
            value = self._node(next(self._events), here)
            if key:
                entries[key] = value
        return entries

    def _key(self, event: yaml.Event, path: Path) -> str:
        """The key; "" if it cannot be one, which was noted."""
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<":
            self._note(event, "merge keys (<<) are not allowed")
            return ""
        if not isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            raise self._refuse(event, "a key must be text; put it in quotes")
        key = self._node(event, path)
        if not isinstance(key, str):
            self._note(event, "a key must be text; put it in quotes")
            return ""
        return key

    def _scalar(self, event: yaml.ScalarEvent) -> Tree:
        value: str = event.value
        if not event.implicit[0]:
            return value
        tag: str = self._resolver.resolve(yaml.ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]  # stub
        match tag.rpartition(":")[2]:
            case "str":
                return value
            case "null":
                return None
            case "bool":
                return value.lower() in ("yes", "true", "on")
            case "int" if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", value):
                return int(value)
            case "float" if re.fullmatch(r"-?[0-9]{1,18}\.[0-9]{1,18}", value):
                return float(value)
            case _:
                return Unclear()

    def _note(self, event: yaml.Event, text: str) -> None:
        self._document.note_unreadable(_line_of(event), text)

    def _refuse(self, event: yaml.Event, text: str) -> ConfigError:
        return ConfigError(f"{self._document.shown}:{_line_of(event)}: {text}")
