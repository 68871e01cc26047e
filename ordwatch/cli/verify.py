"""`ordwatch verify`: checks whether a recording is complete and undamaged."""

from pathlib import Path
from typing import Annotated

import typer

from ordwatch.cli import options as opt
from ordwatch.cli.process import write_out
from ordwatch.cli.stderr import log, set_up


def verify(
    file: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of one recording, in any order; - is stdin.")
    ],
    *,
    output: opt.ResultFormatOption = opt.ResultFormat.TEXT,
    salvage: Annotated[
        Path | None,
        opt.option("--salvage", metavar="OUT", help="Also copy the undamaged lines to this new recording."),
    ] = None,
    messages: opt.MessageOptions,
) -> None:
    """\b
    Examples:
      ordwatch verify day.jsonl
      ordwatch verify day.jsonl* -o json | jq .venues
      ssh HOST cat day.jsonl.gz | zcat | ordwatch verify -

    Check that a recording is undamaged, and report what it covers of each venue and its gaps. Exits 0 if everything
    was covered, 3 if something may have been missed, 65 if the recording is damaged. The file may still be written to.
    """
    set_up(messages.level)
    from ordwatch.cli.reading_progress import reading_progress
    from ordwatch.recording.verify import check

    with reading_progress("verify", file, quiet=messages.quiet) as on_read:
        verdict = check(file, on_read)
    write_out(verdict.json() if output is opt.ResultFormat.JSON else verdict.text())
    if salvage is not None:
        from ordwatch.recording.salvage import salvage as save

        saved = save(file, salvage)
        log.warning("%s: %d undamaged lines copied, %d damaged parts left out", salvage, saved.lines, saved.unreadable)
    raise typer.Exit(verdict.exit_code)
