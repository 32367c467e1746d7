"""Find and check the documents that a command names, before anything is sent."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import InputProblem, UsageError
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.core.urls import is_url
from docspeed_cli.jobs.clutter import is_clutter, why_skipped
from docspeed_cli.jobs.named_documents import (
    display_path,
    listed_names,
    listed_source,
    local_source,
    stdin_source,
    stored_source,
    why_absent,
    why_no_list,
)

_NO_LIST = "it is not a list of paths or ids; `--null` reads one that `find -print0` wrote"

_MAX_SHOWN = 500
"""Most characters that a message shows of an unusable input."""

_MAX_PROBLEMS = 20
"""Most problems that one message lists."""


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

        Only its path decides: below the searched folder, or else as it was named; or its URL. `a.pdf` and
        `A.png` in one folder are in one part, which gives their results different names.
        """
        from docspeed_cli.jobs.filenames import comparable

        name = source.url or source.label
        if source.path is not None and not source.temporary:
            named = source.path if source.below is None else source.path.relative_to(source.below)
            stem = comparable(Path(os.path.normpath(named)).with_suffix(""))
            name = display_path(stem).replace(os.sep, "/")
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
        most = None if limit is None else min(limit, sys.maxsize)
        named = itertools.islice(itertools.chain(self.checked, streamed), most)
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
        return _Unusable(place, Source(_shortened(text), path=Path(text), problem=str(problem)))


def _shortened(text: str) -> str:
    """An input for messages, shortened: a file that is not a list may be one long line."""
    shown = display_path(text)
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[:_MAX_SHOWN]}…"


def _read_list(path: Path, inputs: Inputs) -> Iterator[Source | str | _Unusable]:
    if why := why_no_list(path):
        yield f"--from {path}: {why}"
        return
    try:
        with path.open("rb") as file:
            for number, text in listed_names(file, null=inputs.null):
                if "\0" in text:
                    yield f"--from {path}: {_NO_LIST}"
                    return
                place = f"{path}, line {number}: {_shortened(text)}"
                yield _check(place, text, partial(listed_source, text))
    except FileNotFoundError:
        yield f"--from {path}: {why_absent(path)}"
    except OSError as error:
        yield f"--from {path}: {error.strerror or error}"


def _stream_list(environment: Environment, inputs: Inputs) -> Iterator[Source]:
    for _, text in listed_names(environment.stdin.buffer, null=inputs.null):
        if _matches(display_path(text), inputs.exclude):
            continue
        if "\0" in text:
            yield Source(display_path(text), problem=_NO_LIST)
            continue
        found = _check(text, text, partial(listed_source, text))
        yield found.source if isinstance(found, _Unusable) else found


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
        reason = why_skipped(path)
        named_as_document = reason is None
        if reason in ("hidden", "ours") or (not path.is_file() and (path.exists() or not named_as_document)):
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


def discard(sources: Iterable[Source]) -> None:
    """Delete the copies of documents that could be read only once."""
    for source in sources:
        if source.path is not None and source.temporary:
            source.path.unlink(missing_ok=True)
