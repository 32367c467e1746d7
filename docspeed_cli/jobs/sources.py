"""Find and check the documents that a command names, before anything is sent."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.core.text_files import read_lines
from docspeed_cli.jobs.media_types import MEDIA_TYPES, SUFFIXES, InputProblem, media_type_of

_FILE_ID = re.compile(r"[A-Za-z0-9_:-]+")

_NO_LIST = "it is not a list of paths or ids; `--null` reads one that `find -print0` wrote"

_MAX_PROBLEMS = 20
"""Most problems that one message lists."""


def display_path(name: str | os.PathLike[str]) -> str:
    """A file's name as text that JSON can hold: bytes that are not UTF-8 become escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def local_source(label: str, path: Path, below: Path | None = None) -> Source:
    """A local document; `below` is the folder that was searched. InputProblem if it can't be used."""
    label, filename = display_path(label), display_path(path.name)
    try:
        if path.is_dir():
            raise InputProblem("it is a folder; add `--recursive` to use the documents in it")
        if not path.exists():
            raise InputProblem("no such file" + (" (a broken link)" if path.is_symlink() else ""))
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


def stored_source(file_id: str) -> Source:
    """A document that the service stores. InputProblem if no id can look like this."""
    if not file_id.strip() or not file_id.isprintable():
        raise InputProblem("it is not a file id")
    return Source(file_id, file_id=file_id)


def listed_source(text: str) -> Source:
    """The document that a list names: a file if there is one, or else a file id."""
    path = Path(text)
    is_there = os.path.lexists(text)
    if not is_there and _FILE_ID.fullmatch(text) and path.suffix.lower() not in SUFFIXES:
        return stored_source(text)
    if is_there and path.is_dir():
        raise InputProblem("it is a folder; list the documents in it instead")
    return local_source(text, path)


def named_in_line(line: str) -> str:
    """What a line of a list names, without blanks, quotes and `~/`; empty for a comment."""
    if os.path.lexists(line):  # a file's name may have any of these itself
        return line
    text = line.strip()
    if text.startswith("#"):
        return ""
    if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0]:
        text = text[1:-1]
    # Unlike pathlib's, it leaves the text alone where the user has no home.
    return os.path.expanduser(text) if text.startswith(("~/", "~\\")) else text  # noqa: PTH111


def stdin_source(environment: Environment, filename: str | None) -> Source:
    """The document on standard input, copied to a temporary file."""
    if environment.stdin.isatty():
        raise InputProblem("it is the terminal; pipe a document in, or name a file")
    source = _copy_of("-", environment.stdin.buffer)
    suffix = next(suffix for suffix, media in MEDIA_TYPES.items() if media == source.content_type)
    filename = display_path(filename) if filename else None
    return source._replace(filename=filename or f"stdin{suffix}", label=filename or "-")


def _copy_of(label: str, stream: IO[bytes]) -> Source:
    """A temporary copy of a document that can be read only once: we read it again for its digest."""
    try:
        import tempfile

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


class InputSet(NamedTuple):
    """A command's documents: those that are checked, and those that standard input will name."""

    checked: tuple[Source, ...] = ()
    skipped: tuple[Path, ...] = ()
    """Files in a searched folder that are not of a supported type."""
    streamed: Iterable[Source | DocspeedError] = ()

    def documents(self) -> Iterator[Source | DocspeedError]:
        """Every document in the order given; an error for each bad line on standard input."""
        yield from self.checked
        yield from self.streamed


def collect(inputs: Inputs, environment: Environment) -> InputSet:
    """Find and check all documents. UsageError with every problem.

    A list on standard input is read later, line by line, because it may be long or slow.
    """
    sources: list[Source] = []
    skipped: list[Path] = []
    problems: list[str] = []
    try:
        for found in _find(inputs, environment):
            if isinstance(found, Source):
                sources.append(found)
            elif isinstance(found, Path):
                skipped.append(found)
            else:
                problems.append(found)
        if problems:
            raise _input_error(problems, inputs)
    except BaseException:
        discard(sources)
        raise
    streamed = _stream_list(environment, inputs) if inputs.listed == "-" else ()
    return InputSet(tuple(sources), tuple(skipped), streamed)


def _find(inputs: Inputs, environment: Environment) -> Iterator[Source | Path | str]:
    """The documents, the paths that are skipped, and a text for each problem."""
    if inputs.null and inputs.listed is None:
        yield "--null is for a list; name one with `--from LIST`"
    if list(inputs.files).count("-") + (inputs.listed == "-") > 1:
        yield "standard input can be read only once: as one document (-), or as one list (--from -)"
        return
    for text in inputs.files:
        if not text:
            yield "an input is empty; is a variable unset?"
        elif text == "-":
            yield _check("standard input", partial(stdin_source, environment, inputs.filename))
        elif inputs.recursive and Path(text).is_dir():
            yield from _search_folder(Path(text))
        else:
            yield _check(text, partial(local_source, text, Path(text)))
    for file_id in inputs.file_ids:
        yield _check(f"--file-id {file_id!r}", partial(stored_source, file_id))
    if inputs.listed not in (None, "-"):
        yield from _read_list(Path(str(inputs.listed)), inputs)


def _check(label: str, make_source: Callable[[], Source]) -> Source | str:
    try:
        return make_source()
    except InputProblem as problem:
        return f"{label}: {problem}"


def _read_list(path: Path, inputs: Inputs) -> Iterator[Source | str]:
    try:
        with path.open("rb") as file:
            for number, text in _listed(file, inputs):
                if "\0" in text:
                    yield f"--from {path}: {_NO_LIST}"
                    return
                place = f"{path}, line {number}: {display_path(text)}"
                yield _check(place, partial(listed_source, text))
    except OSError as error:
        yield f"--from {path}: {error.strerror or error}"


def _stream_list(environment: Environment, inputs: Inputs) -> Iterator[Source | DocspeedError]:
    for _, text in _listed(environment.stdin.buffer, inputs):
        found = _NO_LIST if "\0" in text else _check(display_path(text), partial(listed_source, text))
        if isinstance(found, str):
            yield UsageError(found, details={"input": display_path(text)})
        else:
            yield found


def _listed(file: IO[bytes], inputs: Inputs) -> Iterator[tuple[int, str]]:
    """What a list names, each with its place in the list, counted from 1."""
    # A list of `find -print0` has names exactly as they are.
    lines = read_lines(file, "\0") if inputs.null else map(named_in_line, read_lines(file))
    return ((number, text) for number, text in enumerate(lines, 1) if text)


def _search_folder(folder: Path) -> Iterator[Source | Path | str]:
    """The documents in a folder and in those below it, sorted. Hidden files are left out."""
    errors: list[OSError] = []
    paths: list[Path] = []
    for at, folders, files in os.walk(folder, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        # `os.walk` does not follow links to folders, which could lead in circles; they count as skipped.
        links = [name for name in folders if Path(at, name).is_symlink()]
        paths += [Path(at, name) for name in (*files, *links) if not name.startswith(".")]
    for error in errors:
        yield f"{display_path(error.filename)}: can't be read: {error.strerror}"
    for path in sorted(paths):
        named_as_document = path.suffix.lower() in SUFFIXES
        if not path.is_file() and (path.exists() or not named_as_document):
            yield path
            continue
        found = _check(display_path(path), partial(local_source, str(path), path, folder))
        yield path if isinstance(found, str) and not named_as_document else found
    if not paths and not errors:
        yield f"{display_path(folder)}: no files in this folder"


def _input_error(problems: list[str], inputs: Inputs) -> UsageError:
    hint = "to process the others anyway, pipe a list of files into `--from -`" if inputs.recursive else None
    if len(problems) == 1:
        return UsageError(problems[0], hint=hint)
    shown = "".join(f"\n  {problem}" for problem in problems[:_MAX_PROBLEMS])
    hidden = len(problems) - _MAX_PROBLEMS
    more = f"\n  and {hidden} more" if hidden > 0 else ""
    message = f"{len(problems)} inputs can't be used:{shown}{more}"
    return UsageError(message, hint=hint, details=problems)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discard(sources: Iterable[Source]) -> None:
    """Delete the copies of documents that could be read only once."""
    for source in sources:
        if source.path is not None and source.temporary:
            source.path.unlink(missing_ok=True)
