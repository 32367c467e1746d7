"""The topics of `docspeed help`, made from the tables of exit codes, error codes and settings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from typing import NamedTuple

from docspeed_cli.core.errors import CODES, EXIT_PRIORITY, EXITS
from docspeed_cli.core.settings import SETTINGS, VARIABLES

Rows = tuple[tuple[str, str], ...]
"""Terms, each with its description."""


class Sample(NamedTuple):
    """Lines to copy; printed as they are."""

    text: str


Part = str | Rows | Sample
"""A paragraph, a list of terms, or lines to copy."""

_WIDTH, _MAX_WIDTH = 80, 100
"""Columns for a pipe, and the most used at a wide terminal."""

_MAX_TERM = 26
"""Columns; a longer term gets a line to itself."""

OUTPUT: tuple[Part, ...] = (
    "Results go to standard output. Progress, notes, hints and errors go to standard error.",
    "At a terminal, results are shown as tables and text for people to read. In a pipe or a file they are "
    "JSON, byte for byte as the server sent it.",
    (
        ("--json", "print JSON, also at a terminal; errors are one JSON line on standard error"),
        ("--format FORMAT", "json, markdown, text, csv or id; a command's --help lists those it has"),
        (
            "-o PATH",
            "write to this file, whole or not at all; with many inputs, one file for each in a folder",
        ),
        ("--quiet", "print no notes and no progress"),
        ("--verbose", "print a line for each HTTP exchange"),
    ),
    "NO_COLOR, FORCE_COLOR, TERM=dumb and COLUMNS are honoured.",
)

SCHEMAS: tuple[Part, ...] = (
    "A schema is a JSON file that says what `docspeed extract` looks for. `docspeed schema` makes one from "
    "sample documents or from instructions. Fields occur once in a document; tables have a row for each line "
    "item:",
    Sample(
        """{
  "doc_class": "invoice",
  "fields": [
    {
      "key": "invoice_number",
      "type": "string",
      "description": "Invoice number"
    }
  ],
  "tables": [
    {
      "key": "line_items",
      "description": "One row for each item",
      "fields": [{"key": "amount", "type": "number"}]
    }
  ]
}"""
    ),
    (
        ("key", "the name in the result; dots make groups, as in seller.name"),
        (
            "type",
            "string, number, integer, float, boolean, date, time, currency, percentage, object, …",
        ),
        ("description", "what to look for, in your own words"),
        ("array", "true if there may be several values"),
        ("fields", "the fields of an object or of a table's rows"),
    ),
    "The older form works too: invoice_level_fields with entries like 'string: Invoice number', and "
    "line_item_structures with target_fields like 'amount (number): the row's amount'.",
)

CONFIG = Sample(
    """wait = true
timeout = "30m"
concurrency = 16
base_url = "https://api.docspeed.ai\""""
)
"""A config file that works."""


def _scripting() -> tuple[Part, ...]:
    return (
        (
            ("job=$(docspeed parse scan.pdf --format id)", "submit, and keep the job's id"),
            ('docspeed jobs wait "$job" --timeout 30m', "wait; exit 8 means that it still runs"),
            ('docspeed jobs result "$job" -o scan.json', "write the result"),
        ),
        "After any failure, run the same command again. It joins the jobs that still run and fetches the "
        "results that are ready; a document that was processed is not paid for twice.",
        "Branch on the exit code (`docspeed help exit-codes` lists when each occurs), or run with --json and "
        "read .error.code. What a script should do:",
        tuple((f"{row.code:>3}", row.advice) for row in EXITS),
    )


def _exit_codes() -> tuple[Part, ...]:
    order = ", ".join(str(code) for code in EXIT_PRIORITY)
    return (
        tuple((f"{row.code:>3}  {row.name}", row.when) for row in EXITS),
        f"If several jobs end differently, the exit code is the first of {order} that occurred.",
        "With --json, an error has a more precise error.code: the server's own if it sent one, otherwise one "
        "of these:",
        tuple(CODES.items()),
    )


def _environment() -> tuple[Part, ...]:
    *names, last = (setting.name for setting in SETTINGS)
    return (
        VARIABLES,
        "A flag wins over a variable, and a variable over config.toml. `docspeed config path` prints where "
        f"that file is. It may set {', '.join(names)} and {last}:",
        CONFIG,
        "HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR, NO_COLOR, FORCE_COLOR, TERM=dumb and COLUMNS "
        "are honoured too.",
    )


PARTS: dict[str, Callable[[], tuple[Part, ...]]] = {
    "output": lambda: OUTPUT,
    "scripting": _scripting,
    "schemas": lambda: SCHEMAS,
    "exit-codes": _exit_codes,
    "environment": _environment,
}
"""Each topic's text, by the name that `docspeed help` takes."""


def topic_text(topic: str, columns: int | None = None) -> str:
    """A topic, wrapped for a terminal of this many columns, or for 80 in a pipe."""
    width = min(columns or _WIDTH, _MAX_WIDTH)
    others = ", ".join(other for other in PARTS if other != topic)
    more = f"More: `docspeed help` with {others} or a command; `man docspeed`."
    return "\n\n".join(_part_text(part, width) for part in (*PARTS[topic](), more))


def _part_text(part: Part, width: int) -> str:
    if isinstance(part, Sample):
        return part.text
    return _wrap(part, width) if isinstance(part, str) else _list_text(part, width)


def _list_text(rows: Rows, width: int) -> str:
    longest = max(len(term) for term, _ in rows)
    # Beside a long term the descriptions would be columns of single words.
    if longest > min(_MAX_TERM, width // 3):
        return "\n".join(f"{term}\n{_wrap(about, width, '    ')}" for term, about in rows)
    indent = " " * (longest + 2)
    return "\n".join(term.ljust(longest + 2) + _wrap(about, width, indent).lstrip() for term, about in rows)


def _wrap(text: str, width: int, indent: str = "") -> str:
    # Commands in backticks stay on one line, so that they can be copied.
    joined = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\0"), text)
    # Flags and URLs have hyphens, and must not be broken at them.
    lines = textwrap.wrap(
        joined,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace("\0", " ")
