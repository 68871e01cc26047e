"""`ordwatch verify`: what a recording proves."""

from pathlib import Path
from typing import Annotated

import typer

from ordwatch.cli import options as opt
from ordwatch.cli.messages import set_up


def verify(
    file: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one recording, in any order.")],
    output: opt.ReportKind = opt.Report.TEXT,
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
    typer.echo(verdict.json() if output is opt.Report.JSON else verdict.text())
    raise typer.Exit(verdict.exit_code)
