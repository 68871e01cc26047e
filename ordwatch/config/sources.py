"""Reads a secret from its source: the configuration itself, a variable, a private file, or a command's output.

The errors here are ValueErrors; settings.py adds file, line and key. No message contains a secret.
"""

import os
import selectors
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE, S_ISREG
from time import monotonic

from ordwatch import system
from ordwatch.config.document import Tree
from ordwatch.core.secrets import Secret, SecretFile

COMMAND_S = 10.0
"""Seconds a command may take."""
MAX_SECRET_BYTES = 64 * 1024

_FORMS = "a quoted string, {env: NAME}, {file: PATH} or {command: [program, argument]}"


@dataclass(frozen=True)
class Env:
    """The value of an environment variable."""

    name: str


@dataclass(frozen=True)
class File:
    """The content of a file that only the user can read, without one line end."""

    path: str


@dataclass(frozen=True)
class Command:
    """The output of a program, without one line end."""

    argv: tuple[str, ...]


SecretSource = Secret | Env | File | Command


class Unread(SecretFile):
    """A secret in valid settings that was not read yet."""

    __slots__ = ("source",)

    def __init__(self, source: SecretSource) -> None:
        super().__init__("")
        self.source = source

    def reveal(self) -> str:
        """Raises RuntimeError: the secret was not read yet."""
        raise RuntimeError("the secret was not resolved")


def secret_source(value: Tree) -> SecretSource:
    """The source of a secret, as the configuration names it.

    Raises:
        ValueError: Names what is expected, never the value.
    """
    match value:
        case "":
            raise ValueError("is empty")
        case str():
            return Secret(value)
        case dict() if len(value) > 1 and value.keys() <= {"env", "file", "command"}:
            raise ValueError("has two sources; give one")
        case {"env": str(name), **rest} if name and not rest:
            return Env(name)
        case {"file": str(path), **rest} if path and not rest:
            return File(path)
        case {"command": [str(program), *arguments], **rest} if program and not rest:
            return Command((program, *_texts(arguments)))
        case dict():
            raise ValueError(f"expected {_FORMS}")
        case list() | None:
            raise ValueError(f"expected {_FORMS}; leave the key out if there is none")
        case _:
            raise ValueError("quote it")


def _texts(arguments: list[Tree]) -> list[str]:
    if not all(isinstance(argument, str) for argument in arguments):
        raise ValueError("put every argument of the command in quotes")
    return [argument for argument in arguments if isinstance(argument, str)]


def fetch(source: SecretSource, folder: Path, environ: Mapping[str, str]) -> str:
    """The secret itself; paths are relative to `folder`.

    Raises:
        ValueError: It cannot be read, or is empty.
    """
    match source:
        case Secret():
            return source.reveal()
        case Env(name):
            if not environ.get(name):
                state = "empty" if name in environ else "not set"
                raise ValueError(f"environment variable {name} is {state}")
            return environ[name]
        case File(path):
            return _content(read_private(folder / Path(path).expanduser()), "the file")
        case Command(argv):
            return _content(_output(argv, folder), "the command's output")


def _content(data: bytes, what: str) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise ValueError(f"{what} begins with a byte-order mark; save it without one")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{what} is not UTF-8 text") from None
    text = text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text
    if not text:
        raise ValueError(f"{what} is empty")
    if "\0" in text:
        raise ValueError(f"{what} contains a NUL character")
    return text


def read_private(path: Path) -> bytes:
    """The content of a file that nobody else can read.

    Raises:
        ValueError: It does not exist, others can read it, or it is too large.
    """
    return read_regular(path, MAX_SECRET_BYTES, private=True)[0]


def read_regular(path: Path, max_bytes: int, *, private: bool) -> tuple[bytes, os.stat_result]:
    """The content of a regular file, and the `stat` of the same open file. Follows links.

    Raises:
        ValueError: It does not exist, is not a regular file, or is too large; if `private`, also if others can read it.
    """
    try:
        # O_NONBLOCK: opening a FIFO must not wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | system.open_flags("CLOEXEC", "NONBLOCK"))
    except OSError as exc:
        raise ValueError(f"{path}: {(exc.strerror or 'error').lower()}") from None
    try:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            raise ValueError(f"{path}: not a regular file")
        if private:
            refuse_shared(path, status)
        if status.st_size > max_bytes:
            raise ValueError(f"{path}: larger than {max_bytes} bytes")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(max_bytes), status
    finally:
        os.close(descriptor)


def fault_of_certificates(path: Path) -> str | None:
    """Why no certificate of a CA can be read from this file, which need not be private; None if one can."""
    import ssl  # takes a while, and few need it

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        return "holds no certificate"
    except OSError as exc:
        return (exc.strerror or "cannot be read").lower()
    return None


def refuse_shared(path: Path, status: os.stat_result) -> None:
    """Refuse a file that another user owns or can access, as ssh does with keys.

    Raises:
        ValueError: The message names the remedy.
    """
    mode = S_IMODE(status.st_mode)
    if not system.is_ours(status):
        raise ValueError(f"{path}: belongs to user {status.st_uid}, must belong to you (user {os.geteuid()})")
    if system.mode_for_others(status):
        raise ValueError(f"{path}: mode {mode:04o}, must be 0600 (chmod 600 {shlex.quote(str(path))})")


def _output(argv: tuple[str, ...], folder: Path) -> bytes:
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, from a file only the user can write
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "not a command"
        raise ValueError(f"the command cannot be run: {reason.lower()}") from None
    try:
        output = _collect(process, monotonic() + COMMAND_S)
    finally:
        # Ends also the processes that the command started.
        system.kill_group(process)
        if process.stdout is not None:
            process.stdout.close()
        process.wait()
    if process.returncode:
        raise ValueError(f"the command failed: {_ending(process.returncode)}")
    return output


def _collect(process: subprocess.Popen[bytes], deadline_s: float) -> bytes:
    """The output of the process until it ends; a child that keeps the pipe open is not waited for."""
    assert process.stdout is not None  # noqa: S101
    if not system.can_wait_for_pipes():
        return _collect_blocking(process)
    output = bytearray()
    os.set_blocking(process.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while monotonic() < deadline_s:
            ended = process.poll() is not None
            if not ended:
                selector.select(0.02)
            chunk = process.stdout.read(MAX_SECRET_BYTES + 1)
            if not chunk and ended:
                return bytes(output)
            if chunk == b"" and selector.get_map():
                selector.unregister(process.stdout)  # at its end the pipe is always ready
            output += chunk or b""
            if len(output) > MAX_SECRET_BYTES:
                raise ValueError(f"the command printed more than {MAX_SECRET_BYTES} bytes")
    raise ValueError(f"the command did not end within {COMMAND_S:g} s")


def _collect_blocking(process: subprocess.Popen[bytes]) -> bytes:
    """The same on systems that cannot wait for pipes; here a child that keeps the pipe open is waited for."""
    try:
        output, _ = process.communicate(timeout=COMMAND_S)
    except subprocess.TimeoutExpired:
        raise ValueError(f"the command did not end within {COMMAND_S:g} s") from None
    if len(output) > MAX_SECRET_BYTES:
        raise ValueError(f"the command printed more than {MAX_SECRET_BYTES} bytes")
    return output


def _ending(returncode: int) -> str:
    return f"exit status {returncode}" if returncode > 0 else f"killed by signal {-returncode}"
