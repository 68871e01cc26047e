"""Frames on TCP and headers on WebSocket."""

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordwatch.core.errors import RemoteProtocolError
from ordwatch.venues.opend.frames import (
    MAX_ANSWER_BYTES,
    MAX_PUSH_BYTES,
    Frame,
    FrameReader,
    check_length,
    is_sound,
    read_ws_answer,
    read_ws_request,
    write_frame,
    write_ws_answer,
    write_ws_request,
)

KEEP_ALIVE = 1004


def feed(*chunks: bytes) -> list[Frame]:
    """The frames a fresh reader finds in `chunks`."""
    reader = FrameReader()
    return [frame for chunk in chunks for frame in reader.feed(chunk)]


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def with_tail(data: bytes) -> list[bytes]:
    return [data + data[:20]]


def twice(data: bytes) -> list[bytes]:
    return [data[:50], data[50:] + data]


@pytest.mark.parametrize("cut", [whole, byte_by_byte, with_tail, twice], ids=lambda cut: cut.__name__)
def test_reads_a_frame_however_it_is_cut(cut: Callable[[bytes], list[bytes]], vectors: dict[str, str]) -> None:
    frame = feed(*cut(bytes.fromhex(vectors["keep_alive_frame"])))[0]

    assert (frame.proto_id, frame.serial, frame.body_format) == (KEEP_ALIVE, 7, 0)
    assert frame.body.hex() == vectors["keep_alive_body"]
    assert is_sound(frame.body, frame.sha1)


def test_writes_the_frame_of_the_vector(vectors: dict[str, str]) -> None:
    body = bytes.fromhex(vectors["keep_alive_body"])

    assert write_frame(KEEP_ALIVE, 7, body).hex() == vectors["keep_alive_frame"]


def test_an_encrypted_frame_carries_its_own_length_and_the_sha1_of_the_plain_body(vectors: dict[str, str]) -> None:
    body, encrypted = (bytes.fromhex(vectors[name]) for name in ("keep_alive_body", "ftaes_ecb"))

    frame = feed(write_frame(KEEP_ALIVE, 7, body, encrypted))[0]

    assert frame.body == encrypted
    assert is_sound(body, frame.sha1)


def test_an_empty_body_makes_a_frame_at_once() -> None:
    assert [frame.body for frame in feed(write_frame(KEEP_ALIVE, 1, b""))] == [b""]


@pytest.mark.parametrize("position", range(44, 52))
def test_a_wrong_byte_in_the_body_is_not_sound(position: int, vectors: dict[str, str]) -> None:
    data = bytearray.fromhex(vectors["keep_alive_frame"])
    data[position] ^= 1

    frame = feed(bytes(data))[0]

    assert not is_sound(frame.body, frame.sha1)


@pytest.mark.parametrize(
    ("position", "value", "words"),
    [
        (0, b"X", "not an OpenD frame"),
        (1, b"X", "not an OpenD frame"),
        (7, b"\1", "protocol version 1"),
        (12, b"\xff\xff\xff\xff", "at most 16777216"),
        (12, (MAX_PUSH_BYTES + 1).to_bytes(4, "little"), "at most 16777216"),
    ],
)
def test_a_wrong_header_ends_the_stream_after_the_good_frames(
    position: int, value: bytes, words: str, vectors: dict[str, str]
) -> None:
    good = bytes.fromhex(vectors["keep_alive_frame"])
    bad = good[:position] + value + good[position + len(value) :]
    reader = FrameReader()

    frames = reader.feed(good + bad + good)

    assert len(frames) == 1
    assert words in str(reader.damage)
    assert reader.feed(good) == []


@pytest.mark.parametrize("garbage", [b"H", b"HTTP/1.1 400", b"FX", b"\0" * 3])
def test_garbage_is_seen_before_a_header_is_complete(garbage: bytes) -> None:
    reader = FrameReader()

    reader.feed(garbage)

    assert isinstance(reader.damage, RemoteProtocolError)


def header(length: int, proto_id: int = 2201, serial: int = 9) -> bytes:
    """A frame's header alone."""
    return write_frame(proto_id, serial, b"")[:12] + length.to_bytes(4, "little") + bytes(28)


@pytest.mark.parametrize("length", [MAX_PUSH_BYTES + 1, MAX_ANSWER_BYTES])
def test_an_answer_that_was_asked_for_may_be_longer_than_a_push(length: int) -> None:
    reader = FrameReader()
    reader.feed(header(length), {(2201, 9)})

    assert (reader.damage, reader.growing) == (None, (2201, 9))


@pytest.mark.parametrize("asked", [{(2201, 8)}, {(2221, 9)}, set()], ids=["serial", "id", "none"])
def test_what_was_not_asked_for_may_not(asked: set[tuple[int, int]]) -> None:
    reader = FrameReader()
    reader.feed(header(MAX_PUSH_BYTES + 1), asked)

    assert str(reader.damage) == "a body of 16777217 bytes, at most 16777216 are accepted for a push"


def test_an_answer_beyond_256_mib_is_not_believed() -> None:
    reader = FrameReader()
    reader.feed(header(MAX_ANSWER_BYTES + 1), {(2201, 9)})

    assert "at most 268435456 are accepted for an answer that was asked for" in str(reader.damage)


def test_an_announced_length_takes_no_memory_before_the_body_comes() -> None:
    tracemalloc.start()
    reader = FrameReader()
    try:
        reader.feed(header(MAX_ANSWER_BYTES), {(2201, 9)})
        reader.feed(bytes(100_000), {(2201, 9)})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2**20


def test_a_frame_grows_until_its_body_is_whole() -> None:
    reader = FrameReader()
    data = write_frame(2201, 9, b"body")

    reader.feed(data[:-1])
    before = reader.growing
    reader.feed(data[-1:])

    assert (before, reader.growing) == ((2201, 9), None)


def test_a_length_within_its_limit_is_accepted() -> None:
    check_length(MAX_PUSH_BYTES, asked=False)
    check_length(MAX_ANSWER_BYTES, asked=True)


def test_a_large_body_is_not_copied_with_every_byte(vectors: dict[str, str]) -> None:
    body = bytes(2**20)
    data = write_frame(KEEP_ALIVE, 1, body)
    head, tail = data[: -(2**16)], data[-(2**16) :]

    assert feed(head, *byte_by_byte(tail))[0].body == body


@given(st.lists(st.binary(max_size=60), max_size=8), st.integers(1, 50))
def test_any_bodies_come_back_in_order_whatever_the_chunks(bodies: list[bytes], size: int) -> None:
    stream = b"".join(write_frame(2208, serial, body) for serial, body in enumerate(bodies))
    chunks = [stream[start : start + size] for start in range(0, len(stream), size)]

    assert [(frame.serial, frame.body) for frame in feed(*chunks)] == list(enumerate(bodies))


def test_writes_the_websocket_request_of_the_vector(vectors: dict[str, str]) -> None:
    body = bytes.fromhex(vectors["keep_alive_body"])

    data = write_ws_request(KEEP_ALIVE, 5, body)

    assert data.hex() == vectors["websocket_request"]
    assert read_ws_request(data).body == body


def test_reads_a_websocket_answer_of_44_header_bytes() -> None:
    # Big-endian, from the table of the JavaScript SDK's header.
    head = b"ft-v1.0\0" + b"\0\0\x08\xa0" + b"\0" * 7 + b"\x09" + b"\xff\xff\xff\xff" + b"no".ljust(20, b"\0")

    answer = read_ws_answer(head + b"body")

    assert (answer.cmd, answer.section, answer.error, answer.error_text) == (2208, 9, -1, b"no")
    assert answer.body == b"body"
    assert write_ws_answer(2208, 9, b"body", error=-1, error_text=b"no") == head + b"body"


@pytest.mark.parametrize("data", [b"", b"ft-v1.0\0", b"ft-v2.0\0" + bytes(40), b"FT" + bytes(60)])
def test_a_websocket_message_without_its_header_is_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        read_ws_answer(data)
