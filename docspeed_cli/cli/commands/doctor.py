"""The command `docspeed doctor`: checks the setup, from the config file to the server."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from docspeed_cli import __version__
from docspeed_cli.cli.commands.auth import masked
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import ServerOptions
from docspeed_cli.core.errors import AuthError, DocspeedError, overall_exit_code
from docspeed_cli.core.settings import Settings
from docspeed_cli.core.timefmt import counted, span
from docspeed_cli.jobs.context import Context, installed_sandbox

if TYPE_CHECKING:
    from docspeed_cli.store.postgres import PostgresDatabase

_MAX_SKEW = 10.0
"""Seconds by which the clock of a shared ledger may differ: ages and the order of runs depend on it."""
_FOUND_COLUMN = 16
"""Terminal column in which the finding of each check begins."""


class HealthCheck(NamedTuple):
    """One line of output: what was checked, the finding, and for a problem the next step and exit code."""

    name: str
    found: str
    hint: str = ""
    code: int = 0


@guide("docspeed doctor", "docspeed doctor --json | jq 'select(.ok | not)'", works_with_bad_settings=True)
def doctor(options: ServerOptions) -> Action:
    """Check the setup and say how to fix it."""

    def action(context: Context) -> int:
        codes: set[int] = set()
        # Checks run while they are printed: a slow one, such as DNS, holds back only its own line.
        for check in _run_checks(context):
            codes.add(check.code)
            _print_check(context, check)
        return overall_exit_code(codes)

    return action


def _print_check(context: Context, check: HealthCheck) -> None:
    if not context.output.human_output:
        hint = {"hint": check.hint} if check.hint else {}
        context.output.value({"check": check.name, "ok": not check.code, "found": check.found, **hint})
        return
    mark = "bad" if check.code else "ok"
    context.output.row(f"{mark:<3}", f"{check.name:<9}", prose=check.found, state=0)
    if check.hint:
        context.output.row(prose=f"{'':<{_FOUND_COLUMN}}-> {check.hint}")


def _run_checks(context: Context) -> Iterator[HealthCheck]:
    yield HealthCheck(
        "version", f"docspeed {__version__}, Python {platform.python_version()}, {sys.platform}"
    )
    settings = context.settings
    yield from _check_settings(settings)
    yield _check_ledger(context)
    sandbox = _check_sandbox(needed=settings.sandbox)
    yield sandbox
    if sandbox.code:
        return
    if settings.sandbox:
        yield HealthCheck("server", "the sandbox in this process; it needs no API key and no network")
    elif settings.error is not None:
        # The bad settings may have named another server; the key must not go to the default one.
        yield HealthCheck("server", "not checked; fix the settings first")
    else:
        yield from _check_way_to_server(context)


def _check_way_to_server(context: Context) -> Iterator[HealthCheck]:
    """Check what a request needs; if nothing is missing, send one that costs nothing."""
    needs = [_try_check("key", _find_api_key, context)]
    if context.server.startswith("https:"):
        needs += [
            _try_check("proxy", _find_proxy, context),
            _try_check("trust", _find_certificates, context),
        ]
    yield from needs
    missing = next((check.name for check in needs if check.code), None)
    if missing:
        yield HealthCheck("server", f"{context.server} was not asked, because the {missing} can't be used")
    else:
        yield _check_server(context)


def _check_settings(settings: Settings) -> Iterator[HealthCheck]:
    """Report the config file and the settings that are not defaults, or one line for each error in them."""
    if settings.error is not None:
        *others, last = settings.error.details or [settings.error.message]
        for message in others:
            yield HealthCheck("settings", message, code=settings.error.exit_code)
        hint = settings.error.hint or "`docspeed help environment` explains where settings come from"
        yield HealthCheck("settings", last, hint, settings.error.exit_code)
        return
    changed = [f"{name} from {origin}" for name, origin in settings.origins.items() if origin != "default"]
    file = f"{settings.config_file}{'' if settings.config_file.exists() else ' (no such file)'}"
    yield HealthCheck("settings", "; ".join([file, *changed]))


def _check_ledger(context: Context) -> HealthCheck:
    try:
        if context.shared_database is not None:
            return _check_shared_ledger(context, context.shared_database)
        rows, problem = context.ledger.health()
    except DocspeedError as error:
        # The hint of most of them is this command.
        hint = (
            "check the address, the network and the server" if "doctor" in (error.hint or "") else error.hint
        )
        return HealthCheck("ledger", error.message, hint or "", error.exit_code)
    found = f"{context.ledger.database.where}, {counted(rows, 'job')}"
    if problem:
        hint = "make its folder writable, or set DOCSPEED_STATE_DIR to another folder"
        return HealthCheck("ledger", f"{found}: {problem}", hint, 1)
    return HealthCheck("ledger", found)


def _check_shared_ledger(context: Context, database: PostgresDatabase) -> HealthCheck:
    rows, problem = context.ledger.health()
    engine, layout = database.engine()
    skew = database.clock_skew()
    found = f"{database.where}, {counted(rows, 'job')}, {engine}, layout {layout}"
    if problem:
        return HealthCheck("ledger", f"{found}: {problem}", "let its owner `GRANT` the rights", 1)
    if abs(skew) > _MAX_SKEW:
        ahead = "ahead of" if skew > 0 else "behind"
        found += f": its clock is {span(abs(skew))} {ahead} this machine's"
        return HealthCheck("ledger", found, "set both clocks by the network's time", 1)
    return HealthCheck("ledger", found)


def _check_sandbox(*, needed: bool) -> HealthCheck:
    try:
        installed_sandbox()
    except DocspeedError as error:
        return HealthCheck("sandbox", error.message, error.hint or "", 1 if needed else 0)
    return HealthCheck("sandbox", "installed; --sandbox works without an API key")


def _try_check(name: str, find: Callable[[Context], str], context: Context) -> HealthCheck:
    """What a check finds, or the error that it raises."""
    try:
        return HealthCheck(name, find(context))
    except DocspeedError as error:
        return HealthCheck(name, error.message, error.hint or "", error.exit_code)


def _find_api_key(context: Context) -> str:
    key, source = context.known_key()
    # `context.key` raises AuthError if this server needs a key.
    if not key and context.key == "":
        return f"none; {context.server} is on this machine and may not need one"
    return f"{masked(key)} from {source}"


def _find_proxy(context: Context) -> str:
    from docspeed_cli.service.routes import route_to
    from docspeed_cli.service.transport import usable_proxy

    route = route_to(context.server, context.environment.env)
    if not route.variable:
        return "none; neither HTTPS_PROXY nor ALL_PROXY is set"
    if route.exception:
        return f"none; {route.exception} exempts the server from {route.variable}"
    usable_proxy(route)
    return f"{route.shown} from {route.variable}"


def _find_certificates(context: Context) -> str:
    from docspeed_cli.service.routes import ca_variables
    from docspeed_cli.service.transport import certificates

    env = context.environment.env
    winners, others = ca_variables(env)
    if not winners:
        return "the system's certificates"
    certificates(env)
    named = " and ".join(f"{env[name]} from {name}" for name in winners)
    ignored = f"; ignored: {' and '.join(others)}" if others else ""
    return f"the system's certificates, and {named}{ignored}"


def _check_server(context: Context) -> HealthCheck:
    """Send one request that costs nothing."""
    probe = context.client.probe()
    address = (
        "check the network, the certificates (SSL_CERT_FILE) and the server's address "
        f"(from {context.settings.origins['base_url']})"
    )
    if isinstance(probe.error, AuthError) and not context.key:
        return HealthCheck("server", f"{context.server} wants an API key", probe.error.hint or "", 4)
    if probe.error is not None:
        status, hint = probe.error.status or 0, probe.error.hint or ""
        if status == 429 or status >= 500:
            hint = "the server can be reached; try again later"
        # Most network errors suggest `docspeed doctor`, which the user is already running.
        elif not hint or "docspeed doctor" in hint:
            hint = address
        return HealthCheck("server", probe.error.message, hint, probe.error.exit_code)
    found = f"{context.server} answers in {probe.seconds * 1000:.0f} ms"
    if probe.unrecognised_error:
        return HealthCheck("server", f"{found}, but not in the service's format", address)
    return HealthCheck("server", f"{found} and accepts the key" if context.key else found)
