"""An order as the user names it: one of its ids, or an end of one, as the table shows it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ordwatch.core.events import OrderKey
from ordwatch.core.records import OrderRecord


@dataclass(frozen=True)
class OrderName:
    """What the user typed. An id matches as a whole; a shorter text matches the end of an id.

    `…` stands for what the table leaves out: `…3317248` is an end, `0x3f…9a1c` a beginning and an end.
    """

    text: str

    def is_id_of(self, order: OrderRecord) -> bool:
        """Whether the text is an id of the order: the venue's, its second one, or the client's."""
        return self.text in _ids(order)

    def is_short_for(self, order: OrderRecord) -> bool:
        """Whether the text is the end of an id of the order, or an id that was shortened with `…`."""
        first, _, last = self.text.rpartition("…")
        return any(
            len(text) >= len(first) + len(last) and text.startswith(first) and text.endswith(last)
            for text in _ids(order)
        )


class ChosenOrders:
    """The orders of a stream that the user has named.

    A whole id stands for its order alone from the first record on that has it. `on_ambiguous` is called once for each
    end of an id that stands for several orders, with a message.
    """

    def __init__(self, names: Iterable[str], on_ambiguous: Callable[[str], None]) -> None:
        self._names = [_Seen(OrderName(text)) for text in names]
        self._on_ambiguous = on_ambiguous

    def __bool__(self) -> bool:
        return bool(self._names)

    def has(self, order: OrderRecord) -> bool:
        """Whether one of the names stands for this order."""
        return any(self._is_named(seen, order) for seen in self._names)

    def _is_named(self, seen: "_Seen", order: OrderRecord) -> bool:
        if seen.name.is_id_of(order):
            seen.has_whole_id = True
            return True
        if seen.has_whole_id or not seen.name.is_short_for(order):
            return False
        if not seen.is_ambiguous:
            seen.orders[order.venue, order.environment, order.account, order.order_id] = order.order_id
            if seen.is_ambiguous:
                ids = " and ".join(seen.orders.values())
                self._on_ambiguous(f"--order {seen.name.text}: matches several orders, such as {ids}")
        return True


@dataclass
class _Seen:
    """What the records so far show of a name."""

    name: OrderName
    has_whole_id: bool = False
    orders: dict[OrderKey, str] = field(default_factory=dict)
    """Those that it is an end of, two at most."""

    @property
    def is_ambiguous(self) -> bool:
        return len(self.orders) > 1


def _ids(order: OrderRecord) -> list[str]:
    return [text for text in (order.order_id, order.order_id_ext, order.client_order_id) if text]
