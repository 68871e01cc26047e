"""Records of one venue's life, and recordings made of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ordwatch.core.conversion import order_record
from ordwatch.core.events import Extra, LinkState, OrderStatus, OrderUpdate
from ordwatch.core.records import (
    SCHEMA,
    AliveRecord,
    AnyRecord,
    GapRecord,
    LinkRecord,
    OrderRecord,
    SessionRecord,
    VenueAlive,
    encode,
    for_outputs,
)
from ordwatch.core.times import time_ns, time_text
from ordwatch.recording.files import Files, Segment
from ordwatch.recording.format import with_crc
from ordwatch.recording.recovery import Opened, open_recording
from ordwatch.recording.rotation import Rotation
from ordwatch.recording.writer import SyncPolicy, Writer, record_queue

NOON_NS = time_ns("2026-03-02T12:00:00.000000Z")


def at_ns(second: float) -> int:
    """The time that many seconds after noon."""
    return NOON_NS + round(second * 1_000_000) * 1000


def at(second: float) -> str:
    """The same as text."""
    return time_text(at_ns(second))


def order(
    order_id: str = "1",
    *,
    second: float = 0,
    filled: str = "0",
    status: OrderStatus = OrderStatus.NEW,
    venue: str = "alpha",
    flags: tuple[str, ...] = (),
    remark: str | None = None,
    raw: object = None,
) -> OrderRecord:
    update = OrderUpdate(
        venue=venue,
        order_id=order_id,
        symbol="AAA-BBB",
        status=status,
        venue_status="open",
        qty="100",
        filled_qty=filled,
        remark=remark,
        received_ns=at_ns(second),
        source="push",
        extra=Extra(),
        raw=raw,
    )
    return order_record(update, prev_status=None, gap=None, changed=[], flags=list(flags))


def start(second: float = 0, *venues: str, schema: str = SCHEMA) -> SessionRecord:
    return session("start", second, venues or ("alpha",), schema=schema)


def end(second: float = 0, *, counts: dict[str, int] | None = None) -> SessionRecord:
    return session("end", second, ("alpha",), counts=counts)


def ending(second: float) -> tuple[AnyRecord, AnyRecord]:
    """The last two records of a session whose venue is live: its last message has just been received."""
    return alive(second), end(second)


def session(
    state: str, second: float, venues: Sequence[str], *, counts: dict[str, int] | None = None, schema: str = SCHEMA
) -> SessionRecord:
    return SessionRecord(
        state="end" if state == "end" else "start",
        schema=schema,
        version="0",
        pid=1,
        host="here",
        venues=list(venues),
        kinds=dict.fromkeys(venues, "toy"),
        simulated=False,
        config_sha256=None,
        reason=None,
        exit=0 if state == "end" else None,
        counts=counts,
        uncertain_s=None,
        at=at(second),
    )


def link(state: LinkState, second: float = 0, *, venue: str = "alpha", conn: int = 1) -> LinkRecord:
    return LinkRecord(venue=venue, conn=conn, state=state, detail=None, wait_s=None, at=at(second))


def alive(
    second: float,
    *,
    last_rx: float | None = None,
    state: LinkState = "live",
    updates: int = 0,
    duplicates: int = 0,
    synced_seq: int | None = None,
    covers: Sequence[str] = (),
) -> AliveRecord:
    venue = VenueAlive(
        state=state,
        last_rx=at(second if last_rx is None else last_rx),
        rtt_ms=None,
        updates=updates,
        duplicates=duplicates,
        rejected=0,
        reconnects=0,
        open_orders=0,
        covers=list(covers),
    )
    return AliveRecord(
        venues={"alpha": venue}, queue=0, loop_lag_ms=0.1, rss_mib=20.0, synced_seq=synced_seq, at=at(second)
    )


def gap_opened(from_: float, *, gap: str = "alpha-1", cause: str = "eof", at_: float | None = None) -> GapRecord:
    return GapRecord(
        venue="alpha", gap=gap, state="open", cause=cause, from_=at(from_), to=None, outcome=None, recovered=None,
        limits=None, at=at(from_ if at_ is None else at_),
    )  # fmt: skip


def gap_closed(from_: float, to: float, *, gap: str = "alpha-1", partial: str | None = None) -> GapRecord:
    return GapRecord(
        venue="alpha", gap=gap, state="closed", cause="eof", from_=at(from_), to=at(to),
        outcome="recovered" if partial is None else "partial", recovered=0, limits=partial, at=at(to),
    )  # fmt: skip


SESSION: tuple[AnyRecord, ...] = (
    start(),
    link("live", 1),
    order("1", second=2),
    order("2", second=3),
    alive(4, updates=2),
    end(5),
)


def lines(records: Sequence[AnyRecord], first_seq: int = 1) -> list[bytes]:
    """The records as lines of a recording."""
    return [with_crc(encode(record), seq) for seq, record in enumerate(records, first_seq)]


def written(path: Path, *records: AnyRecord, first_seq: int = 1) -> Path:
    """A recording that holds these records and nothing else."""
    path.write_bytes(b"".join(lines(records, first_seq)))
    return path


def opened(path: Path, files: Files | None = None) -> Opened:
    """Open the recording as the next session does, and let go of it."""
    found = open_recording(files or Files(), path, None)
    found.file.close()
    return found


def record(
    path: Path,
    *records: AnyRecord,
    files: Files | None = None,
    policy: SyncPolicy = "1s",
    rotation: Rotation | None = None,
    group_records: int = 512,
    max_records: int = 100_000,
    on_writer: Callable[[Writer], object] | None = None,
) -> None:
    """Write these records as one session does, in this thread, to the end; `on_writer` gets the writer before that.

    Raises:
        OutputError: As from the writer.
    """
    files = files or Files()
    queue = record_queue(group_records=group_records, max_records=max_records)
    recording = open_recording(files, path, None)
    writer = Writer(
        recording.file, queue, files=files, policy=policy, rotation=rotation or Rotation(),
        written_ns=recording.written_ns, checkpoints=recording.checkpoints,
    )  # fmt: skip
    queue.put([each.json if isinstance(each.record, OrderRecord) else each for each in for_outputs(records)])
    queue.close()
    if on_writer is not None:
        on_writer(writer)
    writer.thread().run()


def new_segment(path: Path, files: Files) -> Segment:
    """A new file to write lines to."""
    return Segment(files, path, fd=files.open(path), last_seq=0)
