"""The commands `docspeed config show` and `docspeed config path`."""

from __future__ import annotations

from typing import Any

from docspeed_cli.cli.commands.auth import masked
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import CommonFlags, LocalFlags
from docspeed_cli.jobs.context import Session


@guide("docspeed config show", "docspeed config show --json | jq -r 'select(.name == \"base_url\") | .value'")
def config_show(*, common: CommonFlags) -> Action:
    """Show every setting, its value, and where the value comes from."""

    def action(session: Session) -> int:
        lines = _setting_lines(session)
        if session.output.human_output:
            session.output.text(_settings_table(lines))
        else:
            for line in lines:
                session.output.value(line)
        return 0

    return action


def _setting_lines(session: Session) -> list[dict[str, Any]]:
    """Return an object with `name`, `value` and `origin` for each setting, the key and the state folder."""
    settings = session.settings
    lines = [
        {"name": name, "value": getattr(settings, name), "origin": origin}
        for name, origin in settings.origins.items()
    ]
    key, source = session.known_key()
    # The key and the state folder have no flag and no place in the config file, so they are not in SETTINGS.
    variable = "DOCSPEED_STATE_DIR"
    origin = variable if session.world.env.get(variable) else "default"
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
def print_config_path(*, common: LocalFlags) -> Action:
    """Print the path of the config file, whether or not the file exists."""

    def action(session: Session) -> int:
        path = str(session.settings.config_file)
        session.output.value({"path": path}) if common.json else session.output.text(path)
        return 0

    return action
