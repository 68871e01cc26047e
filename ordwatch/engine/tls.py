"""TLS for every connection to a venue: always verified, its keys never logged."""

import ssl

from ordwatch.core.errors import ConfigError


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """TLS 1.2 or later; certificate and host name are verified by the system's CAs and those in `ca_file`.

    Raises:
        ConfigError: The file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if context.keylog_filename is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_default_certs()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError:
            raise ConfigError(f"tls_ca_file: {ca_file}: holds no certificate") from None
        except OSError as exc:
            raise ConfigError(f"tls_ca_file: {ca_file}: {(exc.strerror or 'cannot be read').lower()}") from None
    return context
