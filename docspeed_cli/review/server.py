"""Serve the pages of a review on loopback, to the browser of the user alone.

Each URL begins with a token that can't be guessed. Requests that name another host or come from another
page are refused, so that no page of the web can reach the review through the user's browser.
"""

from __future__ import annotations

import hmac
import secrets
import socket
import sys
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.json_text import read_json, to_json
from docspeed_cli.review.html import page_chunks, review_policy
from docspeed_cli.review.session import Refused, Session

HOST = "127.0.0.1"
_NAMES = (HOST, "localhost")
_MAX_BODY = 200_000
"""Bytes of the largest request."""

_IDLE_SECONDS = 60
_POLL_SECONDS = 0.1

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class ReviewServer(ThreadingHTTPServer):
    """Serves one session; `url` is its address, with the token."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, session: Session, port: int = 0) -> None:
        """Listen on this port; 0 takes any free one. OSError if it can't listen."""
        self.session = session
        self.token = secrets.token_urlsafe(32)
        super().__init__((HOST, port), _Handler)
        self.hosts = frozenset(f"{name}:{self.server_port}" for name in _NAMES)
        self.url = f"http://{HOST}:{self.server_port}/{self.token}/"

    def serve(self) -> None:
        """Serve until an exception ends it, such as the one of Ctrl-C."""
        self.serve_forever(_POLL_SECONDS)

    def server_bind(self) -> None:
        """Bind without the look-up of a name, which may take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print a traceback for bugs, and nothing for broken connections."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    server: ReviewServer

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the URLs have the token."""

    def version_string(self) -> str:
        """Name no versions."""
        return "docspeed"

    def do_GET(self) -> None:
        """Answer with the queue, a page or a picture."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Save a decision."""
        self._answer(self._post)

    # -- who may ask

    def _answer(self, handle: Any) -> None:
        # Read before any refusal: on a kept connection, what is left unread would pass for the next request.
        body = self._body()
        path = self._path()
        if body is None:
            self._send_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The request is too large.")
        elif self.headers.get("Host", "").lower() not in self.server.hosts or not self._is_own_origin():
            self._send_problem(HTTPStatus.FORBIDDEN, "Requests from other sites are refused.")
        elif path is None:
            self._send_problem(HTTPStatus.NOT_FOUND, "There is no such page. Is the address complete?")
        else:
            try:
                handle(path, body)
            except Refused as refused:
                self._send_problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(refused))
            except DocspeedError as error:
                self._send_problem(HTTPStatus.INTERNAL_SERVER_ERROR, error.message)
            except IndexError:
                self._send_problem(HTTPStatus.NOT_FOUND, "There is no such page.")

    def _is_own_origin(self) -> bool:
        """Whether the request comes from a page of ours, or from no page, as for a typed address."""
        origin = self.headers.get("Origin")
        if origin is None:
            # Browsers name the origin of each POST, so one without it comes from no page of ours.
            return self.command == "GET"
        return origin.lower().removeprefix("http://") == self.headers.get("Host", "").lower()

    def _path(self) -> list[str] | None:
        """Return the parts of the path after the token; None if the token is wrong."""
        token, *parts = self.path.partition("?")[0].removeprefix("/").split("/")
        is_right = hmac.compare_digest(token.encode("utf-8", "replace"), self.server.token.encode())
        return parts if is_right and parts else None

    def _body(self) -> bytes | None:
        """Return the request's body; None if it is too large or of unknown length."""
        length = self.headers.get("Content-Length", "0")
        is_known = length.isascii() and length.isdigit() and "Transfer-Encoding" not in self.headers
        if not is_known or len(length) > 9 or int(length) > _MAX_BODY:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    # -- what there is

    def _get(self, path: list[str], _: bytes) -> None:
        session = self.server.session
        if path == [""]:
            to = f"{session.first_open() or 1}/"
            self._send(HTTPStatus.FOUND, "text/plain", b"", {"Location": to})
        elif len(path) == 2 and path[1] == "":
            data, review = session.page(self._number(path[0]))
            content = b"".join(page_chunks(data, review=review))
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", content)
        elif len(path) == 4 and path[1] == "page":
            picture = session.picture(self._number(path[0]), _parse_index(path[2]), _parse_index(path[3]))
            if isinstance(picture, str):
                # With a status of failure, the browser's console would have an error for each such page.
                self._send_json({"problem": picture})
            else:
                self._send(HTTPStatus.OK, "image/jpeg", picture)
        else:
            raise IndexError(path)

    def _post(self, path: list[str], body: bytes) -> None:
        session = self.server.session
        if path == ["undo"]:
            self._send_json(session.undo())
        elif len(path) == 2 and path[1] == "decide":
            try:
                asked = read_json(body)
            except ValueError:
                raise Refused("The page's request is damaged.") from None
            self._send_json(session.decide(self._number(path[0]), asked))
        else:
            raise IndexError(path)

    def _number(self, text: str) -> int:
        number = _parse_index(text)
        if not 1 <= number <= len(self.server.session):
            raise IndexError(number)
        return number

    # -- answering

    def _send_json(self, value: Any) -> None:
        self._send(HTTPStatus.OK, "application/json", to_json(value).encode("utf-8", "replace"))

    def _send_problem(self, status: HTTPStatus, message: str) -> None:
        self._send(status, "application/json", to_json({"problem": message}).encode("utf-8", "replace"))

    def _send(
        self, status: HTTPStatus, kind: str, content: bytes, headers: dict[str, str] | None = None
    ) -> None:
        with suppress(ConnectionError, TimeoutError):
            self.send_response(status)
            # Browsers ignore `frame-ancestors` in the page's `meta` element; only a header can state it.
            policy = {"Content-Security-Policy": f"{review_policy()}; frame-ancestors 'none'"}
            sent = _HEADERS | policy | (headers or {})
            sent |= {"Content-Type": kind, "Content-Length": str(len(content))}
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)


def _parse_index(text: str) -> int:
    # `int` alone also takes signs, blanks, underscores and the digits of other scripts.
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise IndexError(text)
    return int(text)
