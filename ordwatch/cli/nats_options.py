"""Which NATS servers and stream a command uses: the configuration's section `nats`, or `--server` and `--stream`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import msgspec

from ordwatch import system
from ordwatch.cli import options as opt
from ordwatch.cli.configuration import read_config
from ordwatch.core.errors import UsageError

if TYPE_CHECKING:
    from ordwatch.cli.stderr import StderrHandler
    from ordwatch.config import Config, NatsSettings


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Servers and stream of a command that reads no configuration."""

    server: Annotated[
        list[str] | None,
        opt.option("--server", metavar="URL", help="nats://HOST:PORT or tls://HOST:PORT; repeatable."),
    ] = None
    stream: Annotated[
        str | None, opt.option("--stream", metavar="NAME", help="Default: the configuration's, else ORDWATCH.")
    ] = None

    def without_configuration(self) -> "NatsSettings":
        """The settings of these options, without credentials.

        Raises:
            UsageError: `--server` or `--stream` has no such value.
        """
        from ordwatch.config import NatsSettings

        return self._with_options(NatsSettings())

    def _with_options(self, settings: "NatsSettings") -> "NatsSettings":
        given = {"servers": tuple(self.server or ()), "stream": self.stream}
        settings = msgspec.structs.replace(settings, **{key: value for key, value in given.items() if value})
        try:
            settings.check()
        except ValueError as exc:
            key, _, reason = str(exc).partition(": ")
            raise UsageError(f"--{'server' if key == 'servers' else key}: {reason}") from None
        return settings


@dataclass(frozen=True, kw_only=True)
class NatsOptions(ServerOptions):
    """The options of `follow` and `stream`. With `--server` and without `--config` no configuration is read."""

    config: opt.ConfigFile = None

    def settings(self, stderr: "StderrHandler") -> "NatsSettings":
        """The settings of these options, with their secrets; messages redact these from now on.

        Raises:
            UsageError: `--server` or `--stream` has no such value.
            ConfigError: The configuration cannot be read, or has no section `nats`.
        """
        if self.server and self.config is None:
            return self.without_configuration()
        return self._with_options(resolve_nats(read_config(self.config), stderr))


def resolve_nats(config: "Config", stderr: "StderrHandler") -> "NatsSettings":
    """The section `nats` with its secrets; messages redact these from now on.

    Raises:
        ConfigError: There is no such section, others can read a file, or a secret cannot be read.
    """
    from ordwatch.config import secrets_of

    system.harden()
    settings = config.resolve_nats()
    for secret in secrets_of(settings).values():
        stderr.redact.add(secret)
    return settings
