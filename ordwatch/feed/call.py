"""How queries and openings ask: over REST, or over the venue's own connection; within the venue's rates."""

from collections.abc import Sequence
from time import monotonic_ns

from ordwatch.feed.backoff import Rates
from ordwatch.feed.http import Http
from ordwatch.feed.link import Link
from ordwatch.venues.contract import HttpRequest, Rate, RequestT


class Caller:
    """The `Call` of one venue."""

    def __init__(self, rates: Rates, http: Http, links: Sequence[Link]) -> None:
        self._rates = rates
        self._http = http
        self._links = links
        self.sent_ns = 0
        """When the last request was sent, ns of the monotonic clock."""

    async def __call__(self, request: RequestT, /) -> object:
        """The answer, whichever way it comes; errors as contract.Call says."""
        if isinstance(request, HttpRequest):
            return await self._http.send(request, self._note_sending)
        for rate in request.rates:
            await self._rates.wait(rate)
        self._note_sending()
        return await self._links[0].ask(request)

    def take(self, rate: Rate) -> bool:
        """Take one place of `rate` without waiting."""
        return self._rates.take(rate)

    def _note_sending(self) -> None:
        self.sent_ns = monotonic_ns()
