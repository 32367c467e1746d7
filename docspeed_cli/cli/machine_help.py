"""Help for programs: commands, flags, exit codes, error codes and printed lines as one JSON value."""

from __future__ import annotations

from typing import Any

from docspeed_cli import __version__
from docspeed_cli.cli.commands import PROGRAM
from docspeed_cli.cli.flags import Count, Flag, Texts
from docspeed_cli.cli.framework import REQUIRED, Parameter, describe
from docspeed_cli.cli.groups import HELP, Called, commands
from docspeed_cli.core.errors import CODES, EXIT_PRIORITY, EXITS
from docspeed_cli.core.settings import SETTINGS, VARIABLES

_JOB = {
    "job_id": "string or null: null if the outcome of the submission is unknown",
    "operation": "string",
    "status": "string: the server's word",
    "input": "string or null: the document, or the first of several",
    "file_id": "string or null",
    "submitted_at": "string or null: RFC 3339",
}

SHAPES = {
    "job": {**_JOB, "reused": "true: only if the job was there before"},
    "known job": {
        **_JOB,
        "state": "string: submitting, unknown, running, done, failed or gone",
        "updated_at": "string or null: RFC 3339",
        "server": "string or null",
        "error": "string or null",
        "output": "string or null: path of the file that holds the result",
        "run": "string or null: id of the run",
        "row": "integer or null: `@7` names row 7",
    },
    "outcome": {
        "input": "string or null",
        "file_id": "string or null",
        "job_id": "string or null",
        "operation": "string",
        "status": "string: the server's word",
        "reused": "true: only if the job was there before",
        "checks": "object: only with --check",
        "result": "any: what the server answered; one of result, output and error is there",
        "output": "string: path of the file that holds the result, with -o",
        "error": "object: as in `error`",
    },
    "error": {
        "code": "string: one of error_codes, or the server's own",
        "message": "string",
        "retryable": "boolean",
        "status": "integer: only if the server answered",
        "job_id": "string: only for an error of one job",
        "request_id": "string: only if the server named one",
        "details": "any: only if there are some",
        "hint": "string: what to do next; only if there is something",
    },
}
"""The members of each kind of JSON line that we print, with their types and when they are there."""

_PRINTS = {
    "job": "an operation without --wait prints one",
    "known job": "each line of jobs list --json",
    "outcome": "each line of an operation over several documents",
    "error": "the value of `error` on stderr with --json",
}

_HELP = Parameter("help", bool, False, Flag(*HELP))
"""The flag that every command has and none declares."""


def describe_program() -> dict[str, Any]:
    """Everything that a program needs to know to call this one."""
    return {
        "program": PROGRAM.name,
        "version": __version__,
        "commands": [
            describe_command(called) for called in commands(PROGRAM, PROGRAM.name) if not called.entry.entries
        ],
        "exit_codes": [
            {"code": row.code, "name": row.name, "when": row.when, "advice": row.advice} for row in EXITS
        ],
        "exit_priority": list(EXIT_PRIORITY),
        "error_codes": CODES,
        "lines": {name: {"where": _PRINTS[name], "members": shape} for name, shape in SHAPES.items()},
        "variables": dict(VARIABLES),
        "settings": {setting.name: setting.about for setting in SETTINGS},
    }


def describe_command(called: Called) -> dict[str, Any]:
    """A command with its arguments and flags; a group with its commands."""
    about = {"command": called.path, "about": called.entry.about}
    if called.entry.entries:
        below = (Called(f"{called.path} {entry.name}", entry, ()) for entry in called.entry.entries)
        return {**about, "commands": [describe_command(each) for each in below]}
    description = describe(called.entry)
    flags = [each for each in description.parameters if isinstance(each.declared, Flag)]
    return {
        **about,
        "arguments": [_describe_parameter(each) for each in description.arguments],
        "flags": [_describe_parameter(each) for each in (*flags, _HELP) if not each.is_hidden],
        "formats": list(description.guide.formats),
        "examples": list(description.guide.examples),
    }


def _describe_parameter(parameter: Parameter) -> dict[str, Any]:
    """A flag, which has `flags`, or an argument, which has a `name`."""
    declared, value = parameter.declared, {}
    if isinstance(declared, Flag):
        named: dict[str, Any] = {"flags": list(declared.spellings)}
        value = {} if parameter.is_switch else {"value": declared.metavar or "TEXT"}
    else:
        named = {"name": declared.metavar.strip("[].").upper()}
    is_integer = parameter.kind in (int, Count)
    return {
        **named,
        "about": declared.about,
        "type": "switch" if parameter.is_switch else "integer" if is_integer else "text",
        **value,
        "required": parameter.default is REQUIRED,
        "repeatable": parameter.kind == Texts,
    }
