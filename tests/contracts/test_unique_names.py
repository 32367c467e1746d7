"""No other module of the client defines a function, class or type alias of the same name."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping

from tests.contracts.test_style import CLIENT


def defined(tree: ast.Module) -> Iterator[str]:
    """Yield the names of functions, classes and aliases, but not of constants, which are in capitals."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            names = (target.id for target in node.targets if isinstance(target, ast.Name))
            yield from (name for name in names if name != name.upper())


def defined_twice(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names that several modules define, with these modules."""
    modules = defaultdict(list)
    for module, source in sources.items():
        for name in set(defined(ast.parse(source))):
            modules[name].append(module)
    return {name: found for name, found in modules.items() if len(found) > 1}


def test_names_are_defined_in_one_module_of_the_client() -> None:
    assert defined_twice(CLIENT) == {}


def test_names_defined_twice_are_found_except_methods_and_constants() -> None:
    sources = {
        "a.py": "def same(): ...\nclass Same: ...\nAlias = int\nMAX = 1\nclass B:\n    def only(self): ...\n",
        "b.py": "class Same:\n    def only(self): ...\nAlias = str\nMAX = 2\n",
        "c.py": "def same(): ...\ndef only(): ...\n",
    }
    assert defined_twice(sources) == {
        "same": ["a.py", "c.py"],
        "Same": ["a.py", "b.py"],
        "Alias": ["a.py", "b.py"],
    }
