"""The configuration file: YAML read strictly, settings whose errors say line and key, and secrets, apart from both.

document   the text as a tree, and the line each key stands on
settings   which file, and what it says of each venue
sources    where a secret comes from: quoted text, a variable, a private file, a command
"""

from ordwatch.config.settings import Config, find, read, secrets_of, suggest_or_list

__all__ = ["Config", "find", "read", "secrets_of", "suggest_or_list"]
