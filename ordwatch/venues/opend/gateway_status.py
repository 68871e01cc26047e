"""What OpenD reports about itself: whether its trade server lets it see orders, and what the user should know.

Numbers and names: Futu API documentation, "Notify" and "Get Global State".
"""

from ordwatch.core.escaping import decode_text
from ordwatch.core.events import Ignored, Interrupted, Notice, Ready, Resumed, SessionEvent
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

_GTW_EVENT = 1
_PROGRAM_STATUS = 2
_CONNECT_STATUS = 3

_GTW_EVENTS = {
    1: "its configuration could not be loaded",
    2: "its API service could not be started",
    3: "it must be updated",
    4: "its login failed",
    5: "a disclaimer is not agreed to",
    6: "network configuration is missing",
    7: "it was kicked out, the user logged in elsewhere",
    8: "the login password was changed",
    9: "the login is banned",
    10: "it wants a picture's verification code",
    11: "it wants a phone's verification code",
    12: "application data is missing",
    13: "necessary data is missing",
    14: "the trading password was changed",
    15: "the device lock was switched on",
}

_PROGRAM_STATUSES = {
    0: "None",
    1: "Loaded",
    2: "Loging",
    3: "NeedPicVerifyCode",
    4: "NeedPhoneVerifyCode",
    5: "LoginFailed",
    6: "ForceUpdate",
    7: "NessaryDataPreparing",
    8: "NessaryDataMissing",
    9: "UnAgreeDisclaimer",
    10: "Ready",
    11: "ForceLogout",
    12: "DisclaimerPullFailed",
}
_READY = 10


class GatewayStatus:
    """Turns events and polled states into what changed. A time is needed only where sight of orders is lost."""

    def __init__(self) -> None:
        self.sees_orders = True
        """OpenD is logged in at its trade server; else no pushes come though the link is up."""
        self._program = _READY
        self._subscribed = False

    def subscribed(self, now_ns: int) -> list[SessionEvent]:
        """The subscription was acknowledged at `now_ns`, which is worth little while OpenD sees no orders."""
        self._subscribed = True
        return [Ready()] if self.sees_orders else [Ready(), _interrupted(now_ns)]

    def polled(self, state: pb.GetGlobalState.S2C, since_ns: int) -> list[SessionEvent]:
        """OpenD answered with its state; orders were certainly seen at `since_ns`."""
        events = self._program_is(state.programStatus) if state.HasField("programStatus") else []
        return events + self._trade_login_is(state.trdLogined, since_ns)

    def notified(self, event: pb.Notify.S2C, since_ns: int) -> list[SessionEvent]:
        """OpenD reported a change; its state was last known at `since_ns`."""
        if event.type == _GTW_EVENT:
            number = event.event.eventType
            text = decode_text(event.event.desc)
            return [
                Notice(f"OpenD says: {_GTW_EVENTS.get(number, f'event {number}')}" + (f" ({text})" if text else ""))
            ]
        if event.type == _PROGRAM_STATUS:
            return self._program_is(event.programStatus.programStatus)
        if event.type == _CONNECT_STATUS and event.HasField("connectStatus"):
            return self._trade_login_is(event.connectStatus.trdLogined, since_ns)
        return [Ignored("notification")]

    def _program_is(self, status: pb.ProgramStatus) -> list[SessionEvent]:
        if status.type == self._program:
            return []
        self._program = status.type
        name = _PROGRAM_STATUSES.get(status.type, str(status.type))
        text = decode_text(status.strExtDesc)
        return [Notice(f"OpenD's program status is {name}" + (f" ({text})" if text else ""))]

    def _trade_login_is(self, up: bool, since_ns: int) -> list[SessionEvent]:
        if up == self.sees_orders:
            return []
        self.sees_orders = up
        if not self._subscribed:
            return []
        return [Resumed()] if up else [_interrupted(since_ns)]


def _interrupted(since_ns: int) -> Interrupted:
    return Interrupted("venue_logged_out", "OpenD is not logged in at its trade server", since_ns)
