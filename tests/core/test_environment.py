"""The process's streams, also where a read or a write without blocking moves nothing."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator

import pytest

from docspeed_cli.core.environment import PatientStdin, WholeStdout, allow_open_files


class HalfReady(io.RawIOBase):
    """A stream on an open file that moves a byte on every second try only."""

    def __init__(self, number: int, content: bytes = b"") -> None:
        self.number = number
        self.content = content
        self.ready = False

    def fileno(self) -> int:
        return self.number

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int | None:  # type: ignore[override]
        self.ready = not self.ready
        if self.ready:
            return None
        self.content += bytes(data[:1])
        return 1

    def readinto(self, buffer: bytearray) -> int | None:  # type: ignore[override]
        self.ready = not self.ready
        if self.ready:
            return None
        piece, self.content = self.content[:1], self.content[1:]
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe with a byte in it: one can be read, the other written, at once."""
    reader, writer = os.pipe()
    os.write(writer, b"x")
    yield reader, writer
    os.close(reader)
    os.close(writer)


def test_stdout_non_blocking_takes_everything(pipe: tuple[int, int]) -> None:
    raw = HalfReady(pipe[1])
    stream = io.BufferedWriter(WholeStdout(raw))
    stream.write(b"all of it")
    stream.flush()
    assert raw.content == b"all of it"


def test_stdin_non_blocking_is_read_to_its_end(pipe: tuple[int, int]) -> None:
    stream = io.BufferedReader(PatientStdin(HalfReady(pipe[0], b"all of it")))
    assert stream.read() == b"all of it"


if sys.platform != "win32":
    import resource

    def test_allow_open_files_raises_a_low_limit_and_lowers_none() -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (500, before[1]))
            allow_open_files(600)
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (600, before[1])
            allow_open_files(500)
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (600, before[1])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
