"""Completion of a command's flags and of their values, from what the parser and the local ledger know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.cli.completion_reply import Completion, Value, described
from docspeed_cli.cli.framework import Description, describe
from docspeed_cli.cli.groups import HELP, Called
from docspeed_cli.cli.help_layout import TOPICS
from docspeed_cli.cli.options import Texts
from docspeed_cli.cli.quick_parse import split_words
from docspeed_cli.core.config_file import environments, read_config
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import AuthError, UsageError
from docspeed_cli.core.models import State
from docspeed_cli.core.operations import FORMATS, GROUNDINGS, OPERATIONS, PROFILES, SANDBOX, UPLOAD_PATH
from docspeed_cli.core.settings import (
    SETTINGS,
    config_path,
    known_format,
    ledger,
    saved_keys,
    server_url,
    state_dir,
    switch,
)
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.documents.media_types import SUFFIXES

SCRIPTS = {"bash": "docspeed.bash", "zsh": "_docspeed", "fish": "docspeed.fish", "powershell": "docspeed.ps1"}
"""Script of each shell, in the folder `completions`."""

MAX_RECENT = 50
"""Most jobs, files or conversations offered at once."""

_FEW = 20
"""Most runs, and most jobs, that are offered in addition to files."""

_VALUES: Mapping[str, Iterable[str]] = {
    "profile": PROFILES,
    "grounding": GROUNDINGS,
    "status": State,
    "operation": OPERATIONS,
    "shell": SCRIPTS,
    "method": ("GET", "POST", "PUT", "PATCH", "DELETE"),
    "path": (*(operation.path for operation in OPERATIONS.values()), UPLOAD_PATH, "/v1/jobs/"),
}
"""Known values by the name of the flag's or argument's parameter; most take other values too."""

_FILES = {
    "files": SUFFIXES,
    "question": SUFFIXES,
    "documents": SUFFIXES,
    "result": (".json", ".jsonl"),
    "results": (".json", ".jsonl"),
    "expected": (".json",),
    "actual": (".json",),
    "schema": (".json",),
    "draft": (".json",),
    "check": (".toml",),
    "rules": (".toml",),
    "junit": (".xml",),
    "file": (".db",),
    "output": (),
    "from_": (),
    "body": (),
    "failures": (),
}
"""Endings of the files that fit, by the name of the parameter; any file fits where there are none."""

_RUN_NAMES = "SELECT name, operation, max(started_at) FROM runs WHERE name IS NOT NULL GROUP BY name"

_RECENT = {
    "ids": "SELECT coalesce(job_id, '@' || row), operation || coalesce(', ' || input, ''), submitted_at"
    " FROM jobs ORDER BY row DESC",
    "name": f"{_RUN_NAMES} ORDER BY 3 DESC",
    "run": f"{_RUN_NAMES} UNION ALL"
    " SELECT run, operation || coalesce(', ' || name, ''), started_at FROM runs ORDER BY 3 DESC",
    "file_id": "SELECT file_id, filename, created_at FROM uploads ORDER BY created_at DESC",
    "session_id": "SELECT session_id, (SELECT group_concat(value, ', ') FROM json_each(names)), updated_at"
    " FROM conversations ORDER BY updated_at DESC",
}
"""Queries of the ledger by the name of the parameter: an id, a description, and seconds since the epoch."""


class _Line(NamedTuple):
    """A command, and the values on its line so far, by the parameter's name."""

    command: Description
    given: dict[str, list[str]]

    def text(self, name: str) -> str:
        """The last text of a parameter; empty if it is not given."""
        return self.given.get(name, [""])[-1]


def complete_parameter(called: Called, incomplete: str, environment: Environment) -> Completion:
    """Find what fits after a command's name and its words so far."""
    command, words = describe(called.entry), called.rest
    flag, prefix, typed = words[-1] if words else "", "", incomplete
    # After `--`, a word with a dash in front is an argument.
    if incomplete.startswith("-") and "--" not in words:
        flag, equals, typed = incomplete.partition("=")
        if not equals:
            return _flags_left(_read_words(command, words))
        prefix = f"{flag}="
    parameter, _ = command.flags.get(flag, (None, False))
    if parameter is not None and parameter.is_switch:
        parameter = None
    # The flag whose value is completed has no value yet.
    line = _read_words(command, words if parameter is None or prefix else words[:-1])
    if parameter is None and not prefix:
        parameter = next(
            (each for each in command.arguments if each.kind == Texts or each.name not in line.given), None
        )
    if parameter is None:
        return Completion() if prefix or "--" in words else _flags_left(line)
    found = _complete_value(parameter.name, typed, line, environment)
    return found._replace(prefix=prefix + found.prefix)


def _read_words(command: Description, words: Sequence[str]) -> _Line:
    """Read the values in the words; none if a flag among them is unknown."""
    given: dict[str, list[str]] = {}
    known = command.flags
    flags, others = split_words(known, words) or ([], [])
    for spelling, text in flags:
        given.setdefault(known[spelling][0].name, []).append(text)
    for argument in command.arguments:
        taken = len(others) if argument.kind == Texts else 1
        if others:
            given[argument.name], others = others[:taken], others[taken:]
    return _Line(command, given)


def _flags_left(line: _Line) -> Completion:
    """Return the flags that may still be given, with their help."""
    left = [
        Value(spelling, parameter.declared.about)
        for spelling, (parameter, _) in line.command.flags.items()
        if not parameter.is_hidden and (parameter.kind == Texts or parameter.name not in line.given)
    ]
    names, about = HELP
    return Completion((*left, *(Value(name, about) for name in names.split(", "))))


def _complete_value(name: str, typed: str, line: _Line, environment: Environment) -> Completion:
    """Find what fits as the value of the flag or argument with this parameter name."""
    if name in _FILES:
        # A result is named by its file, its run or its job.
        kinds = ("run", "ids") if name in ("result", "results") else ()
        stored = [value for kind in kinds for value in _newest(kind, environment)[:_FEW]]
        return Completion(tuple({value.text: value for value in stored}.values()), files=_FILES[name])
    if name == "instructions" and typed.startswith("@"):
        return Completion(files=(), prefix="@")
    if name == "topic":
        return Completion(
            (
                *(Value(*topic) for topic in TOPICS.items()),
                Value("skill", "for coding agents"),
                *described(COMMANDS),
            )
        )
    if name == "format":
        formats = ("json", "curl") if "dry_run" in line.given else line.command.guide.formats
        return Completion(tuple(map(Value, formats)))
    if name == "setting":
        return Completion(tuple(Value(setting.name, setting.about) for setting in SETTINGS))
    if name == "value":
        return Completion(tuple(map(Value, _setting_values(line.text("setting")))))
    if name == "env":
        return Completion(tuple(map(Value, _environment_names(environment))))
    if name == "base_url":
        return Completion(tuple(map(Value, _servers(environment))))
    if name in ("table", "require", "columns"):
        before, comma, _ = typed.rpartition(",") if name != "table" else ("", "", "")
        others = before.split(",")
        names = (each for each in _names_of_schema(name, line.text("schema")) if each not in others)
        return Completion(tuple(map(Value, names)), prefix=before + comma)
    if name in _RECENT:
        recent = _newest(name, environment)
        if name == "ids" and line.command.entry.name == "result":
            runs = (run for run in _newest("run", environment) if run.text != "@last")
            recent += tuple(Value(f"@{run.text}", run.about) for run in runs)
        given = line.given.get(name, ()) if name not in ("run", "name") else ()
        return Completion(tuple(value for value in recent if value.text not in given))
    return Completion(tuple(Value(str(value)) for value in _VALUES.get(name, ())))


def _newest(name: str, environment: Environment) -> tuple[Value, ...]:
    """The newest jobs, runs, files or conversations, after the word that stands for the newest."""
    recent = _recent(_RECENT[name], environment)
    kind = {"ids": "job", "run": "run"}.get(name)
    return (Value("@last", f"the newest {kind}"), *recent) if recent and kind else recent


def _servers(environment: Environment) -> Iterable[str]:
    """The sandbox, the servers of the config file, and those for which a key is saved."""
    path = config_path(environment.env)
    found = [SANDBOX]
    with suppress(UsageError, AuthError):
        values = read_config(path)
        found += [
            str(each["base_url"]) for each in (values, *environments(values).values()) if "base_url" in each
        ]
        found += saved_keys(path.with_name("credentials.json"))
    return dict.fromkeys(found)


def _names_of_schema(name: str, given: str) -> Iterable[str]:
    """The tables, or the fields and tables, of the schema that the command line names."""
    from docspeed_cli.core.json_text import read_json
    from docspeed_cli.core.text_files import read_text
    from docspeed_cli.results.schema import read_schema, walk_nodes

    try:
        schema = read_schema(read_json(given if given.startswith("{") else read_text(Path(given))))
    except (OSError, ValueError):
        return ()
    if schema is None:
        return ()
    fields = [".".join(path) for path, node in walk_nodes(schema.fields) if not node.children]
    tables = [node.key for node in schema.tables]
    if name == "table":
        return [*tables, "fields"]
    return [*fields, *tables] if name == "require" else ["input", "job_id", "status", *fields]


def _setting_values(name: str) -> Iterable[str]:
    """Known values of a setting."""
    read = next((setting.read for setting in SETTINGS if setting.name == name), None)
    known: tuple[tuple[object, Iterable[str]], ...] = (
        (known_format, FORMATS),
        (switch, ("true", "false")),
        (server_url, (SANDBOX,)),
        (ledger, ("local",)),
    )
    return next((values for reader, values in known if reader is read), ())


def _environment_names(environment: Environment) -> Iterable[str]:
    """The environments in the config file; none if it can't be read."""
    try:
        return environments(read_config(config_path(environment.env)))
    except UsageError:
        return ()


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
