"""The option that runs a program for each order record."""

import os
import shlex
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from ordwatch.cli import options as opt
from ordwatch.cli.display import DisplayOptions
from ordwatch.cli.stderr import StderrHandler
from ordwatch.core.errors import UsageError

if TYPE_CHECKING:
    from ordwatch.outputs.programs import ProgramRunner


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ExecOptions:
    """The program that is run for each order record that is shown."""

    exec: Annotated[
        str | None,
        opt.option(
            "--exec",
            metavar="'PROGRAM [ARG...]'",
            help="Run this program, without a shell, for each order shown, with its record on stdin; 30 s each.",
        ),
    ] = None

    def argv(self) -> list[str]:
        """The program and its arguments; nothing if there is none.

        Raises:
            UsageError: There is no such program, or a quote is not closed.
        """
        if self.exec is None:
            return []
        try:
            argv = shlex.split(self.exec)
        except ValueError as exc:
            raise UsageError(f"--exec: {exc}".lower()) from None
        if not argv:
            raise UsageError("--exec: expected a program and its arguments, in quotes")
        if (found := shutil.which(argv[0])) is None:
            raise UsageError(f"--exec: {argv[0]}: no such program, or it cannot be run")
        return [found, *argv[1:]]

    def sink(
        self, display: DisplayOptions, stderr: StderrHandler, secret_variables: Iterable[str] = ()
    ) -> "ProgramRunner | None":
        """The sink that runs the program, whose environment lacks these variables.

        Raises:
            UsageError: As from `argv`.
        """
        argv = self.argv()
        if not argv:
            return None
        from ordwatch.outputs.programs import ProgramRunner

        hidden = frozenset(secret_variables)
        environ = {name: value for name, value in os.environ.items() if name not in hidden}
        return ProgramRunner(argv, display.filter, environ, stderr.write_line)
