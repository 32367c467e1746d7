"""Serves the published API on 127.0.0.1, with one fault at one of its exchanges."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from typing import Literal, NamedTuple

import trustme

from tests.fake_service import PATIENCE, POLL, RESULT, SUBMIT, UPLOAD, Call, Reply, Service

ORDER = (UPLOAD, SUBMIT, POLL, RESULT)
"""The exchanges of `parse FILE --wait` for a job that the first look finds done."""

HERE = "127.0.0.1"
DROP = 5.0
"""Seconds that each drop moves the clock by."""
DRIPS = {"GET": 125.0, "POST": 385.0}
"""Seconds that all drops of one answer move the clock by: more than the program should tolerate."""
DROPS = 5000
"""Drops after which the server gives up."""


# -- what can be wrong


class Refused(NamedTuple):
    """The port is closed."""


class Crowded(NamedTuple):
    """The listen queue is full, so that no connection is made in time."""


class Nameless(NamedTuple):
    """The server's host name can't be resolved."""


class Certificate(NamedTuple):
    """The server presents an invalid certificate."""

    flaw: Literal["unknown authority", "wrong name", "expired"]


class Reset(NamedTuple):
    """The connection is reset; `handled` if the request was read and handled before."""

    handled: bool


class Silence(NamedTuple):
    """No answer is sent; `handled` if the request was read and handled."""

    handled: bool


class Closed(NamedTuple):
    """The request is handled, and the connection closed cleanly without an answer."""


class Says(NamedTuple):
    """This answer, to a request that is not handled."""

    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = {}


class Disguised(NamedTuple):
    """The request is handled, and its answer sent with these headers or this body."""

    headers: Mapping[str, str] = {}
    body: bytes | None = None


class Babble(NamedTuple):
    """Bytes that are not HTTP."""

    content: bytes


class Cut(NamedTuple):
    """The request is handled, and half of its answer sent."""

    how: Literal["closed", "reset", "chunks", "whole by its length"]


class Drip(NamedTuple):
    """The request is handled, and its answer's body sent a byte at a time, without end."""


class Redirect(NamedTuple):
    """A redirect with this status: within the server, in circles, or to another server."""

    status: int
    to: Literal["itself", "itself, in full", "circle", "another server", "plain http"]


Act = (
    Refused
    | Crowded
    | Nameless
    | Certificate
    | Reset
    | Silence
    | Closed
    | Says
    | Disguised
    | Babble
    | Cut
    | Drip
    | Redirect
)
BEFORE_THE_CONNECTION = (Refused, Crowded, Nameless, Certificate)


# -- certificates


@dataclass(frozen=True)
class Authorities:
    """A certificate authority that the user trusts, and an unknown one."""

    trusted: trustme.CA = field(default_factory=trustme.CA)
    unknown: trustme.CA = field(default_factory=trustme.CA)

    @cached_property
    def good(self) -> ssl.SSLContext:
        """The context of a server with a valid certificate."""
        return _showing(self.trusted.issue_cert(HERE))

    def flawed(self, flaw: str) -> ssl.SSLContext:
        """The context of a server whose certificate has this flaw."""
        if flaw == "unknown authority":
            return _showing(self.unknown.issue_cert(HERE))
        if flaw == "wrong name":
            return _showing(self.trusted.issue_cert("elsewhere.example"))
        past = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC)
        return _showing(self.trusted.issue_cert(HERE, not_before=past[0], not_after=past[1]))


def _showing(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


# -- the server


class Head(NamedTuple):
    """A request before its body is read."""

    method: str
    path: str
    headers: dict[str, str]

    @property
    def kind(self) -> str:
        return Call(self.method, self.path, {}, b"").kind


@dataclass
class Faulty:
    """A service on a real port, with a fault at its exchanges of one kind: at `times` of them, or all."""

    service: Service
    act: Act
    kind: str
    move: Callable[[float], None]
    times: int | None = None
    authorities: Authorities | None = None
    elsewhere: int = 0
    """The port of another server, for redirects."""

    def __post_init__(self) -> None:
        self.seen: list[str] = []
        """The kind of each request whose head arrived."""
        self.heads: list[Head] = []
        self.endured = 0
        """Answers that dripped until the server gave up."""
        self._met = threading.Event()
        self._due = ORDER[0]
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._last: tuple[str, int] | None = None
        self._crowd: list[socket.socket] = []
        self._silent: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._holder = _bound(0)
        self.port: int = self._holder.getsockname()[1]

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        plain = isinstance(self.act, Redirect) and self.act.to == "plain http"
        return plain or isinstance(self.act, Certificate)

    @property
    def base_url(self) -> str:
        """The base URL of the server."""
        host = "localhost" if isinstance(self.act, Nameless) else HERE
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    def count(self, kind: str) -> int:
        """How many requests of this kind arrived."""
        return self.seen.count(kind)

    def until_met(self) -> None:
        """Wait until the fault has happened to a request."""
        assert self._met.wait(PATIENCE), "the fault happened to no request"

    def repair(self) -> None:
        """Stop making faults."""
        self.times = 0
        self._open()

    @property
    def armed(self) -> bool:
        """Whether the fault happens at the next exchange."""
        return self.times != 0 and self._due == self.kind

    def unreached(self) -> None:
        """An attempt at a connection failed."""
        self._count_down()
        if not self.armed:
            self._open()

    def _count_down(self) -> None:
        with self._lock:
            if self.times:
                self.times -= 1

    # -- listening

    @contextmanager
    def listening(self) -> Iterator[str]:
        """Serve; at the end every connection has been served."""
        try:
            self._arrange()
            yield self.base_url
        finally:
            self._finish()

    def _arrange(self) -> None:
        """Open or close the port, as the next exchange needs it."""
        if self.armed and isinstance(self.act, Refused):
            self._shut()
        elif self.armed and isinstance(self.act, Crowded):
            self._shut()
            self._listener = _bound(self.port, backlog=0)
            self._crowd.append(_connected(self.port))
        elif self._listener is None:
            self._open()

    def _open(self) -> None:
        if self._listener is not None and not self._crowd:
            return
        self._shut()
        self._listener = _bound(self.port, backlog=64)
        thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def _shut(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        while self._crowd:
            self._crowd.pop().close()

    def _finish(self) -> None:
        """Stop accepting, by a last connection that comes after all others."""
        if self._listener is not None and not self._crowd:
            with socket.socket() as last:
                last.bind((HERE, 0))
                self._last = last.getsockname()
                last.connect((HERE, self.port))
                self._join()
        self._shut()
        self._join()
        while self._silent:
            self._silent.pop().close()
        self._holder.close()

    def _join(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a connection does not end"

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, address = listener.accept()
            except OSError:
                return
            if address == self._last:
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    # -- one connection

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError), self._secured(connection) as talk:
            while self._exchange(talk):
                pass

    def _secured(self, connection: socket.socket) -> socket.socket:
        if not self.tls or self.authorities is None:
            return connection
        if not (self.armed and isinstance(self.act, Certificate)):
            return self.authorities.good.wrap_socket(connection, server_side=True)
        context = self.authorities.flawed(self.act.flaw)
        self._count_down()
        return context.wrap_socket(connection, server_side=True)

    def _exchange(self, talk: socket.socket) -> bool:
        """Serve one request; whether the connection stays open."""
        head = _head(talk)
        if head is None:
            return False
        self.seen.append(head.kind)
        self.heads.append(head)
        faulty = head.kind == self.kind and self.times != 0
        if faulty and not isinstance(self.act, BEFORE_THE_CONNECTION):
            self._count_down()
            self._met.set()
            return self._faulted(talk, head)
        return self._answer(talk, head, self._handled(talk, head))

    def _handled(self, talk: socket.socket, head: Head) -> Reply:
        """Read the body and handle the request."""
        call = Call(head.method, head.path, head.headers, _body(talk, head))
        reply = self.service.handle(call)
        if reply.status < 300 and head.kind in ORDER[:-1]:
            self._due = ORDER[ORDER.index(head.kind) + 1]
        return reply

    def _answer(self, talk: socket.socket, head: Head, reply: Reply) -> bool:
        """Send an answer, and close the connection if the next one is to fail."""
        last = self.armed and isinstance(self.act, BEFORE_THE_CONNECTION)
        if last:
            self._arrange()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(reply.body)),
            **reply.headers,
            **({"Connection": "close"} if last else {}),
        }
        talk.sendall(_head_of(reply.status, headers) + reply.body)
        return not last

    # -- what goes wrong

    def _faulted(self, talk: socket.socket, head: Head) -> bool:
        match self.act:
            case Says(status, body, headers):
                _body(talk, head)
                return self._answer(talk, head, Reply(status, body, dict(headers)))
            case Redirect(status, to):
                _body(talk, head)
                return self._answer(talk, head, Reply(status, b"", {"Location": self._target(head, to)}))
            case Disguised(headers, body):
                reply = self._handled(talk, head)
                content = reply.body if body is None else body
                return self._answer(talk, head, Reply(reply.status, content, dict(headers)))
            case Reset(handled):
                if handled:
                    self._handled(talk, head)
                _reset(talk)
            case Silence(handled):
                if handled:
                    self._handled(talk, head)
                self._silent.append(talk.dup())
            case Babble(content):
                self._handled(talk, head)
                talk.sendall(content)
            case Closed():
                self._handled(talk, head)
            case Cut(how):
                return _cut(talk, self._handled(talk, head).body, how)
            case Drip():
                self._handled(talk, head)
                self._drip(talk, DRIPS[head.method])
        return False

    def _target(self, head: Head, to: str) -> str:
        if to.startswith("itself"):
            self.times = 0
        if to in ("itself", "circle"):
            return head.path
        if to == "itself, in full":
            return self.base_url + head.path
        return f"http://{HERE}:{self.elsewhere}{head.path}"

    def _drip(self, talk: socket.socket, seconds: float) -> None:
        talk.sendall(_head_of(200, {"Content-Length": "1000000"}) + b"{")
        for drop in range(DROPS):
            if drop * DROP < seconds:
                self.move(DROP)
            talk.sendall(b" ")
            if select.select([talk], [], [], 0.001)[0]:
                return
        self.endured += 1


def _bound(port: int, backlog: int | None = None) -> socket.socket:
    """A socket that holds the port, and listens if there is a backlog; its buffer is smaller than a body."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bound.bind((HERE, port))
    if backlog is not None:
        bound.listen(backlog)
    return bound


def _connected(port: int) -> socket.socket:
    connection = socket.socket()
    connection.connect((HERE, port))
    return connection


def _head(talk: socket.socket) -> Head | None:
    """The request's head, without a byte of its body; None if the connection ended."""
    content = bytearray()
    while not content.endswith(b"\r\n\r\n"):
        byte = talk.recv(1)
        if not byte:
            return None
        content += byte
    first, *lines = content.decode("latin-1").strip().split("\r\n")
    fields = (line.partition(":") for line in lines)
    method, path, _ = first.split(" ")
    return Head(method, path, {name.lower(): value.strip() for name, _, value in fields})


def _body(talk: socket.socket, head: Head) -> bytes:
    missing = int(head.headers.get("content-length", 0))
    parts = []
    while missing and (part := talk.recv(min(missing, 1 << 20))):
        parts.append(part)
        missing -= len(part)
    if missing:
        raise ConnectionError("the connection ended within the body")
    return b"".join(parts)


def _head_of(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _reset(talk: socket.socket) -> None:
    """Close at once and discard unread bytes, which the other side sees as a reset."""
    talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    talk.close()


def _cut(talk: socket.socket, body: bytes, how: str) -> bool:
    """Send half an answer; whether the connection stays open, as after a cut further upstream."""
    half = body[: len(body) // 2]
    if how == "chunks":
        head = _head_of(200, {"Transfer-Encoding": "chunked"})
        talk.sendall(head + b"%x\r\n%s\r\n" % (len(half), half))
        return False
    whole = how == "whole by its length"
    talk.sendall(_head_of(200, {"Content-Length": str(len(half if whole else body))}) + half)
    if how == "reset":
        _reset(talk)
    return whole
