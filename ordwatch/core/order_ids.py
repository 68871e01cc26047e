"""An order as the user names it: one of its ids, or an end of one, as the table shows it."""

from dataclasses import dataclass

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


def _ids(order: OrderRecord) -> list[str]:
    return [text for text in (order.order_id, order.order_id_ext, order.client_order_id) if text]
