"""The short form of `python -m tests.following`: every venue, a few cuts, a kill if chance wants it."""

from pathlib import Path

from ordwatch.venues import REGISTRY
from tests.following.proof import problems, prove
from tests.following.world import FOLLOWED, FOLLOWER, TRUTH, follow
from tests.support.nats_server import needs_nats_server


@needs_nats_server
async def test_two_collectors_that_are_cut_are_followed_as_one_that_saw_all(tmp_path: Path) -> None:
    followed = await follow(tmp_path, list(REGISTRY), seconds=4.0, seed=5, rate=30.0)

    recordings = [followed.recording(name) for name in FOLLOWED]
    proof = prove(followed.recording(TRUTH), recordings, followed.recording(FOLLOWER))

    assert [*proof.faults, *problems(followed.stderr)] == []
    assert followed.cuts
    assert proof.orders
