"""The document that one name stands for: a path, a URL, an id, standard input, or a line of a list."""

from __future__ import annotations

import itertools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import InputProblem
from docspeed_cli.core.files import display_path
from docspeed_cli.core.models import Source
from docspeed_cli.core.paths import path_on_disk
from docspeed_cli.core.text_files import read_lines
from docspeed_cli.core.urls import is_url, shown_url

_FILE_ID = r"[A-Za-z0-9_:-]+"

_IN_A_LIST = "a list has a path, a URL or a file id on each line"

_MAX_BESIDE = 2000
"""Most files of a folder that are compared with a misspelt name."""


def local_source(label: str, path: Path, below: Path | None = None) -> Source:
    """A document by path or URL; `below` is the folder that was searched. InputProblem if it is unusable."""
    if is_url(label):
        return _url_source(label)
    from docspeed_cli.jobs.documents.media_types import SUFFIXES, media_type_of

    label, filename = display_path(label), display_path(path.name)
    try:
        if path.is_dir():
            raise InputProblem("it is a folder; add `--recursive` to use the documents in it")
        if not path.exists() and re.match("[a-z][a-z0-9+.-]+://", label):
            blank = label.lower().startswith(("http:", "https:"))
            what = (
                "a URL can't contain blanks; write each as %20"
                if blank
                else "only http and https URLs are downloaded"
            )
            raise InputProblem(what)
        if not path.exists():
            raise InputProblem(why_absent(path, SUFFIXES))
        if not path.is_file():
            if not stat.S_ISFIFO(path.stat().st_mode):
                raise InputProblem("it is not a file")
            # `parse <(command)` names a pipe: what is read here would be missing from the upload.
            with path.open("rb") as pipe:
                return _copy_of(label, pipe)._replace(filename=filename)
        media_type, size = media_type_of(path), path.stat().st_size
    except (OSError, ValueError) as error:
        raise InputProblem(getattr(error, "strerror", None) or str(error)) from None
    return Source(label, path=path, filename=filename, content_type=media_type, size=size, below=below)


def why_absent(path: Path, suffixes: tuple[str, ...] = ("",)) -> str:
    """The message for a path without a file: it suggests the flag for an id, or a file with a similar name.

    Only files with one of these suffixes are suggested.
    """
    if path.is_symlink():
        return "no such file (a broken link)"
    if str(path)[0] in "–—−":  # word processors and web pages turn `--` into one of these
        return f"no such file; did you mean `--{str(path).lstrip('-–—−')}`?"
    if found := re.fullmatch(r"(file|job)[_-]\w+", str(path)):
        if found[1] == "file":
            return "no such file; `--file-id` takes the id of a stored file"
        return f"no such file; for a job's result, `docspeed jobs result {path}`"
    try:
        beside = list(itertools.islice((entry.name for entry in os.scandir(path.parent)), _MAX_BESIDE))
    except OSError:
        return "no such file"
    from docspeed_cli.core.suggest import CLOSE, nearest

    near = nearest(path.name, (name for name in beside if name.lower().endswith(suffixes)), CLOSE)
    return "no such file" + (f"; did you mean {display_path(path.with_name(near))}?" if near else "")


def _url_source(url: str) -> Source:
    """The document that a URL names, still to be downloaded. InputProblem if the URL is malformed."""
    from urllib.parse import unquote, urlsplit

    from docspeed_cli.jobs.filenames import safe_filename

    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        # Reading it checks it: `urlsplit` takes any text for a port.
        _ = parts.port
    except ValueError:
        host = ""
    if not host:
        raise InputProblem("it is not a URL like https://example.com/invoice.pdf")
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or host
    return Source(shown_url(url), filename=safe_filename(name), url=url)


def may_be_id(text: str) -> bool:
    """Whether a line of a list looks like the id of a stored file; a local file of this name wins."""
    return bool(re.fullmatch(_FILE_ID, text)) and not has_suffix(text)


def has_suffix(text: str) -> bool:
    """Whether a text ends like the name of a document."""
    from docspeed_cli.jobs.documents.media_types import SUFFIXES

    return Path(text).suffix.lower() in SUFFIXES


def listed_source(text: str) -> Source:
    """The document that a list names: a file if there is one, or else a file id."""
    path = Path(text)
    is_there = os.path.lexists(text)
    if not is_there and may_be_id(text):
        return Source(text, file_id=text)
    if not is_there and text.startswith("{"):
        return _source_in_json(text)
    if is_there and path.is_dir():
        raise InputProblem("it is a folder; list the documents in it instead")
    return local_source(text, path)


def named_in_line(line: str) -> str:
    """The name in a line of a list, without blanks and quotes, `~/` expanded; empty for a comment."""
    if os.path.lexists(line):  # a file's name may have any of these itself
        return line
    text = line.strip()
    if text.startswith("#"):
        return ""
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        text = text[1:-1]
    return path_on_disk(text)


def stdin_source(environment: Environment, filename: str | None) -> Source:
    """The document on standard input, copied to a temporary file."""
    if environment.stdin.isatty():
        raise InputProblem("it is the terminal; pipe a document in, or name a file")
    source = _copy_of("-", environment.stdin.buffer)
    from docspeed_cli.jobs.documents.media_types import MEDIA_TYPES

    suffix = next(suffix for suffix, media in MEDIA_TYPES.items() if media == source.content_type)
    filename = display_path(filename) if filename else None
    return source._replace(filename=filename or f"stdin{suffix}", label=filename or "-")


def _copy_of(label: str, stream: IO[bytes]) -> Source:
    """A temporary copy of a document that can be read only once: we read it again for its digest."""
    try:
        import shutil
        import tempfile

        # It must outlive this block: the upload opens it by its name, and `discard` deletes it.
        with tempfile.NamedTemporaryFile(prefix="docspeed-", delete=False) as file:
            path = Path(file.name)
            try:
                shutil.copyfileobj(stream, file, 1 << 20)
                file.flush()
                return local_source(label, path)._replace(temporary=True)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except OSError as error:
        why = error.strerror or error
        raise InputProblem(f"can't be copied ({why}); set TMPDIR to another folder") from None


def listed_names(file: IO[bytes], *, null: bool) -> Iterator[tuple[int, str]]:
    """The names in a list, each with its place, counted from 1."""
    # A list of `find -print0` has names exactly as they are.
    lines = read_lines(file, "\0") if null else map(named_in_line, read_lines(file))
    return ((number, text) for number, text in enumerate(lines, 1) if text)


def is_document(path: Path) -> bool:
    """Whether a file is a document that the service accepts."""
    from docspeed_cli.jobs.documents.media_types import media_type_of

    try:
        media_type_of(path)
    except InputProblem:
        return False
    return True


def why_no_list(path: Path) -> str | None:
    """Why a file can't be a list of inputs; None if it may be one, or can't be read."""
    if path.is_dir():
        return "it is a folder; `--recursive FOLDER` takes the documents in it"
    if is_document(path):
        return f"it is a document, not a list; leave out `--from`; {_IN_A_LIST}"
    try:
        with path.open("rb") as file:
            first = next((text for _, text in listed_names(file, null=False)), "")
    except OSError:
        return None
    whole = first.startswith("{") and first.endswith("}")
    is_json = first.startswith(("{", "[")) and not whole and not os.path.lexists(first)
    return f"it is JSON, not a list; {_IN_A_LIST}" if is_json else None


def _source_in_json(text: str) -> Source:
    """The stored file that a line of JSON names, as this program prints it. InputProblem if it names none."""
    from docspeed_cli.core.json_text import read_json

    try:
        members = read_json(text)
    except ValueError:
        members = None
    file_id = members.get("file_id") if isinstance(members, dict) else None
    if not isinstance(members, dict) or not isinstance(file_id, str) or not may_be_id(file_id):
        raise InputProblem(f"this JSON has no file_id; {_IN_A_LIST}")
    return Source(str(members.get("input") or file_id), file_id=file_id)
