"""Alone in drawing a payload of no known shape: indented JSON, bounded in every direction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.views.parts import CELL, clipped

_DEEPEST = 40


def json_view(payload: Any, max_lines: int) -> RenderableType:
    """The payload as indented JSON, in as many lines as are allowed."""
    lines = list(islice(_lines(payload, "", "", 0), max(max_lines, 1) + 1))
    # A line that is broken inside a string would be no JSON when it is copied: the terminal wraps it.
    shown = Text("\n".join(lines[: max(max_lines, 1)]), no_wrap=True, overflow="ignore")
    cut = len(lines) > max(max_lines, 1)
    more = [Text("… and more; for all: --json or -o FILE")] if cut else []
    return Group(shown, *more)  # also alone, for a text that is printed by itself is wrapped in any case


def _lines(value: Any, lead: str, tail: str, depth: int) -> Iterator[str]:
    """Lines without a recursion deeper than people read, and none longer than they read."""
    indent = "  " * depth
    if not isinstance(value, dict | list) or not value:
        yield f"{indent}{lead}{_scalar(value)}{tail}"
    elif depth >= _DEEPEST:
        yield f"{indent}{lead}{'{…}' if isinstance(value, dict) else '[…]'}{tail}"
    else:
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        yield f"{indent}{lead}{opening}"
        items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
        for number, (name, item) in enumerate(items, 1):
            named = f"{_scalar(name)}: " if isinstance(value, dict) else ""
            yield from _lines(item, named, "," if number < len(value) else "", depth + 1)
        yield f"{indent}{closing}{tail}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        value = clipped(value[: 2 * CELL])
    return sanitize(json.dumps(value, ensure_ascii=False, default=str), multiline=False)
