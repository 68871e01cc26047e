"""What the answer to a repeated request means for the connection that it keeps alive. Pure."""

from ordwatch.core.errors import AuthError, ConfigError, ConnectionLost


def ends_connection(error: Exception) -> bool:
    """Whether the venue's answer means that the session is over; anything else is a notice to the user."""
    return isinstance(error, ConnectionLost | AuthError | ConfigError)
