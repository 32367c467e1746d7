"""The commands that ask freely: chat, and any endpoint."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import (
    CommonFlags,
    InputFlags,
    ModeFlags,
    PollFlags,
    RequestFlags,
    ResultFlags,
    WaitFlags,
    fields_of,
    flag,
    merged,
)
from docspeed_cli.cli.run import check_unwaited, deliver_one, wait_options
from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.models import Inputs, Job, Request, Source, State
from docspeed_cli.core.operations import CHAT, FORMATS, Operation
from docspeed_cli.jobs.context import Outcome, Session, Task, WaitOptions
from docspeed_cli.jobs.conversation import Talk, answer_all, converse, last_talk, stored_sources
from docspeed_cli.jobs.delivery import Delivery, target
from docspeed_cli.jobs.dry_run import plan
from docspeed_cli.jobs.follow import Following
from docspeed_cli.jobs.scheduler import run_one
from docspeed_cli.jobs.sources import SUFFIXES, collect, discard
from docspeed_cli.jobs.submit import Submitting
from docspeed_cli.service.body import parsed
from docspeed_cli.service.responses import job_in, status_word


@guide(
    "docspeed chat 'What is the total?' invoice.pdf --sandbox",
    "docspeed chat 'And the tax?' --continue",
    "docspeed chat invoice.pdf contract.pdf",
    formats=CHAT.formats,
)
def chat(
    question: Annotated[
        str | None,
        typer.Argument(
            metavar="[QUESTION]",
            help="what to ask; - reads a question a line from standard input; none: a conversation",
            show_default=False,
        ),
    ] = None,
    session_id: Annotated[
        str | None,
        flag("--session-id", about="go on with this session", panel="Request", metavar="ID"),
    ] = None,
    continue_: Annotated[
        bool,
        flag("--continue", about="go on with the last conversation over these documents", panel="Request"),
    ] = False,
    no_grounding: Annotated[
        bool, flag("--no-grounding", about="an answer without citations", panel="Request")
    ] = False,
    sync: Annotated[
        bool, flag("--sync", about="ask for the answer itself instead of a job", panel="Request")
    ] = False,
    *,
    inputs: InputFlags,
    request: RequestFlags,
    waiting: WaitFlags,
    polling: PollFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """Answers from documents, with citations; a conversation at a terminal."""
    if session_id and continue_:
        raise UsageError("--session-id and --continue name two conversations; give one of them")
    named = inputs.inputs
    if question is not None and question != "-" and _is_document(question):
        _question_first(question, named.files)
        named = Inputs([question, *named.files], *_rest(named))
        question = None

    def action(session: Session) -> int:
        if question is None and not _at_keyboard(session):
            raise UsageError("no question given", hint="docspeed chat 'What is the total?' invoice.pdf")
        sources: tuple[Source, ...] = ()
        try:
            sources = tuple(_sound(found) for found in collect(named, session.world))
            return _talk(session, sources)
        finally:
            discard(sources)

    def _talk(session: Session, sources: tuple[Source, ...]) -> int:
        found = last_talk(session, sources) if continue_ else None
        sources = sources or (stored_sources(found) if found else ())
        if not sources:
            raise UsageError("no document given", hint="docspeed chat 'What is the total?' invoice.pdf")
        to = target(results.output, False)
        delivery = Delivery(session, to)
        wait = wait_options(session, delivery.new_body, waits=True, mode=ModeFlags(sync=sync))
        if not request.dry_run and not wait.wait:
            check_unwaited(session, results)
        talk = Talk(
            session,
            sources,
            merged({"include_grounding": not no_grounding}, fields_of(request.set_)),
            wait,
            session_id or (found.session_id if found else None),
            sync,
        )
        if request.dry_run:
            for text in _questions(session, question):
                plan(session, talk.request(text))
        elif question is None:
            converse(talk, delivery)
        else:
            answer_all(talk, _questions(session, question), delivery)
        return 0

    return action


def _question_first(document: str, others: Sequence[str]) -> None:
    """UsageError where the question stands after a document."""
    words = [text for text in others if text != "-" and not _is_document(text)]
    if len(words) == 1:
        documents = shlex.join([document, *(text for text in others if text != words[0])])
        raise UsageError(
            "the question comes before the documents",
            hint=f"docspeed chat {shlex.quote(words[0])} {documents}",
        )


def _is_document(text: str) -> bool:
    try:
        return Path(text).exists() or Path(text).suffix.lower() in SUFFIXES
    except (OSError, ValueError):
        return False


def _rest(named: Inputs) -> tuple[Any, ...]:
    return named.file_ids, named.listed, named.recursive, named.filename


def _at_keyboard(session: Session) -> bool:
    return session.world.stdin.isatty() and session.world.stdout.isatty()


def _sound(found: Source | DocspeedError) -> Source:
    if isinstance(found, DocspeedError):
        raise found
    return found


def _questions(session: Session, question: str | None) -> list[str]:
    if question != "-":
        return [question or ""]
    if session.world.stdin.isatty():
        raise UsageError("standard input is the terminal; leave the question out for a conversation")
    asked = [line.strip() for line in session.world.stdin if line.strip()]
    if not asked:
        raise UsageError("no question on standard input")
    return asked


# -- any endpoint


@guide(
    "docspeed api GET /v1/jobs/job_123",
    "docspeed api POST /v1/classify --set input.file_id=file_123 --wait",
    "docspeed api POST /api/v1/parse --body request.json --wait",
    formats=FORMATS,
)
def api(
    method: Annotated[str, typer.Argument(metavar="METHOD", help="GET, POST, PUT, PATCH or DELETE")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="the endpoint, as in /v1/ocr")],
    body: Annotated[
        str | None,
        flag(
            "--body",
            about="the request's JSON: a file, or - for standard input",
            panel="Request",
            metavar="FILE|-",
        ),
    ] = None,
    query: Annotated[
        list[str] | None,
        flag(
            "--query", about="a parameter of the address (repeatable)", panel="Request", metavar="KEY=VALUE"
        ),
    ] = None,
    *,
    request: RequestFlags,
    waiting: WaitFlags,
    polling: PollFlags,
    results: ResultFlags,
    common: CommonFlags,
) -> Action:
    """Any endpoint, with the same auth, retries, output and job handling."""
    verb = method.upper()
    if verb not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        raise UsageError(
            f"{method} is no method that an endpoint has", hint="GET, POST, PUT, PATCH or DELETE"
        )
    if "://" in path or path.startswith("//"):
        raise UsageError("PATH is the part after the server; --base-url names the server")

    def action(session: Session) -> int:
        fields = merged(_body(session, body), fields_of(request.set_))
        if verb == "GET" and fields:
            raise UsageError("a GET has no body", hint="--query KEY=VALUE adds to the address")
        address = ("/" + path.lstrip("/")) + _query(query, "?" in path)
        name = address.split("?")[0].rstrip("/").rsplit("/", 1)[-1] or "api"
        operation = Operation(name, address, (), reusable=False, formats=FORMATS, method=verb, raw=True)
        asked = Request(operation, (), fields)
        if request.dry_run:
            plan(session, asked)
            return 0
        to = target(results.output, False)
        delivery = Delivery(session, to)
        wait = wait_options(session, delivery.new_body)
        task = _read(session, asked, wait) if verb == "GET" else Submitting(session).obtain(asked, wait)
        return deliver_one(session, delivery, run_one(session, task))

    return action


def _read(session: Session, request: Request, waiting: WaitOptions) -> Task[Outcome]:
    """What a GET answers; a job that it names is followed where that was asked for."""
    answer = session.api.get(request.operation.path, new_body=waiting.new_body, allow_empty=True)
    job = Job(request.operation.name, "completed", State.DONE, input=request.operation.path)
    said = job_in(answer.body, sync=True) if waiting.wait else None
    if said is None:
        return Outcome(job=job, payload=answer.body)
    following = Following(session)
    job = Job(job.operation, status_word(said) or "unknown", State.RUNNING, job_id=str(said["job_id"]))
    job = yield from following.follow(job, waiting)
    return Outcome(job=job, payload=(yield from following.fetch(job, waiting.new_body)))


def _body(session: Session, body: str | None) -> dict[str, Any]:
    if body is None:
        return {}
    try:
        text = session.world.stdin.buffer.read() if body == "-" else Path(body).read_bytes()
    except OSError as error:
        raise UsageError(f"--body: can't read {body}: {error.strerror or error}") from None
    try:
        content = parsed(text)
    except DocspeedError as error:
        raise UsageError(f"--body {body}: {error.message.replace('the answer', 'it')}") from None
    if not isinstance(content, dict):
        raise UsageError(f"--body {body}: it is not a JSON object")
    return content


def _query(pairs: list[str] | None, begun: bool) -> str:
    from urllib.parse import urlencode

    if not pairs:
        return ""
    split = [pair.partition("=") for pair in pairs]
    for name, equals, _ in split:
        if not name or not equals:
            raise UsageError(f"--query {name}: write KEY=VALUE")
    return ("&" if begun else "?") + urlencode([(name, value) for name, _, value in split])
