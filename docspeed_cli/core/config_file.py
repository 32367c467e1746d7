"""The config file: its values, and its named environments, which are tables such as `[env.staging]`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.suggest import nearest
from docspeed_cli.core.text_files import read_text

ENVIRONMENTS = "env"
"""Name of the table that holds the environments."""

_NAME = r"[A-Za-z0-9_-]+"


class ConfigFile(NamedTuple):
    """What the config file says, and the environment that was chosen."""

    path: Path
    values: Mapping[str, Any]
    """The values that apply without an environment."""
    chosen: str | None = None
    """Name of the environment."""
    by_flag: bool = False
    """Whether it was chosen by `--env`, whose values win over variables; DOCSPEED_ENV's do not."""
    chosen_values: Mapping[str, Any] = {}


def read_config(path: Path) -> dict[str, Any]:
    """Keys and values in the config file; empty without the file. UsageError if it can't be read."""
    try:
        text = read_text(path)
        # Only if there is a file: it takes some milliseconds to load.
        import tomllib

        return tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None)
        hint = "set DOCSPEED_CONFIG to use another file"
        if reason is None:
            # Most often a value has no quotes, or the curly ones of a word processor.
            reason = f"it is not TOML: {error}"
            hint = (
                'write words and durations in straight quotes, such as `timeout = "30m"`; `true` needs none'
            )
        raise UsageError(f"can't read {path}: {reason}", hint=hint) from None


def environments(values: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The environments in the file's values, by name."""
    tables = values.get(ENVIRONMENTS)
    named = tables.items() if isinstance(tables, dict) else ()
    return {name: table for name, table in named if isinstance(table, dict)}


def choose_environment(path: Path, flag: str | None, variable: str | None) -> ConfigFile:
    """Read the file and choose the environment that the flag names, or else the variable.

    UsageError if the file can't be read, or has no such environment.
    """
    values = read_config(path)
    chosen = flag if flag is not None else variable or None
    if chosen is None:
        return ConfigFile(path, values)
    known = environments(values)
    if chosen not in known:
        place = "--env" if flag is not None else "DOCSPEED_ENV"
        raise UsageError(
            f"{place}: {path} has no environment '{chosen}'", hint=_environment_hint(chosen, known)
        )
    return ConfigFile(path, values, chosen, flag is not None, known[chosen])


def _environment_hint(chosen: str, known: Mapping[str, Any]) -> str:
    if near := nearest(chosen, known):
        return f"did you mean `--env {near}`?"
    if known:
        return f"the environments are {', '.join(known)}"
    return "make it with `docspeed config set --env NAME base_url URL`"


def check_environment_name(name: str) -> None:
    """UsageError for a name that is not fit for a table's header."""
    if not re.fullmatch(_NAME, name):
        raise UsageError(f"--env {name}: a name has letters, digits, - and _ only")


def unknown_settings(path: Path, values: Mapping[str, Any], names: Sequence[str]) -> list[UsageError]:
    """An error for each key of the file that is not a setting, those of all environments included."""
    errors = [_unknown_setting(path, key, key, names) for key in values if key not in (*names, ENVIRONMENTS)]
    tables = values.get(ENVIRONMENTS, {})
    named = environments(values)
    if not isinstance(tables, dict) or len(named) < len(tables):
        errors.append(UsageError(f"{path}: env has a table for each environment, such as [env.staging]"))
    return errors + [
        _unknown_setting(path, key, f"env.{name}.{key}", names)
        for name, table in named.items()
        for key in table
        if key not in names
    ]


def _unknown_setting(path: Path, key: str, place: str, names: Sequence[str]) -> UsageError:
    if key == "api_key":
        # Config files are shared and committed; the value is not repeated in the message either.
        why = f"remove {place}; API keys are not kept in this file"
        return UsageError(f"{path}: {why}", hint="docspeed auth login")
    written = key.lower().removeprefix("docspeed_").replace("-", "_")
    near, listed = nearest(written, names), f"the settings are {', '.join(names)}"
    return UsageError(
        f"{path}: {place} is not a setting", hint=f"did you mean {near}? {listed}" if near else listed
    )
