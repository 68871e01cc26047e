"""What each attempt to connect, and each query, needs first: a ticket, the tokens' decimals, an address."""

import asyncio
from urllib.parse import quote, urlsplit

from ordwatch.core.errors import ConnectionLost, Refused, RemoteProtocolError
from ordwatch.venues.contract import Call, ConnectionPlan, Emit, Endpoint, QueryResult, QuerySpec, Setup, http
from ordwatch.venues.loopring.learned import Learned
from ordwatch.venues.loopring.orders import Origin, pair, unscaled_tokens
from ordwatch.venues.loopring.protocol_versions import PROTOCOLS, ProtocolVersion
from ordwatch.venues.loopring.query import OrderQuery
from ordwatch.venues.loopring.rest import Access, ticket, ticket_request, token_decimals, tokens_request
from ordwatch.venues.loopring.session import SILENCE_S, LoopringSession
from ordwatch.venues.loopring.settings import LoopringSettings

TOKENS_TIMEOUT_S = 4.0
"""How long the list of tokens may hold up a connection or a query; without it amounts come later."""


async def open_connection(setup: Setup[LoopringSettings], known: Learned, call: Call) -> ConnectionPlan:
    """Fetch the decimals and a fresh ticket, last of all: one ticket is good for one connection."""
    settings, profile = setup.settings, PROTOCOLS[setup.settings.protocol]
    access = _access(settings)
    await _learn_decimals(setup, known, access, call)
    session = LoopringSession(
        _origin(setup, known),
        settings.markets,
        settings.api_key,
        as_args=profile.args,
        raw=setup.raw,
        refused_markets=known.refused_markets,
        silence_s=SILENCE_S if settings.silence_timeout is None else settings.silence_timeout,
    )
    url = settings.ws_url or profile.ws_url
    key = await _ticket(profile, access, call)
    endpoint = Endpoint(transport="websocket", shown=_shown(url), url=_with_ticket(url, key) if key else url)
    return ConnectionPlan(endpoint, session)


async def query(setup: Setup[LoopringSettings], known: Learned, spec: QuerySpec, call: Call, emit: Emit) -> QueryResult:
    """Query orders of the configured markets; see query.py."""
    access = _access(setup.settings)
    query_run = OrderQuery(
        access=access,
        origin=_origin(setup, known),
        markets=frozenset(pair(market).symbol for market in setup.settings.markets),
        known=known,
        lacks_tokens=not await _learn_decimals(setup, known, access, call),
        call=call,
        emit=emit,
        raw=setup.raw,
    )
    return await query_run.run(spec)


async def _learn_decimals(setup: Setup[LoopringSettings], known: Learned, access: Access, call: Call) -> bool:
    """Ask for the decimals that are missing; False when the list could not be had, so that it is to be asked again.

    Raises:
        AuthError: The venue refuses the key.
    """
    if not unscaled_tokens(setup.settings.markets, known.decimals):
        return True
    try:
        async with asyncio.timeout(TOKENS_TIMEOUT_S):
            known.decimals |= token_decimals(await http(call, tokens_request(access)), access)
    except (Refused, RemoteProtocolError, ConnectionLost, TimeoutError):
        known.searches = 2
        return False
    return True


def _access(settings: LoopringSettings) -> Access:
    profile = PROTOCOLS[settings.protocol]
    return Access(
        profile=profile,
        base_url=settings.rest_url or profile.rest_url,
        api_key=settings.api_key.reveal(),
        account_id=settings.account_id,
    )


def _origin(setup: Setup[LoopringSettings], known: Learned) -> Origin:
    return Origin(setup.name, setup.settings.account_id, known.decimals)


async def _ticket(profile: ProtocolVersion, access: Access, call: Call) -> str | None:
    if profile.ticket_path is None:
        return None
    try:
        return ticket(await http(call, ticket_request(access)), access)
    except Refused:
        if profile.ticket_required:
            raise
        return None


def _with_ticket(url: str, key: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}wsApiKey={quote(key, safe='')}"


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
