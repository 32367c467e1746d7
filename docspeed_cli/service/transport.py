"""Opens the connections to the service: one for each thread, with the proxy and certificates to use."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from docspeed_cli import __version__
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import Unavailable
from docspeed_cli.core.settings import loopback

if TYPE_CHECKING:
    import httpx


class ThreadConnections:
    """The connections of one run; each thread opens its own when it first needs it."""

    def __init__(self, base_url: str, key: str, environment: Environment) -> None:
        self._base_url = base_url
        self._key = key
        self._environment = environment
        self._of_thread = threading.local()
        self._opened: list[httpx.Client] = []
        self._lock = threading.Lock()
        self._transport: httpx.BaseTransport | None = None
        self._certificates: Any = None

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
        import httpx

        headers = {
            "User-Agent": f"docspeed-cli/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        if self._environment.transport is not None:
            self._transport = self._transport or self._environment.transport(self._base_url)
            return httpx.Client(headers=headers, transport=self._transport)
        from docspeed_cli.service.network import Transport

        if loopback(urlsplit(self._base_url).hostname or "") and self._base_url.startswith("http://"):
            transport = Transport(None, self._environment.monotonic)
            return httpx.Client(headers=headers, transport=transport)
        # Loading the trust store takes longer than a connection, so all threads share one context.
        self._certificates = self._certificates or certificates(self._environment.env)
        if not any(name.lower().endswith("_proxy") for name in self._environment.env):
            transport = Transport(self._certificates, self._environment.monotonic)
            return httpx.Client(headers=headers, transport=transport)
        try:
            return httpx.Client(headers=headers, verify=self._certificates)
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise Unavailable(
                f"can't use the proxy that the environment names: {error}",
                code="network",
                hint="check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY",
            ) from None


def certificates(env: Mapping[str, str]) -> Any:
    """An SSL context with the system's trust store and the file or folder that the CA variables name."""
    import ssl

    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    file, folder = env.get("SSL_CERT_FILE"), env.get("SSL_CERT_DIR")
    if file or folder:
        try:
            context.load_verify_locations(cafile=file or None, capath=folder or None)
        except OSError as error:
            raise Unavailable(
                f"can't read the certificates in {file or folder} ({error.strerror or error})",
                hint="check SSL_CERT_FILE and SSL_CERT_DIR",
            ) from None
    return context
