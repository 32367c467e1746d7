"""Inject faults on request: delay, refuse, break or garble exchanges."""

from __future__ import annotations

import json
import random
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

_HANG_SECONDS = 600  # longer than any timeout of a client
_WIRE = ("reset", "timeout", "cut", "html")
_STATUSES = {str(status.value): status for status in HTTPStatus if status >= 400}
_PAGE = "<!doctype html><title>Bad gateway</title><h1>Something went wrong on the way</h1>\n"


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults to inject: seconds of delay, and kinds of failure with their probabilities.

    A kind is an error status such as `429` or `503` (the request has no effect), `reset` (the connection
    breaks before or after the request took effect), `timeout` (no answer; the request may have had an
    effect), `cut` (the second half of the answer is missing) or `html` (status 200 with a page, not JSON).
    With a `seed`, the same requests in the same order meet the same failures.
    """

    latency: float = 0
    fail: tuple[tuple[str, float], ...] = ()
    seed: int | None = None


def parse_fail(text: str) -> tuple[str, float]:
    """Parse `429=0.1` into a kind and a probability. ValueError says what is wrong."""
    kind, equals, share = text.partition("=")
    kind = kind.strip().lower()
    known = f"an error status such as 429 or 503, or one of {', '.join(_WIRE)}"
    if not equals:
        raise ValueError(f"{text!r} is not KIND=SHARE, such as 429=0.1; KIND is {known}")
    if kind not in _WIRE and kind not in _STATUSES:
        raise ValueError(f"unknown kind of failure {kind!r}: it is {known}")
    try:
        probability = float(share)
    except ValueError:
        probability = -1
    if not 0 <= probability <= 1:
        raise ValueError(f"{share!r} is not a share: give a number from 0 to 1")
    return kind, probability


class FaultyAnswer:
    """Function that answers requests as another one does, but injects faults."""

    def __init__(
        self,
        answer: Callable[[Request], Response],
        faults: Faults,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._answer = answer
        self._faults = faults
        self._sleep = sleep
        self._random = random.Random(faults.seed)

    def __call__(self, request: Request) -> Response:
        kind, takes_effect = self._draw(), self._random.random() < 0.5
        self._sleep(self._faults.latency)
        if kind in _STATUSES:
            return _refusal(_STATUSES[kind])
        if kind in ("reset", "timeout"):
            if takes_effect:
                self._answer(request)
            _break(request.environ.get("werkzeug.socket"), wait=kind == "timeout")
        response = self._answer(request)
        if kind == "html":
            return Response(_PAGE, content_type="text/html; charset=utf-8")
        if kind == "cut":
            body = response.get_data()
            return Response([body[: len(body) // 2]], response.status, response.headers)
        return response

    def _draw(self) -> str:
        """Kind of failure, or an empty text; kinds exclude each other, so their probabilities add up."""
        kinds, shares = [kind for kind, _ in self._faults.fail], [share for _, share in self._faults.fail]
        return self._random.choices([*kinds, ""], [*shares, max(0.0, 1 - sum(shares))])[0]


def _refusal(status: HTTPStatus) -> Response:
    message = f"{status.phrase}: injected by the sandbox"
    detail = {"code": status.name.lower(), "message": message, "details": None}
    headers = {"Retry-After": "1"} if status == HTTPStatus.TOO_MANY_REQUESTS else {}
    return Response(json.dumps({"detail": detail}), status, headers, content_type="application/json")


def _break(connection: socket.socket | None, *, wait: bool) -> None:
    """Reset the connection, or first wait until the client gives up; without a socket, only raise."""
    if connection is not None and wait:
        connection.settimeout(_HANG_SECONDS)
        while connection.recv(1 << 16):
            pass
    if wait:
        raise TimeoutError("no answer: injected by the sandbox")
    if connection is not None:
        # With a linger time of zero, closing the socket sends RST.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(connection.detach())
    raise ConnectionResetError("connection reset: injected by the sandbox")
