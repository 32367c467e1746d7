"""The commands `docspeed auth login`, `status` and `logout`: one API key for each server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import CommonFlags
from docspeed_cli.core.errors import AuthError, DocspeedError, Interrupted, UsageError
from docspeed_cli.core.settings import origin, saved_keys, sendable
from docspeed_cli.jobs.context import Session
from docspeed_cli.service.body import write_whole
from docspeed_cli.service.client import Client


@guide("docspeed auth login", 'printf %s "$KEY" | docspeed auth login')
def login(*, common: CommonFlags) -> Action:
    """Save an API key for the server.

    Type it at the prompt, which does not show it, or pipe it in.
    """

    def action(session: Session) -> int:
        _refuse_sandbox(session)
        key = sendable(_read_key(session), "the input")
        path = session.settings.credentials
        _verify_key(session, key)
        _save_keys(path, {**saved_keys(path), origin(session.server): key})
        print_outcome(
            session,
            {"server": session.server, "key": masked(key), "saved": str(path)},
            f"saved the key {masked(key)} for {session.server} in {path}",
        )
        if session.world.env.get("DOCSPEED_API_KEY"):
            session.output.warn("DOCSPEED_API_KEY is set, so it is used instead of the saved key")
        return 0

    return action


@guide("docspeed auth status", "docspeed auth status --json | jq -r .source")
def auth_status(*, common: CommonFlags) -> Action:
    """Show which API key is used, and where it comes from."""

    def action(session: Session) -> int:
        if session.settings.sandbox:
            members = {"server": session.server, "key": None, "source": None}
            print_outcome(session, members, "the sandbox runs on this machine and needs no API key")
            return 0
        key, source = session.known_key()
        if not key:
            raise session.no_key()
        print_outcome(
            session,
            {"server": session.server, "key": masked(key), "source": source},
            f"the key {masked(key)} from {source} is used for {session.server}",
        )
        return 0

    return action


@guide("docspeed auth logout")
def logout(*, common: CommonFlags) -> Action:
    """Remove the saved API key for the server."""

    def action(session: Session) -> int:
        _refuse_sandbox(session)
        path = session.settings.credentials
        keys = saved_keys(path)
        removed = keys.pop(origin(session.server), None) is not None
        if removed:
            _save_keys(path, keys)
        text = "removed the saved key" if removed else "there is no saved key"
        print_outcome(session, {"server": session.server, "removed": removed}, f"{text} for {session.server}")
        return 0

    return action


def masked(key: str) -> str:
    """Return the last characters of a key, which are enough to tell two keys apart."""
    # Four characters of a short key would give away too much of it.
    return f"…{key[-4:]}" if len(key) >= 12 else "…"


def print_outcome(session: Session, members: dict[str, Any], text: str) -> None:
    """Print the text at a terminal, and the same as a JSON object elsewhere."""
    if session.output.human_output:
        session.output.text(text)
    else:
        session.output.value(members)


def _refuse_sandbox(session: Session) -> None:
    if session.settings.sandbox:
        raise UsageError("the sandbox needs no API key", hint="docspeed parse FILE --sandbox --wait")


def _read_key(session: Session) -> str:
    """Read the key from the prompt or the pipe. UsageError if it is empty or not UTF-8."""
    stdin = session.world.stdin
    try:
        # Decoded here, because in the C locale the stream itself lets any byte pass.
        key = (_prompt_for_key(session) if stdin.isatty() else stdin.buffer.read().decode()).strip()
    except EOFError:
        key = ""
    except UnicodeDecodeError:
        raise UsageError("the API key must be UTF-8 text") from None
    if not key:
        raise UsageError("no API key was entered", hint="paste it at the prompt, or pipe it in")
    return key


def _prompt_for_key(session: Session) -> str:
    import getpass

    try:
        return getpass.getpass("API key (not shown): ", stream=session.world.stderr)
    except (EOFError, Interrupted):
        session.world.stderr.write("\n")  # the cursor still stands behind the prompt
        raise


def _verify_key(session: Session, key: str) -> None:
    """Ask the server whether it accepts the key. AuthError if not; a warning if it can't be reached."""
    api = Client(session.server, key, session.world, session.gate, on_exchange=session.output.exchange)
    try:
        error = api.probe().error  # asks for a job that does not exist, which costs nothing
    finally:
        api.close()
    if isinstance(error, AuthError):
        raise AuthError(
            f"{session.server} does not accept this key, so it was not saved",
            code=error.code,
            status=error.status,
            hint="copy the key again, and check --base-url",
        )
    if error is not None:
        session.output.warn(f"the key could not be checked: {error.message}")


def _save_keys(path: Path, keys: dict[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(path, [(json.dumps(keys, indent=2) + "\n").encode()], private=True)
    except OSError as error:
        raise DocspeedError(
            f"can't write {path}: {error.strerror or error}",
            hint="set DOCSPEED_CONFIG to a file in a folder that you can write to; keys are saved beside it",
        ) from None
