"""`ordwatch schema`: JSON Schema of the records."""

import json

from ordwatch.cli.process import write_out


def schema() -> None:
    """\b
    Examples:
      ordwatch schema > ordwatch.schema.json
      ordwatch schema | jq '."$defs".OrderRecord.required'

    Print the JSON Schema of the records.
    """
    from ordwatch.outputs.schema import record_schema

    write_out(json.dumps(record_schema(), indent=2, ensure_ascii=False))
