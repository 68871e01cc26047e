"""Time that passes only while a test waits."""

import asyncio
import time
from threading import Event

import pytest

from ordwatch.engine.moment import moment
from ordwatch.engine.rates import Rates
from ordwatch.testing.simulated_time import run_in_simulated_time
from ordwatch.venues.contract import Rate

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


def test_all_clocks_show_what_was_waited() -> None:
    async def test() -> None:
        before, loop_s = moment(), asyncio.get_running_loop().time()
        await asyncio.sleep(HOUR_S)
        after = moment()

        assert [now - then for then, now in zip(before, after, strict=True)] == [
            pytest.approx(HOUR_S * 1e9, rel=1e-6)
        ] * 3
        assert asyncio.get_running_loop().time() - loop_s == pytest.approx(HOUR_S)

    run_in_simulated_time(test())


def test_timers_are_due_in_their_order() -> None:
    due: list[float] = []

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)
        due.append(seconds)

    async def test() -> None:
        await asyncio.gather(*map(wait, (DAY_S, 1.0, HOUR_S)))

    run_in_simulated_time(test())

    assert due == [1.0, HOUR_S, DAY_S]


def test_rates_of_venues_are_kept_in_simulated_time() -> None:
    async def test() -> None:
        rates, rate, began_s = Rates(), Rate("hourly", 2, HOUR_S), time.monotonic()
        for _ in range(5):
            await rates.wait(rate)

        assert time.monotonic() - began_s == pytest.approx(2 * HOUR_S, rel=1e-3)

    run_in_simulated_time(test())


def test_what_was_sent_arrives_before_time_passes() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        await writer.drain()
        writer.close()

    async def test() -> None:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server, asyncio.timeout(DAY_S):
            began_s = time.monotonic()
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello")

            assert await reader.readexactly(5) == b"hello"
            assert time.monotonic() - began_s < HOUR_S
            writer.close()
            await writer.wait_closed()

    run_in_simulated_time(test())


def test_no_time_passes_while_a_thread_works() -> None:
    async def test() -> None:
        async with asyncio.timeout(1.0):
            await asyncio.get_running_loop().run_in_executor(None, Event().wait, 0.05)

    run_in_simulated_time(test())


def test_a_time_out_is_one_in_simulated_time_too() -> None:
    async def test() -> None:
        async with asyncio.timeout(DAY_S):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run_in_simulated_time(test())


def test_clocks_are_true_again_after_a_test_that_failed() -> None:
    before = time.monotonic, time.monotonic_ns, time.time_ns, time.clock_gettime_ns

    async def test() -> None:
        assert time.monotonic is not before[0]
        raise KeyError("a failed test")

    with pytest.raises(KeyError):
        run_in_simulated_time(test())

    assert (time.monotonic, time.monotonic_ns, time.time_ns, time.clock_gettime_ns) == before
