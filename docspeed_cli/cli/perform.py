"""Perform a command line that was understood: its settings, its context, its action, and its errors."""

from __future__ import annotations

from collections.abc import Callable

from docspeed_cli.cli.framework import Invocation
from docspeed_cli.cli.options import input_problems
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, Interrupted, UsageError, combine_errors
from docspeed_cli.core.settings import Settings, resolve
from docspeed_cli.jobs.context import Context
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.streams import Again, Style


def perform(invocation: Invocation, plain: Output, again: Callable[[], Again]) -> int:
    """Perform a command in a context made for it; returns the exit code.

    `again` words the hints to run the command line again, if one is needed.
    """
    environment = plain.environment
    try:
        settings = _settings(invocation, environment)
        settings, style = _checked_style(invocation, settings)
    except UsageError as error:
        raise combine_errors([error, *input_problems(invocation.options, environment)]) from None
    output = Output(environment, style, plain.secrets, settings.server_flags, again)
    context = Context(environment, settings, output)
    try:
        return _act(invocation, context)
    except DocspeedError as error:
        output.error(error)
        return error.exit_code
    except Interrupted as interrupted:
        from docspeed_cli.jobs.interrupts import ReportedInterrupt

        if not isinstance(interrupted, ReportedInterrupt):
            output.stopped(["stopped"], None, None)
        return interrupted.exit_code
    finally:
        context.close()


def _act(invocation: Invocation, context: Context) -> int:
    """Perform the action; at its end run the command of `--notify`, unless nothing was waited for."""
    options, started = invocation.options, context.environment.monotonic()
    if options.notify is None or options.dry_run:
        return invocation.action(context)
    error: DocspeedError | None = None
    try:
        code = invocation.action(context)
    # Wrong usage is found before anything is waited for.
    except UsageError:
        raise
    except DocspeedError as raised:
        context.output.error(raised)
        code, error = raised.exit_code, raised
    from docspeed_cli.cli.notify import notify

    notify(context, options.notify, code, error, context.environment.monotonic() - started)
    return code


def _settings(invocation: Invocation, environment: Environment) -> Settings:
    """Settings of this command. UsageError if they are bad, except for the commands that help to fix them."""
    options = invocation.options
    lenient = options.checks_settings or invocation.guide.works_with_bad_settings
    return resolve(options.settings(), environment.env, lenient=lenient)


def _checked_style(invocation: Invocation, settings: Settings) -> tuple[Settings, Style]:
    """Return settings and style.

    A bad format raises UsageError, or is stored in `settings.error` with `checks_settings`.
    """
    try:
        return settings, style_of(invocation, settings)
    except UsageError as error:
        if not invocation.options.checks_settings:
            raise
        errors = [settings.error, error] if settings.error is not None else [error]
        style = Style(json_errors=invocation.options.json)
        return settings._replace(error=combine_errors(errors)), style


def style_of(invocation: Invocation, settings: Settings) -> Style:
    """How to write output. UsageError for a format that the command does not have."""
    options, asked = invocation.options, invocation.options.format
    formats = ("json", "curl") if options.dry_run else invocation.guide.formats
    if asked is not None and asked not in formats:
        curl = "; curl goes with --dry-run" if asked == "curl" else ""
        raise UsageError(f"--format {asked}: the formats of this command are {', '.join(formats)}{curl}")
    if options.json and asked not in (None, "json"):
        raise UsageError(f"--json and --format {asked} contradict each other; give only one of them")
    # The setting is for all commands, and not every command has that format; a flag is for this one.
    usual = settings.format if settings.format in formats else None
    return Style(
        format="json" if options.json else asked or usual,
        json_errors=options.json,
        quiet=options.quiet,
        verbose=options.verbose,
        bell=options.bell,
    )
