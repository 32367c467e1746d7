"""Find and check the documents that a command names, before anything is sent."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import InputProblem, UsageError
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.core.text_files import read_lines
from docspeed_cli.core.urls import is_url, shown_url
from docspeed_cli.jobs.clutter import is_clutter, why_skipped

_FILE_ID = r"[A-Za-z0-9_:-]+"

_NO_LIST = "it is not a list of paths or ids; `--null` reads one that `find -print0` wrote"

_MAX_PROBLEMS = 20
"""Most problems that one message lists."""


def display_path(name: str | os.PathLike[str]) -> str:
    """A name as text that JSON can hold: a URL without secrets, and bytes that are not UTF-8 escaped."""
    if isinstance(name, str) and is_url(name):
        return shown_url(name)
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def local_source(label: str, path: Path, below: Path | None = None) -> Source:
    """A document by path or URL; `below` is the folder that was searched. InputProblem if it is unusable."""
    if is_url(label):
        from docspeed_cli.jobs.url_sources import url_source

        return url_source(label)
    from docspeed_cli.jobs.media_types import media_type_of

    label, filename = display_path(label), display_path(path.name)
    try:
        if path.is_dir():
            raise InputProblem("it is a folder; add `--recursive` to use the documents in it")
        if not path.exists() and re.match("[a-z][a-z0-9+.-]+://", label):
            raise InputProblem("only http:// and https:// URLs can be downloaded")
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


def may_be_id(text: str) -> bool:
    """Whether a list's line is the id of a stored file, unless a file has this name."""
    from docspeed_cli.jobs.media_types import SUFFIXES

    return bool(re.fullmatch(_FILE_ID, text)) and Path(text).suffix.lower() not in SUFFIXES


def listed_source(text: str) -> Source:
    """The document that a list names: a file if there is one, or else a file id."""
    path = Path(text)
    is_there = os.path.lexists(text)
    if not is_there and may_be_id(text):
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
    from docspeed_cli.jobs.media_types import MEDIA_TYPES

    suffix = next(suffix for suffix, media in MEDIA_TYPES.items() if media == source.content_type)
    filename = display_path(filename) if filename else None
    return source._replace(filename=filename or f"stdin{suffix}", label=filename or "-")


def _copy_of(label: str, stream: IO[bytes]) -> Source:
    """A temporary copy of a document that can be read only once: we read it again for its digest."""
    try:
        import shutil
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


class _Unusable(NamedTuple):
    """A document that can't be used, and where it was named."""

    place: str
    source: Source


class Shard(NamedTuple):
    """One of several parts of equal size into which runs on several machines divide their documents."""

    part: int
    """From 1."""
    parts: int

    def takes(self, source: Source) -> bool:
        """Whether a document belongs to this part.

        Only its path decides: below the searched folder, or else as it was named; or its URL.
        """
        name = source.url or source.label
        if source.path is not None and not source.temporary:
            named = source.path if source.below is None else source.path.relative_to(source.below)
            name = display_path(os.path.normpath(named)).replace(os.sep, "/")
        digest = hashlib.sha256(name.encode()).digest()
        return int.from_bytes(digest[:8]) % self.parts == self.part - 1


def parse_shard(text: str) -> Shard:
    """Parse `3/10`. UsageError for anything else."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard {text}: it is not a part like 3/10, from 1/10 to 10/10")
    return Shard(int(found[1]), int(found[2]))


class InputSet(NamedTuple):
    """A command's documents: those that are checked, and those that standard input will name.

    One that can't be used is among them only if the run goes on without it: with `--skip-invalid`, or in a
    list that is read during the run.
    """

    checked: tuple[Source, ...] = ()
    skipped: tuple[Path, ...] = ()
    """Files in a searched folder that are left out: see `why_skipped`."""
    streamed: Iterable[Source] = ()
    shard: Shard | None = None

    def documents(self, limit: int | None = None) -> Iterator[Source]:
        """Every document in the order given, with its position; no more than `limit`."""
        streamed = self.streamed if self.shard is None else filter(self.shard.takes, self.streamed)
        named = itertools.islice(itertools.chain(self.checked, streamed), limit)
        return (source._replace(position=position) for position, source in enumerate(named))


def usable(source: Source) -> Source:
    """The document. UsageError if it can't be used."""
    if source.problem is not None:
        raise invalid_input(source)
    return source


def invalid_input(source: Source) -> UsageError:
    """The error for a document that can't be used."""
    return UsageError(f"{source.label}: {source.problem}", code="invalid_input", reason=source.problem)


def collect(inputs: Inputs, environment: Environment) -> InputSet:
    """Find and check all documents. UsageError with every problem.

    A list on standard input is read later, line by line, because it may be long or slow.
    """
    sources: list[Source] = []
    skipped: list[Path] = []
    unusable: list[str] = []
    problems: list[str] = []
    shard = None if inputs.shard is None else parse_shard(inputs.shard)
    try:
        for found in _find(inputs, environment):
            if _is_excluded(found, inputs.exclude):
                continue
            if isinstance(found, str):
                problems.append(found)
            elif isinstance(found, Path):
                skipped.append(found)
            elif shard is not None and not shard.takes(_source_of(found)):
                discard([_source_of(found)])
            elif isinstance(found, Source):
                sources.append(found)
            elif inputs.skip_invalid:
                sources.append(found.source)
            else:
                unusable.append(f"{found.place}: {found.source.problem}")
        if inputs.exclude and not (sources or problems or unusable) and inputs.listed != "-":
            problems.append("--exclude leaves no document")
        if problems or unusable:
            raise input_error(problems, unusable, inputs)
    except BaseException:
        discard(sources)
        raise
    streamed = _stream_list(environment, inputs) if inputs.listed == "-" else ()
    return InputSet(tuple(sources), tuple(skipped), streamed, shard)


def _source_of(found: Source | _Unusable) -> Source:
    return found if isinstance(found, Source) else found.source


def _find(inputs: Inputs, environment: Environment) -> Iterator[Source | Path | str | _Unusable]:
    """The documents, the paths that are skipped, and a text for each problem that concerns no document."""
    if inputs.null and inputs.listed is None:
        yield "--null is for a list; name one with `--from LIST`"
    if list(inputs.files).count("-") + (inputs.listed == "-") > 1:
        yield "standard input can be read only once: as one document (-), or as one list (--from -)"
        return
    for text in inputs.files:
        if is_wildcard(text):
            yield from _expand(text, inputs)
        elif not text:
            yield "an input is empty; is a variable unset?"
        elif text == "-":
            yield _check("standard input", text, partial(stdin_source, environment, inputs.filename))
        elif inputs.recursive and Path(text).is_dir():
            yield from _search_folder(Path(text))
        else:
            yield _check(display_path(text), text, partial(local_source, text, Path(text)))
    for file_id in inputs.file_ids:
        yield _check(f"--file-id {file_id!r}", file_id, partial(stored_source, file_id))
    if inputs.listed not in (None, "-"):
        yield from _read_list(Path(str(inputs.listed)), inputs)


def is_wildcard(text: str) -> bool:
    """Whether a path is a wildcard that the shell has left as it is; a file of that very name is not."""
    return any(sign in text for sign in "*?[") and not os.path.lexists(text) and not is_url(text)


def _expand(pattern: str, inputs: Inputs) -> Iterator[Source | Path | str | _Unusable]:
    """The documents that a wildcard matches, sorted, as a shell would name them; `**` crosses folders."""
    import glob

    matched = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - pathlib drops a leading ./
    if not matched:
        yield f"{display_path(pattern)}: no file matches"
    for text in matched:
        path = Path(text)
        if path.is_dir():
            if inputs.recursive:
                yield from _search_folder(path)
        else:
            yield _check(text, text, partial(local_source, text, path))


def _is_excluded(found: Source | Path | str | _Unusable, patterns: Sequence[str]) -> bool:
    """Whether `--exclude` leaves out what was found, because of its name or its path."""
    source = found.source if isinstance(found, _Unusable) else found
    if isinstance(source, Source):
        path = Path(source.label) if source.url else None if source.temporary else source.path
    else:
        path = source if isinstance(source, Path) else None
    return path is not None and _matches(str(path), patterns)


def _matches(text: str, patterns: Sequence[str]) -> bool:
    from fnmatch import fnmatchcase

    path = Path(text)
    names = (path.name, path.as_posix(), *(f"{parent.as_posix()}/" for parent in path.parents))
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def _check(place: str, text: str, make_source: Callable[[], Source]) -> Source | _Unusable:
    """The document that `text` names."""
    try:
        return make_source()
    except InputProblem as problem:
        return _Unusable(place, Source(display_path(text), path=Path(text), problem=str(problem)))


def _read_list(path: Path, inputs: Inputs) -> Iterator[Source | str | _Unusable]:
    try:
        with path.open("rb") as file:
            for number, text in _listed(file, inputs):
                if "\0" in text:
                    yield f"--from {path}: {_NO_LIST}"
                    return
                place = f"{path}, line {number}: {display_path(text)}"
                yield _check(place, text, partial(listed_source, text))
    except OSError as error:
        yield f"--from {path}: {error.strerror or error}"


def _stream_list(environment: Environment, inputs: Inputs) -> Iterator[Source]:
    for _, text in _listed(environment.stdin.buffer, inputs):
        if _matches(display_path(text), inputs.exclude):
            continue
        if "\0" in text:
            yield Source(display_path(text), problem=_NO_LIST)
            continue
        found = _check(text, text, partial(listed_source, text))
        yield found.source if isinstance(found, _Unusable) else found


def _listed(file: IO[bytes], inputs: Inputs) -> Iterator[tuple[int, str]]:
    """What a list names, each with its place in the list, counted from 1."""
    # A list of `find -print0` has names exactly as they are.
    lines = read_lines(file, "\0") if inputs.null else map(named_in_line, read_lines(file))
    return ((number, text) for number, text in enumerate(lines, 1) if text)


def _search_folder(folder: Path) -> Iterator[Source | Path | str | _Unusable]:
    """The documents in a folder and in those below it, sorted. Hidden folders are left out."""
    errors: list[OSError] = []
    paths: list[Path] = []
    for at, folders, files in os.walk(folder, onerror=errors.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        # `os.walk` does not follow links to folders, which could lead in circles; they count as skipped.
        links = [name for name in folders if Path(at, name).is_symlink()]
        paths += [Path(at, name) for name in (*files, *links)]
    for error in errors:
        yield f"{display_path(error.filename)}: can't be read: {error.strerror}"
    for path in sorted(paths):
        named_as_document = why_skipped(path) is None
        if is_clutter(path.name) or (not path.is_file() and (path.exists() or not named_as_document)):
            yield path
            continue
        found = _check(display_path(path), str(path), partial(local_source, str(path), path, folder))
        yield path if isinstance(found, _Unusable) and not named_as_document else found
    if not errors and all(is_clutter(path.name) for path in paths):
        yield f"{display_path(folder)}: no files in this folder"


def input_error(problems: list[str], unusable: list[str], inputs: Inputs) -> UsageError:
    """One error for all: problems that concern no document, and documents that can't be used."""
    every = [*problems, *unusable]
    named = len(inputs.files) + len(inputs.file_ids) > 1 or any(map(is_wildcard, inputs.files))
    several = named or inputs.recursive or inputs.listed is not None
    hint = None
    if several and not problems and inputs.skip_invalid is not None:
        hint = "replace what can't be used; or add `--skip-invalid`, and only these inputs fail"
    if len(every) == 1:
        return UsageError(every[0], hint=hint)
    shown = "".join(f"\n  {problem}" for problem in every[:_MAX_PROBLEMS])
    hidden = len(every) - _MAX_PROBLEMS
    more = f"\n  and {hidden} more" if hidden > 0 else ""
    message = f"{len(every)} inputs can't be used:{shown}{more}"
    return UsageError(message, hint=hint, details=every)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discard(sources: Iterable[Source]) -> None:
    """Delete the copies of documents that could be read only once."""
    for source in sources:
        if source.path is not None and source.temporary:
            source.path.unlink(missing_ok=True)
