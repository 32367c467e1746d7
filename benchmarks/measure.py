"""Runs whole processes and measures them from outside: wall time, CPU time and peak memory by `wait4`.

The system counts a process's peak from before it has replaced its parent's image, so no peak can be
smaller than this program itself (some 20 MB): it loads little, and differences of larger peaks are right.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

KEY = "ds_benchmark"
LIMIT = 300.0
"""No process that is measured may take longer than this many seconds."""


@dataclass(frozen=True)
class Sample:
    """What one process (and those that it waited for) took."""

    seconds: float
    cpu: float
    peak: int
    """Bytes; of a tree of processes, the largest one's."""
    jobs: int = 1


class Failed(Exception):
    """A process that is measured did not do its work."""


def measure(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    stdin: Path | None = None,
    stdout: Path | None = None,
    piped: bool = False,
    jobs: int = 1,
) -> Sample:
    """Run this to its end; `piped` reads its output as `cat >/dev/null` would. Failed where it fails."""
    given = stdin.open("rb") if stdin else open(os.devnull, "rb")  # noqa: PTH123, SIM115
    taken = stdout.open("wb") if stdout else open(os.devnull, "wb")  # noqa: PTH123, SIM115
    with given, taken:
        started = time.perf_counter()
        process = subprocess.Popen(
            argv, env=env, stdin=given, stdout=subprocess.PIPE if piped else taken, stderr=subprocess.PIPE
        )
        watch = threading.Timer(LIMIT, process.kill)
        watch.daemon = True
        watch.start()
        said = _Drain(process.stderr)
        if process.stdout is not None:
            _swallow(process.stdout)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        watch.cancel()
        code = process.returncode = os.waitstatus_to_exitcode(status)
    if code:
        raise Failed(f"{' '.join(argv)[:200]}: exit code {code}: {said.text()[-500:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Sample(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, jobs)


class _Drain(threading.Thread):
    """Reads a stream to its end beside the work; keeps its last words."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._last = b""
        self.start()

    def run(self) -> None:
        while self._stream is not None and (chunk := self._stream.read(4096)):
            self._last = (self._last + chunk)[-4096:]

    def text(self) -> str:
        """What was said last."""
        self.join(1)
        return self._last.decode("utf-8", "replace").strip()


def _swallow(stream: IO[bytes]) -> None:
    """Read as `cat >/dev/null` would, without a process of its own."""
    buffer = bytearray(1 << 18)
    descriptor = stream.fileno()
    while os.readv(descriptor, [buffer]):
        pass


@dataclass
class Stand:
    """Where the cases run: a folder, the server, the program, and an environment of its own."""

    folder: Path
    http: str
    https: str | None
    env: dict[str, str]
    python: str
    _serial: int = field(default=0)

    @property
    def docspeed(self) -> str:
        """The program as it is installed."""
        return str(Path(self.python).with_name("docspeed"))

    def rival(self, name: str) -> str:
        """A program to compare with."""
        return str(Path(__file__).with_name("rivals") / name)

    def ids(self, count: int, size: int = 1000) -> list[str]:
        """File ids that no run has seen before, with results of this many bytes."""
        first = self._serial
        self._serial += count
        return [f"file_{size}_{os.getpid()}x{number}" for number in range(first, first + count)]

    def listed(self, count: int, size: int = 1000) -> Path:
        """A list of as many new file ids, with results of this many bytes."""
        path = self.folder / "ids.txt"
        path.write_text("".join(f"{file_id}\n" for file_id in self.ids(count, size)))
        return path

    def state(self, name: str) -> dict[str, str]:
        """The environment with a state folder of this name, which need not exist."""
        return {**self.env, "DOCSPEED_STATE_DIR": str(self.folder / f"state-{name}")}

    def counts(self) -> dict[str, int]:
        """How many requests of each kind the server has taken."""
        parts = urlsplit(self.http)
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
            connection.sendall(b"GET /counts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        counts: dict[str, int] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return counts

    @contextmanager
    def exactly(self, jobs: int) -> Iterator[None]:
        """Three requests a job and no more, or it is not the same work. Failed otherwise."""
        before = self.counts()
        yield
        after = self.counts()
        made = {name: after.get(name, 0) - before.get(name, 0) for name in ("submit", "status", "result")}
        if set(made.values()) != {jobs}:
            raise Failed(f"{jobs} jobs took {made}")


@contextmanager
def stand(folder: Path, python: str = sys.executable) -> Iterator[Stand]:
    """A stand with its server, which ends with it."""
    root = Path(__file__).parents[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", str(folder)],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        said: dict[str, Any] = json.loads(server.stdout.readline() or b"{}")
        if not said:
            raise Failed("the server did not start")
        yield Stand(folder, said["http"], said.get("https"), _environment(folder, said["http"]), python)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


def _environment(folder: Path, base_url: str) -> dict[str, str]:
    """This process's environment, with nothing of the user's own in it."""
    hidden = ("DOCSPEED_", "XDG_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(hidden)}
    return {
        **kept,
        "HOME": str(folder),
        "DOCSPEED_BASE_URL": base_url,
        "DOCSPEED_API_KEY": KEY,
        "NO_PROXY": "*",
    }
