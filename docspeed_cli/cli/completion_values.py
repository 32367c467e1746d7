"""Completion of a command's flags and of their values, from what the parser and the local ledger know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.cli.completion_reply import Completion, Value, described
from docspeed_cli.cli.groups import Called
from docspeed_cli.cli.help_layout import TOPICS
from docspeed_cli.cli.typer_command import build
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
from docspeed_cli.jobs.media_types import SUFFIXES

SCRIPTS = {
    "bash": "docspeed.bash",
    "zsh": "_docspeed",
    "fish": "docspeed.fish",
    "powershell": "docspeed.ps1",
}
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


def complete_parameter(called: Called, incomplete: str, environment: Environment) -> Completion:
    """Find what fits after a command's name and its words so far."""
    command, words = build(called.entry), called.rest
    context = command.make_context(command.name, list(words), resilient_parsing=True)
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
        formats = ("json", "curl") if context.params.get("dry_run") else context.command.guide.formats
        return Completion(tuple(map(Value, formats)))
    if name == "setting":
        return Completion(tuple(Value(setting.name, setting.about) for setting in SETTINGS))
    if name == "value":
        return Completion(tuple(map(Value, _setting_values(context.params.get("setting")))))
    if name == "env":
        return Completion(tuple(map(Value, _environment_names(environment))))
    if name == "base_url":
        return Completion(tuple(map(Value, _servers(environment))))
    if name in ("table", "require", "columns"):
        before, comma, _ = typed.rpartition(",") if name != "table" else ("", "", "")
        others = before.split(",")
        names = (each for each in _names_of_schema(name, context) if each not in others)
        return Completion(tuple(map(Value, names)), prefix=before + comma)
    if name in _RECENT:
        recent = _newest(name, environment)
        if name == "ids" and context.command.name == "result":
            runs = (run for run in _newest("run", environment) if run.text != "@last")
            recent += tuple(Value(f"@{run.text}", run.about) for run in runs)
        given = (context.params.get(name) or ()) if name not in ("run", "name") else ()
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


def _names_of_schema(name: str, context: Any) -> Iterable[str]:
    """The tables, or the fields and tables, of the schema that the command line names."""
    from docspeed_cli.core.json_text import read_json
    from docspeed_cli.core.text_files import read_text
    from docspeed_cli.results.schema import read_schema, walk_nodes

    given = str(context.params.get("schema") or "")
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


def _setting_values(name: str | None) -> Iterable[str]:
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
