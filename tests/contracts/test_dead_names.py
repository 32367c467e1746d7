"""Every top-level name of a module is used somewhere in the program, not by tests alone."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tests.contracts.test_imports import files, modules


def _named(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_names_of_each_module_are_used_by_the_program() -> None:
    words = Counter(word for path in files().values() for word in re.findall(r"\w+", path.read_text("utf-8")))
    unused = [
        f"{module}: {name}"
        for module, tree in modules().items()
        for name in _named(tree)
        if words[name] == 1 and not name.startswith("__")
    ]
    assert not unused
