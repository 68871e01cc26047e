"""One order in the store: its latest state, the last ones before it, and which channel reported which of them. Pure.

A duplicate is recognised by them: an update that repeats a state its channel has reported before, or a later one.
"""

from itertools import islice

import msgspec
from msgspec.structs import replace

from ordwatch.core.differences import contradicts, is_duplicate, normalized
from ordwatch.core.events import Arrival, OrderKey, OrderUpdate
from ordwatch.core.merging import MergeRules
from ordwatch.core.packed_states import packed, packed_all, unpacked_all, with_later, without_oldest

STATES_KEPT = 8
"""Last states of each order with which a push is compared to find duplicates."""
_CHANNELS_KEPT = 8


class OrderEntry(msgspec.Struct, gc=False):
    """Everything stored about one order."""

    # A Struct that the garbage collector does not track, and so is all that it holds: with 100,000 orders one full
    # collection would otherwise stop the event loop for half a second.
    state: OrderUpdate
    """The latest known state."""
    channel: str
    """The channel of the latest state."""
    arrived_ns: int
    """When the last push, or the last accepted query row, arrived; monotonic; 0: in an earlier session."""
    states_kept: int = STATES_KEPT
    own_ns: int | None = None
    """The time in the latest state's own update; None: that of the state."""
    latest: int = 0
    """The index of the latest state among those kept; the oldest has 0."""
    earlier: bytes = b""
    """The states before the latest one, at most `states_kept` - 1, oldest first; see packed_states.py."""
    others: dict[str, int] | None = None
    """For each other channel the index of the state that its last update reported; most orders have one channel."""
    last_query: int = 0
    """Number of the last query that had a row for this order."""
    unconfirmed: tuple[OrderUpdate, int] | None = None
    """A row that another query must confirm, and when its request was sent."""
    key: OrderKey = ("", "live", None, "")
    """That of the state; one tuple for all places that look an order up."""

    def __post_init__(self) -> None:
        self.key = self.state.key

    @property
    def states(self) -> list[OrderUpdate]:
        """The last `states_kept` states, oldest first, the latest last; each with the time in its update."""
        return self._states_from(0)

    def add(self, state: OrderUpdate, updated_ns: int | None, arrival: Arrival, *, before: bytes | None = None) -> None:
        """Make this the latest state; `updated_ns` is the time in the update itself.

        `before`: the state until now, packed with this one, if that is known already.
        """
        # A duplicate is recognised by the time in the update; the merged state may have the time of another update.
        own_ns = None if updated_ns == state.updated_ns else updated_ns
        if before is None or own_ns is not None or self.own_ns is not None:
            reported = state if own_ns is None else replace(state, updated_ns=own_ns)
            before = packed(self._reported(), reported)
        self.state, self.own_ns, self.unconfirmed = state, own_ns, None
        if arrival.channel != self.channel:
            self._take_over(arrival.channel)
        if arrival.query is None or not is_cached(arrival):
            self.arrived_ns = arrival.at_ns
        self.earlier = with_later(self.earlier, before)
        self.latest += 1
        if self.latest >= self.states_kept:
            self._forget_oldest()

    def insert(self, index: int, state: OrderUpdate) -> None:
        """Insert a state that is older than the latest one."""
        states = self.states
        states.insert(index, state)
        if self.others:
            self.others = {channel: place + (place >= index) for channel, place in self.others.items()}
        self.earlier = packed_all(states)
        self.latest += 1
        if self.latest >= self.states_kept:
            self._forget_oldest()

    def place(self, channel: str) -> int:
        """The index of the state that the last update of this channel reported; 0 if that is not known."""
        if channel == self.channel:
            return self.latest
        return 0 if self.others is None else self.others.get(channel, 0)

    def move(self, channel: str, place: int) -> None:
        """The last update of this channel reported the state at `place`."""
        if channel == self.channel:
            return  # that of the latest state stays there
        others = self.others = {} if self.others is None else self.others
        others[channel] = place
        if len(others) >= _CHANNELS_KEPT:
            del others[next(iter(others))]

    def is_last_of(self, channel: str) -> bool:
        """Whether what is known came by this channel, or was repeated by it last."""
        return channel == self.channel or (self.others is not None and self.others.get(channel) == self.latest)

    def find(self, update: OrderUpdate, start: int) -> int | None:
        """The index of the first state from `start` on of which the update is a duplicate."""
        for index, state in enumerate(self._states_from(start), start):
            if is_duplicate(update, state):
                return index
        return None

    def find_agreeing(self, update: OrderUpdate, venue: MergeRules, start: int) -> int | None:
        """The same for what a collector recorded, whose fields may repeat an earlier update: none may contradict.

        The latest state must have all that the update has: what completes it is worth a record.
        """
        found = self.find(update, start)
        if found is not None:
            return found
        for index, state in enumerate(self._states_from(start)[:-1], start):
            if not contradicts(normalized(venue.merge(update, state)), state):
                return index
        return None

    def _states_from(self, start: int) -> list[OrderUpdate]:
        """Those from this index on; the later ones first cost least to unpack."""
        return list(islice(unpacked_all(self.earlier, self._reported()), self.latest + 1 - start))[::-1]

    def _reported(self) -> OrderUpdate:
        """The latest state with the time in its own update."""
        return self.state if self.own_ns is None else replace(self.state, updated_ns=self.own_ns)

    def _take_over(self, channel: str) -> None:
        """The next state comes by this channel; the one until now stays at the state that it reported."""
        before, self.channel = self.channel, channel
        if self.others is not None:
            self.others.pop(channel, None)
        self.move(before, self.latest)

    def _forget_oldest(self) -> None:
        self.earlier = without_oldest(self.earlier)
        self.latest -= 1
        if self.others:
            self.others = {channel: max(0, place - 1) for channel, place in self.others.items()}


def is_cached(arrival: Arrival) -> bool:
    """Whether what arrives may be older than what was pushed: then the venue's next answer needs no `settle_s`."""
    return arrival.query is not None and arrival.query.cached
