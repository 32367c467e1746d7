"""The commands that set the program up: the key and the sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import CommonFlags, LocalFlags, flag
from docspeed_cli.core.errors import AuthError, DocspeedError, Interrupted, UsageError
from docspeed_cli.core.operations import SANDBOX
from docspeed_cli.core.settings import duration, origin, saved_keys, sendable
from docspeed_cli.jobs.context import Session, installed_sandbox
from docspeed_cli.service.body import write_whole
from docspeed_cli.service.client import Client

_MAX_KEY = 4096


@guide("docspeed auth login", 'printf %s "$KEY" | docspeed auth login')
def login(*, common: CommonFlags) -> Action:
    """Saves an API key for this server.

    It is asked for at a prompt that shows nothing, or read from standard input.
    """

    def action(session: Session) -> int:
        _needs_a_server(session)
        key = sendable(_entered(session), "the input")
        path = session.settings.credentials
        _check(session, key)
        _save(path, {**_kept(session, path), origin(session.server): key})
        _show(
            session,
            {"server": session.server, "key": masked(key), "saved": str(path)},
            f"saved the key {masked(key)} for {session.server} in {path}",
        )
        if session.world.env.get("DOCSPEED_API_KEY"):
            session.output.warn("DOCSPEED_API_KEY is set and wins over the saved key")
        return 0

    return action


@guide("docspeed auth status", "docspeed auth status --json | jq -r .source")
def auth_status(*, common: CommonFlags) -> Action:
    """Says which key is used, and for which server."""

    def action(session: Session) -> int:
        if session.settings.sandbox:
            nothing = {"server": session.server, "key": None, "source": None}
            _show(session, nothing, "the sandbox is on this machine and needs no key")
            return 0
        key, source = session.known_key()
        if not key:
            raise session.no_key()
        _show(
            session,
            {"server": session.server, "key": masked(key), "source": source},
            f"{session.server}: key {masked(key)} from {source}",
        )
        return 0

    return action


@guide("docspeed auth logout")
def logout(*, common: CommonFlags) -> Action:
    """Removes the saved key of this server."""

    def action(session: Session) -> int:
        _needs_a_server(session)
        path = session.settings.credentials
        keys = saved_keys(path)
        found = keys.pop(origin(session.server), None)
        if found is not None:
            _save(path, keys)
        text = "removed the saved key" if found else "no key was saved"
        _show(
            session, {"server": session.server, "removed": found is not None}, f"{text} for {session.server}"
        )
        return 0

    return action


def masked(key: str) -> str:
    """A key as it may be shown: enough to tell two apart."""
    return f"…{key[-4:]}" if len(key) >= 12 else "…"


def _kept(session: Session, path: Path) -> dict[str, str]:
    """The keys that are saved; a file that can't be read as such is set aside, for it may hold others."""
    try:
        return saved_keys(path)
    except AuthError as error:
        aside = path.with_name(f"{path.stem}.damaged-{int(session.world.now())}{path.suffix}")
        try:
            path.rename(aside)
        except OSError:
            raise error from None
        session.output.warn(f"{error.message}; it is kept as {aside}, and a new one is started")
        return {}


def _entered(session: Session) -> str:
    try:
        key = _asked(session) if session.world.stdin.isatty() else session.world.stdin.read(_MAX_KEY + 1)
    except EOFError:
        key = ""
    except UnicodeDecodeError:
        raise UsageError("what was entered is no text, and so no key") from None
    if len(key) > _MAX_KEY:
        raise UsageError(f"no key is longer than {_MAX_KEY} characters; what was entered is")
    if not key.strip():
        raise UsageError("no key was entered", hint="paste it at the prompt, or pipe it in")
    return key.strip()


def _asked(session: Session) -> str:
    """What is typed at the prompt. Ctrl-\\ would end the program while the terminal echoes nothing."""
    import getpass
    import signal

    quits = getattr(signal, "SIGQUIT", None)
    before = signal.signal(quits, signal.SIG_IGN) if quits is not None else None
    try:
        return getpass.getpass("API key (not shown): ", stream=session.world.stderr)
    except (EOFError, Interrupted):
        session.world.stderr.write("\n")
        raise
    finally:
        if quits is not None:
            signal.signal(quits, before)


def _check(session: Session, key: str) -> None:
    """Ask the server, where it can be reached, whether it takes the key. AuthError where it does not."""
    api = Client(session.server, key, session.world, session.gate, on_exchange=session.output.exchange)
    try:
        found = api.probe().error
    finally:
        api.close()
    if isinstance(found, AuthError):
        raise AuthError(
            f"{session.server} does not take this key; it was not saved",
            code=found.code,
            status=found.status,
            hint="copy the key again, and check --base-url",
        )
    if found is not None:
        session.output.warn(f"the key could not be checked: {found.message}")


def _save(path: Path, keys: dict[str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = json.dumps(keys, indent=2) + "\n"
        write_whole(path, [text.encode()], private=True)
    except OSError as error:
        raise DocspeedError(
            f"can't write {path}: {error.strerror or error}",
            hint="DOCSPEED_CONFIG names another config file; keys are kept beside it",
        ) from None


def _needs_a_server(session: Session) -> None:
    if session.settings.sandbox:
        raise UsageError("the sandbox needs no key", hint="docspeed parse FILE --sandbox --wait")


def _show(session: Session, members: dict[str, Any], text: str) -> None:
    if session.output.human_output:
        session.output.text(text)
    else:
        session.output.value(members)


# -- the sandbox


@guide(
    "docspeed sandbox serve",
    "docspeed sandbox serve --fail 429=0.1 --fail reset=0.05 --latency 200ms",
)
def serve(
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=65535, help="the port (8787; 0 takes a free one)", show_default=False
        ),
    ] = 8787,
    require_key: Annotated[
        bool,
        flag(
            "--require-key",
            about="answer 401 without a key (always: to one that begins with bad, 402 to broke…)",
            panel="Faults",
        ),
    ] = False,
    latency: Annotated[
        str | None,
        flag("--latency", about="time that each answer takes longer", panel="Faults", metavar="DURATION"),
    ] = None,
    fail: Annotated[
        list[str] | None,
        flag(
            "--fail",
            about="a fault and its share: 429=0.1 or another status, reset, timeout, cut, html",
            panel="Faults",
            metavar="KIND=SHARE",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", help="the same faults each time", rich_help_panel="Faults", show_default=False
        ),
    ] = None,
    *,
    common: LocalFlags,
) -> Action:
    """Serves the sandbox on 127.0.0.1 for curl, other clients and tests."""

    def action(session: Session) -> int:
        sandbox, verbose = installed_sandbox(), session.output.style.verbose
        seconds = None
        try:
            seconds = duration(latency) if latency else 0.0
            faults = sandbox.Faults(seconds, tuple(sandbox.parse_fail(text) for text in fail or ()), seed)
        except ValueError as error:
            raise UsageError(f"{'--latency' if seconds is None else '--fail'}: {error}") from None
        app = sandbox.create_app(
            session.settings.state_dir / "sandbox", require_key=require_key, faults=faults
        )
        try:
            server = sandbox.make_server(app, port, session.output.progress if verbose else None)
        except OSError as error:
            raise DocspeedError(
                f"can't listen on 127.0.0.1:{port}: {error.strerror or error}",
                hint="docspeed sandbox serve --port 0",
            ) from None
        url = f"http://127.0.0.1:{server.server_port}"
        _show(session, {"url": url}, f"the sandbox is at {url}; Ctrl-C ends it")
        session.output.hint(f"docspeed parse FILE --wait --base-url {url}")
        server.serve_forever()
        return 0

    return action


@guide("docspeed sandbox reset")
def reset(*, common: LocalFlags) -> Action:
    """Deletes everything that the sandbox keeps."""

    def action(session: Session) -> int:
        count = installed_sandbox().reset(session.settings.state_dir / "sandbox")
        session.ledger.forget_server(SANDBOX)
        _show(session, {"removed": count}, f"removed {count} files and jobs of the sandbox")
        return 0

    return action
