"""A server that follows the published API and answers at once: what it costs is not what is measured.

It remembers nothing: the size of a result is in the file's id (`file_SIZE_ANYTHING`), and so in the job's
id. Uploads are swallowed, large results are sent by the kernel from one file for each size.

    python -m benchmarks.server FOLDER    prints its addresses as JSON, and ends with its standard input
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import cast

_READ = 1 << 20
_INLINE = 1 << 18
"""Results up to this size are written as they are; larger ones are sent from a file."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BEARER = re.compile(rb"\r\nauthorization: bearer \S", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_SIZED = re.compile(rb"(?:file|job)_(\d+)_")
_JOB = re.compile(rb"/v1/jobs/([A-Za-z0-9_]+)(/result)?")
_OPERATIONS = {b"/api/v1/parse": "parse", b"/v1/extract": "extract", b"/v1/tables": "tables"}
_UPLOAD = b"/api/v1/upload"


@cache
def _result(size: int) -> bytes:
    """A parse result of exactly this many bytes, or of the fewest that make one."""
    head, tail = b'{"page_count":1,"pages":[{"page_index":0,"markdown":"', b'"}]}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


def _answer(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Service:
    """What is common to all connections: counts of the requests taken, and the files of large results."""

    def __init__(self, folder: Path) -> None:
        self.counts: Counter[str] = Counter()
        self.serial = itertools.count(1)
        self._folder = folder
        self._buffer = memoryview(bytearray(_READ))

    def conversation(self) -> Conversation:
        """A connection's other end."""
        return Conversation(self, self._buffer)

    def answer(self, method: bytes, path: bytes, body: bytes) -> bytes | Path:
        """The whole answer, or the file that holds its body."""
        job = _JOB.fullmatch(path)
        if job is not None and method == b"GET":
            return self._result(job[1]) if job[2] else self._status(job[1])
        operation = _OPERATIONS.get(path)
        if operation is not None and method == b"POST":
            self.counts["submit"] += 1
            said = {"job_id": f"job_{_size(body)}_{next(self.serial)}", "operation": operation}
            return _answer(json.dumps({**said, "status": "queued", "execution_mode": "async"}).encode())
        if path == _UPLOAD:
            self.counts["upload"] += 1
            file_id = f"file_1000_{next(self.serial)}"
            entry = {"file_id": file_id, "filename": "a.pdf", "content_type": None, "size": 1}
            return _answer(json.dumps({"file_id": file_id, "files": [entry]}).encode())
        if path == b"/counts":
            return _answer(json.dumps(self.counts).encode())
        return _answer(b'{"detail":"Not Found"}', "404 Not Found")

    def _status(self, job_id: bytes) -> bytes:
        self.counts["status"] += 1
        return _answer(
            b'{"job_id":"%b","operation":"parse","status":"completed","execution_mode":"async"}' % job_id
        )

    def _result(self, job_id: bytes) -> bytes | Path:
        self.counts["result"] += 1
        size = _size(job_id)
        if size <= _INLINE:
            # No two are the same: kept results with the same bytes would share a file.
            return _answer(_result(size).replace(b"x" * len(job_id), job_id, 1))
        path = self._folder / f"result-{size}.json"
        if not path.exists():
            path.write_bytes(_result(size))
            _result.cache_clear()
        return path


def _size(text: bytes) -> int:
    found = _SIZED.search(text)
    return int(found[1]) if found else 1000


class Conversation(asyncio.BufferedProtocol):
    """One keep-alive connection."""

    def __init__(self, service: Service, buffer: memoryview) -> None:
        self._service = service
        self._buffer = buffer
        self._unread = b""
        self._to_swallow = 0
        self._head: tuple[bytes, bytes, bool] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes next; all connections share it, for nothing waits in it."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come."""
        if self._to_swallow >= nbytes:
            self._to_swallow -= nbytes
        else:
            self._unread += bytes(self._buffer[self._to_swallow : nbytes])
            self._to_swallow = 0
        while self._step():
            pass

    def _step(self) -> bool:
        """Answer the next request, if it is here."""
        if self._head is not None:
            if self._to_swallow:
                return False
            (method, path, close), self._head = self._head, None
            self._respond(method, path, b"", close)
            return True
        end = self._unread.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._unread[: end + 2]
        found = _LENGTH.search(head)
        length = int(found[1]) if found else 0
        method, path, _ = head.split(b" ", 2)
        close = _CLOSE.search(head) is not None
        if _BEARER.search(head) is None and path != b"/counts":
            self._transport.write(_answer(b'{"detail":"Missing bearer token"}', "401 Unauthorized"))
            self._transport.close()
            return False
        body = self._unread[end + 4 : end + 4 + length]
        if path == _UPLOAD:
            if _EXPECT.search(head):
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._head = (method, path, close)
            self._to_swallow = length - len(body)
        elif len(body) < length:
            return False
        self._unread = self._unread[end + 4 + length :]
        if self._head is None:
            self._respond(method, path, body, close)
        return True

    def _respond(self, method: bytes, path: bytes, body: bytes, close: bool) -> None:
        answer = self._service.answer(method, path, body)
        if isinstance(answer, Path):
            self._task = asyncio.ensure_future(self._send(answer, close))
            return
        self._transport.write(answer)
        if close:
            self._transport.close()

    async def _send(self, path: Path, close: bool) -> None:
        size = path.stat().st_size
        self._transport.write(_answer(b"").replace(b"Length: 0", b"Length: %d" % size))
        try:
            with path.open("rb") as file:
                await asyncio.get_running_loop().sendfile(self._transport, file)
        except (ConnectionError, RuntimeError):  # the client has gone away, which is its right
            self._transport.close()
        if close:
            self._transport.close()


async def _serve(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    service = Service(folder)
    plain = await loop.create_server(service.conversation, "127.0.0.1", 0, backlog=1024)
    said = {"http": f"http://127.0.0.1:{plain.sockets[0].getsockname()[1]}"}
    context = _certified(folder)
    if context is not None:
        secure = await loop.create_server(service.conversation, "127.0.0.1", 0, ssl=context, backlog=1024)
        said["https"] = f"https://localhost:{secure.sockets[0].getsockname()[1]}"
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


def _certified(folder: Path):  # type: ignore[no-untyped-def]
    """A context with a certificate for this machine, signed by FOLDER/ca.pem; None without `trustme`."""
    import ssl

    try:
        import trustme
    except ImportError:
        return None
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
