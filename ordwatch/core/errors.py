"""The tree of errors, split by what the caller does next.

OrdwatchError
  UsageError             the user must change the command line     exit 2
  ConfigError            the user must edit a file                 exit 78
  VenueError
    ConnectionLost       try again                                 back off
      TlsFailed          try again, rarely: somebody must mend it  once a minute
    RemoteProtocolError  the venue sent nonsense; try again        back off
    Refused              the venue said no to one request          show its words, ask again later
    AuthError            trying again cannot help                  stop this venue, 77 at the end
  ReaderGone             nobody reads the output any more         end by SIGPIPE
  OutputError            the output cannot be made or written      exit 73 or 74
    StdoutLost           a recording went on without it            exit 74
  RecordingError         the file is damaged or foreign            exit 65
  RecordingBusy          another ordwatch holds it                 exit 75
  InputMissing           no such input file                        exit 66

No message ever holds a secret.
"""

from collections.abc import Iterable


class OrdwatchError(Exception):
    """Anything ordwatch raises on purpose; `exit_code` is what the process ends with if it gets that far."""

    exit_code = 1


class UsageError(OrdwatchError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ConfigError(OrdwatchError):
    """The user must edit a file, its permissions or the environment."""

    exit_code = 78


class VenueError(OrdwatchError):
    """Something at a venue or on the way to it."""

    exit_code = 69


class ConnectionLost(VenueError):
    """The link ended or does not answer; `cause` is the gap's cause (eof, reset, silent, close:<code>)."""

    def __init__(self, message: str, cause: str = "reset") -> None:
        super().__init__(message)
        self.cause = cause


class TlsFailed(ConnectionLost):
    """There is no TLS that can be trusted: a certificate that does not verify, an old version, a plain answer."""


class RemoteProtocolError(VenueError):
    """The venue sent what its protocol does not allow; the connection is of no more use."""


class Refused(VenueError):
    """The venue answered one request with a no; the message holds the venue's own words."""

    def __init__(self, message: str, *, retry_s: tuple[float, float] | None = None) -> None:
        """`retry_s`: how long to wait at first and at most before the next attempt to connect, where it matters."""
        super().__init__(message)
        self.retry_s = retry_s


class AuthError(VenueError):
    """The venue refused the credentials. Asking again cannot help and may lock the account."""

    exit_code = 77


class ReaderGone(OrdwatchError):
    """The reader of stdout has left (`| head`); the process ends quietly, by SIGPIPE."""

    exit_code = 141


class OutputError(OrdwatchError):
    """The output failed for longer than allowed, or a sync failed."""

    exit_code = 74


class OutputRefused(OutputError):
    """The output cannot be created, or is a symlink, a FIFO or somebody else's."""

    exit_code = 73


class StdoutLost(OutputError):
    """stdout failed while a recording went on; it was said when it happened."""


class RecordingError(OrdwatchError):
    """A recording is damaged in durable data, or is not ours."""

    exit_code = 65


class RecordingBusy(OrdwatchError):
    """Another ordwatch holds the recording."""

    exit_code = 75


class InputMissing(OrdwatchError):
    """There is no such input file."""

    exit_code = 66


PRECEDENCE = (2, 1, 74, 65, 75, 78, 77, 73, 69, 3, 124, 4, 66, 0)
"""Of several causes for an exit code, the first here wins."""


def worst(codes: Iterable[int]) -> int:
    """The exit code for several causes; 0 for none. One that is not listed comes before all others."""
    return min(codes, key=lambda code: PRECEDENCE.index(code) if code in PRECEDENCE else -1, default=0)


OUTPUT_LOST = frozenset({74, 75})
"""Codes that say that not everything was written: they come before the signal that ended a run."""


def leaf_errors(error: BaseException) -> list[Exception]:
    """The exceptions in a group of groups, or the one that it is."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaf_errors(inner)]
    return [error] if isinstance(error, Exception) else []
