"""Say what would be sent, and send nothing: as JSON, as a curl command, or a line for each input."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docspeed_cli.core.errors import UsageError, overall_exit_code
from docspeed_cli.core.json_text import SPACED
from docspeed_cli.core.models import Job, Request, Source, State
from docspeed_cli.core.operations import UPLOAD_PATH
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.sources import display_path, invalid_input, why_skipped
from docspeed_cli.jobs.uploads import Uploads

if TYPE_CHECKING:
    from docspeed_cli.jobs.tasks import DocumentTasks
    from docspeed_cli.jobs.uploads import PreparedRequest

_KEY_HEADER = '"Authorization: Bearer $DOCSPEED_API_KEY"'


def show_request(context: Context, request: Request, *, fresh: bool = False) -> None:
    """Print the request, the uploads that it needs first, and the job that would be reused."""
    uploads = Uploads(context)
    prepared = uploads.prepare(request)
    known = _reusable_job(context, prepared, fresh=fresh)
    if known is not None:
        context.output.note(f"without --dry-run, job {known.ref} would be reused")
    file_ids = [uploads.stored_id(document) for document in prepared.documents]
    if context.output.style.format == "curl":
        if not context.environment.env.get("DOCSPEED_API_KEY") and context.settings.key()[0]:
            context.output.note("the command reads the key from $DOCSPEED_API_KEY, which is not set here")
        context.output.text(_curl(context, request, file_ids))
        return
    documents = list(zip(request.sources, file_ids, strict=True))
    shown: dict[str, Any] = {
        "method": request.operation.method,
        "url": context.address + request.operation.path,
        "body": request.body(file_id or f"<upload of {source.label}>" for source, file_id in documents),
    }
    if not all(file_ids):
        shown["uploads"] = [
            {"url": context.address + UPLOAD_PATH, "file": str(source.path), "size": source.size}
            for source, file_id in documents
            if file_id is None
        ]
    context.output.value(shown)


def _reusable_job(context: Context, prepared: PreparedRequest, *, fresh: bool) -> Job | None:
    """The job that would be reused, as far as the ledger knows."""
    if fresh or not prepared.request.operation.reusable:
        return None
    known = context.ledger.by_request(prepared.identity)
    return next((job for job in known if job.state in (State.RUNNING, State.DONE)), None)


def show_actions(tasks: DocumentTasks, sources: Iterable[Source], skipped: Sequence[Path]) -> int:
    """Print a line for each of many inputs: what would happen to it. Returns the exit code."""
    output = tasks.context.output
    totals: Counter[str] = Counter()
    codes: set[int] = set()
    for source in sources:
        line = _action(tasks, source)
        totals[line["action"]] += 1
        codes.add(2 if source.problem else 0)
        output.value(line)
    for path in skipped:
        totals["skip"] += 1
        reason = why_skipped(path) or "unsupported"
        output.value({"input": display_path(path), "action": "skip", "reason": reason})
    counts = ", ".join(f"{count} × {action}" for action, count in totals.items())
    output.progress(f"{tasks.operation.name}: {counts or 'nothing to do'}")
    return overall_exit_code(codes)


def _action(tasks: DocumentTasks, source: Source) -> dict[str, Any]:
    if source.problem is not None:
        return {"input": source.label, "action": "fail", "error": invalid_input(source).to_json()}
    path = tasks.delivery.files.path_for(source, tasks.operation.name)
    uploads = Uploads(tasks.context)
    prepared = uploads.prepare(tasks.request(source))
    try:
        if path is not None and tasks.existing_result(prepared, path) is None:
            tasks.delivery.files.check_free(path, source)
    except UsageError as error:
        return {"input": source.label, "action": "fail", "error": error.to_json(), "output": str(path)}
    found = _reusable_job(tasks.context, prepared, fresh=tasks.options.fresh)
    line: dict[str, Any] = {"input": source.label}
    if tasks.existing_result(prepared, path) is not None:
        line["action"] = "leave"
    elif found is not None:
        line["action"] = "join" if found.state is State.RUNNING else "reuse"
    else:
        line["action"] = "submit" if uploads.stored_id(prepared.documents[0]) else "upload and submit"
    if found is not None:
        line["job_id"] = found.job_id
    return {**line, "output": str(path)} if path is not None else line


def _curl(context: Context, request: Request, file_ids: Sequence[str | None]) -> str:
    """The uploads and the request as curl commands; `file_ids` are those of stored documents."""
    if context.settings.sandbox:
        raise UsageError(
            "curl can't reach the sandbox inside this process",
            hint="run `docspeed sandbox serve`, then use `--base-url http://127.0.0.1:8787` in place of"
            " `--sandbox`",
        )
    commands, ids = [], []
    for number, (source, file_id) in enumerate(zip(request.sources, file_ids, strict=True), 1):
        ids.append(file_id or f"$FILE_ID_{number}")
        if file_id is None:
            upload = _curl_upload(context, source)
            commands.append(f"FILE_ID_{number}=$({upload} | jq -er '.files[0].file_id // .file_id')")
    url = shlex.quote(context.address + request.operation.path)
    body = shlex.quote(request.content(ids, SPACED))
    for variable in ids:
        if variable.startswith("$"):
            # The shell fills a variable in between double quotes only, so the single quotes end before it.
            body = body.replace(f'"file_id": "{variable}"', f'"file_id": "\'"{variable}"\'"')
    commands.append(
        f"curl -sS --fail-with-body -X {request.operation.method} {url} \\\n  -H {_KEY_HEADER} \\\n"
        f"  -H 'Content-Type: application/json' \\\n  -d {body}"
    )
    return " &&\n".join(commands)


def _curl_upload(context: Context, source: Source) -> str:
    names = ("-" if source.temporary else str(source.path), source.filename or "document")
    path, name = (text.replace("\\", "\\\\").replace('"', '\\"') for text in names)
    part = shlex.quote(f'files=@"{path}";filename="{name}";type={source.content_type}')
    return (
        f"curl -sS --fail-with-body {shlex.quote(context.address + UPLOAD_PATH)} -H {_KEY_HEADER} -F {part}"
    )
