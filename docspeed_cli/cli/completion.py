"""What can stand at the cursor of a command line; the shells' scripts ask this program, and nothing is sent.

A script sets `_DOCSPEED_COMPLETE` to its shell and passes the number of the word at the cursor and the words
up to it (an empty last one may be missing: some shells drop it). The answer is lines: `none`, or `files` and
the endings that fit; the part of the word that values do not repeat; then a value, a tab, its description.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

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
"""The shells, and the files of their scripts in the folder `completions`."""

NEWEST = 50
"""How many jobs or files are offered at the most."""

_LITERAL = ("bash", "powershell")
"""The shells that take every value they are given; the others match as their users set them up."""

_FORMATS = {
    "json": "as the server sent it",
    "markdown": "text with headings and tables",
    "text": "text alone",
    "csv": "tables, for a spreadsheet",
    "id": "bare ids",
    "curl": "the request, as a shell sends it",
}
_EITHER = {
    "--wait": "follow the job and print its result",
    "--no-wait": "submit only, and print the job",
}
"""What is said of each of two flags that say no to one another."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Value(NamedTuple):
    """A word that fits, and what it means."""

    text: str
    about: str = ""


class Completion(NamedTuple):
    """Everything that fits at the cursor."""

    values: tuple[Value, ...] = ()
    files: tuple[str, ...] | None = None
    """The endings of the files that fit, beside folders; none: any file. None: no file."""
    prefix: str = ""
    """The part of the word that stands before the value, as in `--format=`."""


class Recent(Protocol):
    """What was worked on lately, newest first."""

    def jobs(self) -> Sequence[Value]:
        """The jobs by what a command calls them."""

    def files(self) -> Sequence[Value]:
        """The stored files by their ids."""

    def sessions(self) -> Sequence[Value]:
        """The conversations by their ids."""


def complete(entries: Sequence[Entry], words: Sequence[str], incomplete: str, recent: Recent) -> Completion:
    """What fits in the place of `incomplete` after these words of the command line."""
    commands = tuple(Value(entry.name, entry.about) for entry in entries)
    built = group("docspeed", "", entries, root)
    rest = list(words)
    while entries:
        name = next((word for word in rest if not word.startswith("-")), None)
        if name is None:
            return _commands(built, entries, incomplete)
        entry = next((entry for entry in entries if entry.name == name), None)
        if entry is None:
            return Completion()
        rest, entries = rest[rest.index(name) + 1 :], entry.entries
        built = built.get_command(None, name)
    return _in_command(built, rest, incomplete, recent, commands)


def _commands(built: Any, entries: Sequence[Entry], incomplete: str) -> Completion:
    if incomplete.startswith("-"):
        return _flags(_params(built), ())
    return Completion(tuple(Value(entry.name, entry.about) for entry in entries))


def _params(built: Any) -> list[Any]:
    return list(built.get_params(typer.Context(built, **built.context_settings)))


# -- a command's flags and arguments


@dataclass
class _Line:
    """What the words before the cursor say."""

    given: list[str] = field(default_factory=list)
    """The names of the flags."""
    arguments: list[str] = field(default_factory=list)
    awaiting: Any = None
    """The flag whose value comes next."""
    literal: bool = False
    """Whether `--` was there: no flag follows."""


def _in_command(
    built: Any, words: Sequence[str], incomplete: str, recent: Recent, commands: Sequence[Value]
) -> Completion:
    params = _params(built)
    line = _read(params, words)

    def values(param: Any, text: str) -> Completion:
        if param.name == "topic":
            return Completion((*(Value(*topic) for topic in TOPICS.items()), *commands))
        return _values(param.name, text, line, built.guide.formats, recent)

    if line.awaiting is not None:
        return values(line.awaiting, incomplete)
    if not line.literal and incomplete.startswith("-"):
        name, equals, text = incomplete.partition("=")
        if not equals:
            return _flags(params, line.given)
        param = _named(params).get(name)
        if param is None or param.is_flag:
            return Completion()
        found = values(param, text)
        return found._replace(prefix=f"{name}={found.prefix}")
    argument = _argument(params, len(line.arguments))
    if argument is not None:
        return values(argument, incomplete)
    return Completion() if line.literal else _flags(params, line.given)


def _named(params: Iterable[Any]) -> dict[str, Any]:
    """The flags by each of their names."""
    flags = [param for param in params if param.param_type_name == "option"]
    return {name: param for param in flags for name in (*param.opts, *param.secondary_opts)}


def _argument(params: Iterable[Any], number: int) -> Any:
    """The argument that takes the positional word of this number."""
    for param in params:
        if param.param_type_name == "argument":
            if param.nargs < 0 or number < param.nargs:
                return param
            number -= param.nargs
    return None


def _read(params: Iterable[Any], words: Iterable[str]) -> _Line:
    flags = _named(params)
    line = _Line()
    for word in words:
        if line.awaiting is not None:
            line.awaiting = None
        elif line.literal or not word.startswith("-") or word == "-":
            line.arguments.append(word)
        elif word == "--":
            line.literal = True
        else:
            _read_flag(flags, word, line)
    return line


def _read_flag(flags: Mapping[str, Any], word: str, line: _Line) -> None:
    """`--name`, `--name=value`, `-n`, `-nvalue`, or several short ones in one word."""
    name, equals, _ = word.partition("=")
    if word.startswith("--"):
        steps = [(name, bool(equals))]
    else:
        steps = [(f"-{letter}", number < len(word) - 1) for number, letter in enumerate(word[1:], 1)]
    for name, more in steps:
        param = flags.get(name)
        if param is None:
            return
        line.given.append(param.name)
        if not param.is_flag:
            line.awaiting = None if more else param
            return


def _flags(params: Iterable[Any], given: Sequence[str]) -> Completion:
    """The flags that may still be given."""
    return Completion(
        tuple(
            Value(name, _EITHER.get(name) or _plain(param.help or ""))
            for name, param in _named(params).items()
            if not param.hidden and (param.multiple or param.name not in given)
        )
    )


def _values(name: str, text: str, line: _Line, formats: Sequence[str], recent: Recent) -> Completion:
    """What fits as the value of the flag or argument of this name."""
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
            known = ("json", "curl") if "dry_run" in line.given else formats
            return Completion(tuple(Value(name, _FORMATS[name]) for name in known))
        case "file_id":
            return Completion(tuple(recent.files()))
        case "session_id":
            return Completion(tuple(recent.sessions()))
        case "ids":
            jobs = recent.jobs()
            newest = (Value("@last", "the newest job"),) if jobs else ()
            return Completion(tuple(job for job in (*newest, *jobs) if job.text not in line.arguments))
    return _known(_KNOWN.get(name, ()))


_KNOWN: Mapping[str, Sequence[str]] = {
    "profile": PROFILES,
    "grounding": GROUNDINGS,
    "status": tuple(State),
    "operation": tuple(OPERATIONS),
    "batch": ("@last",),
    "shell": tuple(SCRIPTS),
    "method": _METHODS,
    "path": (*(operation.path for operation in OPERATIONS.values()), UPLOAD_PATH, "/v1/jobs/"),
}
"""The known values, by the name of the flag or argument; most take others too."""


def _known(values: Iterable[str]) -> Completion:
    return Completion(tuple(Value(str(value)) for value in values))


def _plain(text: str) -> str:
    return " ".join(sanitize(text, multiline=False).split())


# -- what was worked on


class Ledgered:
    """The newest rows of the ledger: read only, quickly, and none of them where it can't be read."""

    def __init__(self, env: Mapping[str, str], now: Callable[[], float]) -> None:
        self._env = env
        self._now = now

    def jobs(self) -> Sequence[Value]:
        """The jobs by their ids, or by their rows where they have none."""
        rows = self._newest(
            "SELECT coalesce(job_id, '@' || row), operation, input, submitted_at FROM jobs ORDER BY row DESC"
        )
        return [self._value(name, (operation, label), at) for name, operation, label, at in rows]

    def files(self) -> Sequence[Value]:
        """The files that this program stored."""
        rows = self._newest("SELECT file_id, filename, created_at FROM uploads ORDER BY created_at DESC")
        return [self._value(name, (filename,), at) for name, filename, at in rows]

    def sessions(self) -> Sequence[Value]:
        """The conversations that another question may go on with."""
        rows = self._newest(
            "SELECT session_id, (SELECT group_concat(value, ', ') FROM json_each(names)), updated_at"
            " FROM conversations ORDER BY updated_at DESC"
        )
        return [self._value(name, (names,), at) for name, names, at in rows]

    def _value(self, name: str, said: Iterable[str | None], at: float | None) -> Value:
        return Value(name, _plain(", ".join([*filter(None, said), ago(at, self._now())])))

    def _newest(self, select: str) -> list[tuple[Any, ...]]:
        import sqlite3
        from contextlib import closing

        path = state_dir(self._env).resolve() / "ledger.db"
        if not path.is_file():
            return []
        # Without a log beside it nobody is writing, and reading need not leave files there.
        alone = not path.with_name(f"{path.name}-wal").exists()
        address = f"{path.as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=0.2)) as db:
                return db.execute(f"{select} LIMIT {NEWEST}").fetchall()
        except sqlite3.Error:
            return []


# -- speaking with the shells


def answer(entries: Sequence[Entry], argv: Sequence[str], world: Environment) -> int:
    """Answer a shell's script."""
    number, *words = argv
    at = int(number) - 1
    incomplete = words[at] if at < len(words) else ""
    found = complete(entries, words[:at], incomplete, Ledgered(world.env, world.now))
    text = wire(found, incomplete if world.env[VARIABLE] in _LITERAL else None)
    Output(world, Style()).chunks([text.encode("utf-8", "surrogateescape")])
    return 0


def wire(found: Completion, typed: str | None = None) -> str:
    """The lines of the answer; only what begins like the typed word, where that is given."""
    kind = "none" if found.files is None else " ".join(("files", *found.files))
    begins = (typed or "").removeprefix(found.prefix)
    lines = [
        f"{value.text}\t{value.about}"
        for value in found.values
        if value.text.startswith(begins) and value.text.isprintable()
    ]
    return "".join(f"{line}\n" for line in (kind, found.prefix, *lines))
