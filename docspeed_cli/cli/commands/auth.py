"""The commands `docspeed auth login`, `status` and `logout`: one API key for each server."""

from __future__ import annotations

import re
from pathlib import Path

from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import ServerOptions
from docspeed_cli.core.api_keys import origin, saved_keys, sendable
from docspeed_cli.core.errors import AuthError, DocspeedError, Interrupted, UsageError
from docspeed_cli.core.files import write_errors, write_whole
from docspeed_cli.core.json_text import json_file
from docspeed_cli.core.text_files import decode_text
from docspeed_cli.jobs.context import Context
from docspeed_cli.service.client import Client


@guide("docspeed auth login", 'printf %s "$KEY" | docspeed auth login')
def login(options: ServerOptions) -> Action:
    """Save an API key for the server.

    Type it at the prompt, which does not show it, or pipe it in.
    """

    def action(context: Context) -> int:
        _refuse_sandbox(context)
        key = sendable(_read_key(context), "the input")
        path = context.settings.credentials
        _verify_key(context, key)
        _save_keys(path, {**saved_keys(path), origin(context.server): key})
        context.output.text_or_json(
            {"server": context.server, "key": masked(key), "saved": str(path)},
            f"saved the key {masked(key)} for {context.server} in {path}",
        )
        if context.environment.env.get("DOCSPEED_API_KEY"):
            context.output.warn("DOCSPEED_API_KEY is set, so it is used instead of the saved key")
        return 0

    return action


@guide("docspeed auth status", "docspeed auth status --json | jq -r .source")
def auth_status(options: ServerOptions) -> Action:
    """Show which API key is used, where it comes from, and whether the server accepts it."""

    def action(context: Context) -> int:
        if context.settings.sandbox:
            members = {"server": context.server, "key": None, "source": None}
            context.output.text_or_json(members, "the sandbox runs on this machine and needs no API key")
            return 0
        key, source = context.known_key()
        if not key:
            raise context.no_key()
        error = context.client.probe().error
        if isinstance(error, AuthError):
            raise error.replace(message=f"the key {masked(key)} from {source}: {error.message}")
        _warn_unchecked(context, error)
        members = {"server": context.server, "key": masked(key), "source": source}
        context.output.text_or_json(
            {**members, "accepted": None if error else True},
            f"the key {masked(key)} from {source} is used for {context.server}",
        )
        return 0

    return action


@guide("docspeed auth logout")
def logout(options: ServerOptions) -> Action:
    """Remove the saved API key for the server."""

    def action(context: Context) -> int:
        _refuse_sandbox(context)
        path = context.settings.credentials
        keys = saved_keys(path)
        removed = keys.pop(origin(context.server), None) is not None
        if removed:
            _save_keys(path, keys)
        text = "removed the saved key" if removed else "there is no saved key"
        context.output.text_or_json(
            {"server": context.server, "removed": removed}, f"{text} for {context.server}"
        )
        return 0

    return action


def masked(key: str) -> str:
    """Return the last characters of a key, which are enough to tell two keys apart."""
    # Four characters of a short key would give away too much of it.
    return f"…{key[-4:]}" if len(key) >= 12 else "…"


def _refuse_sandbox(context: Context) -> None:
    if context.settings.sandbox:
        raise UsageError("the sandbox needs no API key", hint="docspeed parse FILE --sandbox --wait")


def _read_key(context: Context) -> str:
    """Read the key from a hidden prompt or from standard input. UsageError if it is empty."""
    import getpass

    stdin, stderr = context.environment.stdin, context.environment.stderr
    try:
        if stdin.isatty():
            key = getpass.getpass("API key (not shown): ", stream=stderr)
        else:
            key = decode_text(stdin.buffer.read())
    except ValueError as error:
        raise UsageError(f"standard input has no API key: {error}") from None
    except (EOFError, Interrupted) as ended:
        stderr.write("\n")  # the cursor still stands behind the prompt
        if isinstance(ended, Interrupted):
            raise
        key = ""
    key = re.sub(r"\x1b\[20[01]~", "", key)  # around what is pasted, where a shell left that mode on
    if not key.strip():
        raise UsageError("no API key was entered", hint="paste it at the prompt, or pipe it in")
    return key.strip()


def _verify_key(context: Context, key: str) -> None:
    """Ask the server whether it accepts the key. AuthError if not; a warning if it can't be reached."""
    # Not the context's client, which sends the key that is in use now.
    api = Client(
        context.server, key, context.environment, context.rate_limiter, on_exchange=context.output.exchange
    )
    try:
        error = api.probe().error  # asks for a job that does not exist, which costs nothing
    finally:
        api.close()
    if isinstance(error, AuthError):
        raise AuthError(
            f"{context.server} does not accept this key, so it was not saved",
            code=error.code,
            status=error.status,
            hint="copy the key again, and check --base-url",
        )
    _warn_unchecked(context, error)


def _warn_unchecked(context: Context, error: DocspeedError | None) -> None:
    if error is not None:
        context.output.warn(f"the key could not be checked: {error.message}")


def _save_keys(path: Path, keys: dict[str, str]) -> None:
    hint = "set DOCSPEED_CONFIG to a file in a folder that you can write to; keys are saved beside it"
    with write_errors(path, hint=hint):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, json_file(keys), private=True)
