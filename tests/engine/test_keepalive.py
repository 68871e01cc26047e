import pytest

from ordwatch.core.errors import AuthError, ConnectionLost, Refused, RemoteProtocolError
from ordwatch.engine.keepalive import ends_connection


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (ConnectionLost("the listen key expired"), True),
        (AuthError("the key is refused"), True),
        (Refused("too many requests"), False),
        (RemoteProtocolError("no JSON"), False),
    ],
    ids=["over", "credentials", "refused", "nonsense"],
)
def test_only_what_says_that_the_session_is_over_ends_the_connection(error: Exception, ends: bool) -> None:
    assert ends_connection(error) is ends
