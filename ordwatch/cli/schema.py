"""`ordwatch schema`: JSON Schema of the records."""

import json

import typer


def schema() -> None:
    """\b
    Examples:
      ordwatch schema > ordwatch.schema.json
      ordwatch schema | jq '."$defs".order.required'

    Print the JSON Schema of the records.
    """
    from ordwatch.schema import record_schema

    typer.echo(json.dumps(record_schema(), indent=2, ensure_ascii=False))
