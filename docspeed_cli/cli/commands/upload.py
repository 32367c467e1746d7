"""`docspeed upload`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from docspeed_cli.cli.flags import request_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import FormatOptions, InputOptions, ServerOptions
from docspeed_cli.core.errors import AuthError, DocspeedError, UsageError, overall_exit_code

if TYPE_CHECKING:
    from docspeed_cli.core.models import Source
    from docspeed_cli.jobs.context import Context


class UploadOptions(InputOptions, FormatOptions, ServerOptions):
    """The shared options of `upload`."""


@guide(
    "docspeed upload invoice.pdf --sandbox",
    "docspeed upload *.pdf --format id | docspeed parse --from - --wait",
    formats=("json", "id"),
)
def upload(
    options: UploadOptions,
    fresh: Annotated[bool, request_flag("--fresh", "upload even if the content was uploaded before")] = False,
) -> Action:
    """Store files and print their file ids."""

    def action(context: Context) -> int:
        from docspeed_cli.jobs.documents.input_set import discard
        from docspeed_cli.jobs.sources import find_documents

        if not options.inputs.given:
            raise UsageError("no file given", hint="`docspeed upload FILE`, or - for standard input")
        found = find_documents(context, options.inputs)
        codes: set[int] = set()
        try:
            for source in found.documents():
                try:
                    _print_entry(context, _upload(context, source, fresh))
                except DocspeedError as error:
                    context.output.error(error)
                    codes.add(error.exit_code)
                    if isinstance(error, AuthError):
                        break
        finally:
            discard(found.checked)
        return overall_exit_code(codes)

    return action


def _upload(context: Context, source: Source, fresh: bool) -> dict[str, Any]:
    from docspeed_cli.jobs.documents.input_set import usable
    from docspeed_cli.jobs.documents.reading import read_document
    from docspeed_cli.jobs.uploads import upload_once

    if usable(source).url is not None:
        source = context.downloads.document(source, context.sleep)
    if source.path is None:
        raise UsageError(f"{source.label} is already stored; other commands take it with `--file-id`")
    with context.output.live() as show:
        show(f"upload {source.label}")
        file_id, entry = upload_once(context, read_document(context, source), source.path, fresh=fresh)
    if entry is not None:
        return {**entry, "input": source.label}
    context.output.note(f"{source.label}: uploaded before as {file_id}; `--fresh` uploads it again")
    return {
        "file_id": file_id,
        "filename": source.filename,
        "content_type": source.content_type,
        "size": source.size,
        "input": source.label,
        "reused": True,
    }


def _print_entry(context: Context, entry: dict[str, Any]) -> None:
    output = context.output
    if output.format == "id":
        output.text(str(entry["file_id"]))
    else:
        output.text_or_json(entry, f"{entry['file_id']}  {entry['input']}")
