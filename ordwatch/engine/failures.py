"""The reasons of failed connections as text for the user. Pure."""

import os
import socket
import ssl

from ordwatch.core.escaping import safe_text


def describe(error: Exception) -> str:
    """Why a connection failed or ended, in one line for the user; text of a venue is escaped."""
    match error:
        case OSError():
            return f"cannot connect ({reason(error)})"
        case UnicodeError():  # from the encoding of international names: an empty part, or a very long one
            return "no host has such a name"
        case _:
            return safe_text(str(error), 300)


_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"}
_OLD_TLS = {"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "VERSION_TOO_LOW"}
"""OpenSSL's names for an answer that is not TLS, and for one of a version before 1.2."""


def reason(error: OSError) -> str:
    """Why a connection failed, as the system names it; asyncio's text would repeat the address."""
    match error:
        case ssl.SSLCertVerificationError():
            hint = " (is the system clock right?)" if "expired" in error.verify_message else ""
            return safe_text(f"certificate verify failed: {error.verify_message}{hint}", 300)
        case ssl.SSLError():  # its errno is an OpenSSL code
            return _tls_reason(error.reason or "")
        case socket.gaierror():
            return "the host name cannot be resolved"
        case ConnectionResetError(errno=None):
            return "the connection was closed before an answer"
        case OSError(errno=int(number)) if number > 0:
            return os.strerror(number).lower()
        case _:
            return safe_text(str(error) or type(error).__name__, 200)


def _tls_reason(code: str) -> str:
    if code in _NO_TLS:
        return "TLS failed: the answer is not TLS; is the port one without TLS?"
    if code in _OLD_TLS:
        return "TLS failed: the other side has no TLS 1.2 or later"
    name = code.removeprefix("SSLV3_").removeprefix("TLSV1_").replace("_", " ").lower()
    return safe_text(f"TLS failed: {name or 'unknown reason'}", 200)
