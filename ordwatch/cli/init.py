"""`ordwatch init`: writes the commented example configuration, which is installed with the package."""

import os
import re
import shlex
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from ordwatch.cli import options as opt
from ordwatch.cli.process import write_out
from ordwatch.cli.simulate import write_private
from ordwatch.cli.stderr import set_up
from ordwatch.core.errors import OutputRefused, UsageError

EXAMPLE = "config.example.yaml"


def init(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Where to. Default: where `tail` looks for it.", show_default=False),
    ] = None,
    *,
    venue: Annotated[
        list[str] | None,
        opt.option("--venue", metavar="NAME", help="Keep only the block of this venue; repeatable. Default: all."),
    ] = None,
) -> None:
    """\b
    Examples:
      ordwatch init
      ordwatch init --venue opend

    Write the commented example configuration to a new file that only you can read, and say what to edit next.
    """
    set_up()
    from ordwatch.config import find
    from ordwatch.config.parsing import parse

    text = (files("ordwatch.config") / EXAMPLE).read_text(encoding="utf-8")
    lines = parse(text.encode(), EXAMPLE).lines
    venues = {str(path[1]): line for path, line in lines.items() if len(path) == 2 and path[0] == "venues"}
    others = {str(path[0]): line for path, line in lines.items() if len(path) == 1 and path[0] != "venues"}
    kept = chosen(list(venues), venue or [])
    path = find(file, os.environ)
    make_folder(path.parent)
    write_private(path, with_blocks(text, {**venues, **others}, kept) if venue else text)
    write_out("\n".join(next_steps(path, kept, is_default=file is None)))


def chosen(known: Sequence[str], names: Sequence[str]) -> list[str]:
    """The venues with these names, in the order of the example; none given: all.

    Raises:
        UsageError: The example has no such venue.
    """
    from ordwatch.config import suggest_or_list

    for name in names:
        if name not in known:
            raise UsageError(f"the example has no venue {name!r}{suggest_or_list(name, known)}")
    return [name for name in known if name in names or not names]


def with_blocks(text: str, starts: dict[str, int], kept: Sequence[str]) -> str:
    """The example with these blocks only; `starts` has the line of each one's name, from 1.

    A block begins with the comments right above its name, and ends where the next begins, or at a line that is not
    indented.
    """
    lines = text.splitlines(keepends=True)
    begins = {name: _first_comment(lines, line - 1) for name, line in starts.items()}
    for name, begin in sorted(begins.items(), key=lambda item: item[1], reverse=True):
        if name not in kept:
            end = next(
                (
                    number
                    for number in range(starts[name], len(lines))
                    if number in begins.values() or re.match(r"[^ \n]", lines[number])
                ),
                len(lines),
            )
            del lines[begin:end]
    return "".join(lines).rstrip("\n") + "\n"


def _first_comment(lines: Sequence[str], index: int) -> int:
    while index > 0 and lines[index - 1].lstrip().startswith("#"):
        index -= 1
    return index


def make_folder(folder: Path) -> None:
    """Make the folder of the configuration, for the user alone.

    Raises:
        OutputRefused: It cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputRefused(f"cannot create {folder}: {(exc.strerror or 'error').lower()}") from None


def next_steps(path: Path, kept: Sequence[str], *, is_default: bool) -> list[str]:
    """What the user is to do with the file, one line each."""
    from ordwatch.venues import load

    steps = [f"{path}: written; only you can read it. Next:"]
    if len(kept) > 1:
        steps.append("- remove the venues that you do not use")
    for name in kept:
        keys = load(name).required_keys()
        what = f"set {', '.join(keys)}" if keys else "works as it is, if it runs on this machine"
        steps.append(f"- {name}: {what}")
    config = "" if is_default else f" --config {shlex.quote(str(path))}"
    return [*steps, f"- ordwatch check{config}", f"- ordwatch tail{config}"]
