"""The disk that holds temporary files, which may be full."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import IO

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.service.body import IN_MEMORY


def temporary_file() -> IO[bytes]:
    """A file for results that wait; it stays in memory while it is small."""
    # On disk it has no name, so not even kill -9 leaves results behind.
    return tempfile.SpooledTemporaryFile(IN_MEMORY)


class TemporaryDisk:
    """A `with` block around each use of temporary files: an OSError in it becomes a DocspeedError.

    The files are then incomplete, so every later block raises the same error.
    """

    def __init__(self) -> None:
        self._error: DocspeedError | None = None

    def __enter__(self) -> None:
        if self._error is not None:
            raise self._error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            folder, why = tempfile.gettempdir(), error.strerror or error
            self._error = DocspeedError(
                f"results that wait for their turn can't be stored in {folder}: {why}",
                code="write_failed",
                hint="set TMPDIR to a folder with more room, and run the same command again",
            )
            raise self._error from None
