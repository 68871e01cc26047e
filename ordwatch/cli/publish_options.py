"""The options of a recording that may be published, and the recording they ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from ordwatch.cli import options as opt
from ordwatch.cli.recording_options import RecordingOptions
from ordwatch.core.errors import UsageError

if TYPE_CHECKING:
    from ordwatch.config import NatsSettings
    from ordwatch.recording.sink import Recording
    from ordwatch.scale.published import PublishedRecording


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PublishOptions(RecordingOptions):
    """Where and how records are kept, and whether others can follow them."""

    publish: Annotated[
        bool, opt.option("--publish", help="Publish the recording to the NATS stream of the configuration.")
    ] = False

    def sink(self) -> "Recording | None":
        """As `RecordingOptions.sink`.

        Raises:
            UsageError: As there; or `--publish` has no recording, or what it needs is not installed.
        """
        if self.publish and self.record is None:
            raise UsageError("--publish needs a recording; add --record FILE")
        if self.publish:
            from ordwatch.scale import nats_client  # noqa: F401 - says how to install what is missing
        return super().sink()


def published(recording: "Recording", settings: "NatsSettings", kinds: Mapping[str, str]) -> "PublishedRecording":
    """The recording, published as the settings say; `kinds`: the kind of each venue, by its name.

    Raises:
        ConfigError: A key or certificate of the settings cannot be used.
    """
    from ordwatch.scale.credentials import Credentials, tls_context
    from ordwatch.scale.published import PublishedRecording

    Credentials(settings)
    tls_context(settings)
    return PublishedRecording(recording, settings, kinds)
