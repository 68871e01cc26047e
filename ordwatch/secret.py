"""Secrets that print as ***: the value leaves only through `reveal`."""

from typing import Any, NoReturn


class Secret:
    """A credential. `repr`, `str`, formatting and pickling never show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that sends or signs with it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be copied out of the process")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _memo: Any) -> "Secret":
        return self


class SecretFile(Secret):
    """A secret that the configuration names by the path of the file that holds it (a private key)."""

    __slots__ = ()
