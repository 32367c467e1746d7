"""Find and check the documents that a command names, before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import InputProblem, UsageError, combine_errors
from docspeed_cli.core.files import display_path
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.jobs.documents.clutter import is_clutter, is_system_folder, why_skipped
from docspeed_cli.jobs.documents.input_set import (
    InputSet,
    Limits,
    discard,
    input_error,
    is_wildcard,
    parse_shard,
)
from docspeed_cli.jobs.documents.named_documents import (
    has_suffix,
    listed_names,
    listed_source,
    local_source,
    stdin_source,
    why_absent,
    why_no_list,
)
from docspeed_cli.jobs.documents.reading import read_document

if TYPE_CHECKING:
    from docspeed_cli.jobs.context import Context

_NO_LIST = "it is not a list of paths or ids; `--null` reads one that `find -print0` wrote"

_MAX_SHOWN = 500
"""Most characters that a message shows of an unusable input."""


class _Unusable(NamedTuple):
    """A document that can't be used, and where it was named."""

    place: str
    source: Source


_UNLIMITED = Limits()


def find_documents(
    context: Context,
    inputs: Inputs,
    limits: Limits = _UNLIMITED,
    timeout: float | None = None,
    *,
    download: bool = True,
) -> InputSet:
    """Find and check all documents, and download those with URLs within `timeout` seconds.

    Without `download` they are only found. UsageError with every problem, or for too many documents.
    """
    found = collect(inputs, context.environment)
    if inputs.file_ids:
        # A job's id among them is found before anything is sent; those in a list may be thousands.
        named = set(inputs.file_ids)
        checked = (read_document(context, each) if each.file_id in named else each for each in found.checked)
        found = found._replace(checked=tuple(checked))
    if limits.limit is not None:
        # Standard input was copied to a file, which nothing else deletes if the limit leaves it out.
        discard(found.checked[limits.limit :])
        found = found._replace(checked=found.checked[: limits.limit])
    try:
        # Pages too can be limited before the first upload only if the whole list is known.
        if limits.max_files is not None or limits.max_pages is not None:
            from docspeed_cli.jobs.documents.limits import limit_files

            found = limit_files(found, limits)
        if any(source.url for source in found.checked):
            if not download:
                return found
            from docspeed_cli.jobs.documents.web_documents import download_all

            found = download_all(context, found, inputs, timeout)
        if limits.max_pages is not None:
            from docspeed_cli.jobs.documents.limits import limit_pages

            # After the downloads, whose pages can't be counted before.
            limit_pages(found.checked, limits.max_pages)
    except BaseException:
        # After a Ctrl-C too: copies of documents from pipes would stay in the temporary folder.
        discard(found.checked)
        raise
    return found


def collect(inputs: Inputs, environment: Environment) -> InputSet:
    """Find and check all documents. UsageError with every problem.

    A list on standard input is read later, line by line, because it may be long or slow.
    """
    sources: list[Source] = []
    skipped: list[Path] = []
    unusable: list[str] = []
    problems: list[str] = []
    wrong: list[UsageError] = []
    shard = None
    try:
        shard = None if inputs.shard is None else parse_shard(inputs.shard)
    except UsageError as error:
        wrong.append(error)
    try:
        for found in _find(inputs, environment):
            if inputs.exclude and _is_excluded(found, inputs.exclude):
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
            wrong.append(input_error(problems, unusable, inputs))
        if wrong:
            raise combine_errors(wrong)
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
            yield _checked_source("standard input", text, partial(stdin_source, environment, inputs.filename))
        elif inputs.recursive and Path(text).is_dir():
            yield from _search_folder(Path(text))
        else:
            yield _checked_source(display_path(text), text, partial(local_source, text, Path(text)))
    for file_id in inputs.file_ids:
        yield _checked_source(f"--file-id {file_id!r}", file_id, partial(stored_source, file_id))
    if inputs.listed not in (None, "-"):
        yield from _read_list(Path(str(inputs.listed)), inputs)


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
            yield _checked_source(text, text, partial(local_source, text, path))


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


def _checked_source(place: str, text: str, make_source: Callable[[], Source]) -> Source | _Unusable:
    """The document that `text` names."""
    try:
        return make_source()
    except InputProblem as problem:
        return _Unusable(place, Source(_shortened(text), path=Path(text), problem=str(problem)))


def stored_source(file_id: str) -> Source:
    """A document that the service stores. InputProblem if this can't be an id."""
    if not file_id.strip() or not file_id.isprintable():
        raise InputProblem("it is not a file id")
    if os.path.isfile(file_id) and has_suffix(file_id):  # noqa: PTH113 - unlike Path it takes any name
        raise InputProblem("it is a file on this machine; name it without `--file-id`")
    return Source(file_id, file_id=file_id)


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
                yield _checked_source(place, text, partial(listed_source, text))
    except FileNotFoundError:
        yield f"--from {path}: {why_absent(path)}"
    except OSError as error:
        yield f"--from {path}: {error.strerror or error}"


def _stream_list(environment: Environment, inputs: Inputs) -> Iterator[Source]:
    for _, text in listed_names(environment.stdin.buffer, null=inputs.null):
        if inputs.exclude and _matches(display_path(text), inputs.exclude):
            continue
        if "\0" in text:
            yield Source(display_path(text), problem=_NO_LIST)
            continue
        found = _checked_source(text, text, partial(listed_source, text))
        yield found.source if isinstance(found, _Unusable) else found


def _search_folder(folder: Path) -> Iterator[Source | Path | str | _Unusable]:
    """The documents in a folder and in those below it, sorted. Hidden and system folders are left out."""
    errors: list[OSError] = []
    paths: list[Path] = []
    # By default `os.walk` passes over a folder that can't be read: its documents would be missing in silence.
    for at, folders, files in os.walk(folder, onerror=errors.append):
        # In place, because `os.walk` enters what is left in this very list.
        folders[:] = [name for name in folders if not is_system_folder(name)]
        # `os.walk` does not follow links to folders, which could lead in circles; they count as skipped.
        links = [name for name in folders if Path(at, name).is_symlink()]
        paths += [Path(at, name) for name in (*files, *links)]
    for error in errors:
        yield f"{display_path(error.filename)}: can't be read: {error.strerror}"
    for path in sorted(paths):
        reason = why_skipped(path)
        named_as_document = reason is None
        if reason not in (None, "unsupported") or (
            not path.is_file() and (path.exists() or not named_as_document)
        ):
            yield path
            continue
        found = _checked_source(display_path(path), str(path), partial(local_source, str(path), path, folder))
        # A file without a document's suffix may still be a document; if it is not, nothing is wrong.
        yield path if isinstance(found, _Unusable) and not named_as_document else found
    if not errors and all(is_clutter(path.name) for path in paths):
        yield f"{display_path(folder)}: no files in this folder"
