"""Serve a WSGI app on loopback: HTTP/1.1 with keep-alive, one thread for each connection."""

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
_DRAIN_BYTES = 64 << 20  # largest rest of a request that is read to keep the connection open


def make_server(
    app: WSGIApplication, port: int, on_request: Callable[[str], None] | None = None
) -> BaseWSGIServer:
    """Make a server on 127.0.0.1; port 0 picks a free one. OSError if it can't listen.

    `on_request` is called with a line for each request: method, path and status.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(512)
        # Bound here, because werkzeug prints and exits if the port is in use.
        server = _Server(HOST, port, app, _Handler, fd=listener.fileno())
    server.server_port = server.port
    server.on_request = on_request
    return server


class _Server(ThreadedWSGIServer):
    on_request: Callable[[str], None] | None = None

    def serve_forever(self, poll_interval: float = 0.05) -> None:
        """Serve until `shutdown`, and notice that within 50 ms."""
        super().serve_forever(poll_interval)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print a traceback for bugs, and nothing for broken connections."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close at once if a reset is due: an orderly shutdown would cancel it."""
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
        """Print nothing."""

    def run_wsgi(self) -> None:
        """Handle one exchange; werkzeug's own method closes the connection after each."""
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
        """Body of this request alone; the next request follows on the same connection."""
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
        if cast(_Server, self.server).on_request is not None:
            cast(Any, self.server).on_request(f"{self.command} {self.path} {code}")
        self.send_response(int(code), phrase)
        names = {name.lower(): value for name, value in answer.headers}
        for name, value in answer.headers:
            self.send_header(name, value)
        if "content-length" not in names:
            self.send_header("Content-Length", str(len(content)))
        elif int(names["content-length"]) != len(content) and self.command != "HEAD":
            self.close_connection = True  # a truncated answer: the client must not wait for the rest
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()


class _Answer:
    """Status line and headers set by the app."""

    status = "500 Internal Server Error"
    headers: list[tuple[str, str]]

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Implement WSGI's `start_response`."""
        self.status, self.headers = status, headers
        return lambda data: None


def _drained(body: IO[bytes]) -> bool:
    """Read the rest of the body, so that the next request starts in the right place."""
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
