"""JSON Schema (2020-12) of all records, made from their types.

Added here: the number in the stream, and the formats of decimals, times and ids. Readers must ignore unknown keys,
because adding a key keeps the schema's name; `closed` makes the strict schema of what this version writes.
"""

from collections.abc import Iterable
from typing import Any, get_args

import msgspec

from ordwatch.core.records import SCHEMA, AnyRecord, OrderRecord, VenueAlive
from ordwatch.venues import REGISTRY, load

Schema = dict[str, Any]
"""As msgspec gives it."""

DECIMAL = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"
_WORD = r"^[A-Z][A-Z0-9_]*(\([^)]*\))?$"
_FLAG = r"^(late|unordered|conflict|reopened|fill_busted|guessed|zone_assumed|raw_units|(derived|bad):[a-z_.]+)$"
_CAUSE = r"^(eof|reset|silent|close:[0-9]+|venue_logged_out|reject|output_stalled|suspended|restart|ended|collectors)$"

_TIMES = ("at", "from", "to", "created_at", "updated_at", "received_at", "last_rx", "last_at")
_DECIMALS = ("qty", "filled_qty", "remaining_qty", "price", "stop_price", "avg_price", "filled_value", "fee")
_RULES: dict[str, Schema] = {
    **{key: {"pattern": TIME} for key in _TIMES},
    **{key: {"pattern": DECIMAL} for key in _DECIMALS},
    "order_id": {"minLength": 1},
    "order_type": {"pattern": _WORD},
    "flags": {"items": {"type": "string", "pattern": _FLAG}, "uniqueItems": True},
    "gap": {"pattern": "^.+-[0-9]+$"},
    "cause": {"pattern": _CAUSE},
    "head": {"pattern": "^([0-9a-f]{2}){0,16}$"},
    "schema": {"const": SCHEMA},
    "config_sha256": {"pattern": "^[0-9a-f]{64}$"},
    "sha256": {"pattern": "^[0-9a-f]{64}$"},
    "count": {"minimum": 1},
    "raw": {"type": ["object", "null"]},
}
_SEQ: Schema = {"type": "integer", "minimum": 1}
_CRC: Schema = {"type": "string", "pattern": "^[0-9a-f]{8}$"}


def record_schema(kinds: Iterable[str] = REGISTRY) -> Schema:
    """The schema of one line; `extra` may be that of any of these kinds of venues.

    Raises:
        ConfigError: There is no such kind, or the package that has it does not fit.
    """
    extras = [load(kind).extra for kind in kinds]
    kinds_of_records = get_args(AnyRecord)
    _, definitions = msgspec.json.schema_components(
        [*kinds_of_records, *extras], schema_hook=_anything, ref_template="#/$defs/{name}"
    )
    for record in kinds_of_records:
        _add_stream_keys(definitions[record.__name__])
    for extra in extras:
        # In the type each field has a default, because an update may omit it; a record always has it.
        definitions[extra.__name__]["required"] = list(extra.__struct_fields__)
    for name in [*(record.__name__ for record in kinds_of_records), VenueAlive.__name__]:
        for key, schema in definitions[name]["properties"].items():
            schema.update(_RULES.get(key, {}))
    definitions[OrderRecord.__name__]["properties"]["extra"] = {"anyOf": [_reference(extra) for extra in extras]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "oneOf": [_reference(record) for record in kinds_of_records],
        "$defs": definitions,
    }


def closed(schema: Schema) -> Schema:
    """The same schema, but keys that this version does not write are refused."""
    definitions = {
        name: {**definition, "additionalProperties": False} if "properties" in definition else definition
        for name, definition in schema["$defs"].items()
    }
    return {**schema, "$defs": definitions}


def _reference(struct: type[msgspec.Struct]) -> Schema:
    return {"$ref": f"#/$defs/{struct.__name__}"}


def _anything(_: type) -> Schema:
    return {"description": "see the documentation of the venue"}


def _add_stream_keys(record: Schema) -> None:
    kind, *rest = record["properties"].items()
    keys = dict([kind, ("seq", _SEQ), *rest])
    record["properties"] = {**keys, "crc": _CRC}
    # Every key is always written; a default in a type is only for recordings made before the key was added.
    record["required"] = list(keys)
