"""One order whole, as lines of cells: every key of its record, its history, and the gaps of its venue in its life."""

import json
from collections.abc import Iterator, Sequence

import msgspec

from ordwatch.core.records import GapRecord, OrderRecord
from ordwatch.outputs.cells import Cell, CellLine, clipped, shown, width_of
from ordwatch.outputs.display_times import stamp
from ordwatch.outputs.forms import STATUS_STYLES, Scene
from ordwatch.outputs.table_state import Details, OrderState

_TIMES = {"created_at", "updated_at", "received_at"}
_KEY_WIDTH = max(map(len, OrderRecord.__struct_fields__))
_MAX_VALUE = 20_000


def detail_lines(details: Details, scene: Scene, width: int) -> list[CellLine]:
    """All lines of at most `width` cells; long values go on in further lines."""
    order = details.order
    values: dict[str, object] = msgspec.to_builtins(order)
    given = {key: value for key, value in values.items() if value is not None and value != [] and value != ""}
    absent = [key for key in values if key not in given]
    lines: list[CellLine] = []
    for key, value in given.items():
        style = STATUS_STYLES.get(order.status, "") if key == "status" else ""
        lines += _wrapped(f" {key:<{_KEY_WIDTH}}  ", _value(key, value, scene), scene, width, style=style)
    lines += _wrapped(" not reported: ", ", ".join(absent), scene, width, style="dim")
    lines += [[], [Cell(_title(details), "bold")]]
    for at, state in enumerate(details.states):
        if at == 1 and details.left_out:
            lines.append([Cell(f" ... {details.left_out} more", "dim")])
        lines += _wrapped(f" {stamp(state.received_at, scene.zone)}  ", _state_text(state), scene, width)
    lines += [[], [Cell(_gaps_title(details.gaps), "bold")]]
    for gap in details.gaps:
        lines += _wrapped(f" {shown(gap.gap, scene.glyphs)}  ", _gap_text(gap, scene), scene, width)
    return [clipped(line, width) for line in lines]


def _value(key: str, value: object, scene: Scene) -> str:
    if key in _TIMES and isinstance(value, str):
        return stamp(value, scene.zone)
    if key == "changed" and isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _title(details: Details) -> str:
    count = len(details.states) + details.left_out
    return f" HISTORY: {count} state{'s' if count > 1 else ''} seen by this ordwatch, oldest first"


def _state_text(state: OrderState) -> str:
    amounts = f"{state.filled_qty or '-'} / {state.qty or '-'}"
    parts = [
        f"{state.status:<16}",
        amounts,
        f"@ {state.price}" if state.price is not None else "",
        f"avg {state.avg_price}" if state.avg_price is not None and state.filled_qty not in (None, "0") else "",
        state.source,
        f"gap {state.gap}" if state.gap is not None else "",
        " ".join(state.flags),
        state.reason or "",
    ]
    return "  ".join(part for part in parts if part)


def _gaps_title(gaps: Sequence[GapRecord]) -> str:
    if not gaps:
        return " GAPS: none of its venue in this time"
    return " GAPS of its venue in this time: states that began and ended inside one may be missing"


def _gap_text(gap: GapRecord, scene: Scene) -> str:
    end = stamp(gap.to, scene.zone) if gap.to is not None else "now"
    result = f"{gap.outcome}" + (f", {gap.limits}" if gap.limits else "") if gap.outcome is not None else gap.state
    return f"{stamp(gap.from_, scene.zone)} to {end}  {gap.cause}  {result}"


def _wrapped(start: str, text: str, scene: Scene, width: int, *, style: str = "") -> Iterator[CellLine]:
    """The text behind `start`; its further lines stand below its first."""
    safe = shown(text, scene.glyphs, _MAX_VALUE)
    if len(start) > width // 2:  # a narrow terminal: the text begins on a line of its own
        yield [Cell(start.rstrip(), "dim")]
        start = "  "
    for piece in _pieces(safe, max(2, width - len(start))):
        yield [Cell(start, "dim"), Cell(piece, style)]
        start = " " * len(start)


def _pieces(text: str, width: int) -> Iterator[str]:
    """The text in pieces of at most `width` cells, after a space where there is one; no character is left out."""
    piece, used = "", 0
    for char in text:
        own = width_of(char)
        if used + own > width and piece:
            end = piece.rfind(" ") + 1 or len(piece)
            yield piece[:end]
            piece = piece[end:]
            used = width_of(piece)
        piece += char
        used += own
    yield piece
