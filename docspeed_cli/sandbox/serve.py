"""Alone in putting a WSGI app on a loopback port: HTTP/1.1, kept-alive connections, a thread for each."""

from __future__ import annotations

import io
import socket
import sys
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, cast

from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wsgi import LimitedStream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"
_IDLE_SECONDS = 75
_DRAIN_BYTES = 64 << 20  # an unread rest up to this is read to keep the connection; else it is closed


def make_server(app: WSGIApplication, port: int, told: Callable[[str], None] | None = None) -> BaseWSGIServer:
    """A server on 127.0.0.1 (port 0: any free one); raises OSError where it can't listen.

    `told` hears of each request and its status.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(512)
        # Bound here, because werkzeug prints and exits where a port is taken.
        server = _Server(HOST, port, app, _Handler, fd=listener.fileno())
    server.server_port = server.port
    server.told = told
    return server


class _Server(ThreadedWSGIServer):
    told: Callable[[str], None] | None = None

    def serve_forever(self, poll_interval: float = 0.05) -> None:
        """Serves until `shutdown`, which is noticed soon."""
        super().serve_forever(poll_interval)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints what is a bug; a broken connection is the peer's affair."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Closes at once: an orderly shutdown first would undo a reset that is on its way."""
        if getattr(request, "getsockopt", None) and request.fileno() >= 0:
            linger = request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
            if any(linger[:4]):
                request.close()
                return
        super().shutdown_request(request)


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = _IDLE_SECONDS

    def log(self, type: str, message: str, *args: Any) -> None:
        """Keeps quiet."""

    def run_wsgi(self) -> None:
        """One exchange; werkzeug's own closes the connection after each."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = environ = self.make_environ()
        body = self._body(environ)
        answer = _Answer()
        try:
            chunks = self.server.app(environ, answer.start)
            try:
                content = b"".join(chunks)
            finally:
                close = getattr(chunks, "close", None)
                if close is not None:
                    close()
            if not _drained(body):
                self.close_connection = True
            self._send(answer, content)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _body(self, environ: dict[str, Any]) -> IO[bytes]:
        """What the app may read: never beyond this request's own body."""
        if environ.get("wsgi.input_terminated"):
            body: IO[bytes] = io.BufferedReader(environ["wsgi.input"])
        else:
            length = environ.get("CONTENT_LENGTH", "0")
            limit = int(length) if length.isascii() and length.isdigit() else 0
            body = cast(IO[bytes], LimitedStream(cast(IO[bytes], self.rfile), limit))
        environ["wsgi.input"] = body
        environ["wsgi.input_terminated"] = True
        return body

    def _send(self, answer: _Answer, content: bytes) -> None:
        code, _, phrase = answer.status.partition(" ")
        if cast(_Server, self.server).told is not None:
            cast(Any, self.server).told(f"{self.command} {self.path} {code}")
        self.send_response(int(code), phrase)
        names = {name.lower(): value for name, value in answer.headers}
        for name, value in answer.headers:
            self.send_header(name, value)
        if "content-length" not in names:
            self.send_header("Content-Length", str(len(content)))
        elif int(names["content-length"]) != len(content) and self.command != "HEAD":
            self.close_connection = True  # a truncated answer: the peer must not wait for the rest
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()


class _Answer:
    """The status line and headers, as the app gives them."""

    status = "500 Internal Server Error"
    headers: list[tuple[str, str]]

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """WSGI's start_response."""
        self.status, self.headers = status, headers
        return lambda data: None


def _drained(body: IO[bytes]) -> bool:
    """Reads what the app left of the request, so that the next one starts where it should."""
    left = _DRAIN_BYTES
    try:
        while left > 0:
            chunk = body.read(min(left, 1 << 16))
            if not chunk:
                return True
            left -= len(chunk)
    except (OSError, ValueError):
        return False
    return False
