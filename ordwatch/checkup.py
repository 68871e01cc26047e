"""What `ordwatch check` finds out: one verdict a step for each venue, by the very engine that tails it.

Changes nothing at a venue: it asks what a run asks first, and hangs up.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ordwatch.errors import AuthError, ConfigError, OrdwatchError
from ordwatch.feed.coverage import Coverage
from ordwatch.feed.supervisor import Feed
from ordwatch.feed.transport import tls_context
from ordwatch.model import FeedEvent, LinkState, LinkUpdate, OrderUpdate, Vitals
from ordwatch.text import safe_text
from ordwatch.venues.contract import AnyVenue, Endpoint, Setup, VenueSettings

PROBE_S = 10.0
CLOCK_SLACK_S = 2.0

_STEPS: tuple[tuple[LinkState, str], ...] = (
    ("authenticating", "login"),
    ("subscribing", "subscription"),
    ("reconciling", "query"),
    ("live", "live"),
)


@dataclass(frozen=True)
class Verdict:
    """One line of a check."""

    venue: str
    step: str
    ok: bool
    detail: str
    remedy: str | None = None
    exit_code: int = 0
    """What `tail` would end with for this."""


async def check_venue(venue: AnyVenue, setup: Setup[VenueSettings]) -> list[Verdict]:
    """Name lookup, TCP, TLS, login, subscription, query, clock; ends with the first step that fails."""
    verdicts: list[Verdict] = []
    seen = _Seen()
    vitals = Vitals()
    feed = Feed(
        venue,
        setup,
        emit=seen.take,
        open_orders=lambda: list(seen.orders.values()),
        vitals=vitals,
        coverage=Coverage(setup.name),
    )
    try:
        opening = await venue.open(feed.parts[0], feed.call)
        verdicts += await _reach(setup.name, opening.endpoint)
    except (OrdwatchError, OSError) as exc:
        return [*verdicts, _no(setup.name, "reach", exc)]
    finally:
        await feed.close()
    if all(verdict.ok for verdict in verdicts):
        verdicts += await _talk(setup, venue, feed, seen, vitals)
    return verdicts


async def _reach(name: str, endpoint: Endpoint) -> list[Verdict]:
    host, port, tls = _address(endpoint)
    try:
        async with asyncio.timeout(PROBE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as exc:
        return [_no(name, "name lookup", exc, f"is {safe_text(host, 80)} the right host, and does DNS work here?")]
    addresses = ", ".join(dict.fromkeys(str(info[4][0]) for info in found))
    verdicts = [Verdict(name, "name lookup", True, f"{safe_text(host, 80)} is {addresses}")]
    began = time.perf_counter()
    try:
        async with asyncio.timeout(PROBE_S):
            _, writer = await asyncio.open_connection(host, port, ssl=tls_context() if tls else None)
            writer.transport.abort()
    except (OSError, TimeoutError) as exc:
        step = "TLS" if isinstance(exc, ssl.SSLError) else "TCP"
        return [*verdicts, _no(name, step, exc, endpoint.hint or f"is {endpoint.shown} the right address?")]
    took = f"{(time.perf_counter() - began) * 1000:.1f} ms"
    return [*verdicts, Verdict(name, "TLS" if tls else "TCP", True, f"{endpoint.shown} in {took}")]


def _address(endpoint: Endpoint) -> tuple[str, int, bool]:
    if endpoint.transport == "tcp":
        return endpoint.host, endpoint.port, False
    url = urlsplit(endpoint.url)
    tls = url.scheme == "wss"
    return url.hostname or "", url.port or (443 if tls else 80), tls


async def _talk(
    setup: Setup[VenueSettings], venue: AnyVenue, feed: Feed, seen: "_Seen", vitals: Vitals
) -> list[Verdict]:
    running = asyncio.create_task(feed.run())
    ended = asyncio.create_task(seen.ended.wait())
    limit_s = setup.settings.attempt_timeout + PROBE_S
    try:
        await asyncio.wait([running, ended], timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (running, ended):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await running
    return [*_stages(setup.name, venue, feed, seen, limit_s), *_clock(setup.name, vitals)]


def _stages(name: str, venue: AnyVenue, feed: Feed, seen: "_Seen", limit_s: float) -> list[Verdict]:
    reached = {state for state, _ in seen.states}
    verdicts: list[Verdict] = []
    for state, step in _STEPS[:-1]:
        after = _STEPS[[s for s, _ in _STEPS].index(state) + 1 :]
        if any(later in reached for later, _ in after):
            verdicts.append(Verdict(name, step, True, _told(step, seen)))
        elif state in reached or state == "authenticating":
            return [*verdicts, _failed(name, step, venue, feed, seen, limit_s)]
    return verdicts


def _told(step: str, seen: "_Seen") -> str:
    if step != "query":
        return "accepted"
    return f"{len(seen.orders)} orders, answered in {seen.query_ms:.0f} ms"


def _failed(name: str, step: str, venue: AnyVenue, feed: Feed, seen: "_Seen", limit_s: float) -> Verdict:
    if isinstance(feed.failure, AuthError):
        keys = ", ".join(f"`{key}`" for key in venue.credentials)
        return _no(name, step, feed.failure, f"check {keys} in the configuration" if keys else None)
    if feed.failure is not None:
        return _no(name, step, feed.failure)
    detail = next((detail for _, detail in reversed(seen.states) if detail), None)
    return Verdict(name, step, False, detail or f"no answer within {limit_s:g} s", None, 69)


def _clock(name: str, vitals: Vitals) -> list[Verdict]:
    offset_s = vitals.clock_offset_s
    if offset_s is None:
        return []
    ok = abs(offset_s) <= CLOCK_SLACK_S
    remedy = None if ok else "set this machine's clock (NTP); times of records are compared with the venue's"
    return [Verdict(name, "clock", ok, f"the venue's is {offset_s:+.1f} s from ours", remedy)]


def _no(name: str, step: str, error: BaseException, remedy: str | None = None) -> Verdict:
    code = error.exit_code if isinstance(error, AuthError | ConfigError) else 69
    if isinstance(error, ssl.SSLCertVerificationError):
        words = error.verify_message
    elif isinstance(error, OSError):
        words = error.strerror or "timed out"
    else:
        words = str(error)
    return Verdict(name, step, False, safe_text(words, 300), remedy, code)


class _Seen:
    """What a feed says while it is checked."""

    def __init__(self) -> None:
        self.states: list[tuple[LinkState, str | None]] = []
        self.orders: dict[object, OrderUpdate] = {}
        self.ended = asyncio.Event()
        self.query_ms = 0.0
        self._asked_s = 0.0

    async def take(self, events: Sequence[FeedEvent]) -> None:
        """The emit of the feed."""
        for event in events:
            if isinstance(event, OrderUpdate):
                self.orders[event.key] = event
            elif isinstance(event, LinkUpdate):
                self._state(event)

    def _state(self, link: LinkUpdate) -> None:
        self.states.append((link.state, link.detail))
        if link.state == "reconciling":
            self._asked_s = time.perf_counter()
        elif link.state == "live":
            self.query_ms = (time.perf_counter() - self._asked_s) * 1000
        if link.state in ("live", "down", "failed") or (link.state == "reconciling" and link.detail):
            self.ended.set()
