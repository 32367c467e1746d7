"""Connects to the service: a line for each thread, certificates, and an end to answers that never begin."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from docspeed_cli import __version__
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import Unavailable
from docspeed_cli.core.settings import loopback

if TYPE_CHECKING:
    import httpx

_EVERY = 5.0
_PIECE = 1 << 20
_GZIP = 16 + 15
_IDLE = 3.0
"""A connection that nothing was sent on for longer may be another one by now; httpx closes it after five."""


class Connections:
    """The connections of one run, each made when its thread first needs it."""

    def __init__(self, base_url: str, key: str, world: Environment) -> None:
        self.base_url = base_url
        self._key = key
        self._world = world
        self._local = threading.local()
        self._lines: list[Line] = []
        self._transport: httpx.BaseTransport | None = None
        self._context: Any = None
        self._guard = threading.Lock()
        self._watch: Watch | None = None

    def close(self) -> None:
        """Close them all."""
        if self._watch is not None:
            self._watch.stop()
        for line in self._lines:
            line.client.close()

    def line(self) -> Line:
        """This thread's: a pool that 32 threads share spends an eighth of a run in its own lock."""
        line: Line | None = getattr(self._local, "line", None)
        if line is None:
            with self._guard:
                self._watch = self._watch or Watch(_EVERY)
                line = self._local.line = Line(self._connect(), self._watch)
                self._lines.append(line)
        return line

    def _connect(self) -> httpx.Client:
        import httpx

        headers = {
            "User-Agent": f"docspeed-cli/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        if self._world.transport is not None:
            self._transport = self._transport or self._world.transport(self.base_url)
            return httpx.Client(headers=headers, transport=self._transport)
        if loopback(urlsplit(self.base_url).hostname or "") and self.base_url.startswith("http://"):
            return httpx.Client(headers=headers, verify=False, trust_env=False)
        self._context = self._context or certificates(self._world.env)
        try:
            return httpx.Client(headers=headers, verify=self._context)
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise Unavailable(
                f"can't use the proxy that the environment names: {error}",
                code="network",
                hint="check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY",
            ) from None


def unpacked(response: httpx.Response) -> Iterator[bytes]:
    """The body in pieces of bounded size, however well packed. httpx.DecodingError where it is torn."""
    import zlib

    import httpx

    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed in ("", "identity"):
        yield from response.iter_bytes()
        return
    if packed not in ("gzip", "x-gzip"):
        raise httpx.DecodingError(f"the answer is packed in a way not asked for ({packed[:40]})")
    unpack = zlib.decompressobj(_GZIP)
    try:
        for chunk in response.iter_raw():
            rest = chunk
            while rest:
                if unpack.eof:
                    unpack = zlib.decompressobj(_GZIP)
                yield unpack.decompress(rest, _PIECE)
                rest = unpack.unconsumed_tail or unpack.unused_data
        yield unpack.flush()
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=response.request) from None
    if not unpack.eof:
        raise httpx.DecodingError("the packed answer is cut short", request=response.request)


class Line:
    """One thread's connection, as far as it is known which socket it is."""

    def __init__(self, client: httpx.Client, watch: Watch) -> None:
        self.client = client
        self.given_up = False
        """Whether its last answer was ended because it did not begin in time."""
        self._watch = watch
        self._socket: socket.socket | None = None
        self._used = 0.0

    def extensions(self) -> dict[str, Any]:
        """What a request must carry, so that the socket is known: being told of each step costs a tenth."""
        known = self._socket is not None and self._socket.fileno() >= 0
        return {} if known and time.monotonic() - self._used < _IDLE else {"trace": self._told}

    def _told(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")

    @contextmanager
    def beginning(self, seconds: float) -> Iterator[None]:
        """An answer that must begin within so many seconds, however much trickles in meanwhile."""
        self.given_up = False
        try:
            with self._watch.over(self, seconds):
                yield
        finally:
            self._used = time.monotonic()

    def end(self) -> None:
        """Break off the exchange: whoever reads finds that the server has hung up."""
        if self._socket is not None:
            self.given_up = True
            with suppress(OSError):  # past a TLS socket's own shutdown, which its reader would stumble over
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Watch:
    """Ends what takes too long: a time-out is for each read, and never runs out while headers drip."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._due: dict[int, tuple[float, Line]] = {}
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, line: Line, seconds: float) -> Iterator[None]:
        """Watch over this thread's exchange."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()
        me = threading.get_ident()
        self._due[me] = (time.monotonic() + seconds, line)
        try:
            yield
        finally:
            del self._due[me]

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()

    def _look(self) -> None:
        while not self._stopped.wait(self._every):
            now = time.monotonic()
            for due, line in list(self._due.values()):
                if now >= due:
                    line.end()


def certificates(env: Mapping[str, str]) -> Any:
    """The system's trust store, and the file or folder that the CA variables name."""
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
