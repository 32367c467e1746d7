"""Serve a WSGI app on loopback, with one thread for each connection."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from werkzeug import serving

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"


def make_server(
    app: WSGIApplication, port: int, on_request: Callable[[str], None] | None = None
) -> serving.BaseWSGIServer:
    """Make a server on 127.0.0.1; port 0 picks a free one. OSError if it can't listen.

    `on_request` is called with a line for each request: method, path and status.
    """

    class Handler(serving.WSGIRequestHandler):
        disable_nagle_algorithm = True

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            if on_request is not None:
                on_request(f"{self.command} {self.path} {code}")

        def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
            # If it stayed open, the rest of the request would be read as the next one.
            self.close_connection = True

    # Bound here, because werkzeug prints and exits if the port is in use.
    with socket.create_server((HOST, port), backlog=512) as listener:
        return serving.make_server(
            HOST, listener.getsockname()[1], app, threaded=True, request_handler=Handler, fd=listener.fileno()
        )
