"""Help texts that users can read: arguments by name, no Python types, no environment variable at each option."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


class PlainCommand(TyperCommand):
    """A command that shows its arguments as `FILE...` with every release of typer."""

    # Any: typer has brought its own copy of click since 0.26, and exports none of its types.
    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The part of the usage line after the command's name."""
        return ["[OPTIONS]", *(name for name, _ in self._arguments(ctx))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, if there are any, and the options."""
        options = [param.get_help_record(ctx) for param in self.get_params(ctx) if param.param_type_name == "option"]
        if arguments := self._arguments(ctx):
            with formatter.section("Arguments"):
                formatter.write_dl(arguments)
        with formatter.section("Options"):
            formatter.write_dl([record for record in options if record is not None])

    def _arguments(self, ctx: Any) -> list[tuple[str, str]]:
        params: list[Any] = [param for param in self.get_params(ctx) if param.param_type_name == "argument"]
        return [(param.metavar, param.help) for param in params]


class PlainGroup(TyperGroup):
    """The command line as a whole."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options and the commands."""
        for param in self.get_params(ctx):
            param.show_envvar = False  # type: ignore[attr-defined]  # only options have it, and a group has nothing else
        super().format_options(ctx, formatter)
