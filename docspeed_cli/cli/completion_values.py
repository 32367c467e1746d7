"""Completion of a command's flags and of their values, from what the parser and the local ledger know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from docspeed_cli.cli.commands import COMMANDS
from docspeed_cli.cli.completion_reply import Completion, Value, described
from docspeed_cli.cli.framework import build
from docspeed_cli.cli.groups import Called
from docspeed_cli.cli.help_layout import TOPICS
from docspeed_cli.core.config_file import environments, read_config
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import State
from docspeed_cli.core.operations import FORMATS, GROUNDINGS, OPERATIONS, PROFILES, SANDBOX, UPLOAD_PATH
from docspeed_cli.core.settings import SETTINGS, config_path, known_format, server_url, state_dir, switch
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
    "schema": (".json",),
    "output": (),
    "from_": (),
    "body": (),
    "failures": (),
}
"""Endings of the files that fit, by the name of the parameter; any file fits where there are none."""

_RECENT = {
    "ids": "SELECT coalesce(job_id, '@' || row), operation || coalesce(', ' || input, ''), submitted_at"
    " FROM jobs ORDER BY row DESC",
    "run": "SELECT name, operation, max(started_at) FROM runs WHERE name IS NOT NULL GROUP BY name UNION ALL"
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
        return Completion(files=_FILES[name])
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
    if name in _RECENT:
        recent = _recent(_RECENT[name], environment)
        kind = {"ids": "job", "run": "run"}.get(name)
        newest = (Value("@last", f"the newest {kind}"),) if recent and kind else ()
        given = (context.params.get(name) or ()) if name != "run" else ()
        return Completion(tuple(value for value in (*newest, *recent) if value.text not in given))
    return Completion(tuple(Value(str(value)) for value in _VALUES.get(name, ())))


def _setting_values(name: str | None) -> Iterable[str]:
    """Known values of a setting."""
    read = next((setting.read for setting in SETTINGS if setting.name == name), None)
    known: tuple[tuple[object, Iterable[str]], ...] = (
        (known_format, FORMATS),
        (switch, ("true", "false")),
        (server_url, (SANDBOX,)),
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
