"""YAML within bounds."""

from pathlib import Path

import pytest

from ordwatch.config.document import Unclear
from ordwatch.config.parsing import parse
from ordwatch.core.errors import ConfigError

CANARY = "cAnArY-5f3a"


def refusal(data: bytes | str) -> str:
    """What is said of bytes that are no document."""
    with pytest.raises(ConfigError) as caught:
        parse(data if isinstance(data, bytes) else data.encode(), "config.yaml").refuse_mistakes()
    return str(caught.value)


def test_text_numbers_lists_and_mappings_are_read() -> None:
    document = parse(b"a: text\nb: '012'\nc: [1, 2.5, true, ~]\nd: {e: x}\n", "config.yaml")

    assert document.tree == {"a": "text", "b": "012", "c": [1, 2.5, True, None], "d": {"e": "x"}}


def test_every_key_and_item_has_its_line() -> None:
    document = parse(b"# head\na:\n  b: x\n  c:\n    - y\n    - z\n", "config.yaml")

    assert document.lines == {("a",): 2, ("a", "b"): 3, ("a", "c"): 4, ("a", "c", 0): 5, ("a", "c", 1): 6}


def test_an_error_names_file_line_and_path() -> None:
    document = parse(b"a:\n  b: [x]\n", "config.yaml")

    assert str(document.error(("a", "b", 0), "is wrong")) == "config.yaml:2: a.b[0]: is wrong"


def test_an_error_about_what_is_missing_names_the_nearest_line_above() -> None:
    document = parse(b"\na:\n  b: x\n", "config.yaml")

    assert str(document.error(("a", "c", "d"), "is missing")) == "config.yaml:2: a.c.d: is missing"


@pytest.mark.parametrize(
    "scalar",
    ["0123456701", "0x1f", "12:30:45", "2026-11-21", "2026-11-21T10:00:00Z", "1_000", ".nan", ".inf", "9" * 5000, "="],
)
def test_scalars_that_yaml_reads_in_an_odd_way_are_unclear(scalar: str) -> None:
    assert parse(f"a: {scalar}".encode(), "config.yaml").tree == {"a": Unclear()}


@pytest.mark.parametrize("scalar", ["0123456701", "12:30:45", "no", "~", "2026-11-21", "1.50"])
def test_quoted_scalars_are_text_as_it_stands(scalar: str) -> None:
    assert parse(f"a: '{scalar}'".encode(), "config.yaml").tree == {"a": scalar}


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# nothing\n", b"---\n...\n"])
def test_a_document_without_content_is_none(data: bytes) -> None:
    assert parse(data, "config.yaml").tree is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "config.yaml:3: duplicate key, first on line 1"),
        ("a: &x 1\nb: *x\n", "config.yaml:1: anchors"),
        ("a: *x\n", "config.yaml:1: anchors"),
        ("*x : 1\n", "config.yaml:1: anchors"),
        ("&x a: 1\n", "config.yaml:1: anchors"),
        ("b: {a: 1}\n<<: {a: 1}\n", "config.yaml:2: merge keys"),
        ("a: !!python/object/apply:os.system ['true']\n", "config.yaml:1: tags"),
        ("a: !!str 1\n", "config.yaml:1: tags"),
        ("a: ! 1\n", "config.yaml:1: tags"),
        ("1: a\n", "config.yaml:1: a key must be text"),
        ("? [a]\n: b\n", "config.yaml:1: a key must be text"),
        ("a: 1\n---\nb: 2\n", "config.yaml:2: a second document"),
        ("a:\n\t- 1\n", "config.yaml:2: a tab; indent with spaces"),
        ("\ta: 1\n", "config.yaml:1: a tab"),
        ("a: 1\n b: 2\n", "config.yaml:2: not valid YAML"),
        ("a: [1\n", "not valid YAML"),
        ("a: \x1b[31m\n", "config.yaml:1: a control character"),
    ],
)
def test_what_a_configuration_does_not_need_is_refused(source: str, said: str) -> None:
    assert said in refusal(source)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a: 1\nb: caf\xe9\n", "config.yaml:2: not UTF-8 text"),
        (b"\xef\xbb\xbfa: 1\n", "config.yaml:1: begins with a byte-order mark"),
        ("a: 1\n".encode("utf-16"), "config.yaml:1: begins with a byte-order mark"),
        (b"\x7fELF\x00\x01", "config.yaml:1: a control character"),
        (b"a: " + b"x" * 10_000_000, "config.yaml: larger than 1048576 bytes"),
        (b"[" * 1_000_000, "nested deeper than 20"),
        (b"{a: " * 100_000, "nested deeper than 20"),
        (b"- " * 500_000, "nested deeper than 20"),
        (b"[" + b"a," * 500_000, "more than 20000 entries"),
        (b"\n".join(b"k%d: v" % n for n in range(50_000)), "more than 20000 entries"),
        (b"&a " * 300_000, "anchors"),
        (b"!" * 1_000_000, "tags"),
        (b"? " * 500_000, "a key must be text"),
    ],
    ids=lambda value: value[:12].decode("latin-1") if isinstance(value, bytes) else "",
)
def test_bombs_and_what_is_no_text_are_refused(data: bytes, said: str) -> None:
    assert said in refusal(data)


@pytest.mark.parametrize(
    "source",
    [
        f"a: {CANARY}: b\n",
        f"a: '{CANARY}\n",
        f'a: "\\q{CANARY}"\n',
        f"%{CANARY}\n---\na: 1\n",
        f"a: *{CANARY}\n",
        f"a: &{CANARY} x\n",
        f"a: !{CANARY} x\n",
        f"a: !{CANARY}!x y\n",
        f"a: @{CANARY}\n",
        f"a: `{CANARY}\n",
        f"a: |{CANARY}\n",
        f"a: [{CANARY}\n",
        f"a: {{{CANARY}\n",
        f"{CANARY}: 1\n{CANARY}: 2\n",
        f"a: {CANARY}\n b: x\n",
        f"a: b\n{CANARY}\n",
        f"a: {CANARY}\x07\n",
        f"\t{CANARY}: 1\n",
    ],
)
def test_no_refusal_shows_what_stands_in_the_file(source: str) -> None:
    assert CANARY not in refusal(source)


def test_a_documents_repr_shows_nothing_of_its_content() -> None:
    assert CANARY not in repr(parse(f"a: {CANARY}".encode(), "config.yaml"))


def test_a_tag_runs_no_code(tmp_path: Path) -> None:
    witness = tmp_path / "witness"

    refusal(f"a: !!python/object/apply:pathlib.Path.touch [{witness}]")

    assert not witness.exists()
