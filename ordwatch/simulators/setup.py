"""Makes the settings for connecting to a simulator: in memory, and as a configuration file."""

from collections.abc import Iterable, Mapping

import msgspec
import yaml

from ordwatch.core.secrets import Secret
from ordwatch.venues import load
from ordwatch.venues.contract import Setup, VenueKind, VenueSettings


def setup(name: str, block: Mapping[str, object], *, raw: bool = False) -> tuple[VenueKind, Setup[VenueSettings]]:
    """The venue of a configuration block and its setup; secrets stand in the block as plain text.

    Raises:
        msgspec.ValidationError: The block is not one of this kind of venue.
    """
    venue = load(str(block["kind"]))
    settings = msgspec.convert(block, venue.settings, dec_hook=_secret)
    settings.check()
    return venue, Setup(name, settings, raw)


def config_text(blocks: Mapping[str, Mapping[str, object]], alternatives: Iterable[Mapping[str, object]] = ()) -> str:
    """A configuration file with these venues, and as comments the blocks that reach one of them another way.

    It holds secrets, if only those of simulators.
    """
    text = _yaml({"venues": {name: dict(block) for name, block in blocks.items()}})
    for block in alternatives:
        kind = str(block["kind"])
        lines = _yaml({kind: dict(block)}).splitlines()
        text += "".join(f"{line}\n" for line in (f"# Or, the same {kind}:", *(f"#   {line}" for line in lines)))
    return text


def _yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
    return text


def _secret(wanted: type, value: object) -> Secret:
    if issubclass(wanted, Secret) and isinstance(value, str):
        return wanted(value)
    raise NotImplementedError(wanted)
