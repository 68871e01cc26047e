"""`ordwatch schema`."""

import json

import jsonschema

from ordwatch.schema import record_schema
from tests.support.process import run


def test_it_prints_the_schema_of_the_records() -> None:
    printed = json.loads(run("schema").out)

    assert printed == record_schema()
    jsonschema.Draft202012Validator.check_schema(printed)
