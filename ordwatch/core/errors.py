"""The tree of errors, split by what the caller does next.

OrdwatchError
  UsageError             the user must change the command line     exit 2
  ConfigError            the user must edit a file                 exit 78
  VenueError
    ConnectionLost       try again                                 back off
      TlsFailed          try again, rarely: somebody must fix it   once a minute
    RemoteProtocolError  the venue sent nonsense; try again        back off
    Refused              the venue refused one request             show its message, try again later
    AuthError            trying again cannot help                  stop this venue, 77 at the end
  ReaderClosed           the reader of stdout has closed it        end by SIGPIPE
  OutputError            the output cannot be created or written   exit 73 or 74
    StdoutFailed         the recording continued without stdout    exit 74
  RecordingError         the file is damaged, or no recording      exit 65
  RecordingBusy          another ordwatch writes it                exit 75
  PublishingStopped      the recording continued without it        exit 75 or 65
  InputMissing           no such input file                        exit 66

No message ever holds a secret.
"""

from collections.abc import Iterable


class OrdwatchError(Exception):
    """Any error that ordwatch raises on purpose; `exit_code` is the exit code if it ends the process."""

    exit_code = 1


class UsageError(OrdwatchError):
    """The command line is not valid."""

    exit_code = 2


class ConfigError(OrdwatchError):
    """The user must edit a file, its permissions or the environment; one message for each mistake."""

    exit_code = 78

    def __init__(self, message: str, *more: str) -> None:
        super().__init__(message)
        self.messages = (message, *more)


class VenueError(OrdwatchError):
    """A failure at a venue or of the connection to it."""

    exit_code = 69


class ConnectionLost(VenueError):
    """The connection ended or does not answer; `cause` is the gap's cause (eof, reset, silent, close:<code>)."""

    def __init__(self, message: str, cause: str = "reset") -> None:
        super().__init__(message)
        self.cause = cause


class TlsFailed(ConnectionLost):
    """TLS failed: a certificate does not verify, the version is too old, or the answer is not TLS."""


class RemoteProtocolError(VenueError):
    """The venue sent something its protocol does not allow; the connection cannot be used any more."""


class Refused(VenueError):
    """The venue refused one request; the error's message contains the venue's message."""

    def __init__(self, message: str, *, retry_s: tuple[float, float] | None = None) -> None:
        """`retry_s`: the first and the longest wait before the next attempt to connect, if the venue needs its own."""
        super().__init__(message)
        self.retry_s = retry_s


class AuthError(VenueError):
    """The venue refused the credentials. Trying again cannot help and may lock the account."""

    exit_code = 77


class ReaderClosed(OrdwatchError):
    """The reader of stdout has closed it (`| head`); the process ends by SIGPIPE, without a message."""

    exit_code = 141


class OutputError(OrdwatchError):
    """The output failed for longer than allowed, or a sync failed."""

    exit_code = 74


class OutputRefused(OutputError):
    """The output cannot be created, or is a symlink, a FIFO or owned by another user."""

    exit_code = 73


class StdoutFailed(OutputError):
    """stdout failed while a recording continued; it was reported when it happened."""


class RecordingError(OrdwatchError):
    """A recording is damaged in its durable data, or the file is not a recording."""

    exit_code = 65


class RecordingBusy(OrdwatchError):
    """Another ordwatch writes the recording."""

    exit_code = 75


class PublishingStopped(OrdwatchError):
    """A recording is not published any more; it was reported when it happened, and the recording continued.

    75: another process publishes under the same name; 65: the stream and the recording contradict each other.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class InputMissing(OrdwatchError):
    """There is no such input file."""

    exit_code = 66


PRECEDENCE = (2, 1, 74, 65, 75, 78, 77, 73, 69, 3, 124, 4, 66, 0)
"""If there are several causes for an exit code, the first in this list wins."""


def worst(codes: Iterable[int]) -> int:
    """The exit code for several causes; 0 for none. A code that is not listed wins over all others."""
    return min(codes, key=lambda code: PRECEDENCE.index(code) if code in PRECEDENCE else -1, default=0)


OUTPUT_FAILED = frozenset({74, 75})
"""Codes for output that was not written; they win over the signal that ended a run."""


def leaf_errors(error: BaseException) -> list[Exception]:
    """All exceptions in nested groups; of a single exception, the exception itself."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaf_errors(inner)]
    return [error] if isinstance(error, Exception) else []
