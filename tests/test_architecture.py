"""Holds the code to its picture: imports point left, protocol code does no I/O, venues stay in their folders."""

import ast
import asyncio
import re
from functools import cache
from pathlib import Path

import ordwatch
from ordwatch.venues import REGISTRY

PACKAGE = Path(ordwatch.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.endswith("_pb2.py"))
ORDER = [
    "core",
    "system",
    "venues",
    "config",
    "engine",
    "outputs",
    "recording",
    "scale",
    "simulators",
    "testing",
    "cli",
]
"""From left to right; a module imports only from its own place and from those before it."""

PURE_EXCEPT = {"connect.py", "rest.py"}
IMPURE = {"socket", "asyncio", "time", "random", "secrets", "threading", "websockets", "aiohttp", "ssl", "os"}


def place(parts: tuple[str, ...]) -> int | None:
    return ORDER.index(parts[0]) if parts and parts[0] in ORDER else None


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All nodes of the module, itself first."""
    return list(ast.walk(ast.parse(path.read_text())))


@cache
def imports(path: Path) -> list[str]:
    tree = nodes(path)
    names = [alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names]
    return names + [node.module or "" for node in tree if isinstance(node, ast.ImportFrom)]


def names_venues(path: Path) -> bool:
    """Whether a venue may be named there: in its folders, and on its lines in the registries."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] == "venues" or (parts[0] == "simulators" and (len(parts) > 2 or parts[1] == "__init__.py"))


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def test_every_part_has_its_place() -> None:
    parts = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in MODULES}

    assert parts == {"__init__", *ORDER}


def test_imports_point_left() -> None:
    assert [(name(path), right) for path in MODULES if (right := imports_from_the_right(path))] == []


def imports_from_the_right(path: Path) -> list[str]:
    own = place((path.relative_to(PACKAGE).parts[0].removesuffix(".py"),))
    ours = [module.split(".")[1:] for module in imports(path) if module.startswith("ordwatch.")]
    return [".".join(parts) for parts in ours if own is not None and (place(tuple(parts)) or 0) > own]


SHELL = {
    "connection.py",
    "http.py",
    "http_client.py",
    "imports.py",
    "moment.py",
    "queue.py",
    "rates.py",
    "run.py",
    "run_session.py",
    "runner.py",
    "transport.py",
    "websocket.py",
}
"""The modules of the engine that have sockets, clocks or tasks; the others decide."""


def test_what_decides_has_no_clock_and_no_task() -> None:
    impure = IMPURE - {"random", "ssl", "socket", "os"}  # a generator is handed over; errors are classes of these
    deciding = [path for path in MODULES if path.parent == PACKAGE / "engine" and path.name not in SHELL]

    assert [name(path) for path in deciding if roots(path) & impure] == []


def test_protocol_code_does_no_io() -> None:
    protocol = [
        path for path in MODULES if "venues" in path.relative_to(PACKAGE).parts and path.name not in PURE_EXCEPT
    ]

    assert [name(path) for path in protocol if roots(path) & IMPURE] == []


def roots(path: Path) -> set[str]:
    return {module.split(".")[0] for module in imports(path)}


def test_venues_are_named_in_their_folders_only() -> None:
    venues = re.compile("|".join(REGISTRY), re.IGNORECASE)

    assert [name(path) for path in MODULES if not names_venues(path) and venues.search(code(path))] == []


@cache
def code(path: Path) -> str:
    """The module without what is written for people: docstrings may give an example."""
    tree = nodes(path)
    kept = [node for node in tree if not isinstance(node, ast.Expr)]
    texts = {id(node.value) for node in tree if isinstance(node, ast.Expr)}
    constants = [node.value for node in kept if isinstance(node, ast.Constant) and id(node) not in texts]
    names = [getattr(node, "id", "") + getattr(node, "attr", "") for node in kept]
    return " ".join(imports(path) + names + [text for text in constants if isinstance(text, str)])


NOT_EVERYWHERE = {
    "fcntl", "resource", "msvcrt", "termios", "tty", "tcgetpgrp", "SIGTSTP", "SIGCONT", "SIGQUIT", "SIGTTIN",
    "fdatasync", "fchmod", "geteuid", "getuid", "killpg", "pthread_sigmask",
    "add_signal_handler", "poll", "prctl", "SIGHUP", "SIGPIPE", "SIGKILL", "CLOCK_BOOTTIME",
    "O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_DIRECTORY",
}  # fmt: skip
"""Names of the standard library that macOS or Windows lacks, and those that only they have."""

STANDARD = {"os", "signal", "select", "time", "loop"}

ASKS_FOR_THE_USER = {"config/sources.py"}
"""Names the user in a message that only a system with users comes to."""


def test_one_module_knows_what_a_system_lacks() -> None:
    others = [path for path in MODULES if path.name != "system.py"]

    assert [(name(path), used) for path in others if (used := of_some_systems(path))] == []


def of_some_systems(path: Path) -> list[str]:
    attributes = {
        node.attr
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in STANDARD
    }
    asked = NOT_EVERYWHERE - {"geteuid"} if name(path) in ASKS_FOR_THE_USER else NOT_EVERYWHERE
    files = [text for text in code(path).split() if text.startswith("/proc/")]
    return [*sorted(asked & (attributes | set(imports(path)))), *files]


def test_each_registry_line_has_one_folder() -> None:
    folders = {path.parent.name for path in (PACKAGE / "venues").glob("*/__init__.py")}

    assert folders - {"toolkit"} == set(REGISTRY)


def test_every_module_says_what_it_is() -> None:
    assert [name(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))] == []


async def test_asyncio_runs_tests_in_debug_mode() -> None:
    assert asyncio.get_running_loop().get_debug()


def test_nats_is_imported_in_one_module_only() -> None:
    assert [name(path) for path in MODULES if "nats" in roots(path)] == ["scale/nats_client.py"]
