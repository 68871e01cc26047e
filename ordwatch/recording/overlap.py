"""Lines that stand in two files: copies of one history, or two histories."""

from array import array

from ordwatch.recording.reading import Line


class Copies:
    """Keeps the checksums of lines that a later file may hold once more; 4 to 8 bytes a line, none if files follow."""

    def __init__(self) -> None:
        self._sums = array("Q")
        self._first_seq = 0
        self._from: int | None = None

    def expect(self, from_seq: int | None) -> None:
        """Lines from this seq on will come again; None: none will."""
        self._from = from_seq

    def keep(self, line: Line) -> None:
        """Take a line; each has a larger seq than the one before."""
        seq = line.mark.seq
        if self._from is None or seq < self._from:
            return
        if not self._sums:
            self._first_seq = seq
        missing = seq - self._first_seq - len(self._sums)
        if missing > _MOST_MISSING:
            self._sums, self._first_seq, missing = array("Q"), seq, 0
        self._sums.extend([0] * missing)
        self._sums.append(_sum(line))

    def agree(self, line: Line) -> bool:
        """Whether the line is the one that was kept, or none was."""
        place = line.mark.seq - self._first_seq
        return not 0 <= place < len(self._sums) or self._sums[place] in (0, _sum(line))


_MOST_MISSING = 1_000_000


def _sum(line: Line) -> int:
    # NonfatalOutput the checksum the length: 0 then means that no line was kept.
    return int(line.raw[-11:-3], 16) << 24 | len(line.raw)
