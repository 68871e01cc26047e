"""RSA for the login, AES for the rest."""

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ordwatch.core.errors import ConfigError, RemoteProtocolError
from ordwatch.venues.opend.crypto import AesCbc, FtAesEcb, Rsa, body_seal, load_rsa
from tests.support.rsa_key import rsa_key_of_512_bits

KEY = b"0123456789ABCDEF"
IV = b"fedcba9876543210"


def pem(bits: int) -> str:
    key = generate_private_key(65537, bits)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@pytest.fixture(scope="module")
def rsa() -> Rsa:
    return load_rsa(pem(1024))


def test_aes_cbc_agrees_with_the_vector(vectors: dict[str, str]) -> None:
    body, encrypted = (bytes.fromhex(vectors[name]) for name in ("keep_alive_body", "aes_cbc"))
    seal = AesCbc(vectors["aes_key"].encode(), vectors["aes_iv"].encode())

    assert seal.encrypt(body) == encrypted
    assert seal.decrypt(encrypted) == body


def test_ftaes_agrees_with_the_vector(vectors: dict[str, str]) -> None:
    body, encrypted = (bytes.fromhex(vectors[name]) for name in ("keep_alive_body", "ftaes_ecb"))
    seal = FtAesEcb(vectors["aes_key"].encode())

    assert seal.encrypt(body) == encrypted
    assert seal.decrypt(encrypted) == body


@pytest.mark.parametrize("seal", [AesCbc(KEY, IV), FtAesEcb(KEY)], ids=["cbc", "ftaes"])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 31, 32, 1000])
def test_aes_gives_back_bodies_of_every_length(seal: AesCbc | FtAesEcb, size: int) -> None:
    body = bytes(range(1, 251)) * 4

    assert seal.decrypt(seal.encrypt(body[:size])) == body[:size]


def test_the_iv_starts_anew_with_each_frame() -> None:
    seal = AesCbc(KEY, IV)

    assert seal.encrypt(b"same") == seal.encrypt(b"same")


def test_an_empty_encrypted_body_is_an_empty_body() -> None:
    assert (AesCbc(KEY, IV).decrypt(b""), FtAesEcb(KEY).decrypt(b"")) == (b"", b"")


@pytest.mark.parametrize("size", [1, 52, 53, 54, 106, 350])
def test_a_key_of_512_bits_works_in_pieces_of_53_bytes(size: int) -> None:
    rsa = load_rsa(rsa_key_of_512_bits())
    body = bytes(range(250)) * 2

    encrypted = rsa.encrypt(body[:size])

    assert len(encrypted) == 64 * -(-size // 53)
    assert rsa.decrypt(encrypted) == body[:size]


@pytest.mark.parametrize("size", [1, 99, 100, 101, 200, 350])
def test_rsa_works_in_pieces_of_100_bytes(size: int, rsa: Rsa) -> None:
    body = bytes(range(250)) * 2

    encrypted = rsa.encrypt(body[:size])

    assert len(encrypted) == 128 * -(-size // 100)
    assert rsa.decrypt(encrypted) == body[:size]


@pytest.mark.parametrize("encrypted", [b"x", b"x" * 15, b"\xff" * 32, b"x" * 33])
@pytest.mark.parametrize("seal", [AesCbc(KEY, IV), FtAesEcb(KEY)], ids=["cbc", "ftaes"])
def test_every_cause_of_a_failed_decryption_has_the_same_words(seal: AesCbc | FtAesEcb, encrypted: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^cannot be decrypted$"):
        seal.decrypt(encrypted)


def test_rsa_says_no_more_about_a_failure_than_aes(rsa: Rsa) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^cannot be decrypted$"):
        rsa.decrypt(b"x" * 100)


def test_a_wrong_rsa_key_never_gives_the_body(rsa: Rsa) -> None:
    encrypted = rsa.encrypt(b"a secret")
    try:
        plain = load_rsa(pem(1024)).decrypt(encrypted)
    except RemoteProtocolError:
        plain = b""

    assert plain != b"a secret"


def test_cbc_is_chosen_when_the_login_gave_an_iv() -> None:
    assert isinstance(body_seal(KEY, IV), AesCbc)


def test_ftaes_is_chosen_when_it_gave_none() -> None:
    assert isinstance(body_seal(KEY, b""), FtAesEcb)


@pytest.mark.parametrize(("key", "iv"), [(b"", b""), (b"short", IV), (KEY + b"x", IV), (KEY, b"short")])
def test_a_key_or_iv_of_another_length_is_refused_without_being_shown(key: bytes, iv: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"^OpenD's login answer holds no usable AES key$"):
        body_seal(key, iv)


@pytest.mark.parametrize("text", ["", "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\n", "x"])
def test_a_file_that_is_no_key_is_an_error_without_its_content(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_rsa(text)

    assert "hunter2" not in str(error.value)


def test_a_key_of_another_length_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"^rsa_private_key_file: .* 1024 or 512 bits"):
        load_rsa(pem(2048))
