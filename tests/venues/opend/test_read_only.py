"""ordwatch cannot trade: the messages for it do not exist here. And the generated code fits its neighbours."""

import re
from importlib.metadata import requires
from pathlib import Path

from ordwatch.venues.opend import messages
from ordwatch.venues.opend.proto import ordwatch_opend_pb2 as pb

PROTO = Path(pb.__file__)


def test_only_reading_requests_are_ever_sent() -> None:
    assert sorted(messages.SENT) == [1, 1001, 1002, 1004, 2001, 2008, 2201, 2221]


def test_no_message_exists_that_could_place_change_or_unlock() -> None:
    with_request = {
        name for name, kind in pb.DESCRIPTOR.message_types_by_name.items() if "Request" in kind.nested_types_by_name
    }

    assert with_request == {
        "InitConnect",
        "InitWebSocket",
        "GetGlobalState",
        "KeepAlive",
        "GetAccList",
        "SubAccPush",
        "GetOrderList",
        "GetHistoryOrderList",
    }


def test_the_package_is_our_own_so_that_the_sdk_can_live_beside_it() -> None:
    assert (pb.DESCRIPTOR.package, pb.DESCRIPTOR.name) == ("ordwatch.opend", "ordwatch_opend.proto")


def test_the_generated_code_loads_with_the_oldest_protobuf_we_allow() -> None:
    made_for = re.search(r"Protobuf Python Version: (\d+)\.(\d+)", PROTO.read_text())
    allowed = re.search(r"protobuf>=(\d+)\.(\d+)", " ".join(requires("ordwatch") or []))

    assert made_for is not None
    assert allowed is not None
    assert tuple(map(int, made_for.groups())) <= tuple(map(int, allowed.groups()))
