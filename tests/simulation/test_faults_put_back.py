"""Every known fault can be put back: its text stands where the list says."""

from tests.simulation.faults_put_back import FAULTS, ROOT


def test_each_fault_can_be_put_back() -> None:
    texts = [(fault, (ROOT / "ordwatch" / fault.file).read_text()) for fault in FAULTS]

    assert [fault.name for fault, text in texts if text.count(fault.old) != 1] == []
