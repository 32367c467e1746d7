"""Imports go downwards by package, and heavy packages are imported where they are used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import docspeed_cli

PACKAGE = Path(docspeed_cli.__file__).parent

FLOORS = (
    {"core"},
    {"service", "store", "results"},
    {"terminal", "review"},
    {"jobs"},
    {"cli"},
)
"""The packages by layer; each may import those of the layers before its own."""

SANDBOX = "sandbox"
LATE = {
    "service.network",
    *(f"store.postgres{part}" for part in ("", "_connection", "_contents", "_layout", "_locks", "_queries")),
    "store.transfer",
}
"""Modules that are imported inside functions only, and so may import heavy packages."""
HEAVY = {
    "PIL",
    "asyncio",
    "httpx",
    "platformdirs",
    "psycopg",
    "pypdfium2",
    "rich",
    "ssl",
    "truststore",
    "werkzeug",
}


@dataclass(frozen=True)
class Import:
    """The target of an import, and whether it runs when the module is loaded."""

    name: str
    at_load: bool
    line: int


@cache
def files() -> dict[str, Path]:
    """Return the file of every module of the package by the module's dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the package by its dotted name."""
    return {name: ast.parse(path.read_text("utf-8"), str(path)) for name, path in files().items()}


def imports(tree: ast.AST, *, at_load: bool = True) -> Iterator[Import]:
    """Yield every import, those inside functions too; imports under TYPE_CHECKING are not loaded."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, at_load, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield from _from(node, at_load)
        elif not isinstance(node, ast.expr):  # an expression holds no import
            inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _for_types(node)
            yield from imports(node, at_load=at_load and not inner)


def _from(node: ast.ImportFrom, at_load: bool) -> Iterator[Import]:
    module = node.module or ""
    below = module.removeprefix("docspeed_cli").lstrip(".")
    for alias in node.names:
        inner = f"{below}.{alias.name}".lstrip(".")
        ours = module.split(".")[0] == "docspeed_cli" and inner in files()
        yield Import(f"{module}.{alias.name}" if ours else module, at_load, node.lineno)


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


@cache
def imports_of(module: str) -> list[Import]:
    """Return every import of a module of the package."""
    return list(imports(modules()[module]))


def ours(module: str) -> Iterator[tuple[str, int]]:
    """Yield a module's imports of this package's modules, by dotted name, with their lines."""
    for found in imports_of(module):
        first, _, below = found.name.partition(".")
        if first == "docspeed_cli" and below:
            yield below, found.line


def package(name: str) -> str:
    """Return the package of a module."""
    return name.split(".", maxsplit=1)[0]


CLIENT = [name for name in files() if package(name) not in ("", "__main__", SANDBOX)]


def below(name: str) -> set[str]:
    """Return the packages that this one may import."""
    floor = next(number for number, packages in enumerate(FLOORS) if name in packages)
    return set().union({name}, *FLOORS[:floor])


# -- the order


def test_packages_all_modules_belong_to_one_of_the_nine() -> None:
    assert {package(name) for name in CLIENT} <= set().union(*FLOORS)


def test_imports_of_each_module_go_downwards_by_package() -> None:
    upwards = [
        f"{name}, line {line}: {other}"
        for name in CLIENT
        for other, line in ours(name)
        if package(other) not in below(package(name)) and other != "__version__"
    ]
    assert upwards == []


@pytest.mark.parametrize("folder", sorted({package(name) for name in CLIENT} | {SANDBOX}))
def test_imports_within_a_package_have_no_cycle(folder: str) -> None:
    graph = {
        name: {other for other, _ in ours(name) if other != name}
        for name in files()
        if package(name) == folder
    }
    assert list(TopologicalSorter(graph).static_order())


# -- what is imported where


def test_imports_of_the_sandbox_exclude_the_client() -> None:
    foreign = [
        f"{name}, line {line}: {other}"
        for name in files()
        if package(name) == SANDBOX
        for other, line in ours(name)
        if package(other) != SANDBOX
    ]
    assert foreign == []


def test_imports_of_the_sandbox_are_inside_functions() -> None:
    early = [
        f"{name}, line {found.line}: {found.name}"
        for name in CLIENT
        for found in imports_of(name)
        if found.at_load
        and (found.name + ".").startswith(("docspeed_cli.sandbox.", "werkzeug.", "pypdfium2."))
    ]
    assert early == []


def test_imports_of_heavy_packages_are_inside_functions() -> None:
    early = [
        f"{name}, line {found.line}: {found.name}"
        for name in CLIENT
        if name not in LATE and ".views." not in f"{name}."
        for found in imports_of(name)
        if found.at_load and found.name.split(".")[0] in HEAVY
    ]
    assert early == []


def test_imports_of_typer_are_public_names() -> None:
    users = {name: tree for name, tree in modules().items() if "typer" in files()[name].read_text("utf-8")}
    private = [
        f"{name}, line {found.line}: {found.name}"
        for name in files()
        for found in imports_of(name)
        if found.name.split(".")[0] == "click" or re.match(r"typer\.(.*\.)?_", found.name)
    ]
    reached = [
        f"{name}, line {node.lineno}: {ast.unparse(node)}"
        for name, tree in users.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and re.match(r"typer\.(.*\.)?_", ast.unparse(node))
    ]
    taken = [
        f"{name}, line {node.lineno}: {alias.name}"
        for name, tree in users.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "typer"
        for alias in node.names
        if alias.name.startswith("_")
    ]
    assert private + reached + taken == []


# -- these tests themselves


def test_imports_inside_functions_are_found() -> None:
    tree = ast.parse(
        "import a\n"
        "def f():\n    import b\n    def g():\n        from docspeed_cli.core.errors import Exit\n"
        "if TYPE_CHECKING:\n    import c\n"
        "try:\n    import d\nexcept ImportError:\n    pass\n"
        "class K:\n    import e\n"
        "from docspeed_cli.core import errors\nfrom docspeed_cli import __version__\n"
    )
    assert [(found.name, found.at_load) for found in imports(tree)] == [
        ("a", True),
        ("b", False),
        ("docspeed_cli.core.errors", False),
        ("c", False),
        ("d", True),
        ("e", True),
        ("docspeed_cli.core.errors", True),
        ("docspeed_cli", True),
    ]
