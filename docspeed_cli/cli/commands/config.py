"""The commands `docspeed config show`, `get`, `set`, `unset` and `path`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from docspeed_cli.cli.commands.auth import masked
from docspeed_cli.cli.commands.common import read_stdin
from docspeed_cli.cli.flags import Argument, Text, server_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Options, ServerOptions
from docspeed_cli.core.config_file import ENVIRONMENTS, check_environment_name
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.settings import SETTINGS, Setting, Settings, resolve
from docspeed_cli.core.suggest import nearest
from docspeed_cli.core.text_files import read_text
from docspeed_cli.jobs.context import Context

Name = Annotated[str, Argument("SETTING", "the setting, as in config.toml", "settings")]


class EditOptions(Options):
    """The options of a command that changes the config file."""

    env: Annotated[
        Text,
        server_flag("--env", "environment to change; `config set` creates a new one", "NAME", "environments"),
    ] = None


@guide("docspeed config show", "docspeed config show --json | jq -r 'select(.name == \"base_url\") | .value'")
def config_show(options: ServerOptions) -> Action:
    """Show every setting, its value, and where the value comes from."""

    def action(context: Context) -> int:
        settings, output = context.settings, context.output
        key, source = context.known_key()
        # The key and the state folder have no flag and no place in the config file, so SETTINGS lacks them.
        variable = "DOCSPEED_STATE_DIR" if context.environment.env.get("DOCSPEED_STATE_DIR") else "default"
        rows = [(name, getattr(settings, name), origin) for name, origin in settings.origins.items()]
        name, by_flag = settings.chosen
        rows.append(("env", name, "default" if name is None else "--env" if by_flag else "DOCSPEED_ENV"))
        rows.append(("api_key", masked(key) if key else None, source or "default"))
        rows.append(("state_dir", str(settings.state_dir), variable))
        for name, value, origin in rows:
            if output.human_output:
                output.text(f"{name:<20}{_in_words(value)}  (from {origin})")
            else:
                output.value({"name": name, "value": value, "origin": origin})
        return 0

    return action


@guide("docspeed config get base_url", "docspeed config get base_url --json | jq -r .origin")
def config_get(options: ServerOptions, setting: Name) -> Action:
    """Print a setting's value; nothing if it has none."""

    def action(context: Context) -> int:
        name = _setting(setting).name
        value, origin = getattr(context.settings, name), context.settings.origins[name]
        if options.json:
            context.output.value({"name": name, "value": value, "origin": origin})
        elif value is not None:
            context.output.text(_in_words(value))
        return 0

    return action


@guide(
    "docspeed config set timeout 30m",
    "docspeed config set --env staging base_url https://staging.example.com",
    works_with_bad_settings=True,
)
def config_set(
    options: EditOptions,
    setting: Name,
    value: Annotated[str, Argument("VALUE", "the value; - reads it from standard input", "setting values")],
) -> Action:
    """Write a setting to the config file; its comments stay."""

    def action(context: Context) -> int:
        from docspeed_cli.core.toml_edit import with_value

        known, table = _setting(setting), _environment_table(options.env)
        text = read_stdin(context, known.name).strip() if value == "-" else value.strip()
        try:
            read = known.read(text)
        except ValueError as error:
            # What is piped in may be a secret, and is not repeated.
            reason = "standard input is not a value of it" if value == "-" else error
            raise UsageError(f"{known.name}: {reason}") from None
        # A size is written as it was given: the number of bytes would be hard to read.
        written = read if type(read) in (bool, int) else text
        path = context.settings.config_file
        secret = bool(getattr(read, "secrets", ()))  # the password in the address of a shared ledger
        edited = _edited(path, lambda content: with_value(content, table, known.name, written))
        _write(path, edited, private=secret or not path.exists())
        context.output.progress(f"set {_config_place(known, options.env)} in {path}")
        _note_other(context, options.env, known)
        return 0

    return action


@guide(
    "docspeed config unset timeout",
    "docspeed config unset --env staging base_url",
    works_with_bad_settings=True,
)
def config_unset(options: EditOptions, setting: Name) -> Action:
    """Remove a setting from the config file; its comments stay."""

    def action(context: Context) -> int:
        from docspeed_cli.core.toml_edit import without_value

        table, path = _environment_table(options.env), context.settings.config_file
        try:
            # The name is not checked first: an unknown key in the file is what must go.
            text = _edited(path, lambda content: without_value(content, table, setting))
        except KeyError:
            known = _setting(setting)
            context.output.note(f"{_config_place(known, options.env)} is not set in {path}")
            return 0
        _write(path, text, private=False)
        context.output.progress(f"removed {'.'.join((*table, setting))} from {path}")
        return 0

    return action


@guide("docspeed config path", works_with_bad_settings=True)
def print_config_path(options: Options) -> Action:
    """Print the path of the config file, whether or not the file exists."""

    def action(context: Context) -> int:
        path = str(context.settings.config_file)
        context.output.value({"path": path}) if options.json else context.output.text(path)
        return 0

    return action


def _in_words(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def _setting(name: str) -> Setting:
    """The setting of this name. UsageError if there is none."""
    found = {setting.name: setting for setting in SETTINGS}
    if name in found:
        return found[name]
    if name == "api_key":
        raise UsageError("API keys are not kept in the config file", hint="docspeed auth login")
    near = nearest(name.replace("-", "_"), found)
    listed = f"the settings are {', '.join(found)}"
    raise UsageError(f"{name} is not a setting", hint=f"did you mean {near}? {listed}" if near else listed)


def _environment_table(env: str | None) -> tuple[str, ...]:
    """Table of the config file that has an environment's settings. UsageError for an invalid name."""
    if env is None:
        return ()
    check_environment_name(env)
    return ENVIRONMENTS, env


def _config_place(setting: Setting, env: str | None) -> str:
    return ".".join((*_environment_table(env), setting.name))


def _edited(path: Path, edit: Any) -> str:
    """The file's text after an edit. UsageError if it can't be read or edited."""
    try:
        return str(edit(read_text(path) if path.exists() else ""))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"can't edit {path}: {reason}", hint="change the file in an editor") from None


def _write(path: Path, text: str, *, private: bool) -> None:
    """Write the file: a private one readable by the user alone, any other with the mode that it has."""
    from docspeed_cli.core.files import write_errors, write_whole

    with write_errors(path, hint="set DOCSPEED_CONFIG to a file in a folder that you can write to"):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, [text.encode()], private=private)


def _note_other(context: Context, env: str | None, setting: Setting) -> None:
    """Say which other source, if any, wins over the value that was just written."""
    try:
        settings: Settings = resolve({"env": env}, context.environment.env)
    except UsageError as error:
        context.output.warn(f"the settings are still wrong: {error.message}")
        return
    origin = settings.origins[setting.name]
    wanted = f"--env {env}" if env is not None else str(settings.config_file)
    if origin != wanted:
        context.output.note(f"{origin} wins over it")
