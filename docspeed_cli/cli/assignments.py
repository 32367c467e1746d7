"""Read `--set KEY=VALUE`: fields of a request's body, given on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.json_text import read_json

_MAX_DEPTH = 50
"""Deepest field that can be set; anything deeper is a mistake."""


def parse_assignments(assignments: Sequence[str] | None) -> dict[str, Any]:
    """The fields that `--set` names. UsageError for a text without `=`, or for a contradiction."""
    result: dict[str, Any] = {}
    for text in assignments or ():
        name, equals, value = text.partition("=")
        path = name.split(".")
        if len(path) > _MAX_DEPTH:
            raise UsageError(f"--set {text[:40]}…: a field can't be {len(path)} levels deep")
        if not equals or not all(path):
            raise UsageError(f"--set {text}: write KEY=VALUE, or a.b=VALUE for a nested field")
        _assign(result, path, _parse_value(value), text)
    return result


def _assign(result: dict[str, Any], path: list[str], value: Any, text: str) -> None:
    *outer, last = path
    for name in outer:
        result = result.setdefault(name, {})
        if not isinstance(result, dict):
            raise UsageError(f"--set {text}: {name} was set to a plain value already")
    if isinstance(result.get(last), dict) and isinstance(value, dict):
        result[last] = merge(result[last], value)
    elif isinstance(result.get(last), dict):
        raise UsageError(f"--set {text}: fields of {last} were set already")
    else:
        result[last] = value


def _parse_value(text: str) -> Any:
    try:
        return read_json(text, strict=True)
    except ValueError:
        return text


def merge(body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """The body with these fields added; nested objects are merged."""
    result = dict(body)
    for name, value in extra.items():
        there = result.get(name)
        if isinstance(there, dict) and isinstance(value, dict):
            result[name] = merge(there, value)
        else:
            result[name] = value
    return result
