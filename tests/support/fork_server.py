"""Starts commands by fork, in a process that has imported all of ordwatch: each takes milliseconds, not half a second.

The parent sends one message for each command: its arguments (the first is a Python script, as the installed command
is), its variables and its folder as JSON, and four descriptors: stdin, stdout and stderr of the command, and a pipe.
Into the pipe go the command's process id and, at its end, its exit code; negative for a signal. The command itself is a
process like any other: its own descriptors, variables, signals and end. The server ends when its parent closes the
socket.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import struct
import sys
from typing import Any

from typer.testing import CliRunner

import ordwatch
from ordwatch.cli.app import command_line

MAX_MESSAGE_BYTES = 65_536
REPORT = struct.Struct("<q")
"""How a process id or an exit code is written into the pipe."""
LEFT_OUT = ("ordwatch.testing",)
"""What no command imports."""


def serve(requests: socket.socket) -> None:
    """Start a command for each message. Returns in the process that is the command, ready to be run."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(requests, MAX_MESSAGE_BYTES, 4)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            if is_command(descriptors):
                become(json.loads(message))
                return
        for descriptor in descriptors:
            os.close(descriptor)


def is_command(descriptors: list[int]) -> bool:
    """Fork the command, with these descriptors as its own. True in the command; its parent reports its end and ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *standard, report = descriptors
    pid = os.fork()
    if pid == 0:
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
        for descriptor in descriptors:
            os.close(descriptor)
        return True
    for descriptor in standard:  # a reader must see the end of the command's output
        os.close(descriptor)
    os.write(report, REPORT.pack(pid))
    _, status = os.waitpid(pid, 0)
    os.write(report, REPORT.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def become(command: dict[str, Any]) -> None:
    """Take over the command's arguments, variables and folder."""
    sys.argv = command["args"]
    os.environ.clear()
    os.environ.update(command["env"])
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    os.chdir(command["folder"])


def import_all() -> None:
    """Import every module that a command may need."""
    for module in pkgutil.walk_packages(ordwatch.__path__, "ordwatch."):
        if not module.name.startswith(LEFT_OUT):
            importlib.import_module(module.name)
    # Typer imports a part of itself with the first command line that it reads.
    if CliRunner().invoke(command_line(), ["schema"]).exit_code != 0:
        raise SystemExit("`ordwatch schema` failed in the fork server")
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


if __name__ == "__main__":
    import_all()
    gc.collect()
    gc.freeze()  # what is there now is shared by all commands
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes that report
    serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_path(sys.argv[0], run_name="__main__")
