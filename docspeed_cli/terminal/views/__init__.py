"""Alone in drawing payloads for a terminal: `view` for results, `jobs_table` for the list of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType

from docspeed_cli.terminal.views.job_list import jobs_table
from docspeed_cli.terminal.views.operations import VIEWS, chat, parse
from docspeed_cli.terminal.views.parts import Room
from docspeed_cli.terminal.views.plain import json_view

__all__ = ["jobs_table", "view"]

_NO_NAMES: Mapping[str, str] = {}


def view(
    operation: str, payload: Any, *, names: Mapping[str, str] = _NO_NAMES, max_lines: int = 400
) -> RenderableType:
    """A drawing of a result in some `max_lines` lines; `names` are the documents' by their file ids.

    What has not the operation's shape is drawn as what it looks like, or as JSON.
    """
    chosen = [VIEWS[operation]] if operation in VIEWS else []
    for draw in (*chosen, parse, chat):
        parts = draw(payload, names, Room(max_lines))
        if parts is not None:
            return Group(*parts)
    return json_view(payload, max_lines)
