from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InitConnect(_message.Message):
    __slots__ = ()
    class C2S(_message.Message):
        __slots__ = ("clientVer", "clientID", "recvNotify", "packetEncAlgo", "pushProtoFmt", "programmingLanguage")
        CLIENTVER_FIELD_NUMBER: _ClassVar[int]
        CLIENTID_FIELD_NUMBER: _ClassVar[int]
        RECVNOTIFY_FIELD_NUMBER: _ClassVar[int]
        PACKETENCALGO_FIELD_NUMBER: _ClassVar[int]
        PUSHPROTOFMT_FIELD_NUMBER: _ClassVar[int]
        PROGRAMMINGLANGUAGE_FIELD_NUMBER: _ClassVar[int]
        clientVer: int
        clientID: str
        recvNotify: bool
        packetEncAlgo: int
        pushProtoFmt: int
        programmingLanguage: str
        def __init__(self, clientVer: _Optional[int] = ..., clientID: _Optional[str] = ..., recvNotify: bool = ..., packetEncAlgo: _Optional[int] = ..., pushProtoFmt: _Optional[int] = ..., programmingLanguage: _Optional[str] = ...) -> None: ...
    class S2C(_message.Message):
        __slots__ = ("serverVer", "loginUserID", "connID", "connAESKey", "keepAliveInterval", "aesCBCiv", "userAttribution")
        SERVERVER_FIELD_NUMBER: _ClassVar[int]
        LOGINUSERID_FIELD_NUMBER: _ClassVar[int]
        CONNID_FIELD_NUMBER: _ClassVar[int]
        CONNAESKEY_FIELD_NUMBER: _ClassVar[int]
        KEEPALIVEINTERVAL_FIELD_NUMBER: _ClassVar[int]
        AESCBCIV_FIELD_NUMBER: _ClassVar[int]
        USERATTRIBUTION_FIELD_NUMBER: _ClassVar[int]
        serverVer: int
        loginUserID: int
        connID: int
        connAESKey: bytes
        keepAliveInterval: int
        aesCBCiv: bytes
        userAttribution: int
        def __init__(self, serverVer: _Optional[int] = ..., loginUserID: _Optional[int] = ..., connID: _Optional[int] = ..., connAESKey: _Optional[bytes] = ..., keepAliveInterval: _Optional[int] = ..., aesCBCiv: _Optional[bytes] = ..., userAttribution: _Optional[int] = ...) -> None: ...
    class Request(_message.Message):
        __slots__ = ("c2s",)
        C2S_FIELD_NUMBER: _ClassVar[int]
        c2s: InitConnect.C2S
        def __init__(self, c2s: _Optional[_Union[InitConnect.C2S, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: InitConnect.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[InitConnect.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class InitWebSocket(_message.Message):
    __slots__ = ()
    class C2S(_message.Message):
        __slots__ = ("websocketKey", "clientID", "programmingLanguage")
        WEBSOCKETKEY_FIELD_NUMBER: _ClassVar[int]
        CLIENTID_FIELD_NUMBER: _ClassVar[int]
        PROGRAMMINGLANGUAGE_FIELD_NUMBER: _ClassVar[int]
        websocketKey: str
        clientID: str
        programmingLanguage: str
        def __init__(self, websocketKey: _Optional[str] = ..., clientID: _Optional[str] = ..., programmingLanguage: _Optional[str] = ...) -> None: ...
    class S2C(_message.Message):
        __slots__ = ("serverTime", "connID")
        SERVERTIME_FIELD_NUMBER: _ClassVar[int]
        CONNID_FIELD_NUMBER: _ClassVar[int]
        serverTime: int
        connID: int
        def __init__(self, serverTime: _Optional[int] = ..., connID: _Optional[int] = ...) -> None: ...
    class Request(_message.Message):
        __slots__ = ("c2s",)
        C2S_FIELD_NUMBER: _ClassVar[int]
        c2s: InitWebSocket.C2S
        def __init__(self, c2s: _Optional[_Union[InitWebSocket.C2S, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: InitWebSocket.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[InitWebSocket.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class ProgramStatus(_message.Message):
    __slots__ = ("type", "strExtDesc")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STREXTDESC_FIELD_NUMBER: _ClassVar[int]
    type: int
    strExtDesc: bytes
    def __init__(self, type: _Optional[int] = ..., strExtDesc: _Optional[bytes] = ...) -> None: ...

class GetGlobalState(_message.Message):
    __slots__ = ()
    class C2S(_message.Message):
        __slots__ = ("userID",)
        USERID_FIELD_NUMBER: _ClassVar[int]
        userID: int
        def __init__(self, userID: _Optional[int] = ...) -> None: ...
    class S2C(_message.Message):
        __slots__ = ("marketHK", "marketUS", "marketSH", "marketSZ", "marketHKFuture", "qotLogined", "trdLogined", "serverVer", "serverBuildNo", "time", "localTime", "programStatus", "connID")
        MARKETHK_FIELD_NUMBER: _ClassVar[int]
        MARKETUS_FIELD_NUMBER: _ClassVar[int]
        MARKETSH_FIELD_NUMBER: _ClassVar[int]
        MARKETSZ_FIELD_NUMBER: _ClassVar[int]
        MARKETHKFUTURE_FIELD_NUMBER: _ClassVar[int]
        QOTLOGINED_FIELD_NUMBER: _ClassVar[int]
        TRDLOGINED_FIELD_NUMBER: _ClassVar[int]
        SERVERVER_FIELD_NUMBER: _ClassVar[int]
        SERVERBUILDNO_FIELD_NUMBER: _ClassVar[int]
        TIME_FIELD_NUMBER: _ClassVar[int]
        LOCALTIME_FIELD_NUMBER: _ClassVar[int]
        PROGRAMSTATUS_FIELD_NUMBER: _ClassVar[int]
        CONNID_FIELD_NUMBER: _ClassVar[int]
        marketHK: int
        marketUS: int
        marketSH: int
        marketSZ: int
        marketHKFuture: int
        qotLogined: bool
        trdLogined: bool
        serverVer: int
        serverBuildNo: int
        time: int
        localTime: float
        programStatus: ProgramStatus
        connID: int
        def __init__(self, marketHK: _Optional[int] = ..., marketUS: _Optional[int] = ..., marketSH: _Optional[int] = ..., marketSZ: _Optional[int] = ..., marketHKFuture: _Optional[int] = ..., qotLogined: bool = ..., trdLogined: bool = ..., serverVer: _Optional[int] = ..., serverBuildNo: _Optional[int] = ..., time: _Optional[int] = ..., localTime: _Optional[float] = ..., programStatus: _Optional[_Union[ProgramStatus, _Mapping]] = ..., connID: _Optional[int] = ...) -> None: ...
    class Request(_message.Message):
        __slots__ = ("c2s",)
        C2S_FIELD_NUMBER: _ClassVar[int]
        c2s: GetGlobalState.C2S
        def __init__(self, c2s: _Optional[_Union[GetGlobalState.C2S, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: GetGlobalState.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[GetGlobalState.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class Notify(_message.Message):
    __slots__ = ()
    class GtwEvent(_message.Message):
        __slots__ = ("eventType", "desc")
        EVENTTYPE_FIELD_NUMBER: _ClassVar[int]
        DESC_FIELD_NUMBER: _ClassVar[int]
        eventType: int
        desc: bytes
        def __init__(self, eventType: _Optional[int] = ..., desc: _Optional[bytes] = ...) -> None: ...
    class ProgramStatusChange(_message.Message):
        __slots__ = ("programStatus",)
        PROGRAMSTATUS_FIELD_NUMBER: _ClassVar[int]
        programStatus: ProgramStatus
        def __init__(self, programStatus: _Optional[_Union[ProgramStatus, _Mapping]] = ...) -> None: ...
    class ConnectStatus(_message.Message):
        __slots__ = ("qotLogined", "trdLogined")
        QOTLOGINED_FIELD_NUMBER: _ClassVar[int]
        TRDLOGINED_FIELD_NUMBER: _ClassVar[int]
        qotLogined: bool
        trdLogined: bool
        def __init__(self, qotLogined: bool = ..., trdLogined: bool = ...) -> None: ...
    class S2C(_message.Message):
        __slots__ = ("type", "event", "programStatus", "connectStatus")
        TYPE_FIELD_NUMBER: _ClassVar[int]
        EVENT_FIELD_NUMBER: _ClassVar[int]
        PROGRAMSTATUS_FIELD_NUMBER: _ClassVar[int]
        CONNECTSTATUS_FIELD_NUMBER: _ClassVar[int]
        type: int
        event: Notify.GtwEvent
        programStatus: Notify.ProgramStatusChange
        connectStatus: Notify.ConnectStatus
        def __init__(self, type: _Optional[int] = ..., event: _Optional[_Union[Notify.GtwEvent, _Mapping]] = ..., programStatus: _Optional[_Union[Notify.ProgramStatusChange, _Mapping]] = ..., connectStatus: _Optional[_Union[Notify.ConnectStatus, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: Notify.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[Notify.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class KeepAlive(_message.Message):
    __slots__ = ()
    class C2S(_message.Message):
        __slots__ = ("time",)
        TIME_FIELD_NUMBER: _ClassVar[int]
        time: int
        def __init__(self, time: _Optional[int] = ...) -> None: ...
    class S2C(_message.Message):
        __slots__ = ("time",)
        TIME_FIELD_NUMBER: _ClassVar[int]
        time: int
        def __init__(self, time: _Optional[int] = ...) -> None: ...
    class Request(_message.Message):
        __slots__ = ("c2s",)
        C2S_FIELD_NUMBER: _ClassVar[int]
        c2s: KeepAlive.C2S
        def __init__(self, c2s: _Optional[_Union[KeepAlive.C2S, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: KeepAlive.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[KeepAlive.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class TrdHeader(_message.Message):
    __slots__ = ("trdEnv", "accID", "trdMarket", "jpAccType")
    TRDENV_FIELD_NUMBER: _ClassVar[int]
    ACCID_FIELD_NUMBER: _ClassVar[int]
    TRDMARKET_FIELD_NUMBER: _ClassVar[int]
    JPACCTYPE_FIELD_NUMBER: _ClassVar[int]
    trdEnv: int
    accID: int
    trdMarket: int
    jpAccType: int
    def __init__(self, trdEnv: _Optional[int] = ..., accID: _Optional[int] = ..., trdMarket: _Optional[int] = ..., jpAccType: _Optional[int] = ...) -> None: ...

class TrdAcc(_message.Message):
    __slots__ = ("trdEnv", "accID", "trdMarketAuthList", "accType", "securityFirm", "simAccType", "accStatus")
    TRDENV_FIELD_NUMBER: _ClassVar[int]
    ACCID_FIELD_NUMBER: _ClassVar[int]
    TRDMARKETAUTHLIST_FIELD_NUMBER: _ClassVar[int]
    ACCTYPE_FIELD_NUMBER: _ClassVar[int]
    SECURITYFIRM_FIELD_NUMBER: _ClassVar[int]
    SIMACCTYPE_FIELD_NUMBER: _ClassVar[int]
    ACCSTATUS_FIELD_NUMBER: _ClassVar[int]
    trdEnv: int
    accID: int
    trdMarketAuthList: _containers.RepeatedScalarFieldContainer[int]
    accType: int
    securityFirm: int
    simAccType: int
    accStatus: int
    def __init__(self, trdEnv: _Optional[int] = ..., accID: _Optional[int] = ..., trdMarketAuthList: _Optional[_Iterable[int]] = ..., accType: _Optional[int] = ..., securityFirm: _Optional[int] = ..., simAccType: _Optional[int] = ..., accStatus: _Optional[int] = ...) -> None: ...

class ComboLeg(_message.Message):
    __slots__ = ("security", "side", "qtyRatio", "positionID", "predSide")
    class Security(_message.Message):
        __slots__ = ("market", "code")
        MARKET_FIELD_NUMBER: _ClassVar[int]
        CODE_FIELD_NUMBER: _ClassVar[int]
        market: int
        code: bytes
        def __init__(self, market: _Optional[int] = ..., code: _Optional[bytes] = ...) -> None: ...
    SECURITY_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    QTYRATIO_FIELD_NUMBER: _ClassVar[int]
    POSITIONID_FIELD_NUMBER: _ClassVar[int]
    PREDSIDE_FIELD_NUMBER: _ClassVar[int]
    security: ComboLeg.Security
    side: int
    qtyRatio: float
    positionID: int
    predSide: int
    def __init__(self, security: _Optional[_Union[ComboLeg.Security, _Mapping]] = ..., side: _Optional[int] = ..., qtyRatio: _Optional[float] = ..., positionID: _Optional[int] = ..., predSide: _Optional[int] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("trdSide", "orderType", "orderStatus", "orderID", "orderIDEx", "code", "name", "qty", "price", "createTime", "updateTime", "fillQty", "fillAvgPrice", "lastErrMsg", "secMarket", "createTimestamp", "updateTimestamp", "remark", "timeInForce", "fillOutsideRTH", "auxPrice", "trailType", "trailValue", "trailSpread", "currency", "trdMarket", "session", "jpAccType", "expireTime", "orderAmount", "strategyType", "comboLegs")
    TRDSIDE_FIELD_NUMBER: _ClassVar[int]
    ORDERTYPE_FIELD_NUMBER: _ClassVar[int]
    ORDERSTATUS_FIELD_NUMBER: _ClassVar[int]
    ORDERID_FIELD_NUMBER: _ClassVar[int]
    ORDERIDEX_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    QTY_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    CREATETIME_FIELD_NUMBER: _ClassVar[int]
    UPDATETIME_FIELD_NUMBER: _ClassVar[int]
    FILLQTY_FIELD_NUMBER: _ClassVar[int]
    FILLAVGPRICE_FIELD_NUMBER: _ClassVar[int]
    LASTERRMSG_FIELD_NUMBER: _ClassVar[int]
    SECMARKET_FIELD_NUMBER: _ClassVar[int]
    CREATETIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    UPDATETIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    TIMEINFORCE_FIELD_NUMBER: _ClassVar[int]
    FILLOUTSIDERTH_FIELD_NUMBER: _ClassVar[int]
    AUXPRICE_FIELD_NUMBER: _ClassVar[int]
    TRAILTYPE_FIELD_NUMBER: _ClassVar[int]
    TRAILVALUE_FIELD_NUMBER: _ClassVar[int]
    TRAILSPREAD_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    TRDMARKET_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    JPACCTYPE_FIELD_NUMBER: _ClassVar[int]
    EXPIRETIME_FIELD_NUMBER: _ClassVar[int]
    ORDERAMOUNT_FIELD_NUMBER: _ClassVar[int]
    STRATEGYTYPE_FIELD_NUMBER: _ClassVar[int]
    COMBOLEGS_FIELD_NUMBER: _ClassVar[int]
    trdSide: int
    orderType: int
    orderStatus: int
    orderID: int
    orderIDEx: bytes
    code: bytes
    name: bytes
    qty: float
    price: float
    createTime: bytes
    updateTime: bytes
    fillQty: float
    fillAvgPrice: float
    lastErrMsg: bytes
    secMarket: int
    createTimestamp: float
    updateTimestamp: float
    remark: bytes
    timeInForce: int
    fillOutsideRTH: int
    auxPrice: float
    trailType: int
    trailValue: float
    trailSpread: float
    currency: int
    trdMarket: int
    session: int
    jpAccType: int
    expireTime: bytes
    orderAmount: float
    strategyType: int
    comboLegs: _containers.RepeatedCompositeFieldContainer[ComboLeg]
    def __init__(self, trdSide: _Optional[int] = ..., orderType: _Optional[int] = ..., orderStatus: _Optional[int] = ..., orderID: _Optional[int] = ..., orderIDEx: _Optional[bytes] = ..., code: _Optional[bytes] = ..., name: _Optional[bytes] = ..., qty: _Optional[float] = ..., price: _Optional[float] = ..., createTime: _Optional[bytes] = ..., updateTime: _Optional[bytes] = ..., fillQty: _Optional[float] = ..., fillAvgPrice: _Optional[float] = ..., lastErrMsg: _Optional[bytes] = ..., secMarket: _Optional[int] = ..., createTimestamp: _Optional[float] = ..., updateTimestamp: _Optional[float] = ..., remark: _Optional[bytes] = ..., timeInForce: _Optional[int] = ..., fillOutsideRTH: _Optional[int] = ..., auxPrice: _Optional[float] = ..., trailType: _Optional[int] = ..., trailValue: _Optional[float] = ..., trailSpread: _Optional[float] = ..., currency: _Optional[int] = ..., trdMarket: _Optional[int] = ..., session: _Optional[int] = ..., jpAccType: _Optional[int] = ..., expireTime: _Optional[bytes] = ..., orderAmount: _Optional[float] = ..., strategyType: _Optional[int] = ..., comboLegs: _Optional[_Iterable[_Union[ComboLeg, _Mapping]]] = ...) -> None: ...

class TrdFilterConditions(_message.Message):
    __slots__ = ("codeList", "idList", "beginTime", "endTime", "orderIDExList", "filterMarket")
    CODELIST_FIELD_NUMBER: _ClassVar[int]
    IDLIST_FIELD_NUMBER: _ClassVar[int]
    BEGINTIME_FIELD_NUMBER: _ClassVar[int]
    ENDTIME_FIELD_NUMBER: _ClassVar[int]
    ORDERIDEXLIST_FIELD_NUMBER: _ClassVar[int]
    FILTERMARKET_FIELD_NUMBER: _ClassVar[int]
    codeList: _containers.RepeatedScalarFieldContainer[str]
    idList: _containers.RepeatedScalarFieldContainer[int]
    beginTime: str
    endTime: str
    orderIDExList: _containers.RepeatedScalarFieldContainer[str]
    filterMarket: int
    def __init__(self, codeList: _Optional[_Iterable[str]] = ..., idList: _Optional[_Iterable[int]] = ..., beginTime: _Optional[str] = ..., endTime: _Optional[str] = ..., orderIDExList: _Optional[_Iterable[str]] = ..., filterMarket: _Optional[int] = ...) -> None: ...

class GetAccList(_message.Message):
    __slots__ = ()
    class C2S(_message.Message):
        __slots__ = ("userID", "trdCategory", "needGeneralSecAccount")
        USERID_FIELD_NUMBER: _ClassVar[int]
        TRDCATEGORY_FIELD_NUMBER: _ClassVar[int]
        NEEDGENERALSECACCOUNT_FIELD_NUMBER: _ClassVar[int]
        userID: int
        trdCategory: int
        needGeneralSecAccount: bool
        def __init__(self, userID: _Optional[int] = ..., trdCategory: _Optional[int] = ..., needGeneralSecAccount: bool = ...) -> None: ...
    class S2C(_message.Message):
        __slots__ = ("accList",)
        ACCLIST_FIELD_NUMBER: _ClassVar[int]
        accList: _containers.RepeatedCompositeFieldContainer[TrdAcc]
        def __init__(self, accList: _Optional[_Iterable[_Union[TrdAcc, _Mapping]]] = ...) -> None: ...
    class Request(_message.Message):
        __slots__ = ("c2s",)
        C2S_FIELD_NUMBER: _ClassVar[int]
        c2s: GetAccList.C2S
        def __init__(self, c2s: _Optional[_Union[GetAccList.C2S, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: GetAccList.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[GetAccList.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class SubAccPush(_message.Message):
    __slots__ = ()
    class C2S(_message.Message):
        __slots__ = ("accIDList",)
        ACCIDLIST_FIELD_NUMBER: _ClassVar[int]
        accIDList: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, accIDList: _Optional[_Iterable[int]] = ...) -> None: ...
    class S2C(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Request(_message.Message):
        __slots__ = ("c2s",)
        C2S_FIELD_NUMBER: _ClassVar[int]
        c2s: SubAccPush.C2S
        def __init__(self, c2s: _Optional[_Union[SubAccPush.C2S, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: SubAccPush.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[SubAccPush.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class GetOrderList(_message.Message):
    __slots__ = ()
    class C2S(_message.Message):
        __slots__ = ("header", "filterConditions", "filterStatusList", "refreshCache")
        HEADER_FIELD_NUMBER: _ClassVar[int]
        FILTERCONDITIONS_FIELD_NUMBER: _ClassVar[int]
        FILTERSTATUSLIST_FIELD_NUMBER: _ClassVar[int]
        REFRESHCACHE_FIELD_NUMBER: _ClassVar[int]
        header: TrdHeader
        filterConditions: TrdFilterConditions
        filterStatusList: _containers.RepeatedScalarFieldContainer[int]
        refreshCache: bool
        def __init__(self, header: _Optional[_Union[TrdHeader, _Mapping]] = ..., filterConditions: _Optional[_Union[TrdFilterConditions, _Mapping]] = ..., filterStatusList: _Optional[_Iterable[int]] = ..., refreshCache: bool = ...) -> None: ...
    class S2C(_message.Message):
        __slots__ = ("header", "orderList")
        HEADER_FIELD_NUMBER: _ClassVar[int]
        ORDERLIST_FIELD_NUMBER: _ClassVar[int]
        header: TrdHeader
        orderList: _containers.RepeatedCompositeFieldContainer[Order]
        def __init__(self, header: _Optional[_Union[TrdHeader, _Mapping]] = ..., orderList: _Optional[_Iterable[_Union[Order, _Mapping]]] = ...) -> None: ...
    class Request(_message.Message):
        __slots__ = ("c2s",)
        C2S_FIELD_NUMBER: _ClassVar[int]
        c2s: GetOrderList.C2S
        def __init__(self, c2s: _Optional[_Union[GetOrderList.C2S, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: GetOrderList.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[GetOrderList.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class OrderList(_message.Message):
    __slots__ = ()
    class S2C(_message.Message):
        __slots__ = ("header", "orderList")
        HEADER_FIELD_NUMBER: _ClassVar[int]
        ORDERLIST_FIELD_NUMBER: _ClassVar[int]
        header: TrdHeader
        orderList: _containers.RepeatedScalarFieldContainer[bytes]
        def __init__(self, header: _Optional[_Union[TrdHeader, _Mapping]] = ..., orderList: _Optional[_Iterable[bytes]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: OrderList.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[OrderList.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class UpdateOrder(_message.Message):
    __slots__ = ()
    class S2C(_message.Message):
        __slots__ = ("header", "order")
        HEADER_FIELD_NUMBER: _ClassVar[int]
        ORDER_FIELD_NUMBER: _ClassVar[int]
        header: TrdHeader
        order: Order
        def __init__(self, header: _Optional[_Union[TrdHeader, _Mapping]] = ..., order: _Optional[_Union[Order, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: UpdateOrder.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[UpdateOrder.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...

class GetHistoryOrderList(_message.Message):
    __slots__ = ()
    class C2S(_message.Message):
        __slots__ = ("header", "filterConditions", "filterStatusList")
        HEADER_FIELD_NUMBER: _ClassVar[int]
        FILTERCONDITIONS_FIELD_NUMBER: _ClassVar[int]
        FILTERSTATUSLIST_FIELD_NUMBER: _ClassVar[int]
        header: TrdHeader
        filterConditions: TrdFilterConditions
        filterStatusList: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, header: _Optional[_Union[TrdHeader, _Mapping]] = ..., filterConditions: _Optional[_Union[TrdFilterConditions, _Mapping]] = ..., filterStatusList: _Optional[_Iterable[int]] = ...) -> None: ...
    class S2C(_message.Message):
        __slots__ = ("header", "orderList")
        HEADER_FIELD_NUMBER: _ClassVar[int]
        ORDERLIST_FIELD_NUMBER: _ClassVar[int]
        header: TrdHeader
        orderList: _containers.RepeatedCompositeFieldContainer[Order]
        def __init__(self, header: _Optional[_Union[TrdHeader, _Mapping]] = ..., orderList: _Optional[_Iterable[_Union[Order, _Mapping]]] = ...) -> None: ...
    class Request(_message.Message):
        __slots__ = ("c2s",)
        C2S_FIELD_NUMBER: _ClassVar[int]
        c2s: GetHistoryOrderList.C2S
        def __init__(self, c2s: _Optional[_Union[GetHistoryOrderList.C2S, _Mapping]] = ...) -> None: ...
    class Response(_message.Message):
        __slots__ = ("retType", "retMsg", "errCode", "s2c")
        RETTYPE_FIELD_NUMBER: _ClassVar[int]
        RETMSG_FIELD_NUMBER: _ClassVar[int]
        ERRCODE_FIELD_NUMBER: _ClassVar[int]
        S2C_FIELD_NUMBER: _ClassVar[int]
        retType: int
        retMsg: bytes
        errCode: int
        s2c: GetHistoryOrderList.S2C
        def __init__(self, retType: _Optional[int] = ..., retMsg: _Optional[bytes] = ..., errCode: _Optional[int] = ..., s2c: _Optional[_Union[GetHistoryOrderList.S2C, _Mapping]] = ...) -> None: ...
    def __init__(self) -> None: ...
