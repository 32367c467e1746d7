"""Prints the manual page `man/docspeed.1`, made from the program's commands, exit codes and settings.

Run it as `python man/generate.py > man/docspeed.1` after a change to a flag, a help text or a table.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import typer

from docspeed_cli import __version__
from docspeed_cli.cli.commands import PROGRAM
from docspeed_cli.cli.groups import Entry, commands
from docspeed_cli.cli.help_topics import PARTS
from docspeed_cli.cli.typer_command import HelpRow, build, rank
from docspeed_cli.core.settings import SETTINGS

RELEASED = "2026-11-24"
"""The date of this version, printed in the page's footer."""

_WIDTH = 78
"""Columns of the source's text lines; a reader's terminal decides how wide the page is."""

_ESCAPES = str.maketrans(
    {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
)

_FlagId = tuple[str, str]


class _Leaf(NamedTuple):
    """A command with everything that the page says about it."""

    usage: str
    about: str
    rows: tuple[HelpRow, ...]
    examples: tuple[str, ...]
    formats: tuple[str, ...]


def page(program: Entry = PROGRAM) -> str:
    """The manual page of a program's commands, as roff source for `man`."""
    leaves = tuple(_leaves(program))
    counts = Counter(_flag_id(row) for leaf in leaves for row in leaf.rows)
    shared = {flag for flag, count in counts.items() if count > 1}
    everywhere = {flag for flag, count in counts.items() if count == len(leaves)}
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
    # Headings start a paragraph themselves; mandoc warns about a second .PP.
    kept = [
        line for before, line in pairwise(["", *lines]) if line != ".PP" or before[:3] not in (".SH", ".SS")
    ]
    return "\n".join(kept) + "\n"


def _leaves(program: Entry) -> Iterator[_Leaf]:
    for path, entry, _ in commands(program, program.name):
        if entry.entries:
            continue
        command = build(entry)
        context = typer.Context(command, **command.context_settings)
        usage = " ".join([path, *command.collect_usage_pieces(context)]).replace("[OPTIONS]", "[FLAG]...")
        guide = command.guide
        yield _Leaf(usage, command.help, tuple(command.rows(context)), guide.examples, guide.formats)


def _flag_id(row: HelpRow) -> _FlagId:
    """Equal for flags that the page describes once; each command lists its own values of `--format`."""
    return (row.flags, "") if row.name == "format" else (row.flags, row.about)


def _long_names(row: HelpRow) -> list[str]:
    return [f"`{name}`" for name in re.findall(r"--[a-z-]+", row.flags)]


# -- the page's parts


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
            "Turns PDFs and images into JSON: pages, fields, tables, sections, and answers with citations."
        ),
        *_paragraph(
            "A command submits a job and prints it; with `--wait` it follows the job and prints the result. "
            "A local ledger records every job, so that none is lost and no request is paid for twice."
        ),
        *_paragraph("Without an API key, add `--sandbox` to any command to try it on this machine."),
    ]


def _command(leaf: _Leaf, shared: set[_FlagId], everywhere: set[_FlagId]) -> Iterator[str]:
    yield f'.SS "{escaped(leaf.usage)}"'
    for paragraph in leaf.about.split("\n\n"):
        yield from _paragraph(" ".join(paragraph.split()))
    for row in leaf.rows:
        if _flag_id(row) not in shared:
            yield from _term(row)
    common = [row for row in leaf.rows if _flag_id(row) in shared - everywhere and row.panel != "Arguments"]
    if common:
        names = ", ".join(name for row in common for name in _long_names(row))
        yield from _paragraph(f"Common flags: {names}.")
    if any(row.name == "format" for row in leaf.rows):
        yield from _paragraph(f"Formats: {', '.join(leaf.formats)}.")
    if leaf.examples:
        yield from (".PP", "Examples:", *_code("\n".join(leaf.examples).split("\n")))


def _common(leaves: Sequence[_Leaf], shared: set[_FlagId], everywhere: set[_FlagId]) -> Iterator[str]:
    """The flags that several commands have, each described once, in the groups of the help."""
    found = {_flag_id(row): row for leaf in leaves for row in leaf.rows if _flag_id(row) in shared}
    names = [name for row in leaves[0].rows if _flag_id(row) in everywhere for name in _long_names(row)]
    yield from _paragraph(
        f"Every command has {', '.join(names)}. The other flags belong to the commands that list them."
    )
    for panel in sorted({row.panel for row in found.values()}, key=rank):
        yield f'.SS "{escaped(panel)}"'
        for row in found.values():
            if row.panel == panel:
                about = "one of the formats that the command lists" if row.name == "format" else row.about
                yield from _term(row._replace(about=about))


def _topic(title: str, name: str) -> Iterator[str]:
    yield f'.SH "{title}"'
    for part in PARTS[name]:
        if isinstance(part, str):
            yield from _code(part.split("\n")) if "\n" in part else _paragraph(part)
        else:
            for term, about in part:
                yield from (".TP", rf"\fB{escaped(' '.join(term.split()))}\fR", *_text(about))


def _closing(leaves: Iterable[_Leaf]) -> Iterator[str]:
    keys = ", ".join(setting.name for setting in SETTINGS)
    files = (
        ("config.toml", f"the settings {keys}; `docspeed config path` prints where it is"),
        ("credentials.json", "beside it: the keys that `docspeed auth login` saved, each for its server"),
        ("ledger.db", "the jobs, in the state folder; `docspeed doctor` prints where that is"),
    )
    yield ".SH FILES"
    for name, about in files:
        yield from (".TP", rf"\fI{escaped(name)}\fR", *_text(about))
    yield ".SH EXAMPLES"
    yield from _paragraph("These work without an API key:")
    first = [leaf.examples[0] for leaf in leaves if leaf.examples]
    yield from _code([example for example in first if "--sandbox" in example])
    yield from (".SH SEE ALSO", r"\fBjq\fR(1), \fBcurl\fR(1)")
    yield from _paragraph("`docspeed` `COMMAND` `--help`; `docspeed help` `TOPIC`")


# -- roff


def _paragraph(text: str) -> list[str]:
    return [".PP", *_text(text)]


def _term(row: HelpRow) -> list[str]:
    return [".TP", _flag_markup(row.flags), *_text(row.about)]


def _code(lines: Iterable[str]) -> list[str]:
    return [".PP", ".RS 4", ".EX", *(_guarded(escaped(line)) for line in lines), ".EE", ".RE"]


def _text(text: str) -> list[str]:
    """Text on short lines; the words between backticks in bold."""
    pieces = [
        rf"\fB{escaped(piece)}\fR" if n % 2 else escaped(piece) for n, piece in enumerate(text.split("`"))
    ]
    lines = textwrap.wrap("".join(pieces), _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [_guarded(line) for line in lines]


def _flag_markup(flags: str) -> str:
    """A flag in bold and its value in italics: `-o, --output PATH`."""
    words = (re.fullmatch(r"(.*?)(,?)", word) for word in flags.split(" "))
    return " ".join(
        "/"
        if word[1] == "/"
        else rf"\f{'B' if word[1].startswith('-') else 'I'}{escaped(word[1])}\fR{word[2]}"
        for word in words
        if word
    )


def _guarded(line: str) -> str:
    # roff takes a line that begins with a dot for a request.
    return rf"\&{line}" if line.startswith(".") else line


def escaped(text: str) -> str:
    """The text in ASCII, so that roff prints each character unchanged in every locale."""
    return "".join(c if c.isascii() else rf"\[u{ord(c):04X}]" for c in text.translate(_ESCAPES))


if __name__ == "__main__":
    sys.stdout.write(page())
