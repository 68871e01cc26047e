"""Nothing is sent to a venue that is not on its list of what only reads. The one place that checks the list."""

from collections.abc import Callable
from typing import TypeVar

from ordwatch.venues.contract import HttpRequest, Payload

SentT = TypeVar("SentT", bound=HttpRequest | Payload)


class NotReadOnly(Exception):
    """A venue's adapter wanted to send what is not on its own list: a bug, and nothing was sent."""


def only_reading(only_reads: Callable[[HttpRequest | Payload], bool], sent: SentT) -> SentT:
    """What is about to be sent, if the list (`VenueKind.only_reads`) has it.

    Raises:
        NotReadOnly: It is not on the list.
    """
    if not only_reads(sent):
        name = sent.name if isinstance(sent, HttpRequest) else f"a message of {len(sent)} bytes"
        raise NotReadOnly(f"{name} is not on the list of what only reads; it was not sent")
    return sent
