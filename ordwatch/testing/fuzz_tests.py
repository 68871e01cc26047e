"""Damaged input, in memory: what a venue's client and session must make of anything they are sent."""

import re
from collections.abc import Iterable, Iterator
from random import Random
from typing import get_args

import msgspec

from ordwatch.core.conversion import order_record
from ordwatch.core.errors import ConfigError, VenueError
from ordwatch.core.events import (
    Closed,
    Interrupted,
    Notice,
    OrderUpdate,
    Progress,
    Ready,
    Reject,
    SessionEvent,
)
from ordwatch.simulators.scenario import one_of_each
from ordwatch.testing.conversation import Conversation
from ordwatch.testing.damage import spoil
from ordwatch.venues.contract import HttpReply, HttpRequest, Payload

ROUNDS = 100
FRAMES_A_ROUND = 25
LIFECYCLE = one_of_each()

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_AMOUNTS = ("qty", "filled_qty", "remaining_qty", "price", "stop_price", "avg_price", "filled_value", "fee")


class FuzzTests:
    """Tests of the venue `kind`, with what its simulator sends as the beginning of all damage."""

    def test_its_kind_is_described_as_the_contract_says(self, kind: str) -> None:
        talk = Conversation(kind)
        venue = talk.venue

        assert venue.kind == kind
        assert set(venue.credentials) <= set(venue.settings.__struct_fields__)
        assert venue.extra() is not None, "every field of `extra` has a default"
        assert not [secret for secret in talk.secrets if secret in repr((talk.setup, talk.client))]
        assert talk.client.connections >= 1

    def test_it_is_ready_in_memory_and_its_orders_are_as_the_contract_says(self, kind: str) -> None:
        talk = Conversation(kind)
        events = talk.connect()
        talk.play(LIFECYCLE)
        events += talk.exchange()
        result = talk.query()

        assert any(isinstance(event, Ready) for event in events)
        assert any(isinstance(event, OrderUpdate) for event in events)
        assert not [event for event in events if isinstance(event, Closed | Reject)]
        assert result is not None
        _check_events(talk, events)
        _check_orders(talk, talk.orders, "query")

    def test_it_sends_only_what_is_on_its_list(self, kind: str) -> None:
        talk = Conversation(kind)
        talk.play(LIFECYCLE[:4])
        talk.connect()
        talk.play(LIFECYCLE[4:])
        talk.exchange()
        assert talk.plan is not None
        talk.plan.session.heartbeat(talk.now_ns)
        talk.exchange()
        talk.query(
            open_orders=[msgspec.structs.replace(row, order_id=f"9{row.order_id}") for row in _first_orders(kind)]
        )
        if talk.plan.keepalive is not None:
            talk.sent.append(talk.plan.keepalive.request)

        assert talk.sent or talk.plan.endpoint.url, "nothing was sent at all"
        _check_sent(talk)

    def test_its_list_of_what_only_reads_is_no_list_of_everything(self, kind: str) -> None:
        only_reads = Conversation(kind).venue.only_reads
        elsewhere = HttpRequest(name="x", url="https://example.com/no/such/path", method="POST")
        nonsense: list[HttpRequest | Payload] = [elsewhere, b"no such message", "no such message", "", b""]

        assert not any(map(only_reads, nonsense)), "the list allows what is no request of the venue"

    def test_damaged_frames_never_raise_and_show_no_secret(self, kind: str) -> None:
        good = _frames(kind)
        for number in range(ROUNDS):
            random = Random(f"{kind} frames {number}")
            talk = Conversation(kind)
            events = talk.connect()
            for _ in range(FRAMES_A_ROUND):
                data = spoil(random.choice(good), random, talk.secrets)
                events += talk.receive(data)
                assert talk.plan is not None
                assert talk.plan.session.last_message_ns <= talk.now_ns
            _check_events(talk, events)
            _check_sent(talk)

    def test_damage_before_the_subscription_never_raises_and_shows_no_secret(self, kind: str) -> None:
        for number in range(ROUNDS):
            random = Random(f"{kind} login {number}")
            talk = Conversation(kind)
            talk.spoil_frame = lambda data, random=random, talk=talk: spoil(data, random, talk.secrets)  # type: ignore[misc]  # binds what the loop gives
            _check_events(talk, talk.connect())
            _check_sent(talk)

    def test_damaged_answers_raise_nothing_but_venue_errors_and_show_no_secret(self, kind: str) -> None:
        held = _first_orders(kind)
        for number in range(ROUNDS):
            random = Random(f"{kind} answers {number}")
            talk = Conversation(kind)
            talk.play(LIFECYCLE)
            talk.connect()
            share = random.choice([0.2, 1.0])
            talk.spoil_frame = lambda data, random=random, talk=talk, share=share: (  # type: ignore[misc]  # as above
                spoil(data, random, talk.secrets) if random.random() < share else data
            )
            talk.spoil_reply = lambda reply, random=random, talk=talk, share=share: (  # type: ignore[misc]  # as above
                _spoiled_reply(reply, random, talk) if random.random() < share else reply
            )
            try:
                result = talk.query(open_orders=held)
            except (VenueError, ConfigError) as exc:
                _check_messages(talk, [str(exc)])
            else:
                _check_messages(talk, [*result.limits, *result.refused, *result.refused.values()])
            _check_orders(talk, talk.orders, "query")
            _check_sent(talk)

    def test_damaged_answers_before_dialling_raise_nothing_but_venue_errors(self, kind: str) -> None:
        for number in range(ROUNDS):
            random = Random(f"{kind} opening {number}")
            talk = Conversation(kind)
            talk.spoil_reply = lambda reply, random=random, talk=talk: _spoiled_reply(reply, random, talk)  # type: ignore[misc]  # as above
            try:
                _check_events(talk, talk.connect())
            except (VenueError, ConfigError) as exc:
                _check_messages(talk, [str(exc)])
            _check_sent(talk)


def _frames(kind: str) -> list[bytes]:
    talk = Conversation(kind)
    talk.connect()
    talk.play(LIFECYCLE)
    talk.exchange()
    return talk.received


def _first_orders(kind: str) -> list[OrderUpdate]:
    """Orders that may be held as open when a query begins."""
    talk = Conversation(kind)
    talk.connect()
    talk.play(LIFECYCLE[:3])
    return [event for event in talk.exchange() if isinstance(event, OrderUpdate)][:3]


def _spoiled_reply(reply: HttpReply, random: Random, talk: Conversation) -> HttpReply:
    status = random.choice([reply.status, reply.status, 200, 400, 401, 403, 404, 418, 429, 500, 503])
    return msgspec.structs.replace(reply, status=status, body=spoil(reply.body, random, talk.secrets))


def _check_events(talk: Conversation, events: Iterable[SessionEvent]) -> None:
    events = list(events)
    assert all(isinstance(event, get_args(SessionEvent)) for event in events)
    assert not any(isinstance(event, Closed) for event in events[:-1]), "`Closed` is the last event there ever is"
    for event in events:
        if isinstance(event, Closed):
            assert isinstance(event.error, VenueError | ConfigError)
        if isinstance(event, Reject):
            assert event.venue == talk.setup.name
            assert len(event.data) <= max(event.size, 64 * 1024)
    _check_messages(talk, _messages(events))
    _check_orders(talk, (event for event in events if isinstance(event, OrderUpdate)), "push")


def _messages(events: Iterable[SessionEvent]) -> Iterator[str]:
    for event in events:
        match event:
            case Closed():
                yield str(event.error)
            case Reject():
                yield f"{event.reason} {event.data.decode('latin-1')}"
            case Notice():
                yield event.text
            case Interrupted() | Progress():
                yield event.detail or ""
            case _:
                pass


def _check_messages(talk: Conversation, messages: Iterable[str]) -> None:
    for text in messages:
        shown = [secret for secret in talk.secrets if secret.lower() in text.lower()]
        assert not shown, f"a message shows a secret: {text[:200]}"


def _check_orders(talk: Conversation, orders: Iterable[OrderUpdate], source: str) -> None:
    for order in orders:
        assert (order.venue, order.source) == (talk.setup.name, source)
        assert order.order_id
        assert type(order.extra) is talk.venue.extra
        for name in _AMOUNTS:
            amount = getattr(order, name)
            assert amount is None or _DECIMAL.fullmatch(amount), f"{name} is no plain decimal: {amount!r}"
        for time_ns in (order.created_ns, order.updated_ns):
            assert time_ns is None or (time_ns > 0 and time_ns % 1000 == 0), "times are whole microseconds"
        record = order_record(order, prev_status=None, gap=None, changed=(), flags=())
        msgspec.json.encode(record)


def _check_sent(talk: Conversation) -> None:
    for sent in talk.sent:
        name = sent.name if isinstance(sent, HttpRequest) else "a message over the connection"
        assert talk.venue.only_reads(sent), f"{name} is not on the list of what only reads"
