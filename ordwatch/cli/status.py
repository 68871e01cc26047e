"""`ordwatch status`: whether the session that writes a recording is healthy."""

from pathlib import Path
from time import time_ns
from typing import Annotated

import typer

from ordwatch.cli import options as opt
from ordwatch.cli.process import write_out
from ordwatch.cli.stderr import set_up
from ordwatch.core.errors import RecordingError

MAX_AGE_S = 30.0


def status(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A recording, also while it is written.")],
    max_age: Annotated[
        float | None,
        opt.option(
            "--max-age", parser=opt.duration, metavar="TIME", help="How old the last alive record may be. Default: 30s."
        ),
    ] = None,
    output: opt.ResultFormatOption = opt.ResultFormat.TEXT,
    quiet: Annotated[bool, opt.option("-q", "--quiet", help="Print nothing if every venue is covered.")] = False,
) -> None:
    """\b
    Examples:
      ordwatch status day.jsonl
      ordwatch status day.jsonl -q            silent if all is well: for cron
      ordwatch status day.jsonl -o json | jq .venues

    Report whether the session that writes this recording covers every venue now. Exits 0 if it does, 69 if not, and
    then says which venue is not covered, since when, and why. Reads only the end of the recording.
    """
    set_up()
    from ordwatch.recording.lock import is_held
    from ordwatch.recording.status import HEALTHY, judge
    from ordwatch.recording.tail import last_state

    last = last_state(file)
    now_ns = time_ns()
    max_age_s = MAX_AGE_S if max_age is None else max_age
    try:
        found = judge(last, now_ns=now_ns, max_age_s=max_age_s, being_written=is_held(file))
    except ValueError as exc:
        raise RecordingError(f"{file}: not a recording of ordwatch: {exc}") from exc
    if not (quiet and found.exit_code == HEALTHY):
        write_out(found.json() if output is opt.ResultFormat.JSON else found.text(now_ns))
    raise typer.Exit(found.exit_code)
