"""Keys of NATS, checked against the pair that its documentation shows."""

import pytest

from ordwatch.scale.nkeys import KeyPair, in_credentials

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


def test_the_public_key_of_a_seed() -> None:
    assert KeyPair(SEED).public == PUBLIC


@pytest.mark.parametrize(
    "seed",
    ["", "SUAC", SEED[:-1] + "A", PUBLIC, SEED.lower(), "SAAMF5LFV4LBHMDCHDFGVUHGJQRLCPTN2BXJTOQFJ5XAUHV4WU2V36VHMQ"],
    ids=["empty", "short", "checksum", "public", "lower case", "of an account"],
)
def test_what_is_no_seed_of_a_user_is_refused_and_not_shown(seed: str) -> None:
    with pytest.raises(ValueError, match="seed of an nkey") as refused:
        KeyPair(seed)

    assert not seed or seed not in str(refused.value)


def test_a_credentials_file_has_a_jwt_and_a_seed() -> None:
    text = (
        f"-----BEGIN NATS USER JWT-----\neyJ0.e30.sig\n------END NATS USER JWT------\n\n"
        f"***** keep it secret *****\n\n-----BEGIN USER NKEY SEED-----\n{SEED}\n------END USER NKEY SEED------\n"
    )

    assert in_credentials(text) == ("eyJ0.e30.sig", SEED)


def test_a_credentials_file_without_a_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="USER NKEY SEED"):
        in_credentials("-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------\n")
