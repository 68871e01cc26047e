"""What of the package the simulation uses: the one place to mend when a module or a name moves."""

from ordwatch.core.conversion import (
    gap_update,
)
from ordwatch.core.errors import (
    AuthError,
    ConnectionLost,
    OutputError,
    Refused,
    RemoteProtocolError,
    VenueError,
)
from ordwatch.core.events import (
    FINAL,
    Arrival,
    Closed,
    Extra,
    FeedEvent,
    GapUpdate,
    HeartbeatTick,
    Ignored,
    Interrupted,
    LinkUpdate,
    OrderStatus,
    OrderUpdate,
    Progress,
    QueryStamp,
    Ready,
    Reject,
    Resumed,
    RoundTrip,
    SessionEvent,
    Side,
    VenueStats,
)
from ordwatch.core.order_store import (
    OrderStore,
)
from ordwatch.core.records import (
    SCHEMA,
    AliveRecord,
    AnyRecord,
    ClockRecord,
    GapRecord,
    LinkRecord,
    OrderRecord,
    SessionRecord,
    VenueAlive,
    decode,
    encode,
)
from ordwatch.core.times import time_ns, time_text
from ordwatch.engine.actions import (
    Action,
    CancelQuery,
    Connect,
    Drop,
    EmitEvents,
    EndVenue,
    Log,
    RunQuery,
    SendHeartbeat,
)
from ordwatch.engine.clocks import TICK_S, Clocks
from ordwatch.engine.gaps import (
    GapTracker,
)
from ordwatch.engine.moment import (
    Moment,
)
from ordwatch.engine.policy import Orders, Policy
from ordwatch.engine.supervisor import Supervisor
from ordwatch.recording.files import (
    Files,
    Segment,
)
from ordwatch.recording.format import (
    with_crc,
)
from ordwatch.recording.history import (
    Continuation,
)
from ordwatch.recording.recovery import (
    open_recording,
)
from ordwatch.recording.verdict import (
    COVERED,
    DAMAGED,
    VenueSummary,
    Verdict,
)
from ordwatch.recording.verify import (
    check,
)
from ordwatch.venues import (
    load,
)
from ordwatch.venues.coinw.orders import (
    CoinwExtra,
)
from ordwatch.venues.contract import (
    NEVER,
    QueryResult,
    VenueKind,
)
from ordwatch.venues.loopring.orders import (
    LoopringExtra,
)
from ordwatch.venues.opend.orders import (
    OpendExtra,
)

__all__ = [
    "COVERED",
    "DAMAGED",
    "FINAL",
    "NEVER",
    "SCHEMA",
    "TICK_S",
    "Action",
    "AliveRecord",
    "AnyRecord",
    "Arrival",
    "AuthError",
    "CancelQuery",
    "ClockRecord",
    "Clocks",
    "Closed",
    "CoinwExtra",
    "Connect",
    "ConnectionLost",
    "Continuation",
    "Drop",
    "EmitEvents",
    "EndVenue",
    "Extra",
    "FeedEvent",
    "Files",
    "GapRecord",
    "GapTracker",
    "GapUpdate",
    "HeartbeatTick",
    "Ignored",
    "Interrupted",
    "LinkRecord",
    "LinkUpdate",
    "Log",
    "LoopringExtra",
    "Moment",
    "OpendExtra",
    "OrderRecord",
    "OrderStatus",
    "OrderStore",
    "OrderUpdate",
    "Orders",
    "OutputError",
    "Policy",
    "Progress",
    "QueryResult",
    "QueryStamp",
    "Ready",
    "Refused",
    "Reject",
    "RemoteProtocolError",
    "Resumed",
    "RoundTrip",
    "RunQuery",
    "Segment",
    "SendHeartbeat",
    "SessionEvent",
    "SessionRecord",
    "Side",
    "Supervisor",
    "VenueAlive",
    "VenueError",
    "VenueKind",
    "VenueStats",
    "VenueSummary",
    "Verdict",
    "check",
    "decode",
    "encode",
    "gap_update",
    "load",
    "open_recording",
    "time_ns",
    "time_text",
    "with_crc",
]
