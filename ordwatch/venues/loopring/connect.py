"""Loopring's settings, and what each attempt to connect needs: a ticket, the tokens' decimals, an address."""

from collections.abc import Sequence
from urllib.parse import quote, urlsplit

import msgspec

from ordwatch.errors import Refused
from ordwatch.secret import Secret
from ordwatch.venues.addresses import check_url
from ordwatch.venues.contract import Ask, Call, Emit, Endpoint, Opening, Report, Setup, VenueSettings, http
from ordwatch.venues.loopring.orders import Origin, pair
from ordwatch.venues.loopring.profiles import PROFILES, Profile, Protocol
from ordwatch.venues.loopring.query import Inquiry, fetch_decimals
from ordwatch.venues.loopring.rest import Access, ticket, ticket_request
from ordwatch.venues.loopring.session import SILENCE_S, LoopringSession


class LoopringSettings(VenueSettings, frozen=True, kw_only=True):
    """One account, and the markets whose orders are watched."""

    api_key: Secret
    account_id: str
    markets: tuple[str, ...]
    protocol: Protocol = "v3"
    ws_url: str | None = None
    """The whole endpoint, path included; None: the protocol's own."""
    rest_url: str | None = None
    """The base, without a path; None: the protocol's own."""

    def check(self) -> None:
        """Refuse what types cannot.

        Raises:
            ValueError: Says which key and why.
        """
        if not (self.account_id.isascii() and self.account_id.isdigit()):
            raise ValueError("account_id: expected digits in quotes")
        if not self.markets:
            raise ValueError("markets: expected at least one market")
        for market in self.markets:
            if not pair(market).base:
                raise ValueError("markets: expected names such as LRC-ETH")
        if self.ws_url is not None:
            check_url("ws_url", self.ws_url, secure="wss", plain="ws", allow_plaintext=self.allow_plaintext)
        if self.rest_url is not None:
            check_url("rest_url", self.rest_url, secure="https", plain="http", allow_plaintext=self.allow_plaintext)


def split(settings: LoopringSettings) -> Sequence[LoopringSettings]:
    """The settings of each connection: as many markets on one as the protocol takes, doubles removed."""
    markets = tuple(dict.fromkeys(market.upper() for market in settings.markets))
    count = PROFILES[settings.protocol].markets_per_connection
    return [
        msgspec.structs.replace(settings, markets=markets[first : first + count])
        for first in range(0, len(markets), count)
    ]


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


async def query(setup: Setup[LoopringSettings], ask: Ask, call: Call, emit: Emit) -> Report:
    """Ask for orders of the configured markets; see query.py."""
    access = _access(setup.settings)
    inquiry = Inquiry(
        access=access,
        origin=await _origin(setup, access, call),
        markets=frozenset(pair(market).symbol for market in setup.settings.markets),
        call=call,
        emit=emit,
        raw=setup.raw,
    )
    return await inquiry.run(ask)


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
