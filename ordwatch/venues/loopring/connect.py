"""What each attempt to connect, and each query, needs first: a ticket, the tokens' decimals, an address."""

from urllib.parse import quote, urlsplit

from ordwatch.core.errors import Refused
from ordwatch.venues.contract import Call, Emit, Endpoint, Opening, QueryResult, QuerySpec, Setup, http
from ordwatch.venues.loopring.orders import Origin, pair
from ordwatch.venues.loopring.protocol_versions import PROFILES, Profile
from ordwatch.venues.loopring.query import OrderQuery, fetch_decimals
from ordwatch.venues.loopring.rest import Access, ticket, ticket_request
from ordwatch.venues.loopring.session import SILENCE_S, LoopringSession
from ordwatch.venues.loopring.settings import LoopringSettings


async def open_connection(setup: Setup[LoopringSettings], call: Call) -> Opening:
    """Fetch the decimals and a fresh ticket, last of all: one ticket is good for one connection."""
    settings, profile = setup.settings, PROFILES[setup.settings.protocol]
    access = _access(settings)
    origin = await _origin(setup, access, call)
    session = LoopringSession(
        origin,
        settings.markets,
        settings.api_key,
        as_args=profile.args,
        raw=setup.raw,
        silence_s=SILENCE_S if settings.silence_timeout is None else settings.silence_timeout,
    )
    url = settings.ws_url or profile.ws_url
    key = await _ticket(profile, access, call)
    endpoint = Endpoint(transport="websocket", shown=_shown(url), url=_with_ticket(url, key) if key else url)
    return Opening(endpoint, session)


async def query(setup: Setup[LoopringSettings], ask: QuerySpec, call: Call, emit: Emit) -> QueryResult:
    """Ask for orders of the configured markets; see query.py."""
    access = _access(setup.settings)
    query_run = OrderQuery(
        access=access,
        origin=await _origin(setup, access, call),
        markets=frozenset(pair(market).symbol for market in setup.settings.markets),
        call=call,
        emit=emit,
        raw=setup.raw,
    )
    return await query_run.run(ask)


def _access(settings: LoopringSettings) -> Access:
    profile = PROFILES[settings.protocol]
    return Access(
        profile=profile,
        base_url=settings.rest_url or profile.rest_url,
        api_key=settings.api_key.reveal(),
        account_id=settings.account_id,
    )


async def _origin(setup: Setup[LoopringSettings], access: Access, call: Call) -> Origin:
    return Origin(setup.name, setup.settings.account_id, await fetch_decimals(access, call))


async def _ticket(profile: Profile, access: Access, call: Call) -> str | None:
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
