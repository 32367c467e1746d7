"""The client's files, functions and classes stay short, and its prose uses everyday words."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tests.contracts.test_imports import PACKAGE, SANDBOX, modules, package

CLIENT = {
    str(path.relative_to(PACKAGE)): path.read_text("utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
    if "sandbox" not in path.relative_to(PACKAGE).parts
}

MAX_FILE, MAX_FUNCTION, MAX_CLASS = 400, 50, 250
"""Lines of a file, of a function with its docstring, and of a class."""

FORBIDDEN = re.compile(
    r"\b(mend(s|ed)?|amiss|mishaps?|anew|borne|astray|aught|thereof|nobody|nothing but|of its own|is no )\b"
)
"""Words that readers stumble over: archaic ones, and negated nouns like `is no job id`."""

HONEST = ("there is no ", "is no longer ")
"""Uses of these words that everybody writes."""


def test_style_files_functions_and_classes_are_short() -> None:
    files = [name for name, text in CLIENT.items() if len(text.splitlines()) > MAX_FILE]
    limits = {ast.FunctionDef: MAX_FUNCTION, ast.ClassDef: MAX_CLASS}
    long = [
        f"{name}, {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for name, tree in modules().items()
        if package(name) != SANDBOX
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.end_lineno is not None
        if node.end_lineno - node.lineno + 1 > limits[type(node)]
    ]
    assert files + long == []


def test_style_prose_and_messages_have_no_forbidden_words() -> None:
    found = [
        f"{name}, line {line}: {said}"
        for name, text in CLIENT.items()
        for line, said in prose(text)
        if FORBIDDEN.search(without(said, HONEST))
    ]
    assert found == []


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings, messages and comments, with their lines."""
    yield from comments(text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, " ".join(node.value.split())


def without(text: str, phrases: tuple[str, ...]) -> str:
    """Return the text in lower case without these phrases."""
    text = text.lower()
    for phrase in phrases:
        text = text.replace(phrase, "")
    return text


def test_style_json_is_read_and_written_in_one_place() -> None:
    """Python's own reader and writer change numbers. The ledger's lists hold texts only."""
    users = {name for name, text in CLIENT.items() if re.search(r"\bjson\.(loads?|dumps?|JSON\w+)\(", text)}
    assert users == {"core/json_text.py", "store/ledger.py"}
