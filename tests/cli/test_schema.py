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


def test_only_the_venues_that_are_named_are_in_it() -> None:
    printed = json.loads(run("schema", "--venue", "coinw", "--venue", "opend", "--venue", "coinw").out)

    extras = printed["$defs"]["OrderRecord"]["properties"]["extra"]["anyOf"]
    assert extras == [{"$ref": "#/$defs/CoinwExtra"}, {"$ref": "#/$defs/OpendExtra"}]


def test_a_kind_that_there_is_not_is_named() -> None:
    ended = run("schema", "--venue", "nowhere")

    assert (ended.code, ended.out) == (78, "")
    assert "unknown kind of venue 'nowhere'; there are opend, coinw, loopring" in ended.err
