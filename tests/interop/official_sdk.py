"""The official SDK as a client, in a process of its own: what it sees, as JSON lines on stdout.

Usage: python official_sdk.py MODULE PORT [RSA_KEY_FILE]; the module is an edition's, futu or moomoo. Ends when its
stdin does, hard: the SDK's threads would not. Lists accounts and each account's orders, says "ready", then prints every
order and fill that is pushed.
"""

import importlib
import json
import os
import sys
from typing import Any

out = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # what the SDK itself prints is no data

sdk: Any = importlib.import_module(sys.argv[1])


def say(kind: str, ret: int = 0, data: Any = None) -> None:
    rows = data.to_dict("records") if hasattr(data, "to_dict") else data
    out.write(json.dumps({"kind": kind, "ret": ret, "rows": rows}, default=str) + "\n")


class Orders(sdk.TradeOrderHandlerBase):  # type: ignore[misc]  # the SDK has no types
    def on_recv_rsp(self, rsp_pb: Any) -> Any:
        ret, data = super().on_recv_rsp(rsp_pb)
        say("order", ret, data)
        return ret, data


class Fills(sdk.TradeDealHandlerBase):  # type: ignore[misc]
    def on_recv_rsp(self, rsp_pb: Any) -> Any:
        ret, data = super().on_recv_rsp(rsp_pb)
        say("fill", ret, data)
        return ret, data


def watch(port: int, key_file: str | None) -> None:
    if key_file is not None:
        sdk.SysConfig.enable_proto_encrypt(True)
        sdk.SysConfig.set_init_rsa_file(key_file)
    context = sdk.OpenSecTradeContext(
        filter_trdmarket=sdk.TrdMarket.NONE,
        host="127.0.0.1",
        port=port,
        security_firm=sdk.SecurityFirm.FUTUSECURITIES,
    )
    context.set_handler(Orders())
    context.set_handler(Fills())
    ret, accounts = context.get_acc_list()
    say("accounts", ret, accounts)
    for account in accounts.to_dict("records"):
        ret, orders = context.order_list_query(trd_env=account["trd_env"], acc_id=account["acc_id"], refresh_cache=True)
        say("orders", ret, orders)
    say("ready")


watch(int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
sys.stdin.read()
os._exit(0)
