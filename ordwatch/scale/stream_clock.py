"""A collector's clock, read against the clock of the stream. Pure.

Every message has two times: the collector's own, in the record, and the stream's, when the message was stored. Their
difference is how far the two clocks differ plus how long the message took, so the smallest of many differences is the
best bound: what happened at `own` on the collector's clock happened at `own + smallest` on the stream's clock, or a
little before. Times of several collectors are compared on the stream's clock, with that doubt.
"""

WINDOW_NS = 600 * 1_000_000_000
"""How long differences count: clocks drift."""
DELAYED_NS = 5 * 1_000_000_000
"""A difference larger by so much is that of a message which was delayed, as after an outage of the broker."""
MARGIN_NS = (50_000_000, 1_000_000_000)
"""The least and the most of a difference that may be the time the fastest messages took, and not the clocks."""


class _Window:
    """The differences of some minutes."""

    __slots__ = ("before", "offset_ns", "start_ns")

    def __init__(self, start_ns: int, offset_ns: int, before: "_Window | None") -> None:
        self.start_ns = start_ns
        self.offset_ns = offset_ns
        self.before = before

    def sample(self, difference_ns: int) -> None:
        self.offset_ns = min(self.offset_ns, difference_ns)
        window = self.before
        while window is not None and window.offset_ns - self.offset_ns > DELAYED_NS:
            window.offset_ns = self.offset_ns  # all of its messages were delayed, as is clear only now
            window = window.before


class Point:
    """A moment of a collector, on the stream's clock.

    It stays where it was first put unless its window shows that this was wrong by more than the least margin.
    """

    __slots__ = ("_offset_ns", "_window", "own_ns")

    def __init__(self, own_ns: int, window: _Window) -> None:
        self.own_ns = own_ns
        self._window = window
        self._offset_ns = window.offset_ns

    @property
    def latest_ns(self) -> int:
        """No later than this; ns since 1970 UTC."""
        if abs(self._window.offset_ns - self._offset_ns) > MARGIN_NS[0]:
            self._offset_ns = self._window.offset_ns
        return self.own_ns + self._offset_ns

    @property
    def earliest_ns(self) -> int:
        """No earlier than this."""
        least_ns, most_ns = MARGIN_NS
        return self.latest_ns - min(max(self._offset_ns, least_ns), most_ns)


class StreamClock:
    """Knows how one collector's clock differs from the stream's."""

    def __init__(self) -> None:
        self._window: _Window | None = None

    def sample(self, own_ns: int, stream_ns: int) -> None:
        """A message has these times."""
        difference_ns = stream_ns - own_ns
        window = self._window
        if window is None:
            self._window = _Window(own_ns, difference_ns, None)
            return
        if own_ns - window.start_ns > WINDOW_NS:
            delayed = difference_ns - window.offset_ns > DELAYED_NS
            window.before = None if window.before is None else _cut(window.before)
            window = self._window = _Window(own_ns, window.offset_ns if delayed else difference_ns, window)
        window.sample(difference_ns)

    def jumped(self) -> None:
        """The collector's clock was set, or may have been: differences from before mean nothing any more."""
        self._window = None

    def point(self, own_ns: int) -> Point:
        """The moment of this time in a record; a message was sampled before."""
        if self._window is None:
            raise ValueError("no message was read yet")
        return Point(own_ns, self._window)


_KEPT = 24


def _cut(window: _Window) -> _Window:
    """The same chain of windows, not longer than needed."""
    last, count = window, 1
    while last.before is not None:
        last, count = last.before, count + 1
        if count >= _KEPT:
            last.before = None
    return window
