"""What no single command's help can say: the topics of `docspeed help`, and the manual page of all there is.

Both are made from the tables that the program works by: its commands and their flags, exit codes, settings.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import typer

from docspeed_cli import __version__
from docspeed_cli.cli.framework import Entry, Row, group, rank, root
from docspeed_cli.core.errors import CODES, EXIT_PRIORITY, EXITS
from docspeed_cli.core.settings import SETTINGS, VARIABLES
from docspeed_cli.terminal.text_width import wrapped

Rows = tuple[tuple[str, str], ...]
"""Terms, and what is said of each."""


class Sample(NamedTuple):
    """Lines that can be pasted as they are."""

    text: str


Part = str | Rows | Sample
"""A paragraph, a list, or lines that stay as they are."""

RELEASED = "2026-11-24"
"""The day of this version, which the page tells beside it."""

WIDTH, _WIDEST = 80, 100
"""Columns: of a text that goes to no terminal, and the most that is read well."""

_NARROW = 26
"""Terms that are longer than this stand above what is said of them, not beside it."""


# -- topics

OUTPUT: tuple[Part, ...] = (
    "Standard output is data; notes, progress, hints and errors go to standard error. At a terminal results "
    "are drawn for people; in a pipe or a file they are JSON, the server's own bytes.",
    (
        ("--json", "JSON anywhere; an error is one JSON line on standard error"),
        ("--format FORMAT", "json, markdown, text, csv or id, where the command has it"),
        ("-o PATH", "to a file, whole or not at all; with many inputs to a file for each in this folder"),
        ("--quiet", "no notes, no progress"),
        ("--verbose", "a line for each HTTP exchange"),
    ),
    "NO_COLOR, FORCE_COLOR, TERM=dumb and COLUMNS are honoured.",
)

SCRIPTING: tuple[Part, ...] = (
    (
        ("job=$(docspeed parse scan.pdf --format id)", "a job's id and nothing else"),
        ('docspeed jobs wait "$job" --timeout 30m', "exit 8 if it still runs: call it again later"),
        ('docspeed jobs result "$job" -o scan.json', "whole, or not there"),
    ),
    "Run the same command again after any failure: what is done is not paid twice, what runs is joined. "
    "Branch on the exit code (docspeed help exit-codes says when each comes), and read .error.code of "
    "the line that --json gives. What a script should do:",
)


def _scripting() -> tuple[Part, ...]:
    return (*SCRIPTING, tuple((f"{row.code:>3}", row.then) for row in EXITS))


SCHEMAS: tuple[Part, ...] = (
    "A schema is JSON, and docspeed schema makes one from a document or from words. It names fields, which a "
    "document has once, and tables, whose rows are line items:",
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
      "description": "One row each",
      "fields": [{"key": "amount", "type": "number"}]
    }
  ]
}"""
    ),
    (
        ("key", "the name in the result; dots group, as in seller.name"),
        (
            "type",
            "string, number, integer, float, boolean, date, time, currency, percentage, object …",
        ),
        ("description", "what to look for, in words"),
        ("array", "true where there may be several values"),
        ("fields", "of an object or a table: such fields again"),
    ),
    "The older form is taken too: invoice_level_fields with names and texts like 'string: Invoice number', "
    "and line_item_structures with target_fields like 'amount (number): the row's amount'.",
)


def _exit_codes() -> tuple[Part, ...]:
    first = ", ".join(str(code) for code in EXIT_PRIORITY)
    rows = tuple((f"{row.code:>3}  {row.name}", row.when) for row in EXITS)
    return (
        rows,
        f"Of several jobs, the first of {first} that any of them met.",
        "With --json, error.code tells more. It is the server's own where it names one, and otherwise:",
        tuple(CODES.items()),
    )


def _listing() -> str:
    *names, last = (setting.name for setting in SETTINGS)
    return f"{', '.join(names)} and {last}"


CONFIG = Sample(
    """wait = true
timeout = "30m"
concurrency = 16
base_url = "https://api.docspeed.ai\""""
)
"""A config file."""


def _environment() -> tuple[Part, ...]:
    return (
        VARIABLES,
        "A flag wins over a variable, a variable over config.toml; `docspeed config path` says where that is."
        f" It takes {_listing()}:",
        CONFIG,
        "HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR are honoured; and NO_COLOR, FORCE_COLOR, "
        "TERM=dumb and COLUMNS.",
    )


PARTS: dict[str, Callable[[], tuple[Part, ...]]] = {
    "output": lambda: OUTPUT,
    "scripting": _scripting,
    "schemas": lambda: SCHEMAS,
    "exit-codes": _exit_codes,
    "environment": _environment,
}


def explained(topic: str, columns: int | None = None) -> str:
    """A topic as text for a terminal of so many columns, as far as it is read well; for 80 without one."""
    width = min(columns or WIDTH, _WIDEST)
    more = f"More: docspeed help {', '.join(other for other in PARTS if other != topic)}; man docspeed"
    return "\n\n".join(_laid_out(part, width) for part in (*PARTS[topic](), more))


def _laid_out(part: Part, width: int) -> str:
    if isinstance(part, Sample):
        return part.text
    return _filled(part, width) if isinstance(part, str) else _listed(part, width)


def _filled(text: str, width: int) -> str:
    return wrapped(text.replace("`", ""), width, indent="")


def _listed(rows: Rows, width: int) -> str:
    longest = max(len(term) for term, _ in rows)
    if longest > min(_NARROW, width // 3):
        return "\n".join(
            f"{term}\n{textwrap.indent(_filled(about, width - 4), '    ')}" for term, about in rows
        )
    indent = " " * (longest + 2)
    return "\n".join(
        term.ljust(longest) + textwrap.indent(_filled(about, width - len(indent)), indent)[longest:]
        for term, about in rows
    )


# -- the manual page

_ESCAPES = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
)


_Key = tuple[str, str]


class _Leaf(NamedTuple):
    """A command with what the page says of it."""

    usage: str
    about: str
    rows: tuple[Row, ...]
    examples: tuple[str, ...]
    formats: tuple[str, ...]


def page(entries: Sequence[Entry]) -> str:
    """The manual page of the whole program, for `man`."""
    leaves = tuple(_leaves(group("docspeed", "", entries, root), entries, "docspeed"))
    counts = Counter(_key(row) for leaf in leaves for row in leaf.rows)
    shared = {key for key, count in counts.items() if count > 1}
    everywhere = {key for key, count in counts.items() if count == len(leaves)}
    lines = [
        *_opening(),
        ".SH COMMANDS",
        *(line for leaf in leaves for line in _command(leaf, shared, everywhere)),
        ".SH COMMON FLAGS",
        *_common(leaves, shared, everywhere),
        *_topic("OUTPUT", "output"),
        *_topic("SCRIPTING", "scripting"),
        *_topic("SCHEMAS", "schemas"),
        *_topic("EXIT STATUS", "exit-codes"),
        *_topic("ENVIRONMENT", "environment"),
        *_closing(leaves),
    ]
    # A paragraph right below a heading has begun already.
    kept = [
        line for before, line in pairwise(["", *lines]) if line != ".PP" or before[:3] not in (".SH", ".SS")
    ]
    return "\n".join(kept)


def _leaves(built: Any, entries: Sequence[Entry], before: str) -> Iterator[_Leaf]:
    for entry in entries:
        words, command = f"{before} {entry.name}", built.get_command(None, entry.name)
        if entry.entries:
            yield from _leaves(command, entry.entries, words)
            continue
        context = typer.Context(command, **command.context_settings)
        usage = " ".join([words, *command.collect_usage_pieces(context)]).replace("[OPTIONS]", "[FLAG]...")
        guide = command.guide
        yield _Leaf(usage, command.help, tuple(command.rows(context)), guide.examples, guide.formats)


def _names(row: Row) -> list[str]:
    """The long names of a flag, as words that stand out."""
    return [f"`{name}`" for name in re.findall(r"--[a-z-]+", row.flags)]


def _key(row: Row) -> _Key:
    """What makes two flags the same; of `--format` each command says by itself what it takes."""
    return (row.flags, "") if row.name == "format" else row.pair


def _opening() -> list[str]:
    return [
        ".nr HY 0",
        f'.TH DOCSPEED 1 "{RELEASED}" "docspeed {__version__}" "User Commands"',
        ".ad l",
        ".SH NAME",
        r"docspeed \- the command line for the Docspeed document API",
        ".SH SYNOPSIS",
        r"\fBdocspeed\fR \fICOMMAND\fR [\fIFLAG\fR]... [\fIARGUMENT\fR]...",
        ".SH DESCRIPTION",
        *_paragraph(
            "Documents in, grounded JSON out: pages, fields, tables, sections, answers with evidence."
        ),
        *_paragraph(
            "A command submits a job and prints it; with `--wait` it follows the job and prints the result. "
            "Jobs are kept in a local ledger: none is lost, and the same request is not paid for twice."
        ),
        *_paragraph("No key yet? Add `--sandbox` to any command, and it runs on this machine."),
    ]


def _command(leaf: _Leaf, shared: set[_Key], everywhere: set[_Key]) -> Iterator[str]:
    yield f'.SS "{escaped(leaf.usage)}"'
    for paragraph in leaf.about.split("\n\n"):
        yield from _paragraph(" ".join(paragraph.split()))
    for row in leaf.rows:
        if _key(row) not in shared:
            yield from _term(row)
    taken = [row for row in leaf.rows if _key(row) in shared - everywhere and row.panel != "Arguments"]
    if taken:
        names = ", ".join(name for row in taken for name in _names(row))
        yield from _paragraph(f"Common flags: {names}.")
    if any(row.name == "format" for row in leaf.rows):
        yield from _paragraph(f"Formats: {', '.join(leaf.formats)}.")
    if leaf.examples:
        yield from (".PP", "Examples:", *_code("\n".join(leaf.examples).split("\n")))


def _common(leaves: Sequence[_Leaf], shared: set[_Key], everywhere: set[_Key]) -> Iterator[str]:
    """The flags of several commands, each once, under the panels of the help."""
    found = {_key(row): row for leaf in leaves for row in leaf.rows if _key(row) in shared}
    names = [name for row in leaves[0].rows if _key(row) in everywhere for name in _names(row)]
    yield from _paragraph(
        f"Every command has {', '.join(names)}; the others stand where a command lists them."
    )
    for panel in sorted({row.panel for row in found.values()}, key=rank):
        yield f'.SS "{escaped(panel)}"'
        for row in found.values():
            if row.panel == panel:
                about = "one of the formats that the command has" if row.name == "format" else row.about
                yield from _term(row._replace(about=about))


def _term(row: Row) -> list[str]:
    return [".TP", _marked(row.flags), *_text(row.about)]


def _topic(title: str, name: str) -> Iterator[str]:
    yield f'.SH "{title}"'
    for part in PARTS[name]():
        if isinstance(part, str):
            yield from _paragraph(part)
            continue
        if isinstance(part, Sample):
            yield from _code(part.text.split("\n"))
            continue
        for term, about in part:
            yield from (".TP", rf"\fB{escaped(' '.join(term.split()))}\fR", *_text(about))


def _closing(leaves: Iterable[_Leaf]) -> Iterator[str]:
    keys = ", ".join(setting.name for setting in SETTINGS)
    first = [leaf.examples[0] for leaf in leaves if leaf.examples]
    yield ".SH FILES"
    files = (
        ("config.toml", f"settings by name ({keys}); `docspeed config path` says where it is"),
        ("credentials.json", "beside it, the keys that `docspeed auth login` saved, each for its server"),
        ("ledger.db", "the jobs, in the state folder; `docspeed doctor` says where it is"),
    )
    for name, about in files:
        yield from (".TP", rf"\fI{escaped(name)}\fR", *_text(about))
    yield ".SH EXAMPLES"
    yield from _paragraph("Without a key, on a document of yours:")
    yield from _code([example for example in first if "--sandbox" in example])
    yield from (".SH SEE ALSO", r"\fBjq\fR(1), \fBcurl\fR(1)")
    yield from _paragraph(
        "`docspeed` `COMMAND` `--help` says what is here of one command, `docspeed help` the rest."
    )


def _paragraph(text: str) -> list[str]:
    return [".PP", *_text(text)]


def _code(lines: Iterable[str]) -> list[str]:
    return [".PP", ".RS 4", ".EX", *(_guarded(escaped(line)) for line in lines), ".EE", ".RE"]


def _text(text: str) -> list[str]:
    """Words, with what stands between backticks in bold, on short lines."""
    pieces = [
        rf"\fB{escaped(piece)}\fR" if n % 2 else escaped(piece) for n, piece in enumerate(text.split("`"))
    ]
    lines = textwrap.wrap("".join(pieces), WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return [_guarded(line) for line in lines]


def _marked(flags: str) -> str:
    """A flag in bold, its value in italics."""
    words = (re.fullmatch(r"(.*?)(,?)", word) for word in flags.split(" "))
    return " ".join(
        rf"\f{'B' if word[1].startswith('-') else 'I'}{escaped(word[1])}\fR{word[2]}"
        if word[1] != "/"
        else "/"
        for word in words
        if word
    )


def _guarded(line: str) -> str:
    """A line that is no request, however it begins."""
    return rf"\&{line}" if line.startswith(".") else line


def escaped(text: str) -> str:
    """The text as roff shows it, character for character, whatever the reader's encoding."""
    return "".join(c if c.isascii() else rf"\[u{ord(c):04X}]" for c in text.translate(_ESCAPES))
