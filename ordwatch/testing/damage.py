"""Damage to what a venue sends: the same for frames and REST answers, and the same again for the same seed."""

import json
from collections.abc import Callable, Sequence
from random import Random

MAX_NESTING = 5_000

Damage = Callable[[bytes, Random, Sequence[str]], bytes]


def spoil(data: bytes, random: Random, quotes: Sequence[str]) -> bytes:
    """The data with one damage; `quotes` are texts the venue may quote, such as the secrets that were sent to it."""
    return random.choice(DAMAGES)(data, random, quotes)


def _nothing(_data: bytes, _random: Random, _quotes: Sequence[str]) -> bytes:
    return b""


def _noise(_data: bytes, random: Random, _quotes: Sequence[str]) -> bytes:
    return random.randbytes(random.randrange(1, 200))


def _cut(data: bytes, random: Random, _quotes: Sequence[str]) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _tail(data: bytes, random: Random, _quotes: Sequence[str]) -> bytes:
    return data + random.randbytes(random.randrange(1, 20))


def _flipped(data: bytes, random: Random, _quotes: Sequence[str]) -> bytes:
    spoiled = bytearray(data)
    for _ in range(random.randrange(1, 4)):
        if spoiled:
            spoiled[random.randrange(len(spoiled))] ^= 1 << random.randrange(8)
    return bytes(spoiled)


def _doubled(data: bytes, _random: Random, _quotes: Sequence[str]) -> bytes:
    return data + data


def _nested(_data: bytes, random: Random, _quotes: Sequence[str]) -> bytes:
    return random.choice([b"[", b'{"data":', b'{"o":']) * MAX_NESTING


def _text(_data: bytes, random: Random, quotes: Sequence[str]) -> bytes:
    return random.choice(["null", "true", "0", '""', "[]", "{}", "<html>502</html>", "NaN", *quotes]).encode()


def _refusal(_data: bytes, random: Random, quotes: Sequence[str]) -> bytes:
    """An error as venues write it, which quotes what was sent."""
    text = f"no {random.choice(quotes)}, sorry" if quotes else "no"
    code = random.choice([-1, 1, "7", -2015, 104002, 10004, text])
    error = {"code": code, "msg": text, "message": text, "errorCode": code, "errorMsg": text, "success": False}
    return json.dumps(random.choice([error, {**error, "error": error, "data": error, "resultInfo": error}])).encode()


def _other_value(data: bytes, random: Random, quotes: Sequence[str]) -> bytes:
    """JSON with one value replaced by another; anything else with some bytes flipped."""
    try:
        tree = json.loads(data)
    except ValueError:
        return _flipped(data, random, quotes)
    values = [
        None, True, -1, 0, 2**70, 0.1, 1e300, "", "x" * 5000, "\ud800", "1e999999999", "-0.0", "NaN", [], {}, [None],
        {"code": -1, "msg": "no"}, *quotes, *(f"bad key {quote}!" for quote in quotes),
    ]  # fmt: skip
    return json.dumps(_replaced(tree, random, random.choice(values))).encode()


def _replaced(tree: object, random: Random, value: object) -> object:
    match tree:
        case dict() if tree and random.random() < 0.9:
            key = random.choice(list(tree))
            return {**tree, key: _replaced(tree[key], random, value)}
        case list() if tree and random.random() < 0.9:
            index = random.randrange(len(tree))
            return [*tree[:index], _replaced(tree[index], random, value), *tree[index + 1 :]]
        case _:
            return value


def _missing_key(data: bytes, random: Random, quotes: Sequence[str]) -> bytes:
    try:
        tree = json.loads(data)
    except ValueError:
        return _cut(data, random, quotes)
    if not isinstance(tree, dict) or not tree:
        return b"{}"
    dropped = random.choice(list(tree))
    return json.dumps({key: value for key, value in tree.items() if key != dropped}).encode()


DAMAGES: tuple[Damage, ...] = (
    _nothing, _noise, _cut, _tail, _flipped, _doubled, _nested, _text, _missing_key, _refusal, _refusal,
    _other_value, _other_value, _other_value, _other_value,
)  # fmt: skip
"""What a venue, or the way from it, does wrong; some of it oftener."""
