"""The small part that simulators of simple streams share: who is connected, and what is queued for them."""

from collections.abc import Mapping, Sequence

from ordwatch.simulators.contract import Outgoing
from ordwatch.venues.contract import Payload


class PushSimulator:
    """A stream that pushes to whoever is let in, and listens to nobody. A simulator derives from it and adds orders."""

    faults: Sequence[str] = ()

    def __init__(self) -> None:
        self.clients: set[int] = set()
        """Who is sent what happens."""
        self._queue: list[Outgoing] = []

    def lets_in(self, path: str) -> bool:
        """Whether a client with this address is sent anything."""
        return True

    def send(self, payload: Payload, *, push: bool = False) -> None:
        """Queue this for everybody; `push`: it is about an order, so faults may befall it."""
        self._queue += [Outgoing(peer, payload, push=push) for peer in sorted(self.clients)]

    def connected(self, peer: int, listener: str, path: str, now_ns: int) -> None:
        """A client came."""
        if self.lets_in(path):
            self.clients.add(peer)

    def receive(self, peer: int, data: bytes, now_ns: int) -> None:
        """Nothing that a client sends matters."""

    def disconnected(self, peer: int) -> None:
        """The client has disconnected."""
        self.clients.discard(peer)

    def tick(self, now_ns: int) -> None:
        """Nothing happens by itself."""

    def data_to_send(self) -> list[Outgoing]:
        """Take what is queued, in order."""
        queue, self._queue = self._queue, []
        return queue

    def fault(self, name: str, on: bool = True) -> None:
        """There is none."""

    def alternatives(self, addresses: Mapping[str, str]) -> Sequence[dict[str, object]]:
        """There is but one way to reach it."""
        return []
