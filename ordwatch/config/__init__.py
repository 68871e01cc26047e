"""The configuration file: a strict YAML reader, settings whose errors name line and key, and the sources of secrets.

document   the file as a tree, with the line of each key, and its mistakes
parsing    reads a file of YAML as a document
nats       the section `nats`
sections   checks the sections of the file, and makes settings of them
settings   finds and reads the file, and resolves its secrets
sources    reads a secret from quoted text, a variable, a private file or a command
"""

from ordwatch.config.nats import NatsSettings
from ordwatch.config.sections import suggest_or_list
from ordwatch.config.settings import Config, defaults, find, read, secrets_of

__all__ = ["Config", "NatsSettings", "defaults", "find", "read", "secrets_of", "suggest_or_list"]
