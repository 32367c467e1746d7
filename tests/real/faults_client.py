"""Runs the whole program in this process against a faulty server, over real sockets."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from docspeed_cli.cli.main import main
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.signals import Interrupts
from tests.fake_service import POLL
from tests.real.faults import LIMIT
from tests.real.faults_server import (
    BEFORE_THE_CONNECTION,
    Crowded,
    Faulty,
    Head,
    Nameless,
    Reset,
    Silence,
)
from tests.stage import Ran, Stage, Stream, lines

HASTE = 0.12
"""Seconds after which a timeout of minutes expires in these tests."""
TOO_MUCH = 8_000_000
"""More bytes than two sockets buffer, so that sending them needs a reader."""

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class Wire:
    """Counts the program's connections, and can make a host name unknown."""

    def __init__(self, server: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self.attempts = 0
        """Attempts to connect while the fault prevents them."""
        self.ports: set[int] = set()
        """Ports that the program tried to connect to."""
        self._connect, self._look_up = socket.create_connection, socket.getaddrinfo
        monkeypatch.setattr(socket, "create_connection", self.connect)
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)
        for name in PROXIES:
            monkeypatch.delenv(name, raising=False)
        # The system's authorities take 20 ms to read, and none of them knows this server.
        monkeypatch.setenv("SSL_CERT_FILE", os.devnull)

    def connect(self, address: tuple[str, int], *args: Any, **named: Any) -> socket.socket:
        """Replaces `socket.create_connection`."""
        self.ports.add(address[1])
        act = self.server.act
        met = self.server.armed and isinstance(act, BEFORE_THE_CONNECTION) and not isinstance(act, Nameless)
        self.attempts += met
        try:
            return self._connect(address, *args, **named)
        except OSError:
            if met:
                self.server.unreached()
            raise

    def look_up(self, host: Any, *args: Any, **named: Any) -> Any:
        """Replaces `socket.getaddrinfo`."""
        if self.server.armed and isinstance(self.server.act, Nameless):
            self.attempts += 1
            self.server.unreached()
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self._look_up(host, *args, **named)


@dataclass
class Hasty(httpx.BaseTransport):
    """The real transport, with timeouts that expire soon and move the fake clock by their full length."""

    server: Faulty
    limits: set[tuple[str, float]]
    """The timeouts that expired: their names and full lengths in seconds."""
    inner: httpx.BaseTransport = field(default_factory=lambda: httpx.HTTPTransport(verify=False))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        kind = Head(request.method, request.url.path, {}).kind
        limits: dict[str, float] = request.extensions["timeout"]
        if kind == self.server.kind and self.server.times != 0:
            names = ("connect",) if isinstance(self.server.act, Crowded) else ("read", "write")
            request.extensions["timeout"] = {**limits, **dict.fromkeys(names, HASTE)}
        try:
            return self.inner.handle_request(request)
        except (httpx.ConnectTimeout, httpx.ReadTimeout, httpx.WriteTimeout) as error:
            name = type(error).__name__.removesuffix("Timeout").lower()
            self.limits.add((name, limits[name]))
            self.server.move(limits[name])
            raise

    def close(self) -> None:
        self.inner.close()


def authority_of(server: Faulty, folder: Path) -> dict[str, str]:
    """The environment that makes the program trust this server's authority."""
    if not server.tls or server.authorities is None:
        return {}
    path = folder / "authority.pem"
    server.authorities.trusted.cert_pem.write_to_path(str(path))
    return {"SSL_CERT_FILE": str(path)}


@dataclass
class Case:
    """A user who parses one document, a server with one fault, and the connections between them."""

    stage: Stage
    server: Faulty
    wire: Wire
    limits: set[tuple[str, float]] = field(default_factory=set)
    """The timeouts that expired."""

    @classmethod
    def of(cls, stage: Stage, server: Faulty, monkeypatch: pytest.MonkeyPatch) -> Case:
        """A case whose environment names this server, and its authority if it speaks TLS."""
        case = cls(stage, server, Wire(server, monkeypatch))
        stage.env |= {"DOCSPEED_BASE_URL": server.base_url, **authority_of(server, stage.folder)}
        return case

    def argv(self) -> tuple[str, ...]:
        """The command; where the server must not read the body, it is too large for the buffers."""
        unread = isinstance(self.server.act, Reset | Silence) and not self.server.act.handled
        text = "x" * TOO_MUCH if unread else ""
        path = self.stage.document("a.pdf", text)
        large = ("--set", f"note={text}") if unread and self.server.kind == "submit" else ()
        # Without a timeout each exchange has its own limit; only the wait for a job needs an end.
        bounded = ("--timeout", f"{LIMIT}s") if self.server.kind == POLL else ()
        return ("parse", path, *large, "--wait", *bounded)

    def run(self, *flags: str) -> Ran:
        """Run it."""
        return self.say(*self.argv(), *flags)

    def say(self, *argv: str) -> Ran:
        """Run a command over the program's own transport, unless a timeout has to expire soon."""
        out, err, clock = Stream(), Stream(), self.stage.clock
        before = len(clock.slept)
        environment = Environment(
            env={**self.stage.base(), **self.stage.env},
            stdin=Stream(),
            stdout=out,
            stderr=err,
            interrupts=Interrupts(),
            now=clock.now,
            monotonic=clock.monotonic,
            sleep=clock.sleep,
            wait=clock.wait,
            random=lambda: 0.5,
            transport=self._hasty if isinstance(self.server.act, Crowded | Silence) else None,
        )
        code = main(list(argv), environment)
        raw, shown = out.bytes.getvalue(), err.bytes.getvalue().decode()
        return Ran(code, raw.decode("utf-8", "replace"), shown, raw, clock.slept[before:])

    def _hasty(self, base_url: str) -> httpx.BaseTransport:
        return Hasty(self.server, self.limits)

    def ledger(self) -> list[tuple[str, str | None, str]]:
        """State, job id and status of each row of `jobs list`, newest first."""
        rows = [json.loads(line) for line in lines(self.say("jobs", "list", "--json").out)]
        return [(row["state"], row["job_id"], row["status"]) for row in rows]
