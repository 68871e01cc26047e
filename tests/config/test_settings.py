"""The configuration: found, valid, resolved, and never shown."""

import os
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from ordwatch.config import Config, find, read, secrets_of
from ordwatch.core.errors import ConfigError, UsageError
from ordwatch.core.secrets import Secret, SecretFile
from ordwatch.venues import REGISTRY
from ordwatch.venues.contract import VenueSettings
from tests.support import tls

CANARY = "cAnArY-5f3a"


class ToySettings(VenueSettings, frozen=True, kw_only=True):
    """What the venue of these tests takes."""

    api_key: Secret
    second_key: Secret | None = None
    pem_file: SecretFile | None = None
    host: str = "127.0.0.1"
    port: int = 1
    transport: Literal["tcp", "websocket"] = "tcp"
    accounts: list[str] | None = None
    pairs: tuple[str, ...] = ()

    def check(self) -> None:
        if self.port > 65535:
            raise ValueError("port: no such port")
        if self.transport == "websocket" and self.second_key is None:
            raise ValueError("a websocket needs a second key")
        if self.host.startswith("far"):
            raise ValueError(f"host: plain text to {self.host} is refused")
        for pair in self.pairs:
            if "-" not in pair:
                raise ValueError(f"pairs: {pair!r} is no pair")


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a venue of kind "toy" into the registry."""
    module = ModuleType("toy_venue")
    module.__dict__["VENUE"] = SimpleNamespace(kind="toy", settings=ToySettings)
    monkeypatch.setitem(sys.modules, "toy_venue", module)
    monkeypatch.setitem(REGISTRY, "toy", "toy_venue:VENUE")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the configuration of a test stands."""
    return tmp_path / "config.yaml"


def configured(path: Path, source: str | bytes) -> Config:
    """The configuration read from a private file with this content."""
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    path.chmod(0o600)
    return read(path)


def toy_of(path: Path, *lines: str) -> ToySettings:
    """The settings that these lines give the venue, unresolved."""
    found = configured(path, "venues:\n  toy:\n" + "".join(f"    {line}\n" for line in lines)).venues["toy"][1]
    assert isinstance(found, ToySettings)
    return found


def resolved(path: Path, *lines: str) -> ToySettings:
    """The same with its secrets."""
    toy_of(path, *lines)
    found = read(path).resolve(["toy"])[0].settings
    assert isinstance(found, ToySettings)
    return found


def refusals(path: Path, source: str | bytes) -> list[str]:
    """What is said of such a configuration, behind the file's name, for each mistake."""
    with pytest.raises(ConfigError) as caught:
        configured(path, source)
    return [message.removeprefix(str(path)) for message in caught.value.messages]


def refusal(path: Path, source: str | bytes) -> str:
    """The first of these."""
    return refusals(path, source)[0]


def refused(path: Path, *lines: str) -> str:
    """What is said of such lines."""
    return refusal(path, "venues:\n  toy:\n" + "".join(f"    {line}\n" for line in lines))


def test_settings_have_the_types_of_the_venue(path: Path) -> None:
    found = toy_of(
        path, "api_key: k", "port: 7", "accounts: ['1']", "pairs: [A-B]", "silence_timeout: 2", "transport: tcp"
    )

    assert (found.port, found.accounts, found.pairs, found.silence_timeout) == (7, ["1"], ("A-B",), 2.0)


def test_kind_defaults_to_the_name(path: Path) -> None:
    assert toy_of(path, "api_key: k").kind == "toy"


def test_two_venues_of_one_kind_have_names_of_their_own(path: Path) -> None:
    source = "venues:\n  one: {kind: toy, api_key: a}\n  two: {kind: toy, api_key: b}\n"

    assert list(configured(path, source).venues) == ["one", "two"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", ": is empty; expected `venues:`"),
        ("# nothing\n", ": is empty; expected `venues:`"),
        ("- venues\n", ": expected a mapping with the key `venues`"),
        ("text\n", ": expected a mapping with the key `venues`"),
        ("venues:\n", ":1: venues: expected at least one venue"),
        ("venues: {}\n", ":1: venues: expected at least one venue"),
        ("venues: [toy]\n", ":1: venues: expected at least one venue"),
        ("venue:\n  toy:\n", ":1: unknown key `venue`, did you mean `venues`?"),
        ("venues:\n  toy:\n", ":2: venues.toy: missing key `api_key`"),
        ("venues:\n  toy: text\n", ":2: venues.toy: expected a mapping of settings"),
        ("venues:\n  toy: [api_key]\n", ":2: venues.toy: expected a mapping of settings"),
        ("venues:\n  tyo: {api_key: k}\n", ":2: venues.tyo: no such kind of venue, did you mean `toy`?"),
        ("venues:\n  a:\n    kind: tyo\n", ":3: venues.a.kind: no such kind of venue, did you mean `toy`?"),
        ("venues:\n  a:\n    kind: 5\n", ":3: venues.a.kind: no such kind of venue; there are "),
        ("venues:\n  a b:\n    kind: toy\n", ":2: a venue's name has only letters, digits, _ and -, at most 32"),
        ("venues:\n  'a\\x1b[2J':\n    kind: toy\n", ":2: a venue's name has only letters"),
    ],
)
def test_a_configuration_of_another_shape_is_refused_with_its_place(path: Path, source: str, said: str) -> None:
    assert refusal(path, source).startswith(said)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["port: 1"], ":2: venues.toy: missing key `api_key`"),
        (["api_key: k", "api_kye: k"], ":4: venues.toy: unknown key `api_kye`, did you mean `api_key`?"),
        (["api_key: k", "colour: red"], ":4: venues.toy: unknown key `colour`; there are kind, attempt_timeout, "),
        (["api_key: k", f"{CANARY}: red"], ":4: venues.toy: unknown key; there are kind, "),
        (["api_key: k", "port: seven"], ":4: venues.toy.port: expected a whole number"),
        (["api_key: k", "port: 1.5"], ":4: venues.toy.port: expected a whole number"),
        (["api_key: k", "port: 0x1f"], ":4: venues.toy.port: expected a whole number"),
        (["api_key: k", f"port: {'9' * 5000}"], ":4: venues.toy.port: expected a whole number"),
        (["api_key: k", "port: true"], ":4: venues.toy.port: expected a whole number"),
        (["api_key: k", "port: 99999"], ":4: venues.toy.port: no such port"),
        (["api_key: k", "transport: websocket"], ":2: venues.toy: a websocket needs a second key"),
        (["api_key: k", f"transport: {CANARY}"], ":4: venues.toy.transport: expected one of tcp, websocket"),
        (
            ["api_key: k", "transport: websockt"],
            ":4: venues.toy.transport: expected one of tcp, websocket, did you mean `websocket`?",
        ),
        (["api_key: k", "transport: 5"], ":4: venues.toy.transport: quote it"),
        (["api_key: k", "host: 5"], ":4: venues.toy.host: quote it"),
        (["api_key: k", "host:"], ":4: venues.toy.host: is empty; quote it, or leave the key out"),
        (["api_key: k", "host: [a]"], ":4: venues.toy.host: expected text in quotes"),
        (["api_key: k", "accounts: '1'"], ":4: venues.toy.accounts: expected a list"),
        (["api_key: k", "accounts: [281756455988249902]"], ":4: venues.toy.accounts[0]: quote it"),
        (["api_key: k", "accounts:", "  - '1'", "  - 0123"], ":6: venues.toy.accounts[1]: quote it"),
        (["api_key: k", "accounts: [~]"], ":4: venues.toy.accounts[0]: expected text in quotes"),
        (["api_key: k", "allow_plaintext: 1"], ":4: venues.toy.allow_plaintext: expected true or false"),
        (["api_key: k", "attempt_timeout: 0"], ":4: venues.toy.attempt_timeout: expected a number > 0.0"),
        (["api_key: k", "audit_interval: -1"], ":4: venues.toy.audit_interval: expected a number >= 0.0"),
        (["api_key: k", "silence_timeout: .nan"], ":4: venues.toy.silence_timeout: expected a number"),
        (["api_key: k", "silence_timeout: 1m"], ":4: venues.toy.silence_timeout: expected a number"),
        (["api_key: k", "host: far.away"], ":4: venues.toy.host: plain text to … is refused"),
        (["api_key: k", "pairs: [A-B, C_D_]"], ":4: venues.toy.pairs: … is no pair"),
        (["api_key: k", "port: 1", "port: 2"], ":5: duplicate key, first on line 4"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_its_place(path: Path, lines: list[str], said: str) -> None:
    assert refused(path, *lines).startswith(said)


@pytest.mark.parametrize(
    "value",
    ["12345678", "0123456701", "12:30:45", "2026-11-21", "no", "Yes", "ON", "true", "1.5", "1_000", ".inf", "0x1f"],
)
@pytest.mark.parametrize("key", ["api_key", "second_key"])
def test_an_unquoted_secret_that_yaml_would_change_is_refused(path: Path, key: str, value: str) -> None:
    assert f": venues.toy.{key}: quote it" in str(refusals(path, f"venues:\n  toy:\n    host: h\n    {key}: {value}\n"))


@pytest.mark.parametrize("value", ["~", "null", ""])
@pytest.mark.parametrize("key", ["api_key", "second_key", "pem_file"])
def test_an_empty_secret_is_refused(path: Path, key: str, value: str) -> None:
    assert f": venues.toy.{key}: is empty" in str(refusals(path, f"venues:\n  toy:\n    host: h\n    {key}: {value}\n"))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{env: A, file: b}", "has two sources; give one"),
        (f"{{env: {CANARY}, file: {CANARY}, {CANARY}}}", "expected a quoted string"),
        (f"{{{CANARY}}}", "expected a quoted string"),
        (f"[{CANARY}]", "expected a quoted string"),
        ("{command: [echo, 5]}", "put every argument"),
    ],
)
def test_a_secret_of_another_form_is_refused_with_its_place(path: Path, value: str, said: str) -> None:
    message = refused(path, "host: h", f"api_key: {value}")

    assert message.startswith(f":4: venues.toy.api_key: {said}")
    assert CANARY not in message


def test_validation_looks_at_no_secret(path: Path) -> None:
    found = toy_of(
        path, "api_key: {env: NOT_SET_ANYWHERE}", "second_key: {command: ['false']}", "pem_file: nowhere.pem"
    )

    assert (str(found.api_key), str(found.second_key), str(found.pem_file)) == ("***", "***", "***")


def test_secrets_are_resolved(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_KEY", "from the environment")
    pem = path.with_name("toy.pem")
    pem.touch(0o600)
    pem.write_text("-----BEGIN-----\nMII\n-----END-----\n")

    found = resolved(path, "api_key: {env: TOY_KEY}", "second_key: '0123'", "pem_file: toy.pem")

    assert {key: secret.reveal() for key, secret in secrets_of(found).items()} == {
        "api_key": "from the environment",
        "second_key": "0123",
        "pem_file": "-----BEGIN-----\nMII\n-----END-----",
    }


def test_only_the_secrets_of_the_named_venues_are_resolved(path: Path) -> None:
    config = configured(path, "venues:\n  a: {kind: toy, api_key: k}\n  b: {kind: toy, api_key: {env: NOT_SET}}\n")

    assert [setup.name for setup in config.resolve(["a"])] == ["a"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{env: NOT_SET_ANYWHERE}", "environment variable NOT_SET_ANYWHERE is not set"),
        ("{file: nowhere.key}", "nowhere.key: no such file or directory"),
        ("{file: shared.key}", "shared.key: mode 0640, must be 0600 (chmod 600 "),
        ("{file: empty.key}", "the file is empty"),
        (f"{{command: [sh, -c, 'echo {CANARY}; exit 3']}}", "the command failed: exit status 3"),
    ],
)
def test_a_secret_that_cannot_be_had_is_an_error_with_its_place(path: Path, value: str, said: str) -> None:
    path.with_name("shared.key").write_text(CANARY)
    path.with_name("shared.key").chmod(0o640)
    path.with_name("empty.key").touch(0o600)

    with pytest.raises(ConfigError) as caught:
        resolved(path, f"api_key: {value}")

    assert str(caught.value).startswith(f"{path}:3: venues.toy.api_key: ")
    assert said in str(caught.value)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o666, 0o601])
def test_a_configuration_for_others_too_is_refused_with_the_remedy(path: Path, mode: int) -> None:
    toy_of(path, "api_key: k")
    path.chmod(mode)

    with pytest.raises(ConfigError, match=re.escape(f"{path}: mode {mode:04o}, must be 0600 (chmod 600 {path})")):
        read(path).resolve(["toy"])


def test_a_link_to_a_configuration_for_others_too_is_refused(path: Path) -> None:
    toy_of(path, "api_key: k")
    path.chmod(0o644)
    link = path.with_name("link.yaml")
    link.symlink_to(path)

    with pytest.raises(ConfigError, match="mode 0644"):
        read(link).resolve(["toy"])


def test_a_configuration_of_somebody_else_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy_of(path, "api_key: k")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    with pytest.raises(ConfigError, match="must belong to you"):
        read(path).resolve(["toy"])


def test_the_file_that_was_read_is_the_one_that_must_be_private(path: Path) -> None:
    toy_of(path, "api_key: k")
    path.chmod(0o644)
    config = read(path)
    path.chmod(0o600)

    with pytest.raises(ConfigError, match="mode 0644"):
        config.resolve(["toy"])


def test_a_missing_configuration_says_what_to_do(path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or directory; `ordwatch init` writes an example"):
        read(path)


def test_a_configuration_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a regular file"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("given_path", "environ", "found"),
    [
        (Path("a.yaml"), {"ORDWATCH_CONFIG": "/b.yaml", "HOME": "/home/me"}, "a.yaml"),
        (None, {"ORDWATCH_CONFIG": "/b.yaml", "HOME": "/home/me"}, "/b.yaml"),
        (None, {"XDG_CONFIG_HOME": "/etc/me", "HOME": "/home/me"}, "/etc/me/ordwatch/config.yaml"),
    ],
)
def test_the_nearest_word_says_where_the_configuration_is(
    given_path: Path | None, environ: dict[str, str], found: str
) -> None:
    assert find(given_path, environ) == Path(found)


def test_without_a_word_the_configuration_is_in_the_users_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")

    assert find(None, {"HOME": "/home/me", "XDG_CONFIG_HOME": "relative"}) == Path(
        "/home/me/.config/ordwatch/config.yaml"
    )


def test_venues_are_chosen_in_the_order_of_the_configuration(path: Path) -> None:
    config = configured(path, "venues:\n  a: {kind: toy, api_key: k}\n  b: {kind: toy, api_key: k}\n")

    assert config.choose(["b", "a", "b"]) == ["a", "b"]
    assert config.choose(["b"]) == ["b"]
    assert config.choose([]) == ["a", "b"]


def test_a_venue_that_is_not_configured_is_a_mistake_of_usage(path: Path) -> None:
    config = configured(path, "venues:\n  alpha: {kind: toy, api_key: k}\n")

    with pytest.raises(UsageError, match=r"no venue 'alpah' in .*, did you mean `alpha`"):
        config.choose(["alpah"])


def test_the_fingerprint_differs_between_configurations(path: Path) -> None:
    first = configured(path, "venues: {toy: {api_key: k, port: 1}}").fingerprint

    assert first != configured(path, "venues: {toy: {api_key: k, port: 2}}").fingerprint
    assert first == configured(path, "# moved\nvenues: {toy: {port: 1, api_key: k}}").fingerprint


def test_the_fingerprint_does_not_depend_on_a_secret(path: Path) -> None:
    first = configured(path, "venues: {toy: {api_key: one}}").fingerprint

    assert first == configured(path, "venues: {toy: {api_key: {env: TWO}}}").fingerprint


def test_a_configurations_repr_shows_no_secret(path: Path) -> None:
    config = configured(path, f"venues: {{toy: {{api_key: {CANARY}, second_key: {{command: [{CANARY}]}}}}}}")

    assert CANARY not in repr(config)
    assert CANARY not in repr(config.venues)


VALID = f"""\
# a comment
venues:
  toy:
    api_key: "{CANARY}"
    second_key: '{CANARY}'
    host: {CANARY}
    port: 11111
    accounts:
      - "{CANARY}"
      - '2'
    pairs: [{CANARY}]
    transport: tcp
  other:
    kind: toy
    api_key: {{env: {"A_NAME"}}}
    silence_timeout: 2.5
"""

JUNK = ["\t", " ", ":", ": ", "-", "- ", "&a ", "*", "!", "!!", "{", "}", "[", "]", "'", '"', "|", ">", "%", "@", "`"]
JUNK += ["#", ",", "?", "<<: ", "\n", "\n\n", "~", "\x00", "\x1b", "\xa0", "\u2028", "\ufeff", "---\n", "...\n", "\\"]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """The valid configuration after some slips of a hand."""
    text = VALID
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.sampled_from([start, start + 1, start + 2, start + 5, start + 20]))
        text = text[:start] + draw(st.sampled_from(["", *JUNK])) + text[end:]
    return text


@given(source=mutated())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_slip_is_either_harmless_or_an_error_that_shows_nothing(source: str, path: Path) -> None:
    try:
        said = repr(configured(path, source).venues["toy"][1].kind)
    except ConfigError as exc:
        said = str(exc)

    assert CANARY not in said


def test_the_valid_configuration_of_the_mutations_is_valid(path: Path) -> None:
    assert list(configured(path, VALID).venues) == ["toy", "other"]


EXAMPLE = Path(__file__).parents[2] / "ordwatch" / "config" / "config.example.yaml"


@pytest.fixture
def example() -> Config:
    """The example, as it is."""
    return read(EXAMPLE)


def test_the_example_has_one_block_for_each_kind_of_venue(example: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(REGISTRY, "toy")

    assert [found.kind for _, found in example.venues.values()] == list(REGISTRY)


@pytest.mark.parametrize("name", list(REGISTRY))
def test_the_example_names_every_key(example: Config, name: str) -> None:
    block = EXAMPLE.read_text().partition(f"\n  {name}:")[2].partition("\n  # ----")[0]

    assert set(re.findall(r"^    (?:# )?([a-z_]+):", block, re.MULTILINE)) == set(
        example.venues[name][1].__struct_fields__
    )


@pytest.mark.parametrize("name", list(REGISTRY))
def test_what_the_example_calls_a_default_is_one(example: Config, name: str) -> None:
    block = EXAMPLE.read_text().partition(f"\n  {name}:")[2].partition("\n  # ----")[0]
    named = set(re.findall(r"^    ([a-z_]+): .*# default(?!: (?:none|the name|11111))", block, re.MULTILINE))
    settings_type = type(example.venues[name][1])
    defaults = {field.name: field.default for field in fields(settings_type) if field.name in named}

    assert named
    assert {key: getattr(example.venues[name][1], key) for key in named} == defaults


def test_variables_that_hold_secrets_are_known(path: Path) -> None:
    text = """
venues:
  a: {kind: toy, api_key: {env: KEY_A}, second_key: "not one"}
  b: {kind: toy, api_key: {file: key}, second_key: {env: KEY_B}}
nats: {token: {env: TOKEN}}
"""
    path.write_text(text)

    assert read(path).secret_variables == {"KEY_A", "KEY_B", "TOKEN"}


def test_every_mistake_is_reported_in_the_order_of_the_file(path: Path) -> None:
    source = """\
colour: red
venues:
  toy:
    api_kye: k
    port: seven
    accounts: [1, '2', 3]
    port: 8
  two:
    kind: tyo
  three:
    kind: toy
    api_key: *k
    host: far.away
  four: {kind: toy, api_key: k, port: 99999, host: far.away, pairs: [ab]}
nats:
  stream: 'a b'
  tokn: x
"""

    assert [message.split("; there are")[0] for message in refusals(path, source)] == [
        ":1: unknown key `colour`",
        ":3: venues.toy: missing key `api_key`",
        ":4: venues.toy: unknown key `api_kye`, did you mean `api_key`?",
        ":5: venues.toy.port: expected a whole number",
        ":6: venues.toy.accounts[0]: quote it",
        ":7: duplicate key, first on line 5",
        ":9: venues.two.kind: no such kind of venue, did you mean `toy`?",
        ":12: anchors and aliases (& and *) are not allowed; put text in quotes",
        ":14: venues.four.port: no such port",
        ":14: venues.four.host: plain text to … is refused",
        ":14: venues.four.pairs: … is no pair",
        ":17: nats: unknown key `tokn`, did you mean `token`?",
    ]


def test_every_secret_that_cannot_be_had_is_reported(path: Path) -> None:
    source = """
venues:
  a: {kind: toy, api_key: {env: NO_A}, second_key: {env: NO_B}}
  b: {kind: toy, api_key: {env: NO_C}}
"""
    config = configured(path, source)
    path.chmod(0o644)

    with pytest.raises(ConfigError) as caught:
        read(path).resolve(list(config.venues))

    assert [message.rpartition(": ")[2] for message in caught.value.messages] == [
        f"mode 0644, must be 0600 (chmod 600 {path})",
        "environment variable NO_A is not set",
        "environment variable NO_B is not set",
        "environment variable NO_C is not set",
    ]


def test_a_flood_of_mistakes_is_cut(path: Path) -> None:
    source = "venues:\n  toy:\n    api_key: k\n" + "".join(f"    key_{number}: 1\n" for number in range(1000))

    assert len(refusals(path, source)) == 100


def test_a_private_authority_is_a_file_beside_the_configuration(path: Path) -> None:
    tls.certificate(path.parent, host="127.0.0.1", days=1)

    assert resolved(path, "api_key: k", "tls_ca_file: server.pem").tls_ca_file == str(path.with_name("server.pem"))


def test_a_private_authority_that_cannot_be_used_is_reported_with_its_place(path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file or directory") as caught:
        resolved(path, "api_key: k", "tls_ca_file: none.pem")

    assert str(caught.value).startswith(f"{path}:4: venues.toy.tls_ca_file: {path.with_name('none.pem')}: ")
