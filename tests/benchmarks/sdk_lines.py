"""The official SDK as a peer: prints each order push as one JSON line. Run as a process: CONFIG COUNT."""

import os
import sys
from threading import Event
from typing import Any

import yaml


def main() -> None:
    """Print so many lines, then end hard: the SDK's threads would keep the process."""
    config, count = sys.argv[1], int(sys.argv[2])
    with open(config, encoding="utf-8") as file:
        block = yaml.safe_load(file)["venues"]["opend"]
    # Importing it replaces the SIGINT handler and writes logs below HOME: only ever in a process of its own.
    from futu import RET_OK, OpenSecTradeContext, SecurityFirm, TradeOrderHandlerBase, TrdMarket

    done = Event()
    printed = 0

    class Print(TradeOrderHandlerBase):  # type: ignore[misc]  # the SDK has no types
        def on_recv_rsp(self, rsp_pb: Any) -> Any:
            nonlocal printed
            ret, data = super().on_recv_rsp(rsp_pb)
            if ret == RET_OK:
                sys.stdout.write(data.to_json(orient="records", lines=True))
                printed += len(data)
            if printed >= count:
                sys.stdout.flush()
                done.set()
            return ret, data

    context = OpenSecTradeContext(
        host="127.0.0.1", port=block["port"], filter_trdmarket=TrdMarket.HK, security_firm=SecurityFirm.NONE
    )
    context.set_handler(Print())
    done.wait()
    os._exit(0)


if __name__ == "__main__":
    main()
