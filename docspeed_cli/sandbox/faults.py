"""Inject faults on request: a WSGI layer that delays, refuses, breaks or garbles exchanges."""

from __future__ import annotations

import contextlib
import json
import random
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HANG_SECONDS = 600.0  # longer than any timeout of a client
_WIRE = ("reset", "timeout", "cut", "html")
_CODES = {
    400: "invalid_input",
    401: "invalid_key",
    402: "insufficient_credits",
    403: "forbidden",
    404: "not_found",
    408: "request_timeout",
    409: "conflict",
    410: "gone",
    429: "rate_limited",
    500: "internal_error",
    502: "provider_failed",
    503: "unavailable",
    504: "gateway_timeout",
}


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults to inject: seconds of delay, and kinds of failure with their probabilities.

    A kind is an error status such as `429` or `503` (the request has no effect), `reset` (the connection
    breaks before or after the request took effect), `timeout` (no answer; the request may have had an
    effect), `cut` (the second half of the answer is missing) or `html` (status 200 with a page, not JSON).
    """

    latency: float = 0
    fail: tuple[tuple[str, float], ...] = ()
    seed: int | None = None


def parse_fail(text: str) -> tuple[str, float]:
    """Parse `429=0.1` into a kind and a probability. ValueError says what is wrong."""
    kind, equals, share = text.partition("=")
    kind = kind.strip().lower()
    known = f"a status from 400 to 599 or one of {', '.join(_WIRE)}"
    if not equals:
        raise ValueError(f"{text!r} is not KIND=SHARE, such as 429=0.1; KIND is {known}")
    if kind not in _WIRE and not (len(kind) == 3 and kind.isascii() and kind.isdigit() and kind[0] in "45"):
        raise ValueError(f"unknown kind of failure {kind!r}: it is {known}")
    try:
        probability = float(share)
    except ValueError:
        probability = -1
    if not 0 <= probability <= 1:
        raise ValueError(f"{share!r} is not a share: give a number from 0 to 1")
    return kind, probability


class FaultyApp:
    """WSGI app that injects `faults` in front of another app."""

    def __init__(
        self, app: WSGIApplication, faults: Faults, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._app = app
        self._sleep = sleep
        self._faults = faults
        self._random = random.Random(faults.seed)
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        kind, taken = self._draw()
        if self._faults.latency > 0:
            self._sleep(self._faults.latency)
        if kind is None:
            return self._app(environ, start_response)
        if kind.isdigit():
            return _refuse(int(kind), start_response)
        if kind in ("reset", "timeout"):
            if taken:
                _collect(self._app, environ, None)
            return _break(environ) if kind == "reset" else _hang(environ)
        return _garble(
            kind, _collect(self._app, environ, start_response if kind == "cut" else None), start_response
        )

    def _draw(self) -> tuple[str | None, bool]:
        """Draw a failure (or None), and whether the request takes effect before the exchange breaks."""
        with self._lock:
            point, taken = self._random.random(), self._random.random() < 0.5
        for kind, probability in self._faults.fail:
            if point < probability:
                return kind, taken
            point -= probability  # kinds exclude each other, so their probabilities add up
        return None, taken


def _collect(app: WSGIApplication, environ: WSGIEnvironment, start: StartResponse | None) -> bytes:
    """Run the app to its end and return its body; without `start`, status and headers are dropped."""
    chunks = app(environ, start or _ignore)
    try:
        return b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _ignore(_: str, headers: list[tuple[str, str]], exc_info: object = None, /) -> Callable[[bytes], object]:
    return bytes.__len__


def _refuse(status: int, start_response: StartResponse) -> Iterable[bytes]:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"
    message = f"{phrase}: injected by the sandbox"
    body = json.dumps(
        {"detail": {"code": _CODES.get(status, "fault"), "message": message, "details": None}}
    ).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    if status == 429:
        headers.append(("Retry-After", "1"))
    start_response(f"{status} {phrase}", [*headers, *_marks()])
    return [body]


def _marks() -> list[tuple[str, str]]:
    return [("X-Docspeed-Sandbox", "1"), ("X-Request-Id", f"req_{random.getrandbits(80):020x}")]


def _garble(kind: str, body: bytes, start_response: StartResponse) -> Iterable[bytes]:
    if kind == "cut":
        return [body[: len(body) // 2]]
    page = b"<!doctype html><title>Bad gateway</title><h1>Something went wrong on the way</h1>\n"
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(page)))]
    start_response("200 OK", [*headers, *_marks()])
    return [page]


def _break(environ: WSGIEnvironment) -> Iterable[bytes]:
    """Reset the connection; without a socket, raise the exception alone."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        # With a linger time of zero, closing the socket sends RST.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionResetError("connection reset: injected by the sandbox")


def _hang(environ: WSGIEnvironment) -> Iterable[bytes]:
    """Send no answer until the client gives up; without a socket, raise at once."""
    connection: socket.socket | None = environ.get("werkzeug.socket")
    if connection is not None:
        deadline = time.monotonic() + HANG_SECONDS
        with contextlib.suppress(OSError, ValueError):
            while time.monotonic() < deadline and not _gone(connection):
                time.sleep(0.05)
    raise TimeoutError("no answer: injected by the sandbox")


def _gone(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0.2)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
