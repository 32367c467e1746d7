"""What several commands over documents share: flags, and files that are read for a request's body."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from docspeed_cli.cli.options import output_flag, request_flag
from docspeed_cli.core import text_files
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.operations import GROUNDINGS

if TYPE_CHECKING:
    from docspeed_cli.jobs.context import Context

Grounding = Annotated[
    str | None,
    request_flag("--grounding", f"what evidence points to: {', '.join(GROUNDINGS)}, or another name", "NAME"),
]
Table = Annotated[
    str | None,
    output_flag("--table", "for csv, the rows of this table; `fields` means the fields", "NAME"),
]
Columns = Annotated[
    str | None,
    output_flag("--columns", "for csv and xlsx, only these columns, in this order", "NAME,NAME"),
]


def fixed_fields(**fields: Any) -> Callable[[Context], dict[str, Any]]:
    """The body's fields that have a value."""
    present = {name: value for name, value in fields.items() if value is not None}
    return lambda context: present


def read_text(context: Context, path: str, flag_name: str) -> str:
    """A text file that a flag names, which no result may replace. UsageError if it can't be read."""
    context.files_read.add(Path(path), path)
    try:
        return text_files.read_text(Path(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{flag_name}: can't read {path}: {reason}") from None


def read_stdin(context: Context, flag_name: str) -> str:
    """The text on standard input. UsageError if it is not text."""
    try:
        return text_files.decode_text(context.environment.stdin.buffer.read())
    except ValueError as error:
        raise UsageError(f"{flag_name} -: {error}") from None
