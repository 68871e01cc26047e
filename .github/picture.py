"""Draws .github/table.svg, the picture in the README: `python .github/picture.py`.

The orders are those of the built-in simulators: table.jsonl has the latest records of `ordwatch demo` at a moment in
which one venue was down.
"""

from datetime import UTC
from pathlib import Path

from ordwatch.core.records import decode
from ordwatch.outputs.cells import UNICODE
from ordwatch.outputs.filters import Filter
from ordwatch.outputs.screen import svg
from ordwatch.outputs.table_content import TableContent

WIDTH, HEIGHT = 132, 26
FOLDER = Path(__file__).parent


def picture() -> str:
    """The picture as SVG; the same each time."""
    content = TableContent(Filter(), UTC, UNICODE)
    content.apply(map(decode, (FOLDER / "table.jsonl").read_text(encoding="utf-8").splitlines()))
    lines = content.lines(WIDTH, HEIGHT, now_ns=content.latest_ns(), now_s=0.0, stats=None, keys=True)
    return svg(lines, WIDTH, "ordwatch demo")


if __name__ == "__main__":
    (FOLDER / "table.svg").write_text(picture(), encoding="utf-8")
