"""Say what would be sent, and send nothing: as JSON, as a curl command, or a line for each input."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docspeed_cli.core.errors import UsageError, overall_exit_code
from docspeed_cli.core.files import display_path
from docspeed_cli.core.json_text import SPACED
from docspeed_cli.core.models import Job, Request, Source, State
from docspeed_cli.core.operations import UPLOAD_PATH
from docspeed_cli.core.timefmt import counted, file_size
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.documents.clutter import why_skipped
from docspeed_cli.jobs.documents.input_set import invalid_input
from docspeed_cli.jobs.documents.page_count import page_count
from docspeed_cli.jobs.documents.reading import read_documents
from docspeed_cli.jobs.uploads import stored_id

if TYPE_CHECKING:
    from docspeed_cli.jobs.tasks import DocumentTasks

_KEY_HEADER = '"Authorization: Bearer $DOCSPEED_API_KEY"'


def show_request(context: Context, request: Request, *, fresh: bool = False) -> None:
    """Print the request, the uploads that it needs first, and the job that would be reused."""
    if any(_awaits_download(source) for source in request.sources):
        _show_downloads(context, request)
        return
    request = read_documents(context, request)
    known = _reusable_job(context, request, fresh=fresh)
    if known is not None:
        context.output.note(f"without --dry-run, job {known.ref} would be reused")
    file_ids = [stored_id(context, source) for source in request.sources]
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


def _awaits_download(source: Source) -> bool:
    return source.url is not None and source.path is None


def _show_downloads(context: Context, request: Request) -> None:
    """Print a request with documents that are not downloaded yet, so it is unknown what it would reuse."""
    awaited = [source.label for source in request.sources if _awaits_download(source)]
    if context.output.style.format == "curl":
        raise UsageError(
            f"{awaited[0]} is not downloaded in a dry run, and curl needs a file",
            hint="download it first, and name the file",
        )
    context.output.note("a dry run downloads nothing, so it can't tell whether a job would be reused")
    named = (source.file_id or f"<upload of {source.label}>" for source in request.sources)
    context.output.value(
        {
            "method": request.operation.method,
            "url": context.address + request.operation.path,
            "body": request.body(named),
            "downloads": awaited,
        }
    )


def _reusable_job(context: Context, request: Request, *, fresh: bool) -> Job | None:
    """The job that would be reused, as far as the ledger knows."""
    if fresh or not request.operation.reusable:
        return None
    known = context.ledger.by_request(request.identity)
    return next((job for job in known if job.state in (State.RUNNING, State.DONE)), None)


def show_actions(tasks: DocumentTasks, sources: Iterable[Source], skipped: Sequence[Path]) -> int:
    """Print what would happen to each of many inputs, and totals. Returns the exit code.

    A terminal gets a table, a pipe a line of JSON for each input.
    """
    output = tasks.context.output
    shown: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    totals = _Totals()
    codes: set[int] = set()
    planned = (_planned_action(tasks, source, first) for source in sources)
    for line in chain(planned, map(_skipped_action, skipped)):
        totals.count(line)
        codes.add(2 if line["action"] == "fail" else 0)
        shown.append(line) if output.human_output else output.value(line)
    if shown:
        from docspeed_cli.terminal.views.plan import plan_rows

        for cells in plan_rows(shown):
            output.row(*cells)
    output.progress(f"{tasks.operation.name}: {totals}")
    return overall_exit_code(codes)


def _skipped_action(path: Path) -> dict[str, Any]:
    return {"input": display_path(path), "action": "skip", "reason": why_skipped(path) or "unsupported"}


class _Totals:
    """Counts the documents of a dry run with their pages and bytes, and what would happen to them."""

    def __init__(self) -> None:
        self._actions: Counter[str] = Counter()
        self._documents = self._pages = self._unknown = self._size = self._duplicates = 0

    def count(self, line: Mapping[str, Any]) -> None:
        """Count a document."""
        self._actions[line["action"]] += 1
        if "pages" not in line:
            return
        self._documents += 1
        self._pages += line["pages"] or 0
        self._unknown += line["pages"] is None
        self._size += line["size"] or 0
        self._duplicates += "duplicate_of" in line

    def __str__(self) -> str:
        if not self._actions:
            return "nothing to do"
        documents, pages = counted(self._documents, "document"), counted(self._pages, "page")
        unknown = f" and those of {self._unknown:,} not known" if self._unknown else ""
        duplicates = f", {self._duplicates:,} the same as others" if self._duplicates else ""
        actions = ", ".join(f"{count} × {action}" for action, count in self._actions.items())
        return f"{documents}{duplicates}, {pages}{unknown}, {file_size(self._size)}: {actions}"


def _planned_action(tasks: DocumentTasks, source: Source, first: dict[str, str]) -> dict[str, Any]:
    """What would happen to a document; `first` has the first document of each request so far."""
    if source.problem is not None:
        return {"input": source.label, "action": "fail", "error": invalid_input(source).to_json()}
    path = tasks.delivery.files.path_for(source, tasks.operation.name)
    line: dict[str, Any]
    if _awaits_download(source):
        line = {"input": source.label, "type": None, "pages": None, "size": None}
        line["action"] = "download, upload and submit"
        return {**line, "output": str(path)} if path is not None else line
    context = tasks.context
    try:
        request = read_documents(context, tasks.request(source))
    except UsageError as error:
        return {"input": source.label, "action": "fail", "error": error.to_json()}
    line = {
        "input": source.label,
        "type": source.content_type,
        "pages": page_count(source),
        "size": source.size,
    }
    if request.identity in first:
        line["duplicate_of"] = first[request.identity]
    first.setdefault(request.identity, source.label)
    try:
        if path is not None and tasks.existing_result(request.identity, path) is None:
            tasks.delivery.files.check_free(path, source)
    except UsageError as error:
        return {**line, "action": "fail", "error": error.to_json(), "output": str(path)}
    found = _reusable_job(context, request, fresh=tasks.options.fresh)
    if tasks.existing_result(request.identity, path) is not None:
        line["action"] = "leave"
    elif found is not None:
        line["action"] = "join" if found.state is State.RUNNING else "reuse"
    elif "duplicate_of" in line and tasks.operation.reusable and not tasks.options.fresh:
        line["action"] = "join"
    else:
        line["action"] = "submit" if stored_id(context, request.sources[0]) else "upload and submit"
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
            # `-e` fails if the answer has no id, so that `&&` ends the line before the submission.
            commands.append(f"FILE_ID_{number}=$({upload} | jq -er '.files[0].file_id // .file_id')")
    url = shlex.quote(context.address + request.operation.path)
    body = shlex.quote(request.content(ids, SPACED))
    for variable in ids:
        if variable.startswith("$"):
            # The shell fills a variable in between double quotes only, so the single quotes end before it.
            body = body.replace(f'"file_id": "{variable}"', f'"file_id": "\'"{variable}"\'"')
    method = request.operation.method
    content = "" if method == "GET" else f" \\\n  -H 'Content-Type: application/json' \\\n  -d {body}"
    commands.append(f"curl -sS --fail-with-body -X {method} {url} \\\n  -H {_KEY_HEADER}{content}")
    return " &&\n".join(commands)


def _curl_upload(context: Context, source: Source) -> str:
    names = ("-" if source.temporary else str(source.path), source.filename or "document")
    # Within quotes, curl takes a backslash for an escape.
    path, name = (text.replace("\\", "\\\\").replace('"', '\\"') for text in names)
    part = shlex.quote(f'files=@"{path}";filename="{name}";type={source.content_type}')
    return (
        f"curl -sS --fail-with-body {shlex.quote(context.address + UPLOAD_PATH)} -H {_KEY_HEADER} -F {part}"
    )
