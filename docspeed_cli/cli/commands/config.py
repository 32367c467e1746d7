"""The commands `docspeed config show` and `docspeed config path`."""

from __future__ import annotations

from typing import Any

from docspeed_cli.cli.commands.auth import masked
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Options, ServerOptions
from docspeed_cli.jobs.context import Context


@guide("docspeed config show", "docspeed config show --json | jq -r 'select(.name == \"base_url\") | .value'")
def config_show(options: ServerOptions) -> Action:
    """Show every setting, its value, and where the value comes from."""

    def action(context: Context) -> int:
        lines = _setting_lines(context)
        if context.output.human_output:
            context.output.text(_settings_table(lines))
        else:
            for line in lines:
                context.output.value(line)
        return 0

    return action


def _setting_lines(context: Context) -> list[dict[str, Any]]:
    """Return an object with `name`, `value` and `origin` for each setting, the key and the state folder."""
    settings = context.settings
    lines = [
        {"name": name, "value": getattr(settings, name), "origin": origin}
        for name, origin in settings.origins.items()
    ]
    key, source = context.known_key()
    # The key and the state folder have no flag and no place in the config file, so they are not in SETTINGS.
    variable = "DOCSPEED_STATE_DIR"
    origin = variable if context.environment.env.get(variable) else "default"
    return [
        *lines,
        {"name": "api_key", "value": masked(key) if key else None, "origin": source or "default"},
        {"name": "state_dir", "value": str(settings.state_dir), "origin": origin},
    ]


def _settings_table(lines: list[dict[str, Any]]) -> str:
    rows = [("setting", "value", "from")]
    for line in lines:
        value = line["value"]
        shown = str(value).lower() if isinstance(value, bool | None) else str(value)
        rows.append((line["name"], shown, line["origin"]))
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"{name:<{first}}  {value:<{second}}  {origin}" for name, value, origin in rows)


@guide("docspeed config path", works_with_bad_settings=True)
def print_config_path(options: Options) -> Action:
    """Print the path of the config file, whether or not the file exists."""

    def action(context: Context) -> int:
        path = str(context.settings.config_file)
        context.output.value({"path": path}) if options.json else context.output.text(path)
        return 0

    return action
