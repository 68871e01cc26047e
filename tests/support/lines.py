"""Lines that ordwatch wrote, held to the schema."""

import json
from functools import cache
from typing import Any

import jsonschema

from ordwatch.outputs.schema import Schema, closed, record_schema


@cache
def strict() -> Schema:
    """The schema with every key refused that is not of this version."""
    return closed(record_schema())


def refusals(line: bytes | str, schema: Schema | None = None) -> list[str]:
    """Why a line does not fit the schema (default: the strict one), the order of its keys included; [] if it does."""
    record = json.loads(line)
    schema = schema or strict()
    definitions = [each for each in schema["$defs"].values() if _is_of(each, record.get("type"))]
    if len(definitions) != 1:
        return [f"no type of record: {record.get('type')!r}"]
    [definition] = definitions
    validator = jsonschema.Draft202012Validator({**definition, "$defs": schema["$defs"]})
    reported = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(record)]
    known = [key for key in record if key in definition["properties"]]
    if known != [key for key in definition["properties"] if key in record]:
        reported.append(f"keys in another order: {', '.join(known)}")
    return reported


def _is_of(definition: dict[str, Any], kind: str) -> bool:
    return bool(definition.get("properties", {}).get("type", {}).get("enum") == [kind])
