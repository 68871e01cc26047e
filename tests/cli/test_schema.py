"""`ordwatch schema`."""

import json
import re

import jsonschema

from ordwatch.outputs.schema import record_schema
from tests.support.process import run


def test_it_prints_the_schema_of_the_records() -> None:
    printed = json.loads(run("schema").out)

    assert printed == record_schema()
    jsonschema.Draft202012Validator.check_schema(printed)


def test_the_example_in_its_help_names_a_record() -> None:
    named = re.search(r'"\$defs"\.(\w+)\.required', run("schema", "--help").out)

    assert named is not None
    assert named[1] in record_schema()["$defs"]
