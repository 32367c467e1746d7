"""Shell completion: finds the words that fit at the cursor, from the commands and the local ledger.

The scripts in `completions/` set `_DOCSPEED_COMPLETE` to the shell's name and pass the number of the word at
the cursor, then the words up to it (some shells leave out an empty last word). The reply is lines: first
`none`, or `files` and the file endings that fit; then the part of the word that precedes each value, such as
`--format=`; then a line for each value, with a tab and its description. Completion sends no request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import typer

from docspeed_cli.cli.framework import TOPICS, Entry, group, root
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.models import State, Style
from docspeed_cli.core.operations import GROUNDINGS, OPERATIONS, PROFILES, UPLOAD_PATH
from docspeed_cli.core.settings import state_dir
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.sources import SUFFIXES
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.sanitize import sanitize

VARIABLE = "_DOCSPEED_COMPLETE"
SCRIPTS = {
    "bash": "docspeed.bash",
    "zsh": "_docspeed",
    "fish": "docspeed.fish",
    "powershell": "docspeed.ps1",
}
"""Script of each shell, in the folder `completions`."""

MAX_RECENT = 50
"""Most jobs, files or conversations offered at once."""

_FILTERED = ("bash", "powershell")
"""Shells that offer every value they are given; zsh and fish filter by their users' own matching rules."""

_FORMATS = {
    "json": "as the server sent it",
    "markdown": "text with headings and tables",
    "text": "plain text",
    "csv": "tables, for a spreadsheet",
    "id": "ids only",
    "curl": "the request as a curl command",
}
_VALUES: Mapping[str, Iterable[str]] = {
    "profile": PROFILES,
    "grounding": GROUNDINGS,
    "status": State,
    "operation": OPERATIONS,
    "run": ("@last",),
    "shell": SCRIPTS,
    "method": ("GET", "POST", "PUT", "PATCH", "DELETE"),
    "path": (*(operation.path for operation in OPERATIONS.values()), UPLOAD_PATH, "/v1/jobs/"),
}
"""Known values by the name of the flag's or argument's parameter; most take other values too."""


class Value(NamedTuple):
    """A word that fits, and its description."""

    text: str
    about: str = ""


class Completion(NamedTuple):
    """Everything that fits at the cursor."""

    values: tuple[Value, ...] = ()
    files: tuple[str, ...] | None = None
    """Endings of the files that fit; empty if any file does, None if no file does. Folders always fit."""
    prefix: str = ""
    """Part of the word that stands before the value, such as `--format=`."""


def complete(
    entries: Sequence[Entry], words: Sequence[str], incomplete: str, history: LedgerHistory
) -> Completion:
    """Find what fits in place of `incomplete`, after these words of the command line."""
    # Each step loads one group or command, so that a TAB imports no other command's module.
    command, below, rest = group("docspeed", "", entries, root), entries, list(words)
    while below:
        name = next((word for word in rest if not word.startswith("-")), None)
        if name is None:
            line = _CommandLine(command, ())
            return line.flags_left() if incomplete.startswith("-") else Completion(_described(below))
        entry = next((entry for entry in below if entry.name == name), None)
        if entry is None:
            return Completion()
        rest, below = rest[rest.index(name) + 1 :], entry.entries
        command = command.get_command(None, name)
    line = _CommandLine(command, rest)
    param, prefix = line.param_at(incomplete)
    if param is None:
        return Completion() if prefix or line.only_arguments else line.flags_left()
    if param.name == "topic":
        return Completion((*(Value(*topic) for topic in TOPICS.items()), *_described(entries)))
    found = _complete_value(param.name, incomplete.removeprefix(prefix), line, history)
    return found._replace(prefix=prefix + found.prefix)


def _described(entries: Sequence[Entry]) -> tuple[Value, ...]:
    return tuple(Value(entry.name, entry.about) for entry in entries)


class _CommandLine:
    """The words between a command's name and the cursor, matched with the command's flags and arguments."""

    def __init__(self, command: Any, words: Iterable[str]) -> None:
        params = command.get_params(typer.Context(command, **command.context_settings))
        self.positional = [param for param in params if param.param_type_name == "argument"]
        flags = [param for param in params if param.param_type_name == "option"]
        self.flags = {name: param for param in flags for name in (*param.opts, *param.secondary_opts)}
        self.command = command
        self.given: set[str] = set()
        self.arguments: list[str] = []
        self.only_arguments = False
        """True after `--`: no later word is a flag."""
        self._awaiting: Any = None
        """Flag whose value is the next word."""
        for word in words:
            self._read_word(word)

    def _read_word(self, word: str) -> None:
        if self._awaiting is not None:
            self._awaiting = None
        elif self.only_arguments or not word.startswith("-") or word == "-":
            self.arguments.append(word)
        elif word == "--":
            self.only_arguments = True
        else:
            self._read_flag(word)

    def _read_flag(self, word: str) -> None:
        """Read `--name`, `--name=value`, `-n`, `-nvalue`, or several short flags in one word."""
        name, equals, _ = word.partition("=")
        names = [name] if word.startswith("--") else [f"-{letter}" for letter in word[1:]]
        for number, name in enumerate(names, 1):
            param = self.flags.get(name)
            if param is None:
                return
            self.given.add(param.name)
            if not param.is_flag:
                # What follows a short flag in its word is its value, as in `-oFILE`.
                self._awaiting = None if equals or number < len(names) else param
                return

    def param_at(self, incomplete: str) -> tuple[Any, str]:
        """Return the flag or argument whose value is at the cursor, and the prefix, such as `--format=`."""
        if self._awaiting is not None:
            return self._awaiting, ""
        if not self.only_arguments and incomplete.startswith("-"):
            name, equals, _ = incomplete.partition("=")
            param = self.flags.get(name) if equals else None
            return (None if param is None or param.is_flag else param), f"{name}=" if equals else ""
        number = len(self.arguments)
        for param in self.positional:
            if param.nargs < 0 or number < param.nargs:
                return param, ""
            number -= param.nargs
        return None, ""

    def flags_left(self) -> Completion:
        """Return the flags that may still be given, with their help."""
        return Completion(
            tuple(
                Value(name, _one_line(param.help or ""))
                for name, param in self.flags.items()
                if not param.hidden and (param.multiple or param.name not in self.given)
            )
        )


def _complete_value(name: str, text: str, line: _CommandLine, history: LedgerHistory) -> Completion:
    """Find what fits as the value of the flag or argument with this parameter name."""
    match name:
        case "files" | "question":
            return Completion(files=SUFFIXES)
        case "schema":
            return Completion(files=(".json",))
        case "output" | "from_" | "body":
            return Completion(files=())
        case "instructions" if text.startswith("@"):
            return Completion(files=(), prefix="@")
        case "format":
            known = ("json", "curl") if "dry_run" in line.given else line.command.guide.formats
            return Completion(tuple(Value(name, _FORMATS[name]) for name in known))
        case "file_id":
            return Completion(history.files())
        case "session_id":
            return Completion(history.conversations())
        case "ids":
            jobs = history.jobs()
            newest = (Value("@last", "the newest job"),) if jobs else ()
            return Completion(tuple(job for job in (*newest, *jobs) if job.text not in line.arguments))
    return Completion(tuple(Value(str(value)) for value in _VALUES.get(name, ())))


def _one_line(text: str) -> str:
    return " ".join(sanitize(text, multiline=False).split())


class LedgerHistory:
    """Recent jobs, files and conversations, newest first; none if the ledger can't be read at once.

    It reads the file itself: opening it as a `Ledger` could create it, migrate it, or wait for a writer.
    """

    def __init__(self, env: Mapping[str, str], now: Callable[[], float]) -> None:
        self._env = env
        self._now = now

    def jobs(self) -> tuple[Value, ...]:
        """Return the jobs by their ids, or as `@ROW` where the id is unknown."""
        return self._newest(
            "SELECT coalesce(job_id, '@' || row), operation || coalesce(', ' || input, ''), submitted_at"
            " FROM jobs ORDER BY row DESC"
        )

    def files(self) -> tuple[Value, ...]:
        """Return the uploaded files by their ids."""
        return self._newest("SELECT file_id, filename, created_at FROM uploads ORDER BY created_at DESC")

    def conversations(self) -> tuple[Value, ...]:
        """Return the conversations by their session ids."""
        return self._newest(
            "SELECT session_id, (SELECT group_concat(value, ', ') FROM json_each(names)), updated_at"
            " FROM conversations ORDER BY updated_at DESC"
        )

    def _newest(self, select: str) -> tuple[Value, ...]:
        """Run a query whose columns are an id, a description and a time in seconds since the epoch."""
        import sqlite3
        from contextlib import closing

        path = state_dir(self._env).resolve() / "ledger.db"
        if not path.is_file():
            return ()
        # Without a write-ahead log there is no writer, and an immutable read leaves no files beside it.
        unused = not path.with_name(f"{path.name}-wal").exists()
        address = f"{path.as_uri()}?mode=ro{'&immutable=1' if unused else ''}"
        try:
            # The short timeout keeps a TAB from hanging while another process holds the database.
            with closing(sqlite3.connect(address, uri=True, timeout=0.2)) as db:
                rows = db.execute(f"{select} LIMIT {MAX_RECENT}").fetchall()
        except sqlite3.Error:
            return ()
        now = self._now()
        return tuple(
            Value(name, _one_line(", ".join(filter(None, (about, ago(at, now)))))) for name, about, at in rows
        )


def reply_to_shell(entries: Sequence[Entry], argv: Sequence[str], world: Environment) -> int:
    """Print what fits at the cursor, for a shell's completion script."""
    number, *words = argv
    at = int(number) - 1
    incomplete = words[at] if at < len(words) else ""
    found = complete(entries, words[:at], incomplete, LedgerHistory(world.env, world.now))
    text = to_lines(found, incomplete if world.env[VARIABLE] in _FILTERED else "")
    Output(world, Style()).chunks([text.encode("utf-8", "surrogateescape")])
    return 0


def to_lines(found: Completion, typed: str = "") -> str:
    """Write the reply's lines, with only the values that begin with the typed word."""
    kind = "none" if found.files is None else " ".join(("files", *found.files))
    begins = typed.removeprefix(found.prefix)
    # A tab or a line break in a value would be read as the start of another one.
    lines = [
        f"{value.text}\t{value.about}"
        for value in found.values
        if value.text.startswith(begins) and value.text.isprintable()
    ]
    return "".join(f"{line}\n" for line in (kind, found.prefix, *lines))
