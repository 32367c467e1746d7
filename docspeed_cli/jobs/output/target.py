"""Where results go: standard output, one file, or a file for each input in a folder."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.files import display_path, is_replaced
from docspeed_cli.terminal.streams import check_bom

_FILES = (".json", ".jsonl", ".md", ".txt", ".csv", ".xlsx")
"""Endings of names that mean a file and not a folder."""

_ROW_FORMATS = {".csv": "csv", ".xlsx": "xlsx"}
"""The format of each ending; a spreadsheet program reports any other content as damaged."""


class RowOptions(NamedTuple):
    """Which rows of an operation's results are wanted, and under which columns; a schema names them all."""

    operation: str
    is_book: bool = False
    table: str | None = None
    columns: tuple[str, ...] = ()
    schema: Any = None
    bom: bool = False
    """Whether CSV begins with a byte order mark."""
    is_reviewed: bool = False
    """Whether reviewers may have decided about results; their decisions are applied and marked."""


class Target(NamedTuple):
    """Where results go. `many`: a line for each on standard output, or a file for each in the folder."""

    path: Path | None = None
    many: bool = False
    pattern: str | None = None
    overwrite: bool = False
    """Whether files in the folder that docspeed did not write may be replaced."""
    rows: RowOptions | None = None
    """What is written as rows; None for other formats."""
    in_one_file: bool = False
    """Whether the rows of many results go to the file `path`."""

    @property
    def folder(self) -> Path | None:
        """The folder that gets a file for each input, if there is one."""
        return self.path if self.many and not self.in_one_file else None

    @property
    def spool_dir(self) -> Path | None:
        """The folder of the only result's file; a large result that is stored there need not be copied."""
        return None if self.path is None or self.many else self.path.resolve().parent


def target(
    output: str | None,
    many: bool,
    pattern: str | None = None,
    *,
    overwrite: bool = False,
    rows: RowOptions | None = None,
    formats: Sequence[str] = (),
) -> Target:
    """What `-o` names. UsageError if results can't go there; a folder is not made yet.

    `formats` are those that the command can write; the ending of one that it does not write now is an error.
    """
    if output == "-":
        output = None
    if pattern is not None:
        from docspeed_cli.jobs.filenames import check_pattern

        check_pattern(pattern, output)
    if output is None:
        return Target(None, many, rows=rows)
    path, is_folder = Path(output), names_folder(output)
    is_file = path.is_file() or (not path.exists() and path.suffix.lower() in _FILES)
    if not is_folder:
        _check_ending(output, path, rows, formats)
    in_one_file = rows is not None and (is_file or rows.is_book)
    if rows is not None and rows.is_book and is_folder:
        raise UsageError(f"-o {output} is a folder; a workbook is one file", hint="use `-o FILE.xlsx`")
    if many and is_file and not in_one_file:
        # A shell would empty the file, which may be one of the inputs.
        or_file = "" if path.exists() else f", or `> {output}` for one file"
        raise UsageError(
            f"-o {output} is a file; the results of many inputs go to a folder",
            hint=f"use `-o {path.with_suffix('')}/` for a folder{or_file}",
        )
    if (many and not in_one_file) or is_folder:
        check_folder(path, f"-o {output}")
        return Target(path, True, pattern, overwrite, rows)
    check_file(path, f"-o {output}")
    return Target(path, many, rows=rows, in_one_file=many)


def _check_ending(output: str, path: Path, rows: RowOptions | None, formats: Sequence[str]) -> None:
    """UsageError if a spreadsheet program would open the file, and could not read its content."""
    meant = _ROW_FORMATS.get(path.suffix.lower())
    written = None if rows is None else "xlsx" if rows.is_book else "csv"
    if meant in formats and meant != written:
        hint = f"add `--format {meant}`, or give the file another name"
        raise UsageError(f"-o {output}: the output is not {meant}", hint=hint)


def check_file(path: Path, named: str) -> None:
    """UsageError if no file can be written at this path; `named` is the flag with its value."""
    if file := file_above(path):
        raise UsageError(f"{named}: {file} is a file, not a folder", hint="name another place")
    if not path.parent.is_dir():
        raise UsageError(
            f"{named}: the folder {path.parent} does not exist",
            hint=f"`mkdir -p {shlex.quote(display_path(path.parent))}`",
        )
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except OSError as error:  # for example, a link that leads to itself
        raise UsageError(f"{named}: {error.strerror or error}") from None
    else:
        if not os.access(path, os.W_OK):
            raise UsageError(f"{named}: it is read-only", hint="name another place")
    # The new file is made beside the old one, so the folder must be writable; a device is written itself.
    if is_replaced(path):
        _try_folder(path.resolve().parent, named)


def check_folder(path: Path, named: str) -> None:
    """UsageError if no file can be written in the folder at this path, which may have to be made."""
    if file := file_above(path / "file"):
        raise UsageError(f"{named}: can't make the folder {path}: {file} is a file")
    there = next(above for above in (path, *path.absolute().parents) if above.is_dir())
    _try_folder(there, named)


def _try_folder(folder: Path, named: str) -> None:
    """UsageError if no file can be made in the folder. We try, because permissions don't tell all."""
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"{named}: can't make a file in {folder}: {error.strerror or error}",
            hint="make that folder writable, or name another place",
        ) from None


def names_folder(output: str, flag: str = "-o") -> bool:
    """Whether a flag names a folder, whatever goes there. UsageError if no file of this name can exist."""
    try:
        return Path(output).is_dir() or output.endswith("/")
    except (OSError, ValueError) as error:
        raise UsageError(f"{flag} {output}: {getattr(error, 'strerror', None) or error}") from None


def file_target(output: str | None, rows: RowOptions | None = None) -> Target:
    """What `-o` names for a command that has one result in any case. UsageError for a folder."""
    found = target(output, False, rows=rows)
    if found.many:
        raise UsageError(f"-o {output} is a folder; name a file in it")
    return found


def make_folder(path: Path, wanted_by: str, hint: str | None = None) -> None:
    """Make a folder and those above it. UsageError if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        file = file_above(path)
        why = f"{file} is a file" if file else error.strerror or error
        raise UsageError(f"{wanted_by}: can't make the folder {path}: {why}", hint=hint) from None


def file_above(path: Path) -> Path | None:
    """A file in the place of one of the path's folders."""
    return next((above for above in path.parents if above.is_file()), None)


def result_flags(
    output: str | None, form: str | None, table: str | None, columns: str | None = None, *, bom: bool = False
) -> str:
    """The flags with which `docspeed jobs result` delivers the same."""
    named = {"-o": output, "--format": form, "--table": table, "--columns": columns}
    flags = "".join(f" {name} {shlex.quote(value)}" for name, value in named.items() if value)
    return flags + (" --bom" if bom else "")


def row_options(
    form: str,
    operation: str,
    table: str | None = None,
    columns: str | None = None,
    schema: Any = None,
    *,
    bom: bool = False,
) -> RowOptions | None:
    """Return which rows are wanted; None for a format without rows. UsageError for another format's flag."""
    check_bom(form, bom)
    if table is not None and form != "csv":
        raise UsageError(f"--table {table} picks a table for csv", hint="add `--format csv`")
    if form not in ("csv", "xlsx"):
        if columns is not None:
            raise UsageError("--columns picks the columns of rows", hint="add `--format csv`")
        return None
    names = tuple(name.strip() for name in columns.split(",")) if columns is not None else ()
    if not all(names):
        raise UsageError(f"--columns {columns}: a name is empty; is a variable unset?")
    return RowOptions(operation, form == "xlsx", table, names, schema, bom)
