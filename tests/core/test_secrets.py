"""Secrets stay secret."""

import copy
import pickle
from base64 import b64encode, urlsafe_b64encode
from hashlib import md5, sha1
from urllib.parse import quote, quote_plus

import msgspec
import pytest

from ordwatch.core.secrets import Redaction, Secret, SecretFile

VALUE = "s3cret/va+lue=?>~ü"


def redaction(*values: str) -> Redaction:
    """One that knows these secrets."""
    redact = Redaction()
    for value in values:
        redact.add(Secret(value))
    return redact


def test_reveal_gives_the_value() -> None:
    assert Secret(VALUE).reveal() == VALUE


@pytest.mark.parametrize("kind", [Secret, SecretFile])
@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r:>3}".format, "%s".__mod__, ascii])
def test_no_way_of_formatting_shows_the_value(kind: type[Secret], show: object) -> None:
    assert callable(show)

    assert show(kind(VALUE)) == "***"


def test_a_struct_shows_no_value_of_its_secrets() -> None:
    settings = msgspec.defstruct("Settings", [("key", Secret)])(Secret(VALUE))

    assert repr(settings) == "Settings(key=***)"


def test_pickling_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot be copied out"):
        pickle.dumps(Secret(VALUE))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_secret_itself(copied: object) -> None:
    assert callable(copied)
    secret = Secret(VALUE)

    assert copied(secret) is secret


def test_secrets_of_the_same_value_are_equal() -> None:
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("another")
    assert Secret(VALUE) != VALUE


def test_the_hash_reveals_nothing_of_the_value() -> None:
    assert hash(Secret(VALUE)) == hash(Secret("another"))


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        VALUE.upper(),
        VALUE[::-1],
        VALUE.encode().hex(),
        VALUE.encode().hex().upper(),
        quote(VALUE),
        quote(VALUE, safe=""),
        quote_plus(VALUE),
        quote_plus(VALUE).lower(),
        b64encode(VALUE.encode()).decode(),
        b64encode(VALUE.encode()).decode().rstrip("="),
        urlsafe_b64encode(VALUE.encode()).decode(),
        md5(VALUE.encode(), usedforsecurity=False).hexdigest(),
        md5(VALUE.encode(), usedforsecurity=False).hexdigest().upper(),
        sha1(VALUE.encode(), usedforsecurity=False).hexdigest(),
        repr(VALUE.encode())[2:-1],
        ascii(VALUE)[1:-1],
    ],
)
def test_redaction_removes_a_secret_in_every_form(form: str) -> None:
    assert redaction(VALUE)(f"login {form.rstrip('=')} sent") == "login *** sent"


def test_redaction_removes_the_longer_of_two_secrets_whole() -> None:
    assert redaction("secret", "secret-and-more")("a secret-and-more b secret c") == "a *** b *** c"


def test_redaction_removes_each_line_of_a_key_file() -> None:
    redact = redaction("-----BEGIN RSA PRIVATE KEY-----\nMIICXgIBAAKB\ngQDlRnWvbb9y\n-----END RSA PRIVATE KEY-----")

    assert redact("line MIICXgIBAAKB or gQDlRnWvbb9y") == "line *** or ***"


def test_a_line_of_a_key_file_that_is_everybodys_stays() -> None:
    redact = redaction("-----BEGIN RSA PRIVATE KEY-----\nMIICXgIBAAKB\n-----END RSA PRIVATE KEY-----")

    assert redact("expected -----BEGIN RSA PRIVATE KEY-----") == "expected -----BEGIN RSA PRIVATE KEY-----"


def test_a_short_secret_would_hit_innocent_text_and_is_not_searched_for() -> None:
    assert redaction("live")("opend is live") == "opend is live"


def test_redaction_that_knows_nothing_changes_nothing() -> None:
    assert Redaction()("opend is live") == "opend is live"
