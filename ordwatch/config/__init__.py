"""The configuration file: a strict YAML reader, settings whose errors name line and key, and the sources of secrets.

document   the file as a tree, with the line of each key
nats       the section `nats`
settings   finds the file, and checks the settings of each venue
sources    reads a secret from quoted text, a variable, a private file or a command
"""

from ordwatch.config.nats import NatsSettings
from ordwatch.config.settings import Config, find, read, secrets_of, suggest_or_list

__all__ = ["Config", "NatsSettings", "find", "read", "secrets_of", "suggest_or_list"]
