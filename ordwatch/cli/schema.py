"""`ordwatch schema`: JSON Schema of the records."""

import json
from typing import Annotated

from ordwatch.cli import options as opt
from ordwatch.cli.process import write_out
from ordwatch.cli.stderr import set_up


def schema(
    venue: Annotated[
        list[str] | None,
        opt.option(
            "--venue",
            metavar="KIND",
            help="Kinds of venues whose `extra` is included; repeatable. Default: built-in ones.",
        ),
    ] = None,
) -> None:
    """\b
    Examples:
      ordwatch schema > ordwatch.schema.json
      ordwatch schema | jq '."$defs".OrderRecord.required'
      ordwatch schema --venue opend --venue KIND_OF_ANOTHER_PACKAGE

    Print the JSON Schema of the records. Venues of other packages are included if they are named.
    """
    set_up()
    from ordwatch.outputs.schema import record_schema
    from ordwatch.venues import REGISTRY

    write_out(json.dumps(record_schema(dict.fromkeys(venue or REGISTRY)), indent=2, ensure_ascii=False))
