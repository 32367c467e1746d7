"""The commands `docspeed config show` and `docspeed config path`."""

from __future__ import annotations

from docspeed_cli.cli.commands.auth import masked
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Options, ServerOptions
from docspeed_cli.jobs.context import Context


@guide("docspeed config show", "docspeed config show --json | jq -r 'select(.name == \"base_url\") | .value'")
def config_show(options: ServerOptions) -> Action:
    """Show every setting, its value, and where the value comes from."""

    def action(context: Context) -> int:
        settings, output = context.settings, context.output
        key, source = context.known_key()
        # The key and the state folder have no flag and no place in the config file: they are no SETTINGS.
        variable = "DOCSPEED_STATE_DIR" if context.environment.env.get("DOCSPEED_STATE_DIR") else "default"
        rows = [(name, getattr(settings, name), origin) for name, origin in settings.origins.items()]
        rows.append(("api_key", masked(key) if key else None, source or "default"))
        rows.append(("state_dir", str(settings.state_dir), variable))
        for name, value, origin in rows:
            if output.human_output:
                shown = str(value).lower() if isinstance(value, bool | None) else value
                output.text(f"{name:<20}{shown}  (from {origin})")
            else:
                output.value({"name": name, "value": value, "origin": origin})
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
