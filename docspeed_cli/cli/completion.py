"""Shell completion: finds the words that fit at the cursor, from the commands and the local ledger.

The scripts in `completions/` set `_DOCSPEED_COMPLETE` and pass the number of the word at the cursor, then
the words up to it (some shells leave out an empty last word). The reply is lines: first `none`, or `files`
and the file endings that fit; then the part of the word that precedes each value, such as `--format=`; then
a line for each value, with a tab and its description. Completion sends no request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.cli.framework import TOPICS, Entry, group, root
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.models import State, Style
from docspeed_cli.core.operations import GROUNDINGS, OPERATIONS, PROFILES, UPLOAD_PATH
from docspeed_cli.core.settings import state_dir
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.sources import SUFFIXES
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.sanitize import sanitize

SCRIPTS = {
    "bash": "docspeed.bash",
    "zsh": "_docspeed",
    "fish": "docspeed.fish",
    "powershell": "docspeed.ps1",
}
"""Script of each shell, in the folder `completions`."""

MAX_RECENT = 50
"""Most jobs, files or conversations offered at once."""

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

_FILES = {
    "files": SUFFIXES,
    "question": SUFFIXES,
    "schema": (".json",),
    "output": (),
    "from_": (),
    "body": (),
}
"""Endings of the files that fit, by the name of the parameter; any file fits where there are none."""

_RECENT = {
    "ids": "SELECT coalesce(job_id, '@' || row), operation || coalesce(', ' || input, ''), submitted_at"
    " FROM jobs ORDER BY row DESC",
    "file_id": "SELECT file_id, filename, created_at FROM uploads ORDER BY created_at DESC",
    "session_id": "SELECT session_id, (SELECT group_concat(value, ', ') FROM json_each(names)), updated_at"
    " FROM conversations ORDER BY updated_at DESC",
}
"""Queries of the ledger by the name of the parameter: an id, a description, and seconds since the epoch."""


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


def complete(words: Sequence[str], incomplete: str, environment: Environment) -> Completion:
    """Find what fits in place of `incomplete`, after these words of the command line."""
    # Each step loads one group or command, so that a TAB imports no other command's module.
    command, rest = group("docspeed", "", COMMANDS, root), list(words)
    below: tuple[Entry, ...] = COMMANDS
    while below:
        name = next((word for word in rest if not word.startswith("-")), None)
        if name is None:
            is_flag = incomplete.startswith("-")
            return _flags_left(_parse(command, [])) if is_flag else Completion(_described(below))
        entry = next((entry for entry in below if entry.name == name), None)
        if entry is None:
            return Completion()
        rest, below = rest[rest.index(name) + 1 :], entry.entries
        command = command.get_command(None, name)
    return _complete_parameter(command, rest, incomplete, environment)


def _described(entries: Iterable[Entry]) -> tuple[Value, ...]:
    return tuple(Value(entry.name, entry.about) for entry in entries)


def _complete_parameter(
    command: Any, words: list[str], incomplete: str, environment: Environment
) -> Completion:
    """Find what fits after a command's name and these words."""
    context = _parse(command, words)
    flag, prefix, typed = words[-1] if words else "", "", incomplete
    if incomplete.startswith("-") and "--" not in words:
        flag, equals, typed = incomplete.partition("=")
        if not equals:
            return _flags_left(context)
        prefix = f"{flag}="
    params = command.get_params(context)
    param = next(
        (param for param in params if flag in param.opts and not getattr(param, "is_flag", True)), None
    )
    if param is None and not prefix:
        arguments = [param for param in params if param.param_type_name == "argument"]
        param = next((param for param in arguments if param.nargs < 0 or not _is_given(param, context)), None)
    if param is None:
        return Completion() if prefix or "--" in words else _flags_left(context)
    found = _complete_value(param.name, typed, context, environment)
    return found._replace(prefix=prefix + found.prefix)


def _parse(command: Any, words: list[str]) -> Any:
    return command.make_context(command.name, list(words), resilient_parsing=True)


def _is_given(param: Any, context: Any) -> bool:
    source = context.get_parameter_source(param.name)
    return source is not None and source.name == "COMMANDLINE"


def _flags_left(context: Any) -> Completion:
    """Return the flags that may still be given, with their help."""
    return Completion(
        tuple(
            Value(name, param.help or "")
            for param in context.command.get_params(context)
            if param.param_type_name == "option" and not param.hidden
            if param.multiple or not _is_given(param, context)
            for name in (*param.opts, *param.secondary_opts)
        )
    )


def _complete_value(name: str, typed: str, context: Any, environment: Environment) -> Completion:
    """Find what fits as the value of the flag or argument with this parameter name."""
    if name in _FILES:
        return Completion(files=_FILES[name])
    if name == "instructions" and typed.startswith("@"):
        return Completion(files=(), prefix="@")
    if name == "topic":
        return Completion((*(Value(*topic) for topic in TOPICS.items()), *_described(COMMANDS)))
    if name == "format":
        formats = ("json", "curl") if context.params.get("dry_run") else context.command.guide.formats
        return Completion(tuple(map(Value, formats)))
    if name in _RECENT:
        recent = _recent(_RECENT[name], environment)
        newest = (Value("@last", "the newest job"),) if recent and name == "ids" else ()
        given = context.params.get(name) or ()
        return Completion(tuple(value for value in (*newest, *recent) if value.text not in given))
    return Completion(tuple(Value(str(value)) for value in _VALUES.get(name, ())))


def _recent(select: str, environment: Environment) -> tuple[Value, ...]:
    """Return the newest rows of a query of the ledger; none if the ledger can't be read at once."""
    import sqlite3
    from contextlib import closing

    path = state_dir(environment.env).resolve() / "ledger.db"
    try:
        # A `Ledger` would create the file, migrate it, or wait for a writer for as long as it takes.
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=0.2)) as db:
            rows = db.execute(f"{select} LIMIT {MAX_RECENT}").fetchall()
    except sqlite3.Error:
        return ()
    now = environment.now()
    return tuple(Value(name, ", ".join(filter(None, (about, ago(at, now))))) for name, about, at in rows)


def reply_to_shell(argv: Sequence[str], environment: Environment) -> int:
    """Print what fits at the cursor, for a shell's completion script."""
    number, *words = argv
    at = int(number) - 1
    incomplete = words[at] if at < len(words) else ""
    text = to_lines(complete(words[:at], incomplete, environment), incomplete)
    Output(environment, Style()).chunks([text.encode("utf-8", "surrogateescape")])
    return 0


def to_lines(found: Completion, incomplete: str) -> str:
    """Write the reply's lines, with only the values that begin with the typed word."""
    kind = "none" if found.files is None else " ".join(("files", *found.files))
    typed = incomplete.removeprefix(found.prefix)
    # A tab or a line break in a value would be read as the start of another one.
    lines = [
        f"{value.text}\t{sanitize(value.about, multiline=False)}"
        for value in found.values
        if value.text.startswith(typed) and value.text.isprintable()
    ]
    return "".join(f"{line}\n" for line in (kind, found.prefix, *lines))
