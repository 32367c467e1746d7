"""A service that follows the published API, in memory: as an httpx transport or on a real socket.

It shares no code with the program or its sandbox, records the requests, and fails where a test scripts it.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer, TCPServer, ThreadingMixIn
from typing import Any
from urllib.parse import unquote

import httpx

KEY = "ds_test_key_0123456789_marked"

SUBMIT, UPLOAD, POLL, RESULT = "submit", "upload", "poll", "result"

_PATHS = {
    "/api/v1/parse": "parse",
    "/v1/extract": "extract",
    "/v1/split": "split",
    "/v1/tables": "tables",
    "/v1/schema/auto": "schema",
    "/api/v1/ask": "ask",
}


@dataclass(frozen=True)
class Call:
    """One received request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    host: str = ""
    query: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_int=lambda text: int(text) if len(text) < 4000 else text)

    @property
    def kind(self) -> str:
        if self.path == "/api/v1/upload":
            return UPLOAD
        if re.fullmatch(r"/v1/jobs/[^/]+", self.path):
            return POLL
        if re.fullmatch(r"/v1/jobs/[^/]+/result", self.path):
            return RESULT
        return SUBMIT


@dataclass(frozen=True)
class Reply:
    """One response; `fault` is what happens to the connection instead of it, or in the middle of it."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    @classmethod
    def of(cls, status: int, value: Any, **headers: str) -> Reply:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, json.dumps(value).encode(), named)


RESET_BEFORE = Reply(fault="reset_before")
"""The connection is reset before the request is handled."""
RESET_AFTER = Reply(fault="reset_after")
"""The request is handled, and the connection is reset in place of a response."""
CUT = Reply(fault="cut")
"""The request is handled; half of the response is sent."""
REFUSED = Reply(fault="refused")
"""The connection is refused (as a transport only)."""
NO_SUCH_JOB = Reply.of(404, {"detail": {"code": "job_not_found", "message": "no such job", "details": None}})
HANG = Reply(fault="hang")
"""The request is not handled, and the response never comes."""

_NOT_HANDLED = ("", "reset_before", "refused", "no_route", "hang")

PATIENCE = 60.0
"""Seconds after which a test that waits for an event fails; far more than any event takes."""


class Hold:
    """A response that is held back: `taken` is set once the request is handled; set `release` to send it."""

    def __init__(self) -> None:
        self.taken = threading.Event()
        self.release = threading.Event()

    def wait(self) -> None:
        """Wait until the service has handled the request."""
        assert self.taken.wait(PATIENCE), "the request never came"


class Service:
    """The published API over state in memory; a job ends at its `polls`-th poll."""

    def __init__(self, polls: int = 1, key: str | None = KEY) -> None:
        self.polls = polls
        self.lag = 0.0
        """Seconds from a submission until the new job is known; a 404 before."""
        self.now: Callable[[], float] = time.monotonic
        self.key = key
        self.calls: list[Call] = []
        self.files: dict[str, bytes] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.results: dict[str, bytes] = {}
        self.accepted: list[Any] = []
        """The bodies of the submissions that were accepted, so that each is paid for."""
        self.statuses = ["queued", "processing"]
        self.final = "completed"
        self.payload: Callable[[str, dict[str, Any]], bytes] = _payload
        self._scripted: dict[str, list[Reply]] = {SUBMIT: [], UPLOAD: [], POLL: [], RESULT: []}
        self._always: dict[str, Reply] = {}
        self._at: dict[str, list[Reply]] = {}
        self._holds: dict[str, list[Hold]] = {}
        self._lock = threading.Lock()
        self._came = threading.Condition(self._lock)
        self._closed = threading.Event()

    def then(self, kind: str, *replies: Reply) -> Service:
        """Script the next responses to requests of this kind."""
        self._scripted[kind].extend(replies)
        return self

    def always(self, kind: str, reply: Reply) -> Service:
        """Script every response to requests of this kind."""
        self._always[kind] = reply
        return self

    def behave(self) -> Service:
        """Remove the scripted responses."""
        self._always.clear()
        for script in self._scripted.values():
            script.clear()
        return self

    def at(self, path: str, *replies: Reply) -> Service:
        """Script the next responses at this path."""
        self._at.setdefault(path, []).extend(replies)
        return self

    def hold(self, kind: str) -> Hold:
        """Hold back the next response to a request of this kind."""
        held = Hold()
        self._holds.setdefault(kind, []).append(held)
        return held

    def has(self, job_id: str, *statuses: str, result: bytes = b'{"pages": []}', **members: Any) -> Service:
        """Add a job with these statuses, one for each poll, then the last one; `members` come with each."""
        self.jobs[job_id] = {"operation": "parse", "looks": 0, "statuses": statuses, "members": members}
        self.results[job_id] = result
        return self

    def until(self, kind: str, number: int) -> None:
        """Wait until `number` requests of this kind have arrived."""
        with self._came:
            assert self._came.wait_for(lambda: self.count(kind) >= number, PATIENCE), f"no {number} × {kind}"

    def until_any(self, number: int, over: Callable[[], int | None]) -> None:
        """Wait until `number` requests have arrived in all, or `over` returns an exit code."""
        with self._came:
            while len(self.calls) < number and over() is None:
                self._came.wait(0.05)

    def count(self, kind: str) -> int:
        """Return how many requests of this kind arrived."""
        return sum(call.kind == kind for call in self.calls)

    def bodies(self) -> list[Any]:
        """Return the bodies of all submissions."""
        return [call.json for call in self.calls if call.kind == SUBMIT and call.method == "POST"]

    def handle(self, call: Call) -> Reply:
        with self._lock:
            self.calls.append(call)
            self._came.notify_all()
            reply = self._next(call)
            holds = self._holds.get(call.kind)
            held = holds.pop(0) if holds else None
        if held is not None:
            held.taken.set()
            held.release.wait(PATIENCE)
        return reply

    def _next(self, call: Call) -> Reply:
        script = self._at.get(call.path) or self._scripted[call.kind]
        scripted = script.pop(0) if script else self._always.get(call.kind)
        if scripted is not None and scripted.fault in _NOT_HANDLED:
            return scripted
        reply = self._behave(call)
        if scripted is not None:
            return Reply(reply.status, reply.body, reply.headers, scripted.fault)
        return reply

    def _behave(self, call: Call) -> Reply:
        if self.key is not None and call.headers.get("authorization") != f"Bearer {self.key}":
            return Reply.of(401, {"detail": "Missing bearer token"})
        if call.kind == UPLOAD:
            return self._upload(call)
        if call.kind == POLL:
            return self._poll(unquote(call.path.split("/")[3]))
        if call.kind == RESULT:
            return self._result(unquote(call.path.split("/")[3]))
        return self._submit(call)

    def _upload(self, call: Call) -> Reply:
        boundary = call.headers["content-type"].split("boundary=")[1].encode()
        part = call.body.split(b"--" + boundary)[1]
        head, _, content = part.partition(b"\r\n\r\n")
        found = re.search(rb'filename="([^"]*)"', head)
        name = found[1].decode() if found else "?"
        file_id = f"file_{len(self.files) + 1}"
        self.files[file_id] = content[:-2]
        entry = {
            "file_id": file_id,
            "filename": name,
            "content_type": None,
            "size": len(content) - 2,
            "created_at": 1.5,
        }
        return Reply.of(200, {"files": [entry]})

    def _submit(self, call: Call) -> Reply:
        operation = _PATHS.get(call.path)
        if operation is None:
            return Reply.of(404, {"detail": "Not Found"})
        body = call.json
        self.accepted.append(body)
        if body.get("execution_mode") == "sync":
            return Reply(200, self.payload(operation, body))
        job_id = f"job_{len(self.jobs) + 1}"
        self.jobs[job_id] = {"operation": operation, "looks": 0, "known": self.now() + self.lag}
        self.results[job_id] = self.payload(operation, body)
        return Reply.of(200, self._status(job_id, "queued"))

    def _status(self, job_id: str, status: str) -> dict[str, Any]:
        operation = self.jobs[job_id]["operation"]
        return {"job_id": job_id, "operation": operation, "status": status, "execution_mode": "async"}

    def _poll(self, job_id: str) -> Reply:
        job = self.jobs.get(job_id)
        if job is None or self.now() < job.get("known", 0.0):
            return NO_SUCH_JOB
        job["looks"] += 1
        if "statuses" in job:
            word = job["statuses"][min(job["looks"], len(job["statuses"])) - 1]
            return Reply.of(200, {**self._status(job_id, word), **job["members"]})
        if job["looks"] >= self.polls:
            return Reply.of(200, self._status(job_id, self.final))
        return Reply.of(200, self._status(job_id, self.statuses[min(job["looks"], len(self.statuses)) - 1]))

    def _result(self, job_id: str) -> Reply:
        if job_id not in self.results:
            return Reply.of(404, {"detail": "no such job"})
        return Reply(200, self.results[job_id])

    # -- as a transport

    def transport(self, base_url: str) -> httpx.BaseTransport:
        """Return a transport to this service in place of the network."""
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, _, query = request.url.raw_path.decode().partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        host = request.url.netloc.decode()
        reply = self.handle(Call(request.method, path, headers, request.read(), host, query))
        if reply.fault in ("reset_before", "reset_after"):
            raise httpx.ReadError("Connection reset by peer")
        if reply.fault == "refused":
            raise httpx.ConnectError("Connection refused")
        if reply.fault == "no_route":
            raise httpx.ConnectTimeout("timed out")
        if reply.fault == "hang":
            raise httpx.ReadTimeout("timed out")
        body = reply.body[: len(reply.body) // 2] if reply.fault == "cut" else reply.body
        fields = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
        if "content-length" not in map(str.lower, reply.headers):
            fields.append((b"Content-Length", str(len(body)).encode()))
        # As a stream: httpx would unpack bytes at once, before the client can look at their label.
        return httpx.Response(reply.status, content=iter([body]), headers=fields)

    # -- on a socket

    @contextmanager
    def listening(self, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[str]:
        """Serve on 127.0.0.1 and yield the base URL."""
        server = _Server(("127.0.0.1", port), _handler(self))
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        with serve(server):
            try:
                scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
                yield f"{scheme}://{host}:{server.server_address[1]}"
            finally:
                self._closed.set()


@contextmanager
def serve(server: BaseServer) -> Iterator[None]:
    """Serve in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingMixIn, TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that have disconnected; some tests are about them."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _payload(operation: str, body: dict[str, Any]) -> bytes:
    """Return a payload whose order, spaces and numbers must survive: a JSON library would change them."""
    name = json.dumps(body.get("input", {}).get("file_id"))
    page = '{"page_index": 0, "markdown": "# Page\\n\\ntext \\u20b9 é", "text": "Page\\ntext"}'
    return (
        f'{{"zeta": 1.0, "operation": "{operation}", "file": {name},\n'
        f'  "pages": [{page}],   "big": 12345678901234567890, "alpha": 1e2}}'
    ).encode()


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            self._serve()

        def do_GET(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self._body()
            headers = {name.lower(): value for name, value in self.headers.items()}
            path, _, query = self.path.partition("?")
            reply = service.handle(Call(self.command, path, headers, body, headers.get("host", ""), query))
            if reply.fault in ("reset_before", "reset_after"):
                self._reset()
                return
            if reply.fault == "hang":
                service._closed.wait(PATIENCE)
                self.close_connection = True
                return
            self.send_response(reply.status)
            length = len(reply.body)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if reply.fault == "cut":
                self.wfile.write(reply.body[: length // 2])
                self.wfile.flush()
                self._reset()
                return
            self.wfile.write(reply.body)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") == "chunked":
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                raise ConnectionError("the connection ended within the body")
            return body

        def _reset(self) -> None:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True
            self.connection.close()

    return Handler
