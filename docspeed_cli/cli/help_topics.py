"""The topics of `docspeed help`, made from the tables of exit codes, error codes and settings."""

from __future__ import annotations

from docspeed_cli.cli.help_layout import MAX_WIDTH, paragraph, table
from docspeed_cli.core.errors import CODES, EXIT_PRIORITY, EXITS
from docspeed_cli.core.settings import SETTINGS, VARIABLES

Part = str | tuple[tuple[str, str], ...]
"""A paragraph or a list of terms with their descriptions. Text with line breaks is printed as it is."""

_PIPE_WIDTH = 80
"""Columns for a pipe."""

CONFIG = """wait = true
timeout = "30m"
concurrency = 16
base_url = "https://api.docspeed.ai\""""
"""A config file that works."""

SCHEMA = """{
  "doc_class": "invoice",
  "fields": [
    {"key": "invoice_number", "type": "string", "description": "Invoice number"}
  ],
  "tables": [
    {"key": "line_items", "fields": [{"key": "amount", "type": "number"}]}
  ]
}"""
"""A schema that works."""

RULES = """[[rule]]
name = "lines add up to the subtotal"
check = "sum(line_items.amount) == subtotal"
tolerance = 0.01

[[rule]]
name = "amount is quantity times price"
each = "line_items"
check = "quantity * unit_price == amount"
tolerance = 0.01"""
"""Rules that work."""

PARTS: dict[str, tuple[Part, ...]] = {
    "output": (
        "Results go to standard output. Progress, notes, hints and errors go to standard error.",
        "At a terminal, results are shown as tables and text for people to read. In a pipe or a file they "
        "are JSON, byte for byte as the server sent it. --format chooses another format; --json prints JSON "
        "at a terminal too, and each error as one JSON line.",
        "-o writes a file, whole or not at all; with many inputs, one file for each in a folder.",
        "--format csv and xlsx are one table over all inputs, with a row for each document, or for each line "
        "item of the table that --table names. --columns picks and orders the columns.",
        "NO_COLOR, FORCE_COLOR, TERM=dumb and COLUMNS are honoured.",
    ),
    "scripting": (
        """job=$(docspeed parse scan.pdf --format id)
docspeed jobs wait "$job" --timeout 30m     # exit code 8: it still runs
docspeed jobs result "$job" -o scan.json""",
        "After any failure, run the same command again. It joins the jobs that still run and fetches the "
        "results that are ready; a document that was processed is not paid for twice.",
        "Branch on the exit code, or run with --json and read .error.code. What a script should do:",
        tuple((str(row.code), row.advice) for row in EXITS),
    ),
    "schemas": (
        "A schema is a JSON file that says what `docspeed extract` looks for. `docspeed schema` makes one "
        "from sample documents or from instructions. Fields occur once in a document; tables have a row for "
        "each line item:",
        SCHEMA,
        (
            ("key", "the name in the result; dots make groups, as in seller.name"),
            ("type", "string, number, integer, float, boolean, date, time, currency, percentage, object, …"),
            ("description", "what to look for, in your own words"),
            ("array", "true if there may be several values"),
            ("fields", "the fields of an object or of a table's rows"),
        ),
    ),
    "rules": (
        "Rules say what must be true of a result. `docspeed extract --check FILE` applies them as results "
        "arrive, `docspeed check` to existing results; `docspeed check --draft SCHEMA` prints rules to start "
        "with. A rules file is TOML:",
        RULES,
        (
            (
                "check",
                "the expression that must be true; names are the schema's keys, columns are table.column",
            ),
            ("each", "a table: the expression must be true for each row"),
            ("when", "skip the rule where this is not true"),
            ("tolerance", "how far apart two numbers may be"),
            ("severity", "error (exit code 10), or warning"),
        ),
        "Expressions have + - * /, == != < <= > >=, in, and, or, not, and these functions:",
        (
            ("sum min max count", "of a column"),
            ("abs(x) round(x, 2)", "of a number"),
            ("days(a, b)", "days from one date to another"),
            ('matches(x, "regex")', "the whole value matches"),
            ("present(x)", "there is a value"),
            ("unique(x)", "no other document of the run has this value"),
            ('field("due-date")', "a key that is not a plain name"),
        ),
    ),
    "exit-codes": (
        tuple((f"{row.code} {row.name}", row.when) for row in EXITS),
        "If several jobs end differently, the exit code is the first of "
        f"{', '.join(map(str, EXIT_PRIORITY))} that occurred.",
        "With --json, an error has a more precise error.code: the server's own if it sent one, otherwise one "
        "of these:",
        tuple(CODES.items()),
    ),
    "environment": (
        VARIABLES,
        "A flag wins over a variable, and a variable over config.toml. `docspeed config path` prints where "
        f"that file is. It may set {', '.join(setting.name for setting in SETTINGS)}:",
        CONFIG,
        "HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, "
        "NO_COLOR, FORCE_COLOR, TERM=dumb and COLUMNS are honoured too.",
    ),
}
"""Each topic's text, by the name that `docspeed help` takes."""


def topic_text(topic: str, columns: int | None = None) -> str:
    """A topic, wrapped for a terminal of this many columns, or for 80 in a pipe."""
    width = min(columns or _PIPE_WIDTH, MAX_WIDTH)
    return "\n\n".join(_part_text(part, width) for part in PARTS[topic])


def _part_text(part: Part, width: int) -> str:
    if isinstance(part, str):
        return part if "\n" in part else paragraph(part, width)
    return table(part, width)
