"""Lays out help: paragraphs, tables of terms with their descriptions, and sections of these."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

TOPICS = {
    "output": "where results go, and in which format",
    "scripting": "jobs in scripts, and how to resume",
    "schemas": "what extract looks for",
    "rules": "your own checks of results",
    "exit-codes": "what each exit code means",
    "environment": "variables and the config file",
}
"""The topics of `docspeed help`."""

MAX_WIDTH = 100
"""Most columns used at a wide terminal."""

_MIN_WIDTH = 50


def help_width() -> int:
    """Columns for the help of a command, as Typer counts them."""
    from shutil import get_terminal_size

    return max(min(get_terminal_size().columns, MAX_WIDTH) - 2, _MIN_WIDTH)


def paragraph(text: str, width: int, indent: int = 0, hanging: int | None = None) -> str:
    """Text wrapped to this many columns; lines after the first are indented by `hanging`, if given."""
    import textwrap

    # Flags and URLs have hyphens, and must not be broken at them.
    return textwrap.fill(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent if hanging is None else hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(rows: Sequence[tuple[str, str]], width: int, indent: int = 0) -> str:
    """A line for each term, with the descriptions aligned."""
    column = max(len(term) for term, _ in rows) + 2
    return "\n".join(
        paragraph(f"{term:<{column}}{about}", width, indent, indent + column) for term, about in rows
    )


def section(title: str, body: str) -> str:
    """A title and the body below it."""
    return f"{title}:\n{body}"


def examples_section(examples: Iterable[str]) -> list[str]:
    """The section with these lines of shell; no section if there are none."""
    lines = [f"  {line}" for example in examples for line in example.split("\n")]
    return [section("Examples", "\n".join(lines))] if lines else []


def more_section(topics: Iterable[str], width: int, *first: tuple[str, str]) -> str:
    """The section that says where to read on: these rows, then topics, then the manual page."""
    listed = [(f"docspeed help {topic}", TOPICS[topic]) for topic in topics]
    rows = [*first, *listed, ("man docspeed", "all of it on one page")]
    return section("More", table(rows, width, 2))
