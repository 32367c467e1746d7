"""The commands that explain the set-up: doctor and config."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from docspeed_cli import __version__
from docspeed_cli.cli.commands.auth import masked
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import CommonFlags, LocalFlags
from docspeed_cli.core.errors import DocspeedError, overall_exit_code
from docspeed_cli.core.settings import Settings, loopback
from docspeed_cli.core.timefmt import span
from docspeed_cli.jobs.context import Session, installed_sandbox
from docspeed_cli.service.breakage import CONNECT_TIMEOUT

_SKEW = 60.0
_FOUND_AT = 16
"""The column in which it says what was found."""
_TRUST = "SSL_CERT_FILE names further authorities; or check the network, and the server's name"


@dataclass(frozen=True)
class Check:
    """One line of the doctor's: what was looked at, what was found, and what to do where it is not well."""

    name: str
    found: str
    hint: str = ""
    code: int = 0

    def as_json(self) -> dict[str, Any]:
        """The line as scripts read it."""
        line: dict[str, Any] = {"check": self.name, "ok": not self.code, "found": self.found}
        return {**line, "hint": self.hint} if self.hint else line


@guide("docspeed doctor", "docspeed doctor --json | jq 'select(.ok | not)'", works_with_bad_settings=True)
def doctor(*, common: CommonFlags) -> Action:
    """Checks the set-up and says what to do."""

    def action(session: Session) -> int:
        codes: set[int] = set()
        for check in _checks(session):
            codes.add(check.code)
            if not session.output.human_output:
                session.output.value(check.as_json())
                continue
            mark = "bad" if check.code else "ok"
            session.output.row(f"{mark:<3}", f"{check.name:<9}", prose=check.found, word=0, indent=_FOUND_AT)
            if check.hint:
                session.output.row(prose=f"{'':<{_FOUND_AT}}-> {check.hint}", indent=len("-> "))
        return overall_exit_code(codes)

    return action


def _checks(session: Session) -> Iterator[Check]:
    yield Check("version", f"docspeed {__version__}, Python {platform.python_version()}, {sys.platform}")
    settings = session.settings
    yield from _settings(settings)
    yield _ledger(session)
    yield _stand_in()
    if settings.sandbox:
        yield Check("server", "the sandbox in this process; it needs no key and no network")
        return
    if settings.error is not None:
        # The bad settings may have named another server; the key must not go to the default one.
        yield Check("server", "not asked; fix the settings first")
        return
    key = _key(session)
    yield key
    yield from _server(session, asked=not key.code)


def _settings(settings: Settings) -> Iterator[Check]:
    """The config file and the settings that are not defaults; or one line for each error in them."""
    if settings.error is not None:
        *others, last = settings.error.details or [settings.error.message]
        for message in others:
            yield Check("settings", message, code=settings.error.exit_code)
        hint = settings.error.hint or "docspeed help environment explains where settings come from"
        yield Check("settings", last, hint, settings.error.exit_code)
        return
    given = [f"{name} from {origin}" for name, origin in settings.origins.items() if origin != "default"]
    where = f"{settings.config_file}{'' if settings.config_file.exists() else ' (no such file)'}"
    yield Check("settings", "; ".join([where, *given]))


def _ledger(session: Session) -> Check:
    rows, wrong = session.ledger.health()
    where = f"{session.ledger.path}, {rows} jobs"
    if wrong:
        hint = "see that its folder can be written, or name another in DOCSPEED_STATE_DIR"
        return Check("ledger", f"{where}: {wrong}", hint, 1)
    return Check("ledger", where)


def _stand_in() -> Check:
    try:
        installed_sandbox()
    except DocspeedError as error:
        return Check("sandbox", error.message, error.hint or "")
    return Check("sandbox", "installed; --sandbox works without a key")


def _key(session: Session) -> Check:
    try:
        key, source = session.known_key()
        if not key and session.key == "":
            return Check("key", f"none; {session.server} is on this machine and may not want one")
    except DocspeedError as error:
        return Check("key", error.message, error.hint or "", error.exit_code)
    return Check("key", f"{masked(key)} from {source}")


def _server(session: Session, *, asked: bool) -> Iterator[Check]:
    for check in _way(session):
        yield check
        if check.code:
            return
    if not asked:
        yield Check("server", f"{session.server}: not asked, for want of a key")
        return
    probe = session.api.probe()
    if probe.error is not None:
        yield Check("server", probe.error.message, _next_step(session, probe.error), probe.error.exit_code)
        return
    took = f"{session.server} answers in {_milliseconds(probe.seconds)}"
    if probe.unrecognised_error:
        yield Check("server", f"{took}, but not in the service's words", _where(session))
    else:
        yield Check("server", f"{took}, and takes the key")
    yield from _clock(session, probe.date)


def _next_step(session: Session, error: DocspeedError) -> str:
    if error.status is not None and (error.status == 429 or error.status >= 500):
        return "the server can be reached; try again later"
    if error.hint is None or error.hint.startswith("docspeed doctor"):
        return _where(session)
    return error.hint


def _where(session: Session) -> str:
    return f"check the network, and the server's name: it comes from {session.settings.origins['base_url']}"


def _way(session: Session) -> Iterator[Check]:
    """What lies before the server: a proxy, or its name's address and its certificate."""
    if session.world.transport is not None:
        return
    server = urlsplit(session.server)
    host, port = server.hostname or "", server.port or (443 if server.scheme == "https" else 80)
    proxy = _proxy(session.world.env, server.scheme, host)
    if proxy is not None and not (server.scheme == "http" and loopback(host)):
        yield Check("proxy", proxy)
        return
    named = _names(session, host, port)
    yield named
    if server.scheme == "https" and not named.code:
        yield _certificate(session, host, port)


def _proxy(env: Mapping[str, str], scheme: str, host: str) -> str | None:
    """The proxy to this host and the variable that names it; its own password is nobody's business."""
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

    named = (f"{scheme}_proxy", "all_proxy")
    variable = next((name for base in named for name in (base, base.upper()) if env.get(name)), None)
    exempt = {"no": env.get("no_proxy") or env.get("NO_PROXY") or ""}
    if variable is None or proxy_bypass_environment(host, exempt):
        return None
    return f"{urlsplit(env[variable]).netloc.rpartition('@')[2] or '?'} from {variable}"


def _names(session: Session, host: str, port: int) -> Check:
    import socket

    started = session.world.monotonic()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        return Check(
            "dns", f"{host}: {error.strerror or error}", "check the network and the server's name", 9
        )
    took = _milliseconds(session.world.monotonic() - started)
    return Check("dns", f"{host} is {found[0][4][0]} ({took})")


def _certificate(session: Session, host: str, port: int) -> Check:
    """Whether the server proves who it is, and how long that takes."""
    import socket

    from docspeed_cli.service.transport import certificates

    started = session.world.monotonic()
    try:
        context = certificates(session.world.env)
        with (
            socket.create_connection((host, port), CONNECT_TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            version = secured.version()
    except (OSError, DocspeedError) as error:
        why = getattr(error, "verify_message", "") or getattr(error, "strerror", None) or str(error)
        return Check("tls", f"no secure connection to {host}:{port}: {why}", _TRUST, 9)
    return Check("tls", f"{version} ({_milliseconds(session.world.monotonic() - started)})")


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _clock(session: Session, date: str | None) -> Iterator[Check]:
    from email.utils import parsedate_to_datetime

    try:
        skew = session.world.now() - parsedate_to_datetime(date or "").timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return
    if abs(skew) > _SKEW:
        ahead = "ahead" if skew > 0 else "behind"
        yield Check("clock", f"{span(abs(skew))} {ahead} of the server's", "set this machine's clock", 1)
    else:
        yield Check("clock", "agrees with the server's")


# -- config


@guide("docspeed config show", "docspeed config show --json | jq -r 'select(.name == \"base_url\") | .value'")
def config_show(*, common: CommonFlags) -> Action:
    """Every setting, its value, and where it came from."""

    def action(session: Session) -> int:
        settings = session.settings
        lines = [
            {"name": name, "value": getattr(settings, name), "origin": origin}
            for name, origin in settings.origins.items()
        ]
        key, source = session.known_key()
        lines.append(
            {"name": "api_key", "value": masked(key) if key else None, "origin": source or "default"}
        )
        lines.append(
            {"name": "state_dir", "value": str(settings.state_dir), "origin": _origin(session, "STATE_DIR")}
        )
        if session.output.human_output:
            session.output.text(_aligned([("setting", "value", "from"), *map(_cells, lines)]))
        else:
            for line in lines:
                session.output.value(line)
        return 0

    return action


def _cells(line: Mapping[str, Any]) -> tuple[str, str, str]:
    value = line["value"]
    shown = str(value).lower() if isinstance(value, bool | None) else str(value)
    return line["name"], shown, line["origin"]


def _aligned(rows: Sequence[tuple[str, str, str]]) -> str:
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"{name:<{first}}  {value:<{second}}  {origin}" for name, value, origin in rows)


def _origin(session: Session, name: str) -> str:
    return f"DOCSPEED_{name}" if session.world.env.get(f"DOCSPEED_{name}") else "default"


@guide("docspeed config path", works_with_bad_settings=True)
def config_path(*, common: LocalFlags) -> Action:
    """Where the config file is, or would be."""

    def action(session: Session) -> int:
        path = str(session.settings.config_file)
        session.output.value({"path": path}) if common.json else session.output.text(path)
        return 0

    return action
