"""Opens the connections to the service: one for each thread, with the proxy and certificates to use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from docspeed_cli import __version__
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import Unavailable
from docspeed_cli.core.extras import install_hint, is_installed
from docspeed_cli.service.routes import Route, ca_variables

if TYPE_CHECKING:
    import httpx


class ThreadConnections:
    """The connections of one run; each thread opens its own when it first needs it."""

    def __init__(self, base_url: str, key: str, environment: Environment, route: Route) -> None:
        self._base_url = base_url
        self._key = key
        self._environment = environment
        self._of_thread = threading.local()
        self._opened: list[httpx.Client] = []
        self._lock = threading.Lock()
        self._route = route
        self._load_certificates = cache(partial(certificates, environment.env))

    def close(self) -> None:
        """Close them all."""
        for connection in self._opened:
            connection.close()

    def get(self) -> httpx.Client:
        """This thread's connection. Unavailable if the environment's proxy or certificates can't be used."""
        # One pool for 32 threads would spend an eighth of a run waiting for the pool's own lock.
        connection: httpx.Client | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            with self._lock:
                connection = self._of_thread.connection = self._open_connection()
                self._opened.append(connection)
        return connection

    def _open_connection(self) -> httpx.Client:
        # httpx would also ask for br and zstd where it finds their libraries; we unpack gzip only.
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return connection_to(
            self._base_url, self._environment, self._route, self._load_certificates, headers=headers
        )


def connection_to(
    url: str,
    environment: Environment,
    route: Route,
    load_certificates: Callable[[], Any],
    *,
    headers: Mapping[str, str],
    auth: tuple[str, str] | None = None,
) -> httpx.Client:
    """A connection to the server of this URL. Unavailable if its proxy or certificates can't be used."""
    import httpx

    if environment.transport is not None:
        transport = environment.transport(url)
    else:
        from docspeed_cli.service.network import Transport

        tls = urlsplit(url).scheme == "https"
        proxy = None if route.is_direct else usable_proxy(route)
        # Plain http goes without: loading the trust store takes longer than a connection.
        verify = load_certificates() if tls or proxy is not None else None
        transport = Transport(verify, environment.monotonic, proxy, tls=tls)
    # Many servers refuse a request without a User-Agent.
    headers = {"User-Agent": f"docspeed-cli/{__version__}", **headers}
    return httpx.Client(headers=headers, transport=transport, auth=auth)


def usable_proxy(route: Route) -> str:
    """The URL of the route's proxy. Unavailable if it is malformed, or if the extra for it is missing."""
    if route.proxy.startswith("socks") and not is_installed("socks"):
        problem = "names a SOCKS proxy, which needs an extra that is not installed"
        raise route.failed(problem, hint=install_hint("socks"))
    return route.proxy


def certificates(env: Mapping[str, str]) -> Any:
    """An SSL context with the system's trust store and the file or folder that the CA variables name.

    Unavailable if one that counts names no certificates.
    """
    import ssl

    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for variable in ca_variables(env)[0]:
        for path in _certificate_paths(variable, env[variable]):
            try:
                if path.is_dir():
                    context.load_verify_locations(capath=path)
                else:
                    context.load_verify_locations(cafile=path)
            except OSError as error:  # an ssl.SSLError too: a file without a certificate
                no_certificate = isinstance(error, ssl.SSLError)
                reason = "there is no certificate in it" if no_certificate else error.strerror
                raise Unavailable(
                    f"can't read the certificates in {path}: {reason}",
                    code="tls",
                    hint=f"fix {variable}, or unset it to trust the system's certificates alone",
                ) from None
    return context


def _certificate_paths(variable: str, value: str) -> list[Path]:
    """The files and folders that a CA variable names."""
    if variable != "SSL_CERT_DIR":
        return [Path(value)]
    # As in OpenSSL it is a list, of which some folders may be missing.
    paths = [Path(part) for part in value.split(os.pathsep) if part]
    return [path for path in paths if path.exists()] or paths
