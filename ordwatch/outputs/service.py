"""What a service manager is sent (the datagrams of sd_notify(3)): ready, alive, the state of each venue, stopping.

Everything follows from the records of the run: a session that starts is ready, whatever its venues do, so that a venue
that is away when the machine starts does not cost the recorder its life; each alive record feeds the watchdog, also
while a full disk is waited for. Nothing is sent but these states, and nobody is waited for.
"""

import logging
import socket
from collections.abc import Mapping, Sequence

from ordwatch import system
from ordwatch.core.escaping import safe_text
from ordwatch.core.records import AliveRecord, AnyRecord, LinkRecord, OutputRecord, SessionRecord
from ordwatch.outputs.immediate_sink import ImmediateSink

MAX_STATUS = 500
LEAST_WATCHDOG_S = 30
"""An alive record comes every 10 s, later on a busy machine."""

log = logging.getLogger(__name__)


class Service(ImmediateSink):
    """A sink that reports to the service manager at this address."""

    def __init__(self, sender: socket.socket, address: str) -> None:
        """`address`: a path, or "@" and a name without a file."""
        self._sender = sender
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._venues: dict[str, str] = {}
        self._status = ""
        self._ready: bool | None = None  # None: not yet; False: to be reported with the next message
        self._failed = False

    def write(self, records: Sequence[OutputRecord]) -> None:
        """Report what these records mean for the service; never blocks and never raises."""
        for each in records:
            lines = self._lines(each.record)
            status = f"STATUS={self._shown()}"
            if status != self._status:
                lines.append(status)
            if lines and self._ready is not None and self._send(lines if self._ready else ["READY=1", *lines]):
                self._ready, self._status = True, status

    async def close(self) -> None:
        """Close the socket."""
        self._sender.close()

    def _lines(self, record: AnyRecord) -> list[str]:
        match record:
            case SessionRecord(state="start"):
                self._venues = dict.fromkeys(record.venues, "connecting")
                self._ready = False
            case SessionRecord():
                return ["STOPPING=1"]
            case LinkRecord():
                self._venues[record.venue] = (
                    record.state if record.detail is None else f"{record.state} ({record.detail})"
                )
            case AliveRecord():
                return ["WATCHDOG=1"]
            case _:
                pass
        return []

    def _shown(self) -> str:
        return safe_text("; ".join(f"{name} {state}" for name, state in self._venues.items()), MAX_STATUS)

    def _send(self, lines: list[str]) -> bool:
        try:
            self._sender.sendto("\n".join(lines).encode(), self._address)
        except OSError as exc:
            if not self._failed:
                self._failed = True
                log.warning("cannot reach the service manager at $NOTIFY_SOCKET (%s)", exc.strerror)
            return False
        self._failed = False
        return True


def service(environ: Mapping[str, str]) -> Service | None:
    """The sink for the service manager that these variables name; None if there is none.

    An address that is neither a path nor begins with "@" is ignored with a warning.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return None
    sender = system.datagram_socket() if address[0] in "/@" else None
    if sender is None:
        log.warning("$NOTIFY_SOCKET is no address that can be used here: the service manager learns nothing")
        return None
    watchdog = environ.get("WATCHDOG_USEC", "")
    if watchdog.isdecimal() and int(watchdog) < LEAST_WATCHDOG_S * 1_000_000:
        log.warning("WatchdogSec is less than %d s: a busy machine may be taken for a hang", LEAST_WATCHDOG_S)
    return Service(sender, address)
