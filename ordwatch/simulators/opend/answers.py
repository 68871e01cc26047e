"""The simulated OpenD's answers: its state, its accounts, the orders of the day and before."""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from ordwatch.core.errors import RemoteProtocolError
from ordwatch.simulators.opend.fills import card_number
from ordwatch.simulators.opend.orders import (
    ACCOUNTS,
    LIVE,
    MANY_ORDERS_FROM,
    Broker,
    SimulatedAccount,
    SimulatedOpendOrder,
    finished_order,
)
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

REFRESHES = 10
REFRESH_WINDOW_NS = 29_900_000_000
"""A little short of the 30 s of the documents: requests sent 30 s apart may arrive closer together."""

_FAILED = -1
_READY = 10
_CLOSED_MARKET = 6
_FIRM = 1


PUSH_VARIANTS = frozenset({"not_a_number", "no_id"})
"""Faults that concern pushed orders only."""

PbRequestT = TypeVar("PbRequestT", bound=Message)


class Refusal(Exception):
    """The answer is a failure, with this message."""


def refused(message: str) -> bytes:
    """The body of a no to any request; every answer has these two fields."""
    return pb.KeepAlive.Response(retType=_FAILED, retMsg=message.encode(), errCode=400).SerializeToString()


def read(from_string: Callable[[bytes], PbRequestT], body: bytes) -> PbRequestT:
    """The request in a body.

    Raises:
        RemoteProtocolError: It is not such a request, or lacks a required field.
    """
    try:
        request = from_string(body)
    except DecodeError as exc:
        raise RemoteProtocolError("not the request it should be") from exc
    if not request.IsInitialized():
        raise RemoteProtocolError("a required field is missing")
    return request


class RequestHandler:
    """Answers requests from the broker's orders, or from a cache of them; applies the simulator's faults."""

    def __init__(self, broker: Broker, faults: Collection[str]) -> None:
        self._broker = broker
        self._faults = faults
        self._frozen: dict[int, pb.Order] | None = None
        self._asked_ns: dict[tuple[str, int], deque[int]] = {}
        self.refused_account = ACCOUNTS[2].id
        """Whose orders are refused while account_refused is on."""
        self.big_list = 100_000
        """How many finished orders more the first account has while big_lists is on."""
        self.big_name = "x"
        """The name of the security of each of them."""
        self._many: list[bytes] = []

    def freeze(self, on: bool) -> None:
        """Let the cache stand still, or be up to date again."""
        self._frozen = {order.order_id: order.wire() for order in self._broker.orders.values()} if on else None

    def refuse_if(self, fault: str, message: str) -> None:
        """Refuse while this fault is on.

        Raises:
            Refusal: It is.
        """
        if fault in self._faults:
            raise Refusal(message)

    def global_state(self, body: bytes, now_ns: int) -> bytes:
        """GetGlobalState: the markets are closed, the trade server is there unless it was logged out."""
        read(pb.GetGlobalState.Request.FromString, body)
        s2c = pb.GetGlobalState.S2C(
            marketHK=_CLOSED_MARKET,
            marketUS=_CLOSED_MARKET,
            marketSH=_CLOSED_MARKET,
            marketSZ=_CLOSED_MARKET,
            marketHKFuture=_CLOSED_MARKET,
            qotLogined=True,
            trdLogined="logged_out" not in self._faults,
            serverVer=1011,
            serverBuildNo=7108,
            time=now_ns // 1_000_000_000,
            localTime=now_ns / 1e9,
            programStatus=pb.ProgramStatus(type=_READY),
        )
        return pb.GetGlobalState.Response(retType=0, s2c=s2c).SerializeToString()

    def account_list(self, body: bytes) -> bytes:
        """GetAccList: universal accounts only if they were asked for."""
        c2s = read(pb.GetAccList.Request.FromString, body).c2s
        self.refuse_if("accounts_refused", "获取账户列表失败")
        known: Iterable[SimulatedAccount] = () if "no_accounts" in self._faults else ACCOUNTS
        listed = [_listed(account) for account in known if c2s.needGeneralSecAccount or len(account.markets) == 1]
        return pb.GetAccList.Response(retType=0, s2c=pb.GetAccList.S2C(accList=listed)).SerializeToString()

    def order_list(self, body: bytes, now_ns: int) -> bytes:
        """GetOrderList: the orders of the day, finished ones too; from the cache unless refreshCache is set."""
        c2s = read(pb.GetOrderList.Request.FromString, body).c2s
        account = _account(c2s.header)
        self._refuse_account(account)
        self.refuse_if("orders_refused", "请先解锁交易")
        if c2s.refreshCache:
            self._count("orders", account, now_ns)
            self.refuse_if("logged_out", "交易服务器未连接")
        orders = self._broker.of(account.id)
        if c2s.refreshCache and self._frozen is not None:
            self._frozen |= {order.order_id: order.wire() for order in orders}
        if "open_only" in self._faults and not c2s.filterConditions.idList:
            orders = [order for order in orders if not order.is_finished]
        rows = self._filtered(orders, c2s.filterConditions, c2s.filterStatusList, cached=not c2s.refreshCache)
        written = [row.SerializeToString() for row in rows]
        if "big_lists" in self._faults and account == ACCOUNTS[0] and not c2s.filterConditions.idList:
            written += self._many_orders(now_ns)
        s2c = pb.OrderList.S2C(header=c2s.header, orderList=written)
        return pb.OrderList.Response(retType=0, s2c=s2c).SerializeToString()

    def _many_orders(self, now_ns: int) -> list[bytes]:
        if not self._many:
            order = finished_order(now_ns)
            order.name = self.big_name.encode()
            for number in range(self.big_list):
                order.orderID = MANY_ORDERS_FROM + number
                order.orderIDEx = str(order.orderID).encode()
                self._many.append(order.SerializeToString())
        return self._many

    def history(self, body: bytes, now_ns: int) -> bytes:
        """GetHistoryOrderList: orders made in a span of local time."""
        c2s = read(pb.GetHistoryOrderList.Request.FromString, body).c2s
        account = _account(c2s.header)
        self._refuse_account(account)
        self._count("history", account, now_ns)
        self.refuse_if("history_refused", "请求超时")
        self.refuse_if("logged_out", "交易服务器未连接")
        if not c2s.filterConditions.beginTime or not c2s.filterConditions.endTime:
            raise Refusal("缺少必要参数beginTime, endTime")
        rows = self._filtered(self._broker.of(account.id), c2s.filterConditions, c2s.filterStatusList, cached=False)
        s2c = pb.GetHistoryOrderList.S2C(header=c2s.header, orderList=rows)
        return pb.GetHistoryOrderList.Response(retType=0, s2c=s2c).SerializeToString()

    def _refuse_account(self, account: SimulatedAccount) -> None:
        if account.id == self.refused_account:
            self.refuse_if("account_refused", "该账户不支持订单查询")

    def _count(self, kind: str, account: SimulatedAccount, now_ns: int) -> None:
        asked = self._asked_ns.setdefault((kind, account.id), deque())
        while asked and asked[0] <= now_ns - REFRESH_WINDOW_NS:
            asked.popleft()
        if len(asked) >= REFRESHES:
            raise Refusal("请求过于频繁，30秒内最多10次")
        asked.append(now_ns)

    def _filtered(
        self,
        orders: Iterable[SimulatedOpendOrder],
        conditions: pb.TrdFilterConditions,
        statuses: Collection[int],
        *,
        cached: bool,
    ) -> list[pb.Order]:
        if "forgets" in self._faults:
            return []
        variants = set(self._faults) - PUSH_VARIANTS
        rows = [order.wire(variants) for order in orders]
        if cached and self._frozen is not None:
            rows = [self._frozen[row.orderID] for row in rows if row.orderID in self._frozen]
        return [row for row in rows if _passes(row, conditions) and (not statuses or row.orderStatus in statuses)]


def _passes(order: pb.Order, conditions: pb.TrdFilterConditions) -> bool:
    created = order.createTime.decode()
    return (
        (not conditions.codeList or order.code.decode() in conditions.codeList)
        and (not conditions.idList or order.orderID in conditions.idList)
        and (not conditions.orderIDExList or order.orderIDEx.decode() in conditions.orderIDExList)
        and (not conditions.filterMarket or order.trdMarket == conditions.filterMarket)
        and (not conditions.beginTime or created >= conditions.beginTime)
        and (not conditions.endTime or created <= conditions.endTime)
    )


def _account(header: pb.TrdHeader) -> SimulatedAccount:
    for account in ACCOUNTS:
        if (account.environment, account.id) == (header.trdEnv, header.accID) and header.trdMarket in account.markets:
            return account
    raise Refusal("账户不存在或不匹配")


def _listed(account: SimulatedAccount) -> pb.TrdAcc:
    listed = pb.TrdAcc(
        trdEnv=account.environment,
        accID=account.id,
        trdMarketAuthList=account.markets,
        accType=account.acc_type,
        accStatus=0,
    )
    if account.environment == LIVE:
        listed.securityFirm = _FIRM
        listed.MergeFromString(card_number(f"1001{account.id % 10**12}"))
    else:
        listed.simAccType = account.sim_type or 1
    return listed
