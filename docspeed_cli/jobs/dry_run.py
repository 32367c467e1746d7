"""Say what would be sent, and send nothing: as JSON, as a curl command, or a line for each input."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docspeed_cli.core.errors import DocspeedError, UsageError, overall_exit_code
from docspeed_cli.core.models import Request, Source, State
from docspeed_cli.core.operations import UPLOAD_PATH
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.sources import display_path
from docspeed_cli.jobs.uploads import Uploads

if TYPE_CHECKING:
    from docspeed_cli.jobs.tasks import DocumentTasks

_KEY_HEADER = '"Authorization: Bearer $DOCSPEED_API_KEY"'


def show_request(context: Context, request: Request) -> None:
    """Print the request, and the uploads that it needs first."""
    uploads = Uploads(context)
    local = [source for source in request.sources if source.file_id is None]
    stored = {
        source.label: file_id
        for source in local
        if (file_id := uploads.stored_id(source, uploads.read(source)))
    }
    missing = [source for source in local if source.label not in stored]
    if context.output.style.format == "curl":
        if not context.environment.env.get("DOCSPEED_API_KEY") and context.settings.key()[0]:
            context.output.note("the command reads the key from $DOCSPEED_API_KEY, which is not set here")
        context.output.text(_curl(context, request, stored, missing))
        return
    body = request.body(
        source.file_id or stored.get(source.label) or f"<upload of {source.label}>"
        for source in request.sources
    )
    shown: dict[str, Any] = {
        "method": request.operation.method,
        "url": context.address + request.operation.path,
        "body": body,
    }
    if missing:
        shown["uploads"] = [
            {"url": context.address + UPLOAD_PATH, "file": str(source.path), "size": source.size}
            for source in missing
        ]
    context.output.value(shown)


def show_actions(
    tasks: DocumentTasks, sources: Iterable[Source | DocspeedError], skipped: Sequence[Path]
) -> int:
    """Print a line for each of many inputs: what would happen to it. Returns the exit code."""
    output = tasks.context.output
    totals: Counter[str] = Counter()
    codes: set[int] = set()
    for source in sources:
        line = _action(tasks, source)
        totals[line["action"]] += 1
        codes.add(2 if isinstance(source, DocspeedError) else 0)
        output.value(line)
    for path in skipped:
        totals["skip"] += 1
        output.value({"input": display_path(path), "action": "skip", "reason": "unsupported"})
    counts = ", ".join(f"{count} × {action}" for action, count in totals.items())
    output.progress(f"{tasks.operation.name}: {counts or 'nothing to do'}")
    return overall_exit_code(codes)


def _action(tasks: DocumentTasks, source: Source | DocspeedError) -> dict[str, Any]:
    from docspeed_cli.jobs.submit import Submitter

    if isinstance(source, DocspeedError):
        return {"action": "fail", "error": source.to_json()}
    path = tasks.delivery.path_for(source, tasks.operation.name)
    submitter = Submitter(tasks.context, tasks.run)
    prepared = submitter.prepare(tasks.request(source))
    found, stored = submitter.foresee(prepared, tasks.options)
    line: dict[str, Any] = {"input": source.label}
    if tasks.existing_result(prepared, path) is not None:
        line["action"] = "leave"
    elif found is not None:
        line["action"] = "join" if found.state is State.RUNNING else "reuse"
    else:
        line["action"] = "submit" if stored else "upload and submit"
    if found is not None:
        line["job_id"] = found.job_id
    return {**line, "output": str(path)} if path is not None else line


def _curl(context: Context, request: Request, stored: dict[str, str], missing: list[Source]) -> str:
    """The uploads and the request as curl commands."""
    if context.settings.sandbox:
        raise UsageError(
            "curl can't reach the sandbox inside this process",
            hint="run `docspeed sandbox serve`, then use `--base-url http://127.0.0.1:8787` in place of"
            " `--sandbox`",
        )
    lines = []
    ids: list[str] = []
    for number, source in enumerate(request.sources, 1):
        if source in missing:
            name = f"FILE_ID_{number}"
            lines.append(
                f"{name}=$({_curl_upload(context, source)} | jq -er '.files[0].file_id // .file_id')"
            )
            ids.append(f"\0{name}\0")  # no file id holds a NUL, so the variable's place is found again
        else:
            ids.append(source.file_id or stored[source.label])
    text = json.dumps(request.body(ids), ensure_ascii=False)
    quoted = "".join(
        part if index % 2 == 0 else f"'\"${part}\"'"
        for index, part in enumerate(_single_quoted(text).split("\\u0000"))
    )
    url = shlex.quote(context.address + request.operation.path)
    head = f"curl -sS --fail-with-body -X {request.operation.method} {url}"
    lines.append(f"{head} \\\n  -H {_KEY_HEADER} \\\n  -H 'Content-Type: application/json' \\\n  -d {quoted}")
    return " &&\n".join(lines)


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _curl_upload(context: Context, source: Source) -> str:
    name = source.filename or "document"
    where = "-" if source.temporary else str(source.path)
    path = where.replace("\\", "\\\\").replace('"', '\\"')
    name = name.replace("\\", "\\\\").replace('"', '\\"')
    part = f'files=@"{path}";filename="{name}";type={source.content_type}'
    url = shlex.quote(context.address + UPLOAD_PATH)
    return f"curl -sS --fail-with-body {url} -H {_KEY_HEADER} -F {_single_quoted(part)}"
