import ssl
from pathlib import Path

import pytest

from ordwatch.core.errors import ConfigError
from ordwatch.engine.tls import tls_context
from tests.support import tls


def test_tls_keys_are_never_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    context = tls_context()

    assert context.keylog_filename is None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_with_a_key_log_the_same_authorities_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = tls_context()
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert tls_context().cert_store_stats() == without.cert_store_stats()


@pytest.mark.parametrize("logged", [False, True])
def test_a_private_authority_counts_beside_those_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: bool
) -> None:
    if logged:
        monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    tls.certificate(tmp_path, host="127.0.0.1", days=30)
    before = tls_context().cert_store_stats()["x509"]

    context = tls_context(str(tmp_path / "server.pem"))

    assert context.cert_store_stats()["x509"] == before + 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(("content", "why"), [(None, "no such file or directory"), ("hello", "holds no certificate")])
def test_a_file_that_cannot_be_used_is_a_mistake_of_the_configuration(
    tmp_path: Path, content: str | None, why: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)

    with pytest.raises(ConfigError, match=f"tls_ca_file: {path}: {why}"):
        tls_context(str(path))
