"""`docspeed api`: any endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from docspeed_cli.cli.assignments import merge, parse_assignments
from docspeed_cli.cli.flags import NOTHING, Argument, Files, Text, Texts, request_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import (
    Bom,
    PollOptions,
    RequestOptions,
    ResultOptions,
    ServerOptions,
    WaitFlagOptions,
)
from docspeed_cli.cli.run import run_one, wait_options
from docspeed_cli.core.errors import NotFound, UsageError
from docspeed_cli.core.json_text import TooDeep, read_json
from docspeed_cli.core.models import Job, Request, State
from docspeed_cli.core.operations import FORMATS, OPERATIONS, UPLOAD_PATH, Operation
from docspeed_cli.core.text_files import decode_text
from docspeed_cli.core.timefmt import ago
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.follow import Fetch, Follower, JobWait
from docspeed_cli.jobs.outcome import Outcome, Task, WaitOptions
from docspeed_cli.jobs.output.target import file_target, row_options
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.tasks import DocumentTasks, RequestTask
from docspeed_cli.service.answers import job_in, status_word

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_PATHS = (*(operation.path for operation in OPERATIONS.values()), UPLOAD_PATH, "/v1/jobs/")

_Query = Annotated[Texts, request_flag("--query", "query parameter (repeatable)", "KEY=VALUE", NOTHING)]


class ApiOptions(RequestOptions, WaitFlagOptions, PollOptions, ResultOptions, ServerOptions):
    """The shared options of `api`."""


@guide(
    "docspeed api GET /v1/jobs/job_123",
    "docspeed api POST /v1/classify --set input.file_id=file_123 --wait",
    "docspeed api POST /api/v1/parse --body request.json --wait",
    formats=FORMATS,
)
def api(
    options: ApiOptions,
    method: Annotated[str, Argument("METHOD", "GET, POST, PUT, PATCH or DELETE", _METHODS)],
    path: Annotated[str, Argument("PATH", "the endpoint, as in /v1/ocr", _PATHS)],
    body: Annotated[
        Text, request_flag("--body", "the request's JSON: a file, or - for standard input", "FILE|-", Files())
    ] = None,
    query: _Query = None,
    bom: Bom = False,
) -> Action:
    """Call any endpoint, with the same auth, retries, output and job handling."""
    verb = method.upper()
    if verb not in _METHODS:
        raise UsageError(f"{method} is not an HTTP method of the API", hint="GET, POST, PUT, PATCH or DELETE")
    _check_url(path, query or ())

    def action(context: Context) -> int:
        text = None if body is None else _read_body(context, body)
        fields = merge(_fields_of(text, body), parse_assignments(options.set_))
        if verb == "GET" and fields:
            raise UsageError("a GET request has no body", hint="use `--query KEY=VALUE` in place of `--set`")
        request = _request(verb, ("/" + path.lstrip("/")) + _query_string(query, "?" in path), fields)
        # As it was written, so that each number keeps its form; after `--set` it is another body.
        request = request._replace(text=None if options.set_ else text)
        if options.dry_run:
            from docspeed_cli.jobs.dry_run import show_request

            show_request(context, request)
            return 0
        rows = row_options(context.output.format, request.operation.name, bom=bom)
        delivery = Delivery(context, file_target(options.output, rows))
        wait = wait_options(context)
        _note_earlier(context, request)
        tasks = DocumentTasks(context, RunState(), request.operation, {}, False, wait, delivery)
        with _hinting_at_path(verb, path):
            return run_one(tasks, lambda on_status: _task(tasks, request, on_status))

    return action


def _check_url(path: str, query: Sequence[str]) -> None:
    """UsageError for a path that names a server or a folder, and for bytes that no URL has."""
    if "://" in path or path.startswith("//"):
        raise UsageError("PATH is the part after the server; `--base-url` names the server")
    if path[1:3] in (":/", ":\\"):  # Git Bash and MSYS2 rewrite what looks like a path of theirs
        hint = "leave out the first `/`, as in `docspeed api GET v1/jobs/job_123`"
        raise UsageError(f"PATH {path} is a path on this computer; did the shell rewrite it?", hint=hint)
    if not path.isprintable():
        raise UsageError("PATH has a line break or another character that no URL has")
    try:
        "".join((path, *query)).encode()
    except UnicodeEncodeError:
        raise UsageError("PATH and --query take UTF-8 text only") from None


@contextmanager
def _hinting_at_path(verb: str, path: str) -> Iterator[None]:
    """Add a hint with the path that was probably meant, if the server has no such path."""
    try:
        yield
    except NotFound as error:
        raise error.replace(hint=error.hint or _hint_at_path(verb, path)) from None


def _hint_at_path(verb: str, path: str) -> str | None:
    """The command with the published path that has the same end, if there is one."""
    words = [word for word in path.split("?")[0].split("/") if word]
    while words and words[0] in ("api", "v1"):
        words = words[1:]
    known = [operation.path for operation in OPERATIONS.values()] + [UPLOAD_PATH]
    if words[:1] == ["jobs"] and len(words) in (2, 3):
        meant = "/".join(["/v1", *words])
    else:
        meant = next((each for each in known if words and each.endswith("/" + "/".join(words))), "")
    return (
        f"did you mean `docspeed api {verb} {meant}`?" if meant and meant != "/" + path.lstrip("/") else None
    )


def _request(method: str, path: str, fields: dict[str, Any]) -> Request:
    name = path.split("?")[0].rstrip("/").rsplit("/", 1)[-1] or "api"
    operation = Operation(name, path, (), reusable=False, formats=FORMATS, method=method, raw=True)
    return Request(operation, (), fields)


def _note_earlier(context: Context, request: Request) -> None:
    """Note that this request was submitted before: unlike `parse`, `api` pays for it again."""
    if not any(known.reusable and known.path == request.operation.path for known in OPERATIONS.values()):
        return
    earlier = context.ledger.by_request(request.identified(context.server, context.fingerprint).identity)
    job = next((job for job in earlier if job.state in (State.RUNNING, State.DONE)), None)
    if job is not None:
        when = ago(job.submitted_at, context.environment.now())
        result = context.result_command(job)
        context.output.note(
            f"the same request was submitted {when} as job {job.ref} (`{result}`); submitting it again"
        )


def _task(tasks: DocumentTasks, request: Request, on_status: Callable[[Job], None]) -> Task[Outcome]:
    if request.operation.method == "GET":
        wait = tasks.options.begun(tasks.context.environment.monotonic())
        return _get(tasks.context, tasks.run, request.operation, wait._replace(on_status=on_status))
    return RequestTask(tasks, request).run(on_status)


def _get(context: Context, run: RunState, operation: Operation, wait: WaitOptions) -> Task[Outcome]:
    """The answer to a GET; with `--wait`, the result of the job that it names."""
    response = context.client.get(operation.path, wait.deadline)
    job = Job(operation.name, "completed", State.DONE, input=operation.path)
    named = job_in(response.body, sync=True) if wait.wait else None
    if named is None:
        return Outcome(job=job, result=response.body)
    job_id, server = str(named["job_id"]), context.server
    job = Job(operation.name, status_word(named) or "unknown", State.RUNNING, job_id=job_id, server=server)
    follower = Follower(context, run)
    job_wait = JobWait(follower, job, wait, status_is_new=True)
    yield from iter(job_wait.step, None)
    fetch = Fetch(follower, job_wait.succeeded(), wait.deadline)
    yield from iter(fetch.step, None)
    return Outcome(job=job_wait.job, result=fetch.result)


def _read_body(context: Context, body: str) -> str:
    """The text of a file or of standard input. UsageError if it can't be read."""
    if body != "-":
        context.files_read.add(Path(body), body)
    try:
        content = context.environment.stdin.buffer.read() if body == "-" else Path(body).read_bytes()
        return decode_text(content)
    except OSError as error:
        raise UsageError(f"--body: can't read {body}: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"--body {body}: {error}") from None


def _fields_of(text: str | None, body: str | None) -> dict[str, Any]:
    """The members of the body. UsageError if it is not a JSON object."""
    try:
        content = {} if text is None else read_json(text, strict=True)
    except TooDeep as error:
        raise UsageError(f"--body {body}: {error}") from None
    except ValueError as error:
        raise UsageError(f"--body {body}: it is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"--body {body}: it is not a JSON object")
    return content


def _query_string(pairs: list[str] | None, has_query: bool) -> str:
    from urllib.parse import urlencode

    if not pairs:
        return ""
    split = [pair.partition("=") for pair in pairs]
    for name, equals, _ in split:
        if not name or not equals:
            raise UsageError(f"--query {name}: write KEY=VALUE")
    return ("&" if has_query else "?") + urlencode([(name, value) for name, _, value in split])
