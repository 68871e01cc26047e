"""Reads OpenMetrics text as its specification 1.0.0 has it, strictly: what it does not allow is an error."""

import re

_SAMPLE = re.compile(
    r'(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?P<labels>\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"\})? '
    r"(?P<value>-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)"
)


def samples(text: str) -> dict[str, float]:
    """The value of each sample, by its name and labels."""
    assert text.endswith("\n# EOF\n")
    found: dict[str, float] = {}
    families: list[str] = []
    kind = suffix = ""
    for line in text.splitlines()[:-1]:
        words = line.split(" ", 3)
        if line.startswith("# TYPE "):
            kind = words[3]
            assert kind in ("gauge", "counter")
            assert words[2] not in families, "a family stands in one place"
            families.append(words[2])
            suffix = "_total" if kind == "counter" else ""
        elif line.startswith("# UNIT "):
            assert words[2] == families[-1]
            assert families[-1].endswith(f"_{words[3]}")
        elif line.startswith("# HELP "):
            assert words[2] == families[-1]
        else:
            sample = _SAMPLE.fullmatch(line)
            assert sample is not None, line
            assert sample["name"] == families[-1] + suffix
            key = sample["name"] + (sample["labels"] or "")
            assert key not in found
            found[key] = float(sample["value"])
            assert kind != "counter" or found[key] >= 0
    return found
