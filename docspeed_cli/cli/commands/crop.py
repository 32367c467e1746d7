"""The command `docspeed crop`: the place of a value as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from docspeed_cli.cli.commands.view import Documents
from docspeed_cli.cli.flags import NOTHING, Argument, Files, Flag, Text, output_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import ServerOptions
from docspeed_cli.core.errors import DocspeedError, NotFound, UsageError
from docspeed_cli.core.files import write_errors, write_whole
from docspeed_cli.core.suggest import nearest
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.output.target import file_target
from docspeed_cli.jobs.stored.result_documents import named_documents, operation_of, result_documents
from docspeed_cli.jobs.stored.stored_results import StoredResult, stored_results
from docspeed_cli.review.crop import FORMATS, crop_place, find_value, place_with_box, to_bytes
from docspeed_cli.review.documents import DocumentProblem, check_installed
from docspeed_cli.review.model import PanelValue
from docspeed_cli.review.page import ResultPage


class CropOptions(ServerOptions):
    """The options of `crop`."""

    output: Annotated[
        Text,
        output_flag("-o --output", "write the picture to this file: .png, .jpg or .webp", "PATH", Files()),
    ] = None


@guide(
    "docspeed crop extracted/1.json --field invoice_number -o number.png",
    "docspeed crop extracted/1.json --field 'line_items[2].amount' -o amount.png",
)
def crop(
    options: CropOptions,
    result: Annotated[str, Argument("RESULT", "a result file, a job id, or @last", "results")],
    field: Annotated[
        str,
        Flag(
            ("--field",),
            "the value's name, such as invoice_number or line_items[2].amount; rows count from 1",
            metavar="NAME",
            completes=NOTHING,
        ),
    ],
    documents: Documents = None,
) -> Action:
    """Save a picture of the place in a document where a value was read."""

    def action(context: Context) -> int:
        named = named_documents(documents or ())
        for path in (*named, Path(result)):
            context.files_read.add(path, str(path))
        target, suffix = _target(context, options.output)
        found = list(stored_results(context, [result]))
        if not found:
            raise NotFound(f"{result}: there is no result to show")
        if len(found) > 1:
            raise UsageError(f"{result} has {len(found)} results; name one")
        picture = _picture(context, found[0], field, named, suffix)
        if target is None:
            context.output.chunks([picture])
            return 0
        # Once more: the result's own documents are known only now.
        context.files_read.check_output(target, "-o")
        with write_errors(target, code="write_failed"):
            write_whole(target, [picture])
        context.output.note(f"the picture of {field} is in {target}")
        return 0

    return action


def _target(context: Context, output: str | None) -> tuple[Path | None, str]:
    """Return the file that gets the picture, None for standard output, and its format's suffix."""
    path = file_target(output).path
    if path is None:
        if context.environment.stdout.isatty():
            raise UsageError("a picture can't be shown at a terminal", hint="add `-o FILE.png`")
        return None, ".png"
    context.files_read.check_output(path, "-o")
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(f"-o {path}: its name must end in {', '.join(FORMATS)}")
    return path, suffix


def _picture(context: Context, result: StoredResult, field: str, named: list[Path], suffix: str) -> bytes:
    """Return the picture of a value's place. DocspeedError if it has none."""
    result.check()
    check_installed()
    files = result_documents(context, result, named)
    with ResultPage(result.payload, operation_of(context, result), "", files) as shown:
        value = find_value(shown.data.values, field)
        if value is None:
            raise _no_value(field, [each.key for each in shown.data.values])
        place = place_with_box(value)
        document = shown.document(place.document if place is not None else 0)
        if document is None:
            raise NotFound(shown.data.documents[0].note or "the document was not found on this machine")
        if place is None:
            raise NotFound(_no_place(value))
        if place.is_found:
            context.output.note(f"the result has no box for {field}; the place was found by the value's text")
        try:
            return to_bytes(crop_place(document, place), suffix)
        except DocumentProblem as problem:
            raise DocspeedError(str(problem)) from None


def _no_value(field: str, keys: list[str]) -> UsageError:
    close = nearest(field, keys)
    hint = f"did you mean {close}?" if close else f"the result has {', '.join(keys[:10])}" if keys else None
    return UsageError(f"--field {field}: the result has no value of this name", hint=hint)


def _no_place(value: PanelValue) -> str:
    pages = ", ".join(str(place.page) for place in value.places)
    if pages:
        return f"{value.key} is on page {pages}, but its place there is not known"
    return f"the result does not say where {value.key} was read"
