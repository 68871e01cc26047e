"""Options that belong together are the fields of one dataclass, and a command takes them as one argument.

A new option is a field in its group: every command that takes the group has it. The field's name is the last part of
the option's environment variable. Groups are made without `eq` and `repr`, which nobody needs and which take the most
time of making the class, at each start.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints


def with_single_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command as typer reads it: instead of each group of options, the options of that group.

    Raises:
        ValueError: Two groups have an option of the same name.
    """
    hints = get_type_hints(command, include_extras=True)
    # Any: a dataclass has no type of its own to be annotated with.
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}

    @wraps(command)
    def run(**values: object) -> None:
        made = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**made, **values)

    options = [option for name in inspect.signature(command).parameters for option in _options(command, name, hints)]
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # inspect reads it, typeshed lacks it
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def _options(command: Callable[..., None], name: str, hints: dict[str, Any]) -> Iterator[inspect.Parameter]:
    group = hints[name]
    if not is_dataclass(group):
        default = inspect.signature(command).parameters[name].default
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=group)
        return
    of_fields = get_type_hints(group, include_extras=True)
    for field in fields(group):
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=of_fields[field.name]
        )
