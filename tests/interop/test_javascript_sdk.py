"""The official JavaScript SDK, in both editions, takes our simulator's WebSocket for an OpenD's.

Its packages come from npm, into a temporary folder. Without node 20, npm or a registry in reach these are skipped.
"""

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ordwatch.simulators.contract import Step
from ordwatch.simulators.host import Hosted, host
from ordwatch.simulators.opend.fills import UPDATE_ORDER_FILL
from ordwatch.simulators.opend.orders import ACCOUNTS, LIVE
from ordwatch.simulators.opend.simulator import OpendSimulator
from ordwatch.simulators.scenario import one_of_each
from ordwatch.venues.opend.messages import UPDATE_ORDER
from tests.support.runs import run_in_real_time

DEADLINE_S = 30.0
INSTALL_S = 120
SCRIPT = Path(__file__).with_name("official_sdk.mjs")
PACKAGES = {"futu-api": "10.11.7108", "moomoo-api": "9.6.5608"}
STEPS = one_of_each()


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which node finds the packages."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("node or npm is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    if int(version.strip("v\n").split(".")[0]) < 20:
        pytest.skip(f"node {version.strip()} has no WebSocket of its own")
    folder = tmp_path_factory.mktemp("npm")
    wanted = [f"{name}@{number}" for name, number in PACKAGES.items()]
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--no-save", "--fetch-retries=0"]
    try:
        subprocess.run(
            [npm, "install", "--prefix", str(folder), *quiet, *wanted],
            cwd=folder,
            env={**os.environ, "npm_config_cache": str(folder / "cache")},  # which registry is the user's to say
            capture_output=True,
            check=True,
            timeout=INSTALL_S,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        pytest.skip("the packages cannot be installed from npm")
    return folder


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
        assert said["kind"] != "failed", said
        return said

    async def until_ready(self) -> list[dict[str, Any]]:
        """What it says before "ready"."""
        said = []
        while (line := await self.line())["kind"] != "ready":
            said.append(line)
        return said

    async def pushed(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Proto id and payload of the next pushes."""
        lines = [(await self.line())["body"] for _ in range(count)]
        return [(line["cmd"], line["response"]["s2c"]) for line in lines]

    def state(self, step: Step) -> tuple[str, int]:
        """The id of the order that is played, and how much of it is filled by this step."""
        return str(self.simulator.broker.orders[step.order].order_id), int(step.filled)


@asynccontextmanager
async def sdk(
    modules: Path, package: str, folder: Path, *, key: str | None = None, header_errors: bool = False
) -> AsyncIterator[Sdk]:
    """The SDK as a client of a simulator in which STEPS were played already."""
    simulator = OpendSimulator()
    simulator.fault("header_errors", header_errors)
    async with host(simulator) as hosted:
        for step in STEPS:
            hosted.play(step)
        port = hosted.addresses["websocket"].rpartition(":")[2]
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(open(folder / "sdk.log", "wb"))  # noqa: ASYNC230
            process = await asyncio.create_subprocess_exec(
                "node",
                "--experimental-websocket",
                *(str(SCRIPT), package, port, key or simulator.websocket_key),
                cwd=modules,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={"HOME": str(folder), "PATH": os.environ["PATH"]},
            )
        try:
            yield Sdk(hosted, simulator, process, folder / "sdk.log")
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_sdk_lists_the_accounts_and_what_was_played_before_it_came(modules: Path, package: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with sdk(modules, package, tmp_path) as seen:
            accounts, *lists = await seen.until_ready()

            orders = [order for line in lists for order in line["body"]]
            last = {step.order: step for step in STEPS}
            assert [each["accID"] for each in accounts["body"]] == [str(account.id) for account in ACCOUNTS]
            assert sorted((each["orderID"], each["fillQty"]) for each in orders) == sorted(
                map(seen.state, last.values())
            )
            assert seen.simulator.refused == []

    run_in_real_time(test(), DEADLINE_S)


def test_sdk_receives_every_state_and_fill_that_is_played(modules: Path, package: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with sdk(modules, package, tmp_path) as seen:
            await seen.until_ready()
            steps = one_of_each("later")
            for step in steps:
                seen.hosted.play(step)
            played = seen.simulator.broker.orders
            fills = sum(played[name].fills for name in {step.order for step in steps})

            pushes = await seen.pushed(len(steps) + fills)

            orders = [s2c["order"] for proto_id, s2c in pushes if proto_id == UPDATE_ORDER]
            environments = {s2c["header"]["trdEnv"] for proto_id, s2c in pushes if proto_id == UPDATE_ORDER_FILL}
            assert [(each["orderID"], each["fillQty"]) for each in orders] == list(map(seen.state, steps))
            assert environments == {LIVE}

    run_in_real_time(test(), DEADLINE_S)


@pytest.mark.parametrize("header_errors", [False, True], ids=["retType", "header"])
def test_sdk_understands_that_its_key_is_wrong(
    modules: Path, package: str, tmp_path: Path, header_errors: bool
) -> None:
    async def test() -> None:
        async with sdk(modules, package, tmp_path, key="another", header_errors=header_errors) as seen:
            assert (await seen.line())["kind"] == "refused"

    run_in_real_time(test(), DEADLINE_S)
