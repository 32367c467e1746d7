"""Draw payloads and lists of jobs for people at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType

from docspeed_cli.terminal.views.job_list import jobs_table
from docspeed_cli.terminal.views.operations import VIEWS, draw_answer, draw_pages
from docspeed_cli.terminal.views.parts import LineBudget, draw_json

__all__ = ["jobs_table", "view"]


def view(
    operation: str, payload: Any, *, names: Mapping[str, str] | None = None, max_lines: int = 400
) -> RenderableType:
    """Return a drawing of a result in about `max_lines` lines; `names` are the documents' by file id.

    A payload without the operation's shape is drawn as the pages or the answer that it holds, or as JSON.
    """
    chosen = [VIEWS[operation]] if operation in VIEWS else []
    for draw in (*chosen, draw_pages, draw_answer):
        parts = list(draw(payload, LineBudget(max_lines), names or {}))
        if parts:
            return Group(*parts)
    return draw_json(payload, max_lines)
