"""One order in the store: its latest state, the last ones before it, and which channel reported which of them. Pure.

A duplicate is recognised by them: an update that repeats a state its channel has reported before, or a later one.
"""

from msgspec.structs import replace

from ordwatch.core.differences import contradicts, is_duplicate, normalized
from ordwatch.core.events import Arrival, OrderUpdate
from ordwatch.core.merging import MergeRules

STATES_KEPT = 8
"""Last states of each order with which a push is compared to find duplicates."""
_CHANNELS_KEPT = 8


class OrderEntry:
    """Everything stored about one order."""

    __slots__ = ("arrived_ns", "channel", "last_query", "places", "state", "states", "states_kept", "unconfirmed")

    def __init__(self, state: OrderUpdate, channel: str, arrived_ns: int, states_kept: int = STATES_KEPT) -> None:
        self.state = state
        """The latest known state."""
        self.states_kept = states_kept
        self.states = [state]
        """The last `states_kept` states, oldest first, the latest last; each with the time in its update."""
        self.channel = channel
        """The channel of the latest state."""
        self.places = {channel: 0}
        """For each channel the index of the state that its last update reported."""
        self.arrived_ns = arrived_ns
        """When the last push, or the last accepted query row, arrived; monotonic; 0: in an earlier session."""
        self.last_query = 0
        """Number of the last query that had a row for this order."""
        self.unconfirmed: tuple[OrderUpdate, int] | None = None
        """A row that another query must confirm, and when its request was sent."""

    def add(self, state: OrderUpdate, updated_ns: int | None, arrival: Arrival) -> None:
        """Make this the latest state; `updated_ns` is the time in the update itself."""
        self.state = state
        # A duplicate is recognised by the time in the update; the merged state may have the time of another update.
        self.states.append(state if updated_ns in (None, state.updated_ns) else replace(state, updated_ns=updated_ns))
        self.channel, self.unconfirmed = arrival.channel, None
        if not is_cached(arrival):
            self.arrived_ns = arrival.at_ns
        if len(self.states) > self.states_kept:
            self._forget_oldest()
        self.places[arrival.channel] = len(self.states) - 1
        if len(self.places) > _CHANNELS_KEPT:
            del self.places[next(iter(self.places))]

    def insert(self, index: int, state: OrderUpdate) -> None:
        """Insert a state that is older than the latest one."""
        self.states.insert(index, state)
        self.places = {channel: place + (place >= index) for channel, place in self.places.items()}
        if len(self.states) > self.states_kept:
            self._forget_oldest()

    def move(self, channel: str, place: int) -> None:
        """The last update of this channel reported the state at `place`."""
        places = self.places
        places[channel] = place
        if len(places) > _CHANNELS_KEPT:
            del places[next(iter(places))]

    def is_last_of(self, channel: str) -> bool:
        """Whether what is known came by this channel, or was repeated by it last."""
        return channel == self.channel or self.places.get(channel) == len(self.states) - 1

    def find(self, update: OrderUpdate, start: int) -> int | None:
        """The index of the first state from `start` on of which the update is a duplicate."""
        for index in range(start, len(self.states)):
            if is_duplicate(update, self.states[index]):
                return index
        return None

    def find_agreeing(self, update: OrderUpdate, venue: MergeRules, start: int) -> int | None:
        """The same for what a collector recorded, whose fields may repeat an earlier update: none may contradict.

        The latest state must have all that the update has: what completes it is worth a record.
        """
        found = self.find(update, start)
        if found is not None:
            return found
        for index in range(start, len(self.states) - 1):
            if not contradicts(normalized(venue.merge(update, self.states[index])), self.states[index]):
                return index
        return None

    def _forget_oldest(self) -> None:
        del self.states[0]
        self.places = {channel: max(0, place - 1) for channel, place in self.places.items()}


def is_cached(arrival: Arrival) -> bool:
    """Whether what arrives may be older than what was pushed: then the venue's next word needs no settling time."""
    return arrival.query is not None and arrival.query.cached
