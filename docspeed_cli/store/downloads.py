"""Keep downloaded documents under the SHA-256 of their bytes, with the validators of each URL."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from docspeed_cli.core.files import file_digest
from docspeed_cli.core.json_text import read_json, to_json
from docspeed_cli.store.contents import DIGEST

MAX_TOTAL = 2_000_000_000
"""Bytes that all downloads may take once a command has ended; the least recently used go first."""

_IN_USE = 12 * 3600.0
"""Seconds that a download stays after its last use."""


class Download(NamedTuple):
    """The digest of a URL's document, and the validators that ask the server whether it has changed."""

    digest: str
    etag: str = ""
    last_modified: str = ""
    filename: str = ""
    """The name that the server gave the document, or an empty text."""


class DownloadFolder:
    """The downloads in a folder, by the digest of their URL: a URL may hold a password."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, digest: str) -> Path:
        """Return the path for the content with this digest; it may not exist."""
        return self._folder / digest

    def find(self, url: str) -> Download | None:
        """Return the last download from the URL; None if its content is missing or damaged."""
        try:
            found = Download(**read_json(self._index(url).read_bytes()))
            if not DIGEST.fullmatch(found.digest) or not all(isinstance(text, str) for text in found):
                return None
            whole = file_digest(self.path(found.digest)) == found.digest
        except (OSError, ValueError, TypeError):
            return None
        return found if whole else None

    @contextmanager
    def new_file(self) -> Iterator[IO[bytes]]:
        """Open a new file for a download, deleted unless `keep` takes it. OSError if it can't be made."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as file:
            try:
                yield file
            finally:
                file.close()
                Path(file.name).unlink(missing_ok=True)

    def keep(self, url: str, file: IO[bytes], download: Download) -> None:
        """Keep a new file as the download from the URL. OSError if that fails."""
        file.close()  # Windows can't rename an open file
        Path(file.name).replace(self.path(download.digest))
        with self.new_file() as index:
            index.write(to_json(download._asdict(), ascii_only=True).encode())
            index.close()
            Path(index.name).replace(self._index(url))

    def use(self, url: str, download: Download) -> None:
        """Record that this download was used now."""
        for path in (self._index(url), self.path(download.digest)):
            with suppress(OSError):
                os.utime(path)

    def prune(self, limit: int, now: float) -> None:
        """Delete the least recently used downloads until the rest takes at most `limit` bytes.

        Downloads used in the last hours stay, because a command may still need them. `now` is in Unix
        seconds. Files that killed commands left behind count as downloads.
        """
        with suppress(OSError):
            found = [(path, path.stat()) for path in self._folder.iterdir()]
            excess = sum(stat.st_size for _, stat in found) - limit
            for path, stat in sorted(found, key=lambda entry: entry[1].st_mtime):
                if excess <= 0 or stat.st_mtime > now - _IN_USE:
                    return
                with suppress(OSError):  # on Windows another process may be reading it
                    path.unlink()
                    excess -= stat.st_size

    def _index(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode('utf-8', 'surrogateescape')).hexdigest()}.json"
