"""`docspeed chat`: one question, several, or a conversation at a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from docspeed_cli.cli.assignments import merge, parse_assignments
from docspeed_cli.cli.flags import Argument, Text, request_flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import (
    InputOptions,
    PollOptions,
    RequestOptions,
    ResultOptions,
    ServerOptions,
    WaitFlagOptions,
)
from docspeed_cli.cli.run import CheckedOptions, adding_to, check_unwaited, wait_options
from docspeed_cli.core.errors import SAME_AGAIN, DocspeedError, UsageError, combine_errors
from docspeed_cli.core.models import Source
from docspeed_cli.core.operations import CHAT
from docspeed_cli.core.text_files import read_lines
from docspeed_cli.core.urls import is_url
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.conversation import Talk, last_conversation_over, stored_sources
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.documents.input_set import discard, usable
from docspeed_cli.jobs.documents.media_types import SUFFIXES
from docspeed_cli.jobs.interrupts import resumable
from docspeed_cli.jobs.outcome import WaitOptions
from docspeed_cli.jobs.output.target import Target, file_target
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.sources import find_documents
from docspeed_cli.jobs.tasks import DocumentTasks

_REST = "pipe in only the questions that were not answered"
"""The hint after a failure among several questions: an answered one would be paid for again."""

_EXAMPLE = "`docspeed chat 'What is the total?' invoice.pdf`"


class ChatOptions(InputOptions, RequestOptions, WaitFlagOptions, PollOptions, ResultOptions, ServerOptions):
    """The shared options of `chat`."""

    checks_settings = True
    session_id: Annotated[Text, request_flag("--session-id", "continue this session", "ID", "sessions")] = (
        None
    )
    continue_: Annotated[
        bool, request_flag("--continue", "continue the last conversation over these documents")
    ] = False
    no_grounding: Annotated[bool, request_flag("--no-grounding", "answer without citations")] = False
    sync: Annotated[bool, request_flag("--sync", "ask for the answer at once instead of a job")] = False


@guide(
    "docspeed chat 'What is the total?' invoice.pdf --sandbox",
    "docspeed chat 'And the tax?' --continue",
    "docspeed chat invoice.pdf contract.pdf",
    formats=CHAT.formats,
)
def chat(
    options: ChatOptions,
    question: Annotated[
        Text,
        Argument(
            "[QUESTION]",
            "the question; - reads one from each line of standard input; without it, a conversation starts",
            "documents",
        ),
    ] = None,
) -> Action:
    """Answer questions from documents, with citations."""
    if options.session_id and options.continue_:
        raise UsageError("--session-id and --continue name two conversations; give one of them")
    inputs = options.inputs
    misplaced: str | None = None
    # Without a question a conversation starts, and the first word is a document.
    if question is not None and question != "-" and _is_document(question):
        misplaced = _misplaced_question(inputs.files)
        inputs = inputs._replace(files=[question, *inputs.files])
        question = None

    def action(context: Context) -> int:
        if misplaced is not None:
            raise UsageError(
                "the question comes before the documents", hint=_question_first(context, misplaced)
            )
        problems = [] if context.settings.error is None else [context.settings.error]
        checked = _check_options(context, options, question, problems)
        sources: tuple[Source, ...] = ()
        try:
            with adding_to(problems):
                found = find_documents(context, inputs, download=not (options.dry_run or problems))
                sources = tuple(map(usable, found.documents()))
            if problems:
                raise combine_errors(problems)
            context.files_read.add_inputs(inputs, sources)
            return _chat(context, options, checked, sources, question)
        finally:
            discard(sources)

    return action


def _check_options(
    context: Context, options: ChatOptions, question: str | None, problems: list[UsageError]
) -> CheckedOptions:
    """Check everything but the documents; what is wrong is added to `problems`."""
    fields: dict[str, Any] = {"include_grounding": not options.no_grounding}
    wait, target = WaitOptions(), Target()
    with adding_to(problems):
        if question is None and not _at_keyboard(context):
            raise UsageError("no question given", hint=_EXAMPLE)
    with adding_to(problems):
        fields = merge(fields, parse_assignments(options.set_))
    with adding_to(problems):
        target = file_target(options.output)
    with adding_to(problems):
        wait = wait_options(context, default_wait=True, sync=options.sync)
        if not options.dry_run and not wait.wait:
            check_unwaited(context, options)
    return CheckedOptions(fields, None, wait, target)


def _chat(
    context: Context,
    options: ChatOptions,
    checked: CheckedOptions,
    sources: tuple[Source, ...],
    question: str | None,
) -> int:
    found = last_conversation_over(context, sources) if options.continue_ else None
    sources = sources or (stored_sources(found) if found else ())
    if not sources:
        raise UsageError("no document given", hint=_EXAMPLE)
    delivery = Delivery(context, checked.target)
    run = RunState(resume_command=_REST if question == "-" else None)
    tasks = DocumentTasks(context, run, CHAT, checked.fields, options.sync, checked.options, delivery)
    session_id = options.session_id or (found.session_id if found else None)
    talk = Talk(tasks, sources, session_id, session_must_exist=options.session_id is not None)
    if options.dry_run:
        from docspeed_cli.jobs.dry_run import show_request

        for text in _questions(context, question):
            show_request(context, talk.request(text))
    elif question is None:
        from docspeed_cli.cli.commands.chat_prompt import converse

        converse(talk, delivery)
    else:
        _answer(talk, _questions(context, question), delivery)
    return 0


def _answer(talk: Talk, questions: Sequence[str], delivery: Delivery) -> None:
    """Ask one question after the other; a single answer is delivered like any result."""
    with resumable(talk.context, talk.run):
        for question in questions:
            try:
                outcome = talk.ask(question)
            except DocspeedError as error:
                if len(questions) == 1 or error.hint is None:
                    raise
                raise error.replace(hint=error.hint.replace(f"run {SAME_AGAIN}", _REST)) from None
            if outcome.result is None:
                delivery.deliver(outcome)
            elif len(questions) == 1:
                delivery.deliver_result(outcome, continues=talk.session_id is not None)
            else:
                delivery.deliver_result(outcome, one_of_several=True)


def _misplaced_question(others: Sequence[str]) -> str | None:
    """The question, if it stands after a document."""
    words = [text for text in others if text != "-" and not _is_document(text)]
    return words[0] if len(words) == 1 else None


def _question_first(context: Context, question: str) -> str:
    """The same command line with the question first; words instead if input comes from a pipe."""
    again = context.output.again().hint
    command = again.strip("`")
    if command == again:
        return "name the question first, then the documents"
    words = shlex.split(command)
    words.remove(question)
    words.insert(words.index("chat") + 1, question)
    return f"`{shlex.join(words)}`"


def _is_document(text: str) -> bool:
    try:
        return is_url(text) or Path(text).exists() or Path(text).suffix.lower() in SUFFIXES
    # A question may be longer than a file's name can be, which the system refuses to look up.
    except (OSError, ValueError):
        return False


def _at_keyboard(context: Context) -> bool:
    return context.environment.stdin.isatty() and context.environment.stdout.isatty()


def _questions(context: Context, question: str | None) -> list[str]:
    """The questions to ask: the one given, or one for each line of standard input."""
    if question != "-":
        return [question or ""]
    if context.environment.stdin.isatty():
        raise UsageError("standard input is the terminal; leave the question out for a conversation")
    asked = [line.strip() for line in read_lines(context.environment.stdin.buffer) if line.strip()]
    if not asked:
        raise UsageError("no question on standard input")
    return asked
