"""Suggests the known name that is most similar to an unknown one."""

import difflib
from collections.abc import Iterable


def suggest(name: str, known: Iterable[str]) -> str:
    """ ", did you mean ...?" with the most similar known name, ignoring case; "" if none is similar."""
    by_lower_case = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    return f", did you mean `{by_lower_case[close[0]]}`?" if close else ""
