"""Find and check local documents before anything is sent."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ParamSpec

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.models import Inputs, Source

_TYPES = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/tiff": (".tif", ".tiff"),
    "image/webp": (".webp",),
    "image/bmp": (".bmp",),
    "image/gif": (".gif",),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
}
SUFFIXES = tuple(suffix for suffixes in _TYPES.values() for suffix in suffixes)
SUPPORTED = "PDF, PNG, JPEG, TIFF, WebP, BMP, GIF, DOCX and XLSX"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_OFFICE = {"word/": ".docx", "xl/": ".xlsx"}
_NOTHING_BELOW = "no files below this folder"
_ID = re.compile(r"[A-Za-z0-9_:-]+")


P = ParamSpec("P")


class Problem(Exception):
    """Why an input can't be taken."""


class Unsupported(Problem):
    """Its content is of no type that the service takes."""


def sniff(path: Path) -> str:
    """The media type by content. Problem where it is empty, unreadable or not supported."""
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise Problem(f"can't be read: {error.strerror or error}") from None
    if not head:
        raise Problem("is empty")
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    if head.startswith(b"BM") and len(head) >= 26:
        return "image/bmp"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if b"%PDF-" in head:
        return "application/pdf"
    if head.startswith(b"PK\x03\x04"):
        return _office(path)
    raise _unsupported(path)


def _office(path: Path) -> str:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        names = []
    for folder, suffix in _OFFICE.items():
        if any(name.startswith(folder) for name in names):
            return next(media for media, suffixes in _TYPES.items() if suffix in suffixes)
    raise _unsupported(path)


def _unsupported(path: Path) -> Problem:
    if path.suffix.lower() in SUFFIXES:
        return Problem(f"is named {path.suffix}, but its content is of no supported type ({SUPPORTED})")
    return Unsupported(f"is of no supported type ({SUPPORTED})")


def display_path(name: str | os.PathLike[str]) -> str:
    """A file's name as text; bytes that are none are shown as such, for JSON would refuse them."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def local(label: str, path: Path, below: Path | None = None) -> Source:
    """A checked local document. Problem where it can't be taken."""
    label, filename = display_path(label), display_path(path.name)
    try:
        if path.is_dir():
            raise Problem("is a folder; --recursive takes the documents below it")
        if not path.exists():
            raise Problem("no such file" + (": the link leads nowhere" if path.is_symlink() else ""))
        if not path.is_file():
            if not stat.S_ISFIFO(path.stat().st_mode):
                raise Problem("is no file")
            with path.open("rb") as pipe:
                return _copied(label, pipe)._replace(filename=filename)
        media_type = sniff(path)
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        raise Problem(getattr(error, "strerror", None) or str(error)) from None
    return Source(label, path=path, filename=filename, content_type=media_type, size=size, below=below)


def stored(file_id: str) -> Source:
    """A document that the service stores. Problem where this can be no id."""
    if not file_id.strip() or not file_id.isprintable():
        raise Problem("is no file id")
    return Source(file_id, file_id=file_id)


def named(text: str) -> Source:
    """A line of a list: the path of a file if there is one, else an id if it looks like one."""
    path = Path(text)
    if not path.exists() and _ID.fullmatch(text) and path.suffix.lower() not in SUFFIXES:
        return stored(text)
    if path.is_dir():
        raise Problem("is a folder; a list names documents")
    return local(text, path)


def read_stdin(environment: Environment, filename: str | None) -> Source:
    """The document on standard input, kept in a file of its own until the program ends."""
    if environment.stdin.isatty():
        raise Problem("is the terminal; pipe a document in, or name a file")
    source = _copied("-", environment.stdin.buffer)
    suffix = _TYPES[source.content_type or "application/pdf"][0]
    filename = display_path(filename) if filename else None
    return source._replace(filename=filename or f"stdin{suffix}", label=filename or "-")


def _copied(label: str, stream: IO[bytes]) -> Source:
    """A document that can be read once only, copied so that it can be read again."""
    try:
        with tempfile.NamedTemporaryFile(prefix="docspeed-", delete=False) as file:
            path = Path(file.name)
            try:
                shutil.copyfileobj(stream, file, 1 << 20)
                file.flush()
                return local(label, path)._replace(temporary=True)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except OSError as error:
        why = error.strerror or error
        raise Problem(f"can't be kept until it is sent ({why}); TMPDIR names a place") from None


@dataclass(frozen=True)
class InputSet:
    """The documents that were named: those that are checked, and those that standard input will name."""

    checked: tuple[Source, ...]
    skipped: tuple[Path, ...] = ()
    """Files below a folder that are of no type that the service takes."""
    coming: Iterable[Source | DocspeedError] = ()

    def __iter__(self) -> Iterator[Source | DocspeedError]:
        yield from self.checked
        yield from self.coming


def collect(inputs: Inputs, environment: Environment) -> InputSet:
    """Every document, in the order given. UsageError with all problems of all that is known at once;

    a list on standard input is read as it comes, and a bad line of it is an error in its place.
    """
    sources: list[Source] = []
    skipped: list[Path] = []
    problems: list[str] = []
    try:
        for step in _named(inputs, environment):
            if isinstance(step, Source):
                sources.append(step)
            elif isinstance(step, Path):
                skipped.append(step)
            else:
                problems.append(step)
    except BaseException:
        discard(sources)
        raise
    if problems:
        discard(sources)
        raise UsageError(
            _together(problems),
            details=problems if len(problems) > 1 else None,
            hint=_way_round(inputs) if any(map(_of_a_file, problems)) else None,
        )
    return InputSet(tuple(sources), tuple(skipped), _streamed(environment) if inputs.listed == "-" else ())


def _of_a_file(problem: str) -> bool:
    return not problem.endswith(_NOTHING_BELOW)


def _way_round(inputs: Inputs) -> str | None:
    """How a folder with bad files in it is taken all the same, each of them as one failure of the run."""
    folder = next((text for text in inputs.files if inputs.recursive and Path(text).is_dir()), None)
    if folder is None:
        return None
    import shlex

    found = f"find {shlex.quote(folder)} -name '*.pdf'"
    return f"to go on with the others, pipe a list in: {found}, and --from - in place of the folder"


def _named(inputs: Inputs, environment: Environment) -> Iterator[Source | Path | str]:
    if list(inputs.files).count("-") + (inputs.listed == "-") > 1:
        yield "standard input can be read once only: one document as -, or one list as --from -"
        return
    for text in inputs.files:
        if not text:
            yield "an input is empty; is a variable not set?"
        elif text == "-":
            yield from _try("standard input", read_stdin, environment, inputs.filename)
        elif inputs.recursive and Path(text).is_dir():
            yield from _below(Path(text))
        else:
            yield from _try(text, local, text, Path(text))
    for file_id in inputs.file_ids:
        yield from _try(f"--file-id {file_id!r}", stored, file_id)
    if inputs.listed not in (None, "-"):
        yield from _from_list(Path(str(inputs.listed)))


def _from_list(path: Path) -> Iterator[Source | str]:
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        yield f"--from {path}: {getattr(error, 'strerror', None) or 'it is not a list of paths or ids'}"
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield from _try(f"{path}, line {number}: {line.strip()}", named, line.strip())


def _streamed(environment: Environment) -> Iterator[Source | DocspeedError]:
    for line in environment.stdin:
        text = line.strip().removeprefix("\ufeff")
        if not text:
            continue
        try:
            yield named(text)
        except Problem as problem:
            yield UsageError(f"{text}: {problem}", details={"input": text})


def _below(folder: Path) -> Iterator[Source | Path | str]:
    problems: list[str] = []
    paths = sorted(_listed(folder, problems))
    yield from problems
    for path in paths:
        meant = path.suffix.lower() in SUFFIXES
        if not path.is_file() and (path.exists() or not meant):
            yield path
            continue
        try:
            yield local(str(path), path, below=folder)
        except Unsupported:
            yield path
        except Problem as problem:
            yield f"{display_path(path)}: {problem}" if meant else path
    if not paths and not problems:
        yield f"{display_path(folder)}: {_NOTHING_BELOW}"


def _listed(folder: Path, problems: list[str]) -> Iterator[Path]:
    """What is below a folder, hidden files apart; a link to another folder is named and not followed."""

    def unreadable(error: OSError) -> None:
        problems.append(f"{display_path(error.filename)}: can't be read: {error.strerror}")

    for at, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        linked = [name for name in folders if Path(at, name).is_symlink()]
        yield from (Path(at, name) for name in (*files, *linked) if not name.startswith("."))


def _try(label: str, check: Callable[P, Source], *args: P.args, **kwargs: P.kwargs) -> Iterator[Source | str]:
    try:
        yield check(*args, **kwargs)
    except Problem as problem:
        yield f"{label}: {problem}"


def _together(problems: Sequence[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    shown = "".join(f"\n  {problem}" for problem in problems[:20])
    more = f"\n  and {len(problems) - 20} more" if len(problems) > 20 else ""
    return f"{len(problems)} inputs can't be taken:{shown}{more}"


def digest(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def discard(sources: Iterable[Source]) -> None:
    """Remove what was kept of standard input."""
    for source in sources:
        if source.path is not None and source.temporary:
            source.path.unlink(missing_ok=True)
