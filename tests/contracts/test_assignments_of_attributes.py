"""Objects change themselves only: no statement assigns an attribute of another object."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.contracts.test_imports import CLIENT, modules

EXCEPTIONS = {
    "cli.typer_command": {"invoke.__annotations__", "invoke.__signature__"},
    "review.documents": {"Image.MAX_IMAGE_PIXELS", "ImageFile.LOAD_TRUNCATED_IMAGES"},
    "service.body": {"body._file", "body.size"},  # a class method that makes one
    "service.transport": {"self._of_thread.connection"},  # a threading.local
    "store.postgres": {"write.done"},
    "store.postgres_connection": {"connection.prepare_threshold"},
    "store.sqlite": {"write.done"},  # a private record
    "terminal.views.markdown": {"self.text.justify", "token.children", "token.content", "token.info"},
}
"""Objects of libraries and a module's own records, which have no other way."""
_SETTERS = ("setattr", "__setattr__")


def assigned_attributes(tree: ast.AST) -> Iterator[str]:
    """Every attribute that is assigned or deleted, except those of `self` and `cls`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id in ("self", "cls")):
                yield ast.unparse(node)
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", getattr(node.func, "attr", "")) in _SETTERS
        ):
            yield ast.unparse(node)


def test_modules_assign_attributes_of_their_own_objects_only() -> None:
    found = {name: set(assigned_attributes(modules()[name])) for name in CLIENT}
    assert {name: attributes for name, attributes in found.items() if attributes} == EXCEPTIONS


def test_assigned_attributes_are_found_in_every_form_of_assignment() -> None:
    tree = ast.parse(
        "a.b = 1\na.c += 1\na.d: int = 1\nx, a.e = 1, 2\nfor a.f in []:\n    pass\ndel a.g\n"
        "with open(p) as a.h:\n    pass\nsetattr(a, 'i', 1)\nself.j.k = 1\nself.l = a.m\ncls.n = 1\n"
    )
    found = sorted(assigned_attributes(tree))
    assert found == ["a.b", "a.c", "a.d", "a.e", "a.f", "a.g", "a.h", "self.j.k", "setattr(a, 'i', 1)"]
