"""A conversation over documents: its questions, its answers, and the session at the server."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from docspeed_cli.core.errors import DocspeedError, NotFound, Rejected, UsageError
from docspeed_cli.core.models import Conversation, Request, Source
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.documents.reading import read_document
from docspeed_cli.jobs.outcome import Outcome
from docspeed_cli.jobs.run_state import RunState
from docspeed_cli.jobs.scheduler import run_alone
from docspeed_cli.jobs.submit import is_about_a_file, is_about_a_session
from docspeed_cli.jobs.tasks import DocumentTasks, RequestTask
from docspeed_cli.results.to_markdown import to_markdown
from docspeed_cli.results.to_text import NotConvertible

_MAX_PARSED_ANSWER = 4 * 1024 * 1024
"""Largest answer in bytes that is read for its session and for `/save`."""


@dataclass
class Talk:
    """A conversation over documents in their order. The tasks' fields go into every question's body."""

    tasks: DocumentTasks
    sources: tuple[Source, ...]
    session_id: str | None = None
    history: list[tuple[str, str]] = field(default_factory=list)
    """Questions, and answers as markdown."""
    session_must_exist: bool = False
    """Whether the first question fails if the server does not know the session."""

    @property
    def context(self) -> Context:
        """What the conversation works with."""
        return self.tasks.context

    @property
    def run(self) -> RunState:
        """The questions that are sent and waited for."""
        return self.tasks.run

    def request(self, question: str) -> Request:
        """The question as a request."""
        session = {"session_id": self.session_id} if self.session_id else {}
        request = self.tasks.request(*self.sources)
        return request._replace(fields={"query": question, **request.fields, **session})

    def restart(self) -> None:
        """Start a new conversation over the same documents."""
        self.session_id = None
        self.history.clear()

    def add(self, source: Source) -> None:
        """Ask about this document too, in a new session: the one before is over other documents."""
        self.sources = (*self.sources, source)
        self.session_id = None

    def ask(self, question: str) -> Outcome:
        """Ask a question; if the server has forgotten the session, start a new one or raise NotFound."""
        asked = RequestTask(self.tasks, self.request(question))
        outcome = run_alone(self.context, asked.run)
        error = outcome.error
        if isinstance(error, NotFound | Rejected):
            if self.session_id is None or not is_about_a_session(error):
                raise self._naming_files(error)
            if self.session_must_exist and not self.history:
                raise self._unknown_session(error)
            self.context.output.note("the server has forgotten this conversation; starting a new one")
            self.session_id = None
            # Only once more: without a session, the same refusal is raised above.
            return self.ask(question)
        if error is not None:
            raise error
        self.context.report.add_job(outcome.job)
        self.run.end_all()
        if outcome.result is not None:
            self._remember(question, asked.request.sources, outcome)
        return outcome

    def _unknown_session(self, error: DocspeedError) -> NotFound:
        """The error for a session that the user named and the server does not know."""
        what = f"the server does not know the session {self.session_id}: {error.message}"
        hint = "leave out --session-id to start a new conversation"
        return NotFound(what, hint=hint, status=error.status, request_id=error.request_id)

    def _naming_files(self, error: DocspeedError) -> DocspeedError:
        """The error, with a next step if the server may have forgotten documents that were uploaded here."""
        stored = [source for source in self.sources if source.path is None]
        names = [shlex.quote(source.label) for source in stored if source.label != source.file_id]
        if error.hint or not names or not is_about_a_file(error):
            return error
        again = f"docspeed chat 'your question' {' '.join(names)}{self.context.settings.server_flags}"
        return error.replace(hint=f"name the documents, so that they are uploaded again: `{again}`")

    def _remember(self, question: str, documents: Sequence[Source], outcome: Outcome) -> None:
        """Keep the answer for `/save`, and the session for `--continue`."""
        assert outcome.result is not None and outcome.job is not None
        content = outcome.result.json() if outcome.result.size <= _MAX_PARSED_ANSWER else None
        file_ids = tuple((outcome.job.file_id or "").split(", "))
        names = tuple(source.label for source in self.sources)
        try:
            answer = to_markdown("chat", content, dict(zip(file_ids, names, strict=False)))
        except NotConvertible:
            answer = ""
        self.history.append((question, answer))
        session = content.get("session_id") if isinstance(content, dict) else None
        if isinstance(session, str) and session:
            self.session_id = session
        if self.session_id is not None:
            digests = tuple(str(document.digest) for document in documents)
            conversation = Conversation(self.session_id, digests, file_ids, names)
            context = self.context
            context.ledger.remember_conversation(context.server, context.fingerprint, conversation)


def last_conversation_over(context: Context, sources: Sequence[Source]) -> Conversation:
    """The last conversation over these documents, or over any documents. UsageError if there is none."""
    digests = [str(read_document(context, source).digest) for source in sources] if sources else None
    found = context.ledger.last_conversation(context.server, context.fingerprint, digests)
    if found is None:
        over = " over these documents in this order" if sources else ""
        hint = "ask without `--continue` to start one" if sources else "`docspeed chat 'your question' FILE`"
        raise UsageError(f"there is no conversation to continue{over}", hint=hint)
    return found


def stored_sources(conversation: Conversation) -> tuple[Source, ...]:
    """The documents of a conversation, as files that the service stores."""
    members = zip(conversation.names, conversation.file_ids, conversation.documents, strict=False)
    return tuple(Source(name, file_id=file_id, digest=digest) for name, file_id, digest in members)
