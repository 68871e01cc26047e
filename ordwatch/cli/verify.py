"""`ordwatch verify`: what a recording proves."""

from pathlib import Path
from typing import Annotated

import typer

from ordwatch.cli import options as opt
from ordwatch.cli.messages import log, set_up
from ordwatch.cli.process import write_out


def verify(
    file: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one recording, in any order.")],
    output: opt.ReportKind = opt.ReportFormat.TEXT,
    salvage: Annotated[
        Path | None,
        opt.option("--salvage", metavar="OUT", help="Also write the lines that are whole to this new recording."),
    ] = None,
) -> None:
    """\b
    Examples:
      ordwatch verify day.jsonl
      ordwatch verify day.jsonl* -o json | jq .venues

    Say what a recording proves: lines whole and in their place, what was seen of each venue, gaps. Exits 0 if all was
    covered, 3 if something may have been missed, 65 if the recording is damaged. May read a file that is being written.
    """
    set_up()
    from ordwatch.recording.verify import check

    verdict = check(file)
    write_out(verdict.json() if output is opt.ReportFormat.JSON else verdict.text())
    if salvage is not None:
        from ordwatch.recording.salvage import salvage as save

        saved = save(file, salvage)
        log.warning("%s: %d whole lines, %d stretches were lost", salvage, saved.lines, saved.lost)
    raise typer.Exit(verdict.exit_code)
