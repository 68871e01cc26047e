"""The official Python SDK, in both editions, takes our simulator for an OpenD: it sees what was played, plain and
encrypted.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from ordwatch.simulators.contract import Step
from ordwatch.simulators.host import Hosted, host
from ordwatch.simulators.opend.orders import ACCOUNTS, PAPER
from ordwatch.simulators.opend.simulator import OpendSimulator
from ordwatch.simulators.scenario import one_of_each
from ordwatch.venues.opend.crypto import Rsa, load_rsa
from tests.support.rsa_key import new_rsa_key
from tests.support.runs import run_in_real_time

DEADLINE_S = 30.0
SCRIPT = Path(__file__).with_name("official_sdk.py")
STEPS = one_of_each()

WORDS = {
    ("PENDING_NEW", False): "SUBMITTING",
    ("NEW", False): "SUBMITTED",
    ("PARTIALLY_FILLED", True): "FILLED_PART",
    ("FILLED", True): "FILLED_ALL",
    ("PENDING_CANCEL", False): "CANCELLING_ALL",
    ("PENDING_CANCEL", True): "CANCELLING_PART",
    ("CANCELED", False): "CANCELLED_ALL",
    ("CANCELED", True): "CANCELLED_PART",
    ("REJECTED", False): "FAILED",
    ("EXPIRED", False): "CANCELLED_ALL",
    ("EXPIRED", True): "CANCELLED_PART",
}
"""The SDK's names (futu-api, OrderStatus) for what is played, without and with a fill."""


@dataclass
class Sdk:
    """The SDK's process, and the simulator it is connected to."""

    hosted: Hosted
    simulator: OpendSimulator
    process: asyncio.subprocess.Process
    log: Path

    async def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        assert line, self.log.read_text()[-2000:]
        said: dict[str, Any] = json.loads(line)
        return said

    async def until_ready(self) -> list[dict[str, Any]]:
        """What it says before "ready"."""
        said = []
        while (line := await self.line())["kind"] != "ready":
            said.append(line)
        return said

    async def pushed(self, kind: str, count: int) -> list[dict[str, Any]]:
        """The rows of the next pushes of this kind."""
        rows: list[dict[str, Any]] = []
        while len(rows) < count:
            line = await self.line()
            rows += line["rows"] if line["kind"] == kind else []
        return rows

    def play(self, steps: Iterable[Step]) -> None:
        for step in steps:
            self.hosted.play(step)

    def order_id(self, step: Step) -> str:
        return self.simulator.broker.orders[step.order].order_id_ex


def log_file(folder: Path) -> BinaryIO:
    return open(folder / "sdk.log", "wb")


@asynccontextmanager
async def sdk(edition: str, folder: Path, pem: str | None = None, *, before: Iterable[Step] = ()) -> AsyncIterator[Sdk]:
    """The SDK as a client of a simulator in which `before` was played already."""
    rsa: Rsa | None = load_rsa(pem) if pem is not None else None
    key_file = folder / "opend.pem"
    key_file.write_text(pem or "")
    simulator = OpendSimulator(rsa)
    async with host(simulator) as hosted:
        port = hosted.addresses["tcp"].rpartition(":")[2]
        arguments = [str(SCRIPT), edition, port, *([str(key_file)] if pem is not None else [])]
        with log_file(folder) as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={"HOME": str(folder), "PATH": os.environ["PATH"]},
            )
        seen = Sdk(hosted, simulator, process, folder / "sdk.log")
        seen.play(before)
        try:
            yield seen
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


def reported(rows: list[dict[str, Any]]) -> list[tuple[str, str, float, float]]:
    return [(row["order_id"], row["order_status"], row["qty"], row["dealt_qty"]) for row in rows]


def played(seen: Sdk, steps: Iterable[Step]) -> list[tuple[str, str, float, float]]:
    return [
        (
            seen.order_id(step),
            WORDS[step.status.value, step.filled != "0"],
            float(step.intent.qty),
            float(step.filled),
        )
        for step in steps
    ]


@pytest.fixture(params=["futu", "moomoo"])
def edition(request: pytest.FixtureRequest) -> str:
    """The module's name; one that is not installed is skipped."""
    name: str = request.param
    if find_spec(name) is None:
        pytest.skip(f"{name}-api is not installed")
    return name


@pytest.fixture(params=["plain", "encrypted"])
def pem(request: pytest.FixtureRequest) -> str | None:
    return new_rsa_key() if request.param == "encrypted" else None


def test_sdk_receives_every_state_that_is_played(edition: str, pem: str | None, tmp_path: Path) -> None:
    async def test() -> None:
        async with sdk(edition, tmp_path, pem) as seen:
            await seen.until_ready()
            seen.play(STEPS)

            rows = await seen.pushed("order", len(STEPS))

            assert reported(rows) == played(seen, STEPS)

    run_in_real_time(test(), DEADLINE_S)


def test_sdk_lists_the_accounts_of_the_simulator(edition: str, pem: str | None, tmp_path: Path) -> None:
    async def test() -> None:
        async with sdk(edition, tmp_path, pem) as seen:
            accounts = (await seen.until_ready())[0]["rows"]

            ours = {(account.id, "SIMULATE" if account.environment == PAPER else "REAL") for account in ACCOUNTS}
            assert {(row["acc_id"], row["trd_env"]) for row in accounts} <= ours
            assert (ACCOUNTS[1].id, "SIMULATE") in {(row["acc_id"], row["trd_env"]) for row in accounts}

    run_in_real_time(test(), DEADLINE_S)


def test_sdk_finds_what_was_played_before_it_came(edition: str, pem: str | None, tmp_path: Path) -> None:
    async def test() -> None:
        async with sdk(edition, tmp_path, pem, before=STEPS) as seen:
            lists = [line for line in await seen.until_ready() if line["kind"] == "orders"]

            last = {step.order: step for step in STEPS}
            assert sorted(reported([row for line in lists for row in line["rows"]])) == sorted(
                played(seen, last.values())
            )

    run_in_real_time(test(), DEADLINE_S)


def test_sdk_receives_fills_of_live_accounts_only(edition: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with sdk(edition, tmp_path) as seen:
            await seen.until_ready()
            seen.play(STEPS)

            [fill] = await seen.pushed("fill", 1)

            assert (fill["trd_env"], fill["order_id"]) == ("REAL", seen.order_id(STEPS[2]))
            assert fill["qty"] == float(STEPS[2].filled)

    run_in_real_time(test(), DEADLINE_S)


def test_sdk_asks_nothing_the_simulator_does_not_know(edition: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with sdk(edition, tmp_path) as seen:
            await seen.until_ready()

            assert seen.simulator.refused == []

    run_in_real_time(test(), DEADLINE_S)
