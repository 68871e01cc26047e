from ordwatch.simulators.base import PushSimulator
from ordwatch.simulators.contract import Outgoing


class Keyed(PushSimulator):
    def lets_in(self, path: str) -> bool:
        return path == "/ws/key"


def test_accepted_client_is_sent_what_happens_until_it_leaves() -> None:
    simulator = Keyed()
    for peer, path in enumerate(["/ws/key", "/ws/other", "/ws/key"]):
        simulator.connected(peer, "stream", path, 1)
    simulator.send("one", push=True)
    simulator.disconnected(0)
    simulator.send("two")

    assert simulator.data_to_send() == [
        Outgoing(0, "one", push=True),
        Outgoing(2, "one", push=True),
        Outgoing(2, "two"),
    ]
    assert simulator.data_to_send() == []
