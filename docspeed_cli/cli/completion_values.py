"""Completion of a command's flags and of their values, from what the parser and the local ledger know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.cli.completion_reply import Candidate, Completion, described
from docspeed_cli.cli.flags import Files, Flag, LookUp, Texts
from docspeed_cli.cli.framework import Description, Parameter, describe
from docspeed_cli.cli.groups import HELP, Called
from docspeed_cli.cli.help_layout import TOPICS
from docspeed_cli.cli.quick_parse import split_words
from docspeed_cli.core.api_keys import saved_keys
from docspeed_cli.core.config_file import environments, read_config
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import AuthError, UsageError
from docspeed_cli.core.operations import FORMATS, SANDBOX
from docspeed_cli.core.settings import (
    SETTINGS,
    config_path,
    known_format,
    ledger,
    server_url,
    state_dir,
    switch,
)
from docspeed_cli.core.timefmt import ago

SCRIPTS = {"bash": "docspeed.bash", "zsh": "_docspeed", "fish": "docspeed.fish", "powershell": "docspeed.ps1"}
"""Script of each shell, in the folder `completions`."""

MAX_RECENT = 50
"""Most jobs, files or conversations offered at once."""

_FEW = 20
"""Most runs, and most jobs, that are offered in addition to files."""

_RUN_NAMES = "SELECT name, operation, max(started_at) FROM runs WHERE name IS NOT NULL GROUP BY name"

_RECENT: Mapping[LookUp, str] = {
    "jobs": "SELECT coalesce(job_id, '@' || row), operation || coalesce(', ' || input, ''), submitted_at"
    " FROM jobs ORDER BY row DESC",
    "run names": f"{_RUN_NAMES} ORDER BY 3 DESC",
    "runs": f"{_RUN_NAMES} UNION ALL"
    " SELECT run, operation || coalesce(', ' || name, ''), started_at FROM runs ORDER BY 3 DESC",
    "uploads": "SELECT file_id, filename, created_at FROM uploads ORDER BY created_at DESC",
    "sessions": "SELECT session_id, (SELECT group_concat(value, ', ') FROM json_each(names)), updated_at"
    " FROM conversations ORDER BY updated_at DESC",
}
"""Queries of the ledger: an id, a description, and seconds since the epoch."""


class _Line(NamedTuple):
    """A command, and the texts on its line so far, by a flag's first spelling or an argument's metavar."""

    command: Description
    given: dict[str, list[str]]

    def texts(self, parameter: Parameter) -> list[str]:
        """The texts of a flag or an argument; empty if it is not given."""
        return self.given.get(_key(parameter), [])

    def text(self, key: str) -> str:
        """The last text of a flag or an argument; empty if it is not given."""
        return self.given.get(key, [""])[-1]


class _Cursor(NamedTuple):
    """What is typed of a value: its flag or argument, its text so far, and the line around it."""

    parameter: Parameter
    typed: str
    line: _Line
    environment: Environment


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
            (each for each in command.arguments if each.kind == Texts or not line.texts(each)), None
        )
    if parameter is None:
        return Completion() if prefix or "--" in words else _flags_left(line)
    found = _complete_value(_Cursor(parameter, typed, line, environment))
    return found._replace(prefix=prefix + found.prefix)


def _read_words(command: Description, words: Sequence[str]) -> _Line:
    """Read the values in the words; none if a flag among them is unknown."""
    given: dict[str, list[str]] = {}
    known = command.flags
    flags, others = split_words(known, words) or ([], [])
    for spelling, text in flags:
        given.setdefault(_key(known[spelling][0]), []).append(text)
    for argument in command.arguments:
        taken = len(others) if argument.kind == Texts else 1
        if others:
            given[_key(argument)], others = others[:taken], others[taken:]
    return _Line(command, given)


def _flags_left(line: _Line) -> Completion:
    """Return the flags that may still be given, with their help."""
    left = [
        Candidate(spelling, parameter.declared.about)
        for spelling, (parameter, _) in line.command.flags.items()
        if not parameter.is_hidden and (parameter.kind == Texts or not line.texts(parameter))
    ]
    names, about = HELP
    return Completion((*left, *(Candidate(name, about) for name in names)))


def _key(parameter: Parameter) -> str:
    declared = parameter.declared
    return declared.names[0] if isinstance(declared, Flag) else declared.metavar


def _complete_value(cursor: _Cursor) -> Completion:
    """Find what fits as the value of a flag or argument, as its declaration says."""
    completes = cursor.parameter.declared.completes
    if isinstance(completes, str):
        return _LOOK_UPS[completes](cursor)
    if isinstance(completes, Files):
        return Completion(files=completes.endings)
    return _plain_words(completes or ())


def _plain_words(texts: Iterable[str]) -> Completion:
    return Completion(tuple(Candidate(str(text)) for text in texts))


def _documents(_: _Cursor) -> Completion:
    from docspeed_cli.jobs.documents.media_types import SUFFIXES

    return Completion(files=SUFFIXES)


def _result_names(cursor: _Cursor) -> Completion:
    """A result is named by its file, its run or its job."""
    stored = (*_newest("runs", cursor.environment)[:_FEW], *_newest("jobs", cursor.environment)[:_FEW])
    return Completion(tuple({value.text: value for value in stored}.values()), files=(".json", ".jsonl"))


def _instructions(cursor: _Cursor) -> Completion:
    return Completion(files=(), prefix="@") if cursor.typed.startswith("@") else Completion()


def _topics(_: _Cursor) -> Completion:
    topics = (Candidate(*topic) for topic in TOPICS.items())
    return Completion((*topics, Candidate("skill", "for coding agents"), *described(COMMANDS)))


def _formats(cursor: _Cursor) -> Completion:
    line = cursor.line
    return _plain_words(("json", "curl") if "--dry-run" in line.given else line.command.guide.formats)


def _setting_names(_: _Cursor) -> Completion:
    return Completion(tuple(Candidate(setting.name, setting.about) for setting in SETTINGS))


def _keys(of: LookUp, cursor: _Cursor) -> Completion:
    """Keys of the schema on the line; each once, with commas between them."""
    before, comma, _ = cursor.typed.rpartition(",")
    others = before.split(",")
    keys = (key for key in _keys_of_schema(of, cursor.line.text("--schema")) if key not in others)
    return _plain_words(keys)._replace(prefix=before + comma)


def _stored(of: LookUp, cursor: _Cursor) -> Completion:
    """The newest in the ledger, without those that the line has already."""
    return Completion(_not_given(_newest(of, cursor.environment), cursor))


def _jobs_and_runs(cursor: _Cursor) -> Completion:
    runs = (run for run in _newest("runs", cursor.environment) if run.text != "@last")
    at_runs = (Candidate(f"@{run.text}", run.about) for run in runs)
    return Completion(_not_given((*_newest("jobs", cursor.environment), *at_runs), cursor))


def _not_given(values: Iterable[Candidate], cursor: _Cursor) -> tuple[Candidate, ...]:
    given = cursor.line.texts(cursor.parameter)
    return tuple(value for value in values if value.text not in given)


def _newest(of: LookUp, environment: Environment) -> tuple[Candidate, ...]:
    """The newest jobs, runs, files or conversations, after the word that stands for the newest."""
    recent = _recent(_RECENT[of], environment)
    newest = {"jobs": "the newest job", "runs": "the newest run"}.get(of)
    return (Candidate("@last", newest), *recent) if recent and newest else recent


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


def _keys_of_schema(of: LookUp, given: str) -> Iterable[str]:
    """The tables, the fields and tables, or the columns of the schema that the command line names."""
    from docspeed_cli.core.json_text import read_json
    from docspeed_cli.core.text_files import read_text
    from docspeed_cli.results.schema import leaf_types, read_schema

    try:
        schema = read_schema(read_json(given if given.startswith("{") else read_text(Path(given))))
    except (OSError, ValueError):
        return ()
    if schema is None:
        return ()
    fields = leaf_types(schema.fields)
    tables = [node.key for node in schema.tables]
    if of == "tables":
        return [*tables, "fields"]
    return [*fields, *tables] if of == "fields" else ["input", "job_id", "status", *fields]


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


def _recent(select: str, environment: Environment) -> tuple[Candidate, ...]:
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
    return tuple(Candidate(name, ", ".join(filter(None, (about, ago(at, now))))) for name, about, at in rows)


_LOOK_UPS: Mapping[LookUp, Callable[[_Cursor], Completion]] = {
    "columns": partial(_keys, "columns"),
    "documents": _documents,
    "environments": lambda cursor: _plain_words(_environment_names(cursor.environment)),
    "fields": partial(_keys, "fields"),
    "formats": _formats,
    "instructions": _instructions,
    "jobs": partial(_stored, "jobs"),
    "jobs and runs": _jobs_and_runs,
    "results": _result_names,
    "run names": lambda cursor: Completion(_newest("run names", cursor.environment)),
    "runs": lambda cursor: Completion(_newest("runs", cursor.environment)),
    "servers": lambda cursor: _plain_words(_servers(cursor.environment)),
    "sessions": partial(_stored, "sessions"),
    "setting values": lambda cursor: _plain_words(_setting_values(cursor.line.text("SETTING"))),
    "settings": _setting_names,
    "tables": lambda cursor: _plain_words(_keys_of_schema("tables", cursor.line.text("--schema"))),
    "topics": _topics,
    "uploads": partial(_stored, "uploads"),
}
"""What finds the values that are looked up."""
