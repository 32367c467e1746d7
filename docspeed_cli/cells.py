"""Texts in the cells of a terminal, of which some characters take two and some none."""

from __future__ import annotations


def ended(text: str, room: int) -> str:
    """As much of a text's end as there is room for: a path's tells more than its beginning."""
    from rich.cells import cell_len

    if cell_len(text) <= room:
        return text
    end = text[max(len(text) - room, 0) :] if room > 1 else ""
    while end and cell_len(end) >= room:
        end = end[1:]
    return f"…{end}"
