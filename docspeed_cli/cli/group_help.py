"""Answers for a group of commands: its help, the version, or what is wrong.

A group has only two flags, and Typer, which writes the help and the errors of commands, takes longer to
load than all of this.
"""

from __future__ import annotations

from docspeed_cli import __version__
from docspeed_cli.cli.groups import HELP, VERSION, Called, Entry
from docspeed_cli.cli.help_layout import (
    TOPICS,
    examples_section,
    help_width,
    more_section,
    paragraph,
    section,
    table,
)


def answer(called: Called, program: Entry) -> str:
    """What a group prints: its help, or the version. UsageError for a word that it does not know."""
    word = called.rest[0] if called.rest else "--help"
    # What follows `=` may be a secret, and a message must not repeat it.
    name = word.partition("=")[0] if word.startswith("--") else word[:2]
    if name in HELP[0]:
        return help_text(called)
    if name in VERSION[0] and VERSION in called.flags:
        return f"docspeed {__version__}"
    from docspeed_cli.cli.usage_errors import unknown_command, unknown_group_option

    if name.startswith("-") and name != "-":
        raise unknown_group_option(name, called)
    raise unknown_command(word, called, program)


def help_text(called: Called) -> str:
    """The help of a group."""
    path, entry, width = called.path, called.entry, help_width()
    about = [paragraph(text, width, 2) for text in entry.about.split("\n\n")]
    listed = [(below.name, below.about) for below in entry.entries]
    flags = [(", ".join(names), text) for names, text in called.flags]
    parts = [
        f"Usage: {path} [OPTIONS] COMMAND [ARGS]...",
        *about,
        section("Commands", table(listed, width, 2)),
        section("Options", table(flags, width, 2)),
        *examples_section(entry.examples),
        more_section(
            TOPICS if VERSION in called.flags else (),
            width,
            (f"{path} COMMAND --help", "a command's flags and examples"),
        ),
    ]
    return "\n\n".join(parts)
