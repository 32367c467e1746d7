"""The documents that a command names by URL: each is downloaded once, and kept for the next command."""

from __future__ import annotations

import os
import re
import shlex
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import (
    SAME_AGAIN,
    DocspeedError,
    InputProblem,
    NotFound,
    Pending,
    Rejected,
    Unavailable,
)
from docspeed_cli.core.files import file_digest
from docspeed_cli.core.models import Source
from docspeed_cli.core.settings import Settings
from docspeed_cli.core.timefmt import span
from docspeed_cli.jobs.documents.input_set import invalid_input
from docspeed_cli.jobs.documents.media_types import MEDIA_TYPES, SUFFIXES, media_type_of
from docspeed_cli.jobs.filenames import safe_filename
from docspeed_cli.service.retry import Retries
from docspeed_cli.service.web import Web
from docspeed_cli.store.downloads import MAX_TOTAL, Download, DownloadFolder
from docspeed_cli.terminal.output import Output

_MAX_TIME = 600.0
"""Seconds that one download may take."""

_ENCODED_FILENAME = re.compile(r"(?i);\s*filename\*\s*=\s*([\w-]+)'[^']*'([^;\s]+)")
_WEB_PAGE = re.compile(rb"(?i)\s*(<!--.*?-->\s*)*<(!doctype html|html|head)\b", re.DOTALL)
_FILENAME = re.compile(r"""(?i);\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))""")


class _Page(NamedTuple):
    """A download, under way or finished, for all documents with its URL."""

    lock: threading.Lock
    result: list[Download | DocspeedError]
    """Empty until the download has finished."""


class Downloads:
    """The downloads of one command. Safe to use from many threads."""

    def __init__(
        self,
        environment: Environment,
        web: Web,
        folder: DownloadFolder,
        limit: int,
        report: Callable[[str], None],
    ) -> None:
        self._environment = environment
        self._report = report
        self._web = web
        self._folder = folder
        self._limit = limit
        self._lock = threading.Lock()
        self._pages: dict[str, _Page] = {}

    def close(self) -> None:
        """Delete the least recently used downloads if all together are too large."""
        if self._pages:
            self._folder.prune(MAX_TOTAL, self._environment.now())

    def kept(self, digest: str) -> Path | None:
        """Path of the kept download with this digest; None if it is missing or damaged."""
        path = self._folder.path(digest)
        try:
            return path if file_digest(path) == digest else None
        except OSError:
            return None

    def document(
        self, source: Source, sleep: Callable[[float], None], deadline: float | None = None
    ) -> Source:
        """Download the document of a source with a URL, and return it as a local one; others are unchanged.

        DocspeedError if it has not arrived by the `deadline` (monotonic time), UsageError if it is unusable.
        Each URL is requested once in a command, whatever the outcome.
        """
        url = source.url
        if url is None or source.path is not None:
            return source
        with self._lock:
            # A lock for each URL: one slow site must not hold up the downloads from others.
            page = self._pages.setdefault(url, _Page(threading.Lock(), []))
        with page.lock:
            if not page.result:
                page.result.append(self._fetched(url, source.label, sleep, deadline))
        found = page.result[0]
        if isinstance(found, NotFound | Rejected):
            raise invalid_input(source._replace(problem=found.message))
        if isinstance(found, DocspeedError):
            raise found
        path = self._folder.path(found.digest)
        try:
            media_type, size = media_type_of(path), path.stat().st_size
        except InputProblem as problem:
            page_problem = "the server sent a web page, not a document; does the URL need a login?"
            raise invalid_input(
                source._replace(problem=page_problem if _is_web_page(path) else str(problem))
            ) from None
        name = _document_name(str(source.filename), found.filename, media_type)
        return source._replace(path=path, size=size, content_type=media_type, filename=name)

    def _fetched(
        self, url: str, label: str, sleep: Callable[[float], None], deadline: float | None
    ) -> Download | DocspeedError:
        own = self._environment.monotonic() + _MAX_TIME
        asked, deadline = deadline, own if deadline is None else min(own, deadline)

        def report(error: DocspeedError, delay: float) -> None:
            self._report(f"{label}: {error.message}; trying again in {span(delay)}")

        try:
            return Retries(self._environment, sleep, report).call(
                lambda: self._fetch(url, deadline), deadline
            )
        except OSError as error:
            reason = error.strerror or str(error)
            return DocspeedError(f"{label}: can't be stored: {reason}", code="write_failed")
        except Pending as error:
            # The user's own deadline is exit code 8; a site that is too slow for our limit is 9.
            if deadline == asked:
                return error.replace(message=f"{label}: {error.message}")
            return _as_download_error(Unavailable(f"it took longer than {span(_MAX_TIME)}"), label)
        except DocspeedError as error:
            named = _as_download_error(error, label)
            return named.replace(hint=named.hint or self._next_step(url, label)) if error.retryable else named

    def _next_step(self, url: str, label: str) -> str:
        """The hint after a server's failure: the jobs of an earlier download, or the same command."""
        if self._folder.find(url) is None:
            return f"run {SAME_AGAIN}"
        return f"it was downloaded before; its jobs: `docspeed jobs list --input {shlex.quote(label)}`"

    def _fetch(self, url: str, deadline: float) -> Download:
        """Download the document, or find that it has not changed since the last time."""
        known = self._folder.find(url)
        headers = {}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        if known is not None and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        with self._folder.new_file() as file:
            answer = self._web.get(url, headers, file.write, self._limit, deadline)
            if answer is None:
                assert known is not None
                self._folder.use(url, known)
                return known
            name = _attachment_name(answer.get("content-disposition", ""))
            validators = answer.get("etag", ""), answer.get("last-modified", "")
            # The digest is read through the file's name, which shows only what is flushed.
            file.flush()
            download = Download(file_digest(Path(file.name)), *validators, name)
            self._folder.keep(url, file, download)
            return download


def opened_downloads(
    environment: Environment, settings: Settings, output: Output, opened: ExitStack
) -> Downloads:
    """The downloads of a command, closed by `opened`.

    They are deleted then if no results are kept, or the state folder can't be written.
    """
    folder = settings.state_dir / "downloads"
    if not settings.keep_results or not _is_writable(folder):
        import tempfile

        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="docspeed-")))
    web = Web(environment, output.exchange if output.style.verbose else None)
    downloads = Downloads(environment, web, DownloadFolder(folder), settings.download_limit, output.progress)
    opened.callback(downloads.close)
    return downloads


def _is_writable(folder: Path) -> bool:
    """Whether files can be made in the folder, which is made for that."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _as_download_error(error: DocspeedError, label: str) -> DocspeedError:
    """The error with its document's name, without a hint at `docspeed doctor`: it checks the service only."""
    if isinstance(error, NotFound | Rejected):
        return error
    hint = None if error.hint == "docspeed doctor" else error.hint
    message = f"{label}: {error.message}"
    return error.replace(code="download_failed", message=message, hint=hint, retry_after=None)


def _is_web_page(path: Path) -> bool:
    with path.open("rb") as file:
        return bool(_WEB_PAGE.match(file.read(1024)))


def _attachment_name(disposition: str) -> str:
    """The file name in a Content-Disposition, or an empty text."""
    encoded = _ENCODED_FILENAME.search(disposition)
    if encoded is not None:
        try:
            return unquote(encoded[2], encoding=encoded[1], errors="strict")
        except (LookupError, ValueError):
            pass
    plain = _FILENAME.search(disposition)
    if plain is None:
        return ""
    return re.sub(r"\\(.)", r"\1", plain[1]) if plain[1] is not None else plain[2]


def _document_name(in_url: str, given: str, media_type: str) -> str:
    """The document's name: the URL's where it has a known suffix, or else the server's."""
    if Path(in_url).suffix.lower() in SUFFIXES:
        return in_url
    name = safe_filename(Path(given.replace("\\", "/")).name) if given.strip() else in_url
    if Path(name).suffix.lower() in SUFFIXES:
        return name
    return name + next(suffix for suffix, known in MEDIA_TYPES.items() if known == media_type)
