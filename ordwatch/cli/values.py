"""Reads the values of options and arguments by our own functions, without what typer imports for it.

Typer reads every value, also those that were not given, by pydantic; importing that takes longer than all else until
the first byte is sent (measured: twice as long as importing typer). Its parser, help and completion are used as ever.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, get_args, get_origin

from typer import BadParameter
from typer.models import ParameterInfo

from ordwatch.cli.help import PlainCommand, PlainGroup

Reader = Callable[[str], object]

_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
_FALSE = frozenset({"", "0", "false", "f", "no", "n", "off"})
"""Texts that click takes for a flag."""


# Any: an annotation has no type of its own.
def reader(annotation: Any) -> Reader:
    """The function that reads one value of an option with this annotation.

    Raises:
        TypeError: There is none for such an option; give it a parser.
    """
    wanted, *infos = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    for info in infos:
        if isinstance(info, ParameterInfo) and info.parser is not None:
            return info.parser
    types = {each for each in get_args(wanted) if each is not type(None)} if _is_optional(wanted) else {wanted}
    kind = types.pop()
    if get_origin(kind) is list:
        [kind] = get_args(kind)
    if kind in (str, Path):
        return kind  # type: ignore[no-any-return]
    if kind in (bool, int):
        return _flag if kind is bool else _count
    raise TypeError(f"no reader for {annotation}")


def _flag(text: str) -> bool:
    """The value of a flag that comes from a variable."""
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise BadParameter(f"{text!r} is not one of 1, 0, true, false, yes, no")


def _count(text: str) -> int:
    """How often a flag is given, from a variable."""
    if not (text.isascii() and text.isdigit()):
        raise BadParameter(f"{text!r} is not a number such as 1 or 2")
    return int(text)


def _is_optional(wanted: Any) -> bool:
    return isinstance(wanted, UnionType)


def command_class(readers: Mapping[str, Reader]) -> type[PlainCommand]:
    """The class of a command whose options and arguments are read by these functions, by name."""
    return type("ReadingCommand", (_ReadingCommand,), {"readers": dict(readers)})


# Any: as in help.py.
class _ReadingCommand(PlainCommand):
    readers: ClassVar[Mapping[str, Reader]] = {}

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters of the command, --help among them, each with its reader."""
        params = super().get_params(ctx)
        for param in params:
            _read_by(param, self.readers.get(param.name or "", str))
        return params


class ReadingGroup(PlainGroup):
    """The command line as a whole, whose own options take no text or take it as it is."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters of the group, those of completion among them."""
        params = super().get_params(ctx)
        for param in params:
            _read_by(param, str)
        return params


def _read_by(param: Any, read: Reader) -> None:
    param.process_value = partial(_value, param, read)


def _value(param: Any, read: Reader, context: Any, value: Any) -> Any:
    """The value of this parameter, which may be text or a default."""
    if param.multiple or param.nargs == -1:
        result: Any = tuple(read(item) if isinstance(item, str) else item for item in value or ())
    else:
        result = read(value) if isinstance(value, str) else value
    if param.required and result in (None, ()):
        return type(param).process_value(param, context, None)  # raises the error of a missing value
    return result if param.callback is None else param.callback(context, param, result)
