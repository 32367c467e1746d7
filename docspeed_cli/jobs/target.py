"""Where results go: standard output, one file, or a file for each input in a folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import NamedTuple

from docspeed_cli.core.errors import UsageError
from docspeed_cli.jobs.filenames import check_pattern
from docspeed_cli.jobs.sources import display_path


class Target(NamedTuple):
    """Where results go. `many`: a line for each on standard output, or a file for each in the folder."""

    path: Path | None = None
    many: bool = False
    table: str | None = None
    pattern: str | None = None
    overwrite: bool = False
    """Whether files in the folder may be replaced that no request of ours brought."""

    @property
    def folder(self) -> Path | None:
        """The folder that gets a file for each input, if there is one."""
        return self.path if self.many else None

    @property
    def spool_dir(self) -> Path | None:
        """The folder of the only result's file; a large result that is stored there need not be copied."""
        return None if self.path is None or self.many else self.path.resolve().parent


def target(
    output: str | None,
    many: bool,
    table: str | None = None,
    pattern: str | None = None,
    *,
    make: bool = True,
    overwrite: bool = False,
) -> Target:
    """What `-o` names; a folder is made unless `make` is false. UsageError if results can't go there."""
    if output == "-":
        output = None
    if pattern is not None:
        check_pattern(pattern, output)
    if output is None:
        return Target(None, many, table)
    path = Path(output)
    _check_usable(path, output)
    looks_like_file = not path.exists() and path.suffix.lower() in (".json", ".jsonl", ".md", ".txt", ".csv")
    if many and (path.is_file() or looks_like_file):
        raise UsageError(
            f"-o {output} is a file; the results of many inputs go to a folder",
            hint=f"use `-o {path.with_suffix('')}/` for a folder, or `> {output}` for one file",
        )
    if many or path.is_dir() or output.endswith("/"):
        if make:
            make_folder(path, f"-o {output}")
        return Target(path, True, table, pattern, overwrite)
    if not path.parent.is_dir():
        raise UsageError(
            f"-o {output}: the folder {path.parent} does not exist",
            hint=f"`mkdir -p {shlex.quote(display_path(path.parent))}`",
        )
    return Target(path, False, table)


def _check_usable(path: Path, output: str) -> None:
    """UsageError if no file of this name can exist."""
    try:
        path.exists()
    except (OSError, ValueError) as error:
        raise UsageError(f"-o {output}: {getattr(error, 'strerror', None) or error}") from None


def file_target(output: str | None) -> Target:
    """What `-o` names for a command that has one result in any case. UsageError for a folder."""
    found = target(output, False, make=False)
    if found.many:
        raise UsageError(f"-o {output} is a folder; name a file in it")
    return found


def make_folder(path: Path, wanted_by: str) -> None:
    """Make a folder and those above it. UsageError if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{wanted_by}: can't make the folder {path}: {error.strerror or error}") from None


def result_flags(output: str | None, form: str | None, table: str | None) -> str:
    """The flags with which `docspeed jobs result` delivers the same."""
    named = {"-o": output, "--format": form, "--table": table}
    return "".join(f" {name} {shlex.quote(value)}" for name, value in named.items() if value)


def check_table(table: str | None, form: str) -> None:
    """UsageError if `--table` is given for a format that holds the whole result."""
    if table is not None and form != "csv":
        raise UsageError(f"--table {table} picks a table for csv", hint="add `--format csv`")
