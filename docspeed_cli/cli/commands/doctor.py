"""The command `docspeed doctor`: checks the setup, from the config file to the server."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from docspeed_cli import __version__
from docspeed_cli.cli.commands.auth import masked
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import ServerOptions
from docspeed_cli.core.errors import DocspeedError, overall_exit_code
from docspeed_cli.core.settings import Settings
from docspeed_cli.core.timefmt import span
from docspeed_cli.jobs.context import Context, installed_sandbox
from docspeed_cli.service.transport import CONNECT_TIMEOUT

_MAX_SKEW = 60.0
"""Seconds that this machine's clock may differ from the server's without being reported."""

_FOUND_COLUMN = 16
"""Terminal column in which the finding of each check begins."""


class Check(NamedTuple):
    """One line of output: what was checked, the finding, and for a problem the next step and exit code."""

    name: str
    found: str
    hint: str = ""
    code: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the line as an object with `check`, `ok`, `found` and, if there is one, `hint`."""
        line: dict[str, Any] = {"check": self.name, "ok": not self.code, "found": self.found}
        return {**line, "hint": self.hint} if self.hint else line


@guide("docspeed doctor", "docspeed doctor --json | jq 'select(.ok | not)'", works_with_bad_settings=True)
def doctor(options: ServerOptions) -> Action:
    """Check the setup and say how to fix it."""

    def action(context: Context) -> int:
        codes: set[int] = set()
        # Checks run while they are printed: a slow one, such as DNS, holds back only its own line.
        for check in _run_checks(context):
            codes.add(check.code)
            if context.output.human_output:
                _print_check(context, check)
            else:
                context.output.value(check.to_json())
        return overall_exit_code(codes)

    return action


def _print_check(context: Context, check: Check) -> None:
    mark = "bad" if check.code else "ok"
    context.output.row(f"{mark:<3}", f"{check.name:<9}", prose=check.found, state=0)
    if check.hint:
        context.output.row(prose=f"{'':<{_FOUND_COLUMN}}-> {check.hint}")


def _run_checks(context: Context) -> Iterator[Check]:
    yield Check("version", f"docspeed {__version__}, Python {platform.python_version()}, {sys.platform}")
    settings = context.settings
    yield from _check_settings(settings)
    yield _check_ledger(context)
    yield _check_sandbox()
    if settings.sandbox:
        yield Check("server", "the sandbox in this process; it needs no API key and no network")
    elif settings.error is not None:
        # The bad settings may have named another server; the key must not go to the default one.
        yield Check("server", "not checked; fix the settings first")
    else:
        key = _check_api_key(context)
        yield key
        yield from _check_server(context, send=not key.code)


def _check_settings(settings: Settings) -> Iterator[Check]:
    """Report the config file and the settings that are not defaults, or one line for each error in them."""
    if settings.error is not None:
        *others, last = settings.error.details or [settings.error.message]
        for message in others:
            yield Check("settings", message, code=settings.error.exit_code)
        hint = settings.error.hint or "`docspeed help environment` explains where settings come from"
        yield Check("settings", last, hint, settings.error.exit_code)
        return
    changed = [f"{name} from {origin}" for name, origin in settings.origins.items() if origin != "default"]
    file = f"{settings.config_file}{'' if settings.config_file.exists() else ' (no such file)'}"
    yield Check("settings", "; ".join([file, *changed]))


def _check_ledger(context: Context) -> Check:
    rows, problem = context.ledger.health()
    found = f"{context.ledger.path}, {rows} jobs"
    if problem:
        hint = "make its folder writable, or set DOCSPEED_STATE_DIR to another folder"
        return Check("ledger", f"{found}: {problem}", hint, 1)
    return Check("ledger", found)


def _check_sandbox() -> Check:
    try:
        installed_sandbox()
    except DocspeedError as error:
        return Check("sandbox", error.message, error.hint or "")
    return Check("sandbox", "installed; --sandbox works without an API key")


def _check_api_key(context: Context) -> Check:
    try:
        key, source = context.known_key()
        # `context.key` raises AuthError if this server needs a key.
        if not key and context.key == "":
            return Check("key", f"none; {context.server} is on this machine and may not need one")
    except DocspeedError as error:
        return Check("key", error.message, error.hint or "", error.exit_code)
    return Check("key", f"{masked(key)} from {source}")


def _check_server(context: Context, *, send: bool) -> Iterator[Check]:
    """Check the connection, then send one request that costs nothing; `send=False` leaves the request out."""
    for check in _check_connection(context):
        yield check
        if check.code:
            return
    if not send:
        yield Check("server", f"{context.server} was not asked, because there is no usable API key")
        return
    probe = context.client.probe()
    if probe.error is not None:
        yield Check("server", probe.error.message, _next_step(context, probe.error), probe.error.exit_code)
        return
    found = f"{context.server} answers in {probe.seconds * 1000:.0f} ms"
    if probe.unrecognised_error:
        yield Check("server", f"{found}, but not in the service's format", _address_hint(context))
    else:
        yield Check("server", f"{found} and accepts the key" if context.key else found)
    yield from _check_clock(context, probe.date)


def _next_step(context: Context, error: DocspeedError) -> str:
    if error.status is not None and (error.status == 429 or error.status >= 500):
        return "the server can be reached; try again later"
    # Most network errors suggest `docspeed doctor`, which the user is already running.
    if error.hint is None or "docspeed doctor" in error.hint:
        return _address_hint(context)
    return error.hint


def _address_hint(context: Context) -> str:
    origin = context.settings.origins["base_url"]
    return f"check the network and the server's address (from {origin})"


def _check_connection(context: Context) -> Iterator[Check]:
    """Name the proxy, or connect directly, to see whether the server's name and certificate are right."""
    server, world = urlsplit(context.server), context.environment
    if world.transport is not None or server.scheme != "https":
        return  # plain http is only for servers on this machine
    host, port = server.hostname or "", server.port or 443
    if proxy := _proxy_for(host, world.env):
        # The proxy resolves names, so a lookup on this machine may fail although everything works.
        yield Check("proxy", proxy)
        return
    import socket
    from ssl import SSLError

    from docspeed_cli.service.transport import certificates

    started = world.monotonic()
    try:
        with (
            socket.create_connection((host, port), CONNECT_TIMEOUT) as plain,
            certificates(world.env).wrap_socket(plain, server_hostname=host) as secured,
        ):
            found = f"{host} is {secured.getpeername()[0]}, {secured.version()}"
    except (OSError, DocspeedError) as error:
        why = getattr(error, "verify_message", "") or getattr(error, "strerror", None) or str(error)
        hint = _address_hint(context)
        if isinstance(error, SSLError):
            hint += ", or set SSL_CERT_FILE to a file with the missing certificate authority"
        yield Check("network", f"no secure connection to {host}:{port}: {why}", hint, 9)
    else:
        yield Check("network", f"{found} ({(world.monotonic() - started) * 1000:.0f} ms)")


def _proxy_for(host: str, env: Mapping[str, str]) -> str | None:
    """Return the https proxy for this host, without its password, and the variable that names it."""
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

    names = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    variable = next((name for name in names if env.get(name)), None)
    no_proxy = {"no": env.get("no_proxy") or env.get("NO_PROXY") or ""}
    if variable is None or proxy_bypass_environment(host, no_proxy):
        return None
    return f"{urlsplit(env[variable]).netloc.rpartition('@')[2] or '?'} from {variable}"


def _check_clock(context: Context, date: str | None) -> Iterator[Check]:
    """Compare the clock with the response's `Date`; a missing or malformed one is not reported."""
    from email.utils import parsedate_to_datetime

    try:
        skew = context.environment.now() - parsedate_to_datetime(date or "").timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return
    if abs(skew) > _MAX_SKEW:
        direction = "ahead of" if skew > 0 else "behind"
        yield Check(
            "clock", f"{span(abs(skew))} {direction} the server's clock", "set this machine's clock", 1
        )
    else:
        yield Check("clock", "agrees with the server's clock")
