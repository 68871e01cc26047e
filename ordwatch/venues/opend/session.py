"""One conversation with OpenD: login, accounts, subscription, pushes, questions, heartbeat. Sans-I/O.

The same on TCP and WebSocket; what differs is in wire.py. Steps and their order: Futu API documentation,
"Protocol Introduction" and "Trade".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from ordwatch.core.errors import ConfigError, ConnectionLost, Refused, RemoteProtocolError, VenueError
from ordwatch.core.events import Answer, Closed, Ignored, Notice, OrderUpdate, Progress, Reject, RoundTrip, SessionEvent
from ordwatch.venues.contract import Payload, StreamRequest
from ordwatch.venues.opend import messages, tables
from ordwatch.venues.opend.gateway_status import GatewayStatus
from ordwatch.venues.opend.orders import OrderReader
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb
from ordwatch.venues.opend.requests import Account, Accounts, ListAccounts, ListHistory, ListOrders, OrderPages
from ordwatch.venues.opend.times import clock_ns
from ordwatch.venues.opend.wire import ReceivedMessage, Wire, login_refused
from ordwatch.venues.toolkit.unknown_kinds import UnknownKinds

POLL_NS = 30 * 1_000_000_000
"""How often a TCP session requests the global state, in addition to KeepAlive."""
LOGGED_OUT_POLL_S = 2.0
"""How often it is queried while OpenD sees no orders: every second until it is noticed again is part of the gap."""
PAGE = 500
"""Orders of an answer that are read in one go."""
MAX_PENDING = 256
"""Requests whose answers are waited for; the oldest is forgotten when there are more."""
GROWTH_NS = 300 * 1_000_000_000
"""How long the answer to a query may take to come in; one that takes longer has a damaged length."""

_CHECK_NS = 1_000_000_000
"""How often received bytes are looked at for signs of life."""
_HARMLESS = messages.PUSHED | {messages.UPDATE_ORDER_FILL} | messages.SENT
"""Ids of messages that are no order push: known ones, and answers."""


class _Waiting(msgspec.Struct, frozen=True):
    """A request that waits for its answer."""

    sent_ns: int
    """On the session's own clock."""
    key: int | None
    """The engine's; None: the session's own request."""


class OpendSession:
    """Implements `Session`; a new one for each connection."""

    def __init__(self, venue: str, wire: Wire, reader: OrderReader, accounts: Sequence[str] = ()) -> None:
        """`accounts` are those to watch, as digits; none: every account OpenD lists."""
        self.heartbeat_s = wire.heartbeat_s
        self.silence_s = wire.silence_s
        self._venue = venue
        self._wire = wire
        self._reader = reader
        self._wanted = frozenset(map(int, accounts))
        self._accounts: tuple[Account, ...] = ()
        self._gateway = GatewayStatus()
        self._out: list[Payload] = []
        self._events: list[SessionEvent] = []
        self._serial = 0
        self._pending: dict[tuple[int, int], _Waiting] = {}
        self._unknown = UnknownKinds(MAX_PENDING)
        self._logged_in = self._listing = self._subscribed = self._closed = False
        self.last_message_ns = 0
        """When the last whole and readable message was received, ns since 1970 UTC; 0 before the first."""
        self._readable = True
        self._now_ns = self._longest_ns = 0
        self._passed_ns = 0
        """The session's own clock: time that passed since `start`, whatever was done to the host's clock.

        `heartbeat` is called regularly: more than `_longest_ns` at once is a clock that was set, or a pause of ours.
        """
        self._polled_ns = self._whole_ns = self._check_ns = 0
        self._received_ns = 0
        """When the last readable push or answer came."""
        self._seen_ns = 0
        """When it last was certain that OpenD sees orders."""
        self._venue_ahead_ns = 0
        """OpenD's server's clock minus ours."""
        self._steps: dict[int, Callable[[ReceivedMessage, _Waiting], None]] = {
            wire.login_id: self._login_answered,
            messages.GET_GLOBAL_STATE: self._state_answered,
            messages.GET_ACC_LIST: self._accounts_answered,
            messages.SUB_ACC_PUSH: self._subscription_answered,
            messages.KEEP_ALIVE: self._alive_answered,
        }
        self._set_pace()

    def start(self, now_ns: int) -> Sequence[SessionEvent]:
        """Log in. Nothing else may be sent before the answer."""
        self._now_ns = self._received_ns = self._seen_ns = now_ns
        self._send(self._wire.login_id, self._wire.login())
        return ()

    def receive(self, data: bytes, now_ns: int) -> Sequence[SessionEvent]:
        """Every event of the chunk, in order; `Closed` is the last one there ever is."""
        if self._closed:
            return []
        self._take_time(now_ns)
        try:
            for message in self._wire.receive(data, self._pending):
                self._take(message)
                if self._closed:
                    break
        except VenueError as exc:
            self._close(exc)
        if self._passed_ns >= self._check_ns:
            self._end_if_deaf()
        events, self._events = self._events, []
        return events

    def heartbeat(self, now_ns: int) -> None:
        """KeepAlive, and now and then the global state, often while no orders are seen; on WebSocket only that."""
        self._take_time(now_ns)
        if self._logged_in and not self._wire.polls:
            self._send(messages.KEEP_ALIVE, messages.keep_alive(now_ns // 1_000_000_000))
        polls = self._wire.polls or not self._gateway.sees_orders
        if self._subscribed and (polls or self._passed_ns - self._polled_ns >= POLL_NS):
            self._poll()

    def queue_request(self, key: int, request: StreamRequest, now_ns: int) -> Sequence[SessionEvent]:
        """Ask for orders; which accounts there are is answered from memory."""
        self._take_time(now_ns)
        match request:
            case ListAccounts():
                return [Answer(key, Accounts(self._accounts, now_ns + self._venue_ahead_ns))]
            case ListOrders(account=account, order_ids=ids, refresh=refresh):
                body = messages.get_order_list(_header(account), map(int, ids), refresh=refresh)
                self._send(messages.GET_ORDER_LIST, body, key)
            case ListHistory(account=account, order_ids=ids, begin=begin, end=end):
                body = messages.get_history_order_list(_header(account), map(int, ids), begin=begin, end=end)
                self._send(messages.GET_HISTORY_ORDER_LIST, body, key)
            case _:
                return [Answer(key, error=Refused(f"OpenD has no {type(request).__name__}"))]
        return []

    def data_to_send(self) -> list[Payload]:
        """What is queued, in order."""
        out, self._out = self._out, []
        return out

    def _set_pace(self) -> None:
        usual_s = self._wire.heartbeat_s
        self._longest_ns = int(1.5e9 * usual_s)
        self.heartbeat_s = usual_s if self._gateway.sees_orders else min(usual_s, LOGGED_OUT_POLL_S)

    def _take_time(self, now_ns: int) -> None:
        step_ns = now_ns - self._now_ns
        if step_ns > 0:
            self._passed_ns += step_ns if step_ns < self._longest_ns else self._longest_ns
        self._now_ns = now_ns

    def _end_if_deaf(self) -> None:
        """Bytes come, but nothing of use: no whole message, or no answer to the session's own requests.

        A damaged length makes a body of all that follows, so the former is a damage. An answer that was asked for may
        take its time, and the others wait behind it.
        """
        self._check_ns = self._passed_ns + _CHECK_NS
        if self._closed:
            return
        whole_ns, asked_ns = self._passed_ns - self._whole_ns, self._passed_ns - self._oldest_ns()
        limit_ns = int(self.silence_s * 1e9)
        if self._wire.growing in self._pending and whole_ns <= GROWTH_NS:
            return
        if whole_ns > limit_ns:
            self._close(RemoteProtocolError(f"bytes, but no whole message for {whole_ns / 1e9:.0f} s"))
        elif asked_ns > limit_ns:
            self._close(ConnectionLost(f"no answer to a heartbeat for {asked_ns / 1e9:.0f} s", "silent"))

    def _oldest_ns(self) -> int:
        """When the oldest of the session's own requests was sent that has no answer; now if all have one.

        Queries do not count: OpenD may be slow at a list, or leave one unanswered, and push orders all the same.
        """
        return next((each.sent_ns for each in self._pending.values() if each.key is None), self._passed_ns)

    def _take(self, message: ReceivedMessage) -> None:
        self._whole_ns = self._passed_ns
        self._readable = True
        if message.proto_id == messages.UPDATE_ORDER:
            self._order_pushed(message)
        elif message.proto_id == messages.NOTIFY:
            self._notified(message)
        elif (waiting := self._pending.pop((message.proto_id, message.serial), None)) is None:
            self._uncalled(message)
        elif waiting.key is None:
            self._answered(message, waiting)
        else:
            self._events.append(self._order_pages(message, waiting.key))
        if self._readable:
            self.last_message_ns = self._now_ns
            if message.proto_id != messages.NOTIFY:
                self._received_ns = self._now_ns

    def _order_pushed(self, message: ReceivedMessage) -> None:
        try:
            if message.fault is not None:
                raise message.fault
            push = messages.parse_update_order(message.body)
            if push.retType != messages.SUCCEEDED:
                self._events.append(Notice(f"OpenD could not push an order: {messages.refusal(push)}"))
                return
            s2c = push.s2c
            update = self._reader.read(s2c.header, s2c.order, self._now_ns, "push")
        except VenueError as exc:
            self._reject(message, exc, missed=True)
            return
        self._seen_ns = self._now_ns
        others = self._wanted and s2c.header.accID not in self._wanted
        self._events.append(Ignored("order of another account") if others else update)

    def _notified(self, message: ReceivedMessage) -> None:
        try:
            if message.fault is not None:
                raise message.fault
            event = messages.answer(pb.Notify.Response.FromString, message.body).s2c
        except VenueError as exc:
            # It may have reported that OpenD cannot see orders any more.
            self._reject(message, exc, missed=True)
            return
        self._events += self._gateway.notified(event, self._received_ns)
        self._set_pace()

    def _uncalled(self, message: ReceivedMessage) -> None:
        """A push that is no order, or an answer nobody waits for."""
        known = message.proto_id in _HARMLESS
        if message.fault is not None:
            self._reject(message, message.fault, missed=not known)
        elif known or not self._unknown.is_new(message.proto_id):
            self._events.append(Ignored(messages.NAMES.get(message.proto_id, f"proto id {message.proto_id}")))
        else:
            # Once: it may have been an order whose header took damage, for the SHA-1 is of the body only.
            self._reject(message, RemoteProtocolError(f"unknown proto id {message.proto_id}"), missed=True)

    def _order_pages(self, message: ReceivedMessage, key: int) -> Answer:
        """The orders of an answer; one that cannot be read is a reject, but another query would not help."""
        try:
            if message.fault is not None:
                raise message.fault
            s2c = messages.order_list(message.body)
        except VenueError as exc:
            if not isinstance(exc, Refused):
                self._reject(message, exc, missed=False)
            return Answer(key, error=exc)
        self._seen_ns = self._now_ns
        pages = OrderPages(iter(()), self._now_ns)
        pages.pages = self._pages(message.proto_id, s2c, pages)
        return Answer(key, pages)

    def _pages(self, proto_id: int, s2c: pb.OrderList.S2C, pages: OrderPages) -> Iterator[list[OrderUpdate]]:
        orders = s2c.orderList
        for begin in range(0, len(orders), PAGE):
            page = []
            for data in orders[begin : begin + PAGE]:
                try:
                    page.append(self._reader.read(s2c.header, messages.order(data), pages.received_ns, "query"))
                except RemoteProtocolError as exc:
                    pages.unread += 1
                    self._reject(ReceivedMessage(proto_id, 0, data), exc, missed=False)
            yield page

    def _answered(self, message: ReceivedMessage, waiting: _Waiting) -> None:
        try:
            if message.fault is not None:
                raise message.fault
            self._steps[message.proto_id](message, waiting)
        except (VenueError, ConfigError) as exc:
            self._readable = not isinstance(exc, RemoteProtocolError)
            self._failed(message, exc)

    def _failed(self, message: ReceivedMessage, error: VenueError | ConfigError) -> None:
        """Without login, accounts and subscription there is nothing to watch; the rest can be missed for once."""
        proto_id, name = message.proto_id, messages.NAMES[message.proto_id]
        if proto_id in (messages.KEEP_ALIVE, messages.GET_GLOBAL_STATE):
            self._events.append(Notice(f"{name}: {error}"))
            self._list_accounts()
        elif isinstance(error, Refused) and error is message.fault and proto_id == self._wire.login_id:
            self._close(login_refused(self._wire, str(error)))
        elif isinstance(error, Refused) and proto_id != self._wire.login_id:
            self._close(Refused(f"{name} refused: {error}"))
        elif isinstance(error, RemoteProtocolError) and proto_id == self._wire.login_id and self._wire.has_key:
            self._close(RemoteProtocolError(f"{name}: {error}; is `{self._wire.key_setting}` OpenD's own?"))
        else:
            self._close(error)

    def _login_answered(self, message: ReceivedMessage, _: _Waiting) -> None:
        self._wire.logged_in(message.body)
        self.silence_s = self._wire.silence_s
        self._logged_in = True
        self._set_pace()
        self._events.append(Progress("subscribing"))
        self._poll()

    def _alive_answered(self, message: ReceivedMessage, waiting: _Waiting) -> None:
        # Its time is no clock of the venue's: that of OpenD's machine, often ours, or ours handed back.
        messages.answer(pb.KeepAlive.Response.FromString, message.body)
        self._events.append(RoundTrip(self._seconds_since(waiting)))

    def _state_answered(self, message: ReceivedMessage, waiting: _Waiting) -> None:
        state = messages.answer(pb.GetGlobalState.Response.FromString, message.body).s2c
        venue_ns = clock_ns(state.time)
        if venue_ns is not None:
            self._venue_ahead_ns = venue_ns - self._now_ns
        self._events.append(RoundTrip(self._seconds_since(waiting), venue_ns))
        self._events += self._gateway.polled(state, self._seen_ns)
        if self._gateway.sees_orders:
            self._seen_ns = self._now_ns
        self._set_pace()
        self._list_accounts()

    def _list_accounts(self) -> None:
        if not self._listing:
            self._listing = True
            self._send(messages.GET_ACC_LIST, messages.get_acc_list())

    def _accounts_answered(self, message: ReceivedMessage, _: _Waiting) -> None:
        listed = messages.answer(pb.GetAccList.Response.FromString, message.body).s2c.accList
        accounts = [_account(account) for account in listed if account.trdEnv in tables.ENVIRONMENTS]
        missing = self._wanted - {account.id for account in accounts}
        if missing:
            raise ConfigError(
                f"accounts: OpenD does not list {_ids(missing)}; it lists {_ids(each.id for each in accounts)}"
            )
        self._accounts = tuple(each for each in accounts if not self._wanted or each.id in self._wanted)
        if not self._accounts:
            self._events.append(Notice("OpenD lists no account"))
        self._send(messages.SUB_ACC_PUSH, messages.sub_acc_push(each.id for each in self._accounts))

    def _subscription_answered(self, message: ReceivedMessage, _: _Waiting) -> None:
        messages.answer(pb.SubAccPush.Response.FromString, message.body)
        self._subscribed = True
        self._events += self._gateway.subscribed(self._now_ns)

    def _seconds_since(self, waiting: _Waiting) -> float:
        return (self._passed_ns - waiting.sent_ns) / 1e9

    def _poll(self) -> None:
        self._polled_ns = self._passed_ns
        self._send(messages.GET_GLOBAL_STATE, messages.get_global_state())

    def _send(self, proto_id: int, body: bytes, key: int | None = None) -> None:
        self._serial += 1
        if len(self._pending) == MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[proto_id, self._serial] = _Waiting(self._passed_ns, key)
        self._out.append(self._wire.write(proto_id, self._serial, body))

    def _reject(self, message: ReceivedMessage, error: VenueError, *, missed: bool) -> None:
        self._readable = False
        name = messages.NAMES.get(message.proto_id)
        reason = f"{name}: {error}" if name else str(error)
        self._events.append(
            Reject(
                venue=self._venue,
                reason=reason,
                data=message.body[:64],
                size=len(message.body),
                missed=missed,
                at_ns=self._now_ns,
            )
        )

    def _close(self, error: Exception) -> None:
        self._closed = True
        self._events.append(Closed(error))


def _header(account: Account) -> pb.TrdHeader:
    """OpenD answers for all markets of an account, whichever of them the header names."""
    return pb.TrdHeader(trdEnv=account.env_number, accID=account.id, trdMarket=account.markets[0])


def _account(account: pb.TrdAcc) -> Account:
    return Account(
        id=account.accID,
        environment=tables.ENVIRONMENTS[account.trdEnv],
        env_number=account.trdEnv,
        markets=tuple(account.trdMarketAuthList),
        disabled=account.accStatus == tables.ACCOUNT_DISABLED,
    )


def _ids(ids: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(ids))) or "none"
