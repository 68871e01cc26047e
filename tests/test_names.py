"""Holds names, messages and docstrings to plain words: the field's noun for each thing, and one name for one thing."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import ordwatch

PACKAGE = Path(ordwatch.__file__).parent
TESTS = Path(__file__).parent

PRIVATE = {
    "told", "tells", "tell", "said", "words", "heard", "spoke", "speaks", "quiet", "dated", "fell", "lost", "falls",
    "lose", "restore", "uncover", "hold", "holds", "release", "room", "works", "vital", "patience", "age", "settled",
    "agrees", "gone", "audit", "laws", "law", "story", "copies", "opening", "linefile", "aside", "torn", "loose",
    "rows", "asking", "health", "profiles", "desk", "peers", "beside", "showing", "reach", "configured", "blanked",
    "sealed", "near",
}  # fmt: skip
"""Words that do not say what a thing is: only somebody who was there when it was named can guess them."""

PRIVATE_CLASSES = {
    "Ask", "Report", "Inquiry", "Age", "Funnel", "Beat", "Vitals", "Past", "Start", "Counted", "Book",
}  # fmt: skip
"""Plain as verbs or as parts of a name, but a class that is called just so could be anything."""

FIXED = {
    "ConnectionLost",  # the tree of errors, which other packages import
    "audit_interval",  # a key of the configuration
    "tell",  # a method of every file
    "Quiet", "quiet",  # the option --quiet
    "MAX_AGE_S", "max_age", "max_age_s", "age_s", "alive_age_s",  # the option --max-age, and what it is compared with
}  # fmt: skip
"""Names that users, files or other packages rely on."""

ROWS_OF_A_TABLE = PACKAGE / "outputs"
"""A table that is drawn has rows; elsewhere it is orders, pages or entries."""

NEVER = re.compile(r"\b(told|heard|spoke|fell|laws?)\b", re.IGNORECASE)


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if not path.name.endswith("_pb2.py"))


def parts(name: str) -> list[str]:
    """The words of a name: `OrderPush` and `order_push` have the same two, but for their case."""
    return re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)


def names(path: Path) -> Iterator[str]:
    """Names of the module and of its classes, functions, arguments, attributes and constants."""
    tree = ast.parse(path.read_text())
    yield path.stem
    yield from targets(tree.body)
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.ClassDef():
                yield node.name
                yield from targets(node.body)
            case ast.arg():
                yield node.arg
            case ast.Attribute(ctx=ast.Store()):
                yield node.attr
            case _:
                pass


def targets(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        assigned = statement.targets if isinstance(statement, ast.Assign) else []
        assigned += [statement.target] if isinstance(statement, ast.AnnAssign) else []
        yield from (target.id for target in assigned if isinstance(target, ast.Name))


def classes(path: Path) -> list[str]:
    return [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]


def private_names(path: Path) -> list[str]:
    allowed = {"rows"} if path.is_relative_to(ROWS_OF_A_TABLE) else set()
    private = PRIVATE - allowed
    found = {name for name in names(path) if private & {part.lower() for part in parts(name)}}
    found |= {name for name in classes(path) if name.strip("_") in PRIVATE_CLASSES}
    return sorted(found - FIXED)


def where(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def test_names_are_plain_words() -> None:
    assert {where(path): found for path in modules(PACKAGE) if (found := private_names(path))} == {}


@pytest.mark.parametrize("name", ["told", "is_told", "TOLD_NS", "ToldOrder", "_tell", "go_to_rows"])
def test_a_private_word_is_found_in_any_part_of_a_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(f"class Order:\n    {name}: int\n")

    assert private_names(path) == [name]


def test_a_name_that_only_contains_a_private_word_is_plain(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("class Restarted:\n    message: str\n    stage: int\n    arrows: int\n")

    assert private_names(path) == []


def private_texts(path: Path) -> list[str]:
    """Docstrings, messages and local names with a word that is never plain."""
    tree = ast.parse(path.read_text())
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    texts += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return [text for text in texts if text not in FIXED_TEXTS and any(NEVER.fullmatch(word) for word in words(text))]


def words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]+", text.replace("broken_laws", ""))


FIXED_TEXTS = {"broken_laws"}
"""Keys of what `verify -o json` prints."""


@pytest.mark.parametrize("folder", [PACKAGE, TESTS], ids=["package", "tests"])
def test_no_text_needs_to_be_guessed(folder: Path) -> None:
    texts = {str(path.relative_to(folder)): private_texts(path) for path in modules(folder) if path != Path(__file__)}

    assert {path: found for path, found in texts.items() if found} == {}


def test_one_name_is_one_class() -> None:
    public = Counter(name for path in modules(PACKAGE) for name in classes(path) if not name.startswith("_"))

    assert [name for name, count in public.items() if count > 1] == []


EMPTY = re.compile(r"(Never|Always|One of (the )?(two|three|them)|Nothing|See above|As above|The same|Likewise)\.")


def test_every_docstring_explains() -> None:
    found = [
        (where(path), text)
        for path in modules(PACKAGE)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if EMPTY.fullmatch(text := node.value.value.strip())
    ]

    assert found == []


FILE = re.compile(r"\b[a-z_]+\.py\b")


def test_every_file_that_a_module_names_exists() -> None:
    files = {path.name for folder in (PACKAGE, TESTS) for path in folder.rglob("*.py")}
    named = {where(path): set(FILE.findall(path.read_text())) - files for path in modules(PACKAGE)}

    assert {path: missing for path, missing in named.items() if missing} == {}
