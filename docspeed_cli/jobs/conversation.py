"""Questions over documents: one, several, or a conversation at a terminal that remembers its session."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import DocspeedError, Interrupted, NotFound, Rejected, UsageError
from docspeed_cli.core.models import Conversation, Request, Source
from docspeed_cli.core.operations import CHAT
from docspeed_cli.jobs.context import Outcome, Session, WaitOptions
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.scheduler import run_one
from docspeed_cli.jobs.submit import Submitting
from docspeed_cli.jobs.uploads import Uploads
from docspeed_cli.results.to_markdown import to_markdown
from docspeed_cli.results.to_text import NotConvertible
from docspeed_cli.service.body import write_whole

HELP = """\
/docs       the documents of this conversation
/new        start anew with the same documents
/save FILE  write the conversation to a file, as markdown
/quit       leave (so does Ctrl-D)
Ctrl-C gives up a question, not the conversation."""

_READABLE = 4 * 1024 * 1024


@dataclass
class Talk:
    """A conversation over documents in their order. `fields` go into every question's body."""

    session: Session
    sources: tuple[Source, ...]
    fields: dict[str, Any]
    waiting: WaitOptions
    session_id: str | None = None
    sync: bool = False
    said: list[tuple[str, str]] = field(default_factory=list)

    def request(self, question: str) -> Request:
        """The question as it goes to the service."""
        body = {"query": question, **self.fields}
        if self.session_id:
            body["session_id"] = self.session_id
        return Request(CHAT, self.sources, body, sync=self.sync)

    def ask(self, question: str) -> Outcome:
        """The answer; a session that the server no longer knows is begun anew."""
        try:
            outcome = self._once(question)
        except (NotFound, Rejected) as error:
            if self.session_id is None or "session" not in f"{error.code} {error.message}".lower():
                raise
            self.session.output.note("the server no longer knows this conversation; it begins anew")
            self.session_id = None
            outcome = self._once(question)
        if outcome.payload is not None:
            self._remember(question, outcome)
        return outcome

    def _once(self, question: str) -> Outcome:
        task = Submitting(self.session).obtain(self.request(question), self.waiting)
        outcome = run_one(self.session, task)
        self.session.waited_for.clear()
        return outcome

    def _remember(self, question: str, outcome: Outcome) -> None:
        assert outcome.payload is not None and outcome.job is not None
        content = outcome.payload.json() if outcome.payload.size <= _READABLE else None
        members = content if isinstance(content, dict) else {}
        ids = (outcome.job.file_id or "").split(", ")
        names = dict(zip(ids, (source.label for source in self.sources), strict=False))
        self.said.append((question, _written(content, names)))
        self.session_id = members.get("session_id") or self.session_id
        if not isinstance(self.session_id, str):
            self.session_id = None
            return
        uploads = Uploads(self.session)
        talk = Conversation(
            self.session_id,
            tuple(uploads.digest(source) for source in self.sources),
            tuple((outcome.job.file_id or "").split(", ")),
            tuple(source.label for source in self.sources),
        )
        session = self.session
        session.ledger.remember_conversation(session.server, session.fingerprint, talk)


def _written(content: Any, names: Mapping[str, str]) -> str:
    """The answer with its sources, as markdown."""
    try:
        return to_markdown("chat", content, names)
    except NotConvertible:
        return ""


def last_talk(session: Session, sources: tuple[Source, ...]) -> Conversation:
    """The last conversation over these documents, or over any. UsageError where there is none."""
    uploads = Uploads(session)
    digests = [uploads.digest(source) for source in sources] if sources else None
    talk = session.ledger.last_conversation(session.server, session.fingerprint, digests)
    if talk is None:
        over = " over these documents in this order" if sources else ""
        raise UsageError(f"no conversation{over} to continue", hint="ask without --continue to begin one")
    return talk


def stored_sources(talk: Conversation) -> tuple[Source, ...]:
    """The documents of a conversation as the service stores them."""
    return tuple(
        Source(name, file_id=file_id) for name, file_id in zip(talk.names, talk.file_ids, strict=False)
    )


def answer_all(talk: Talk, questions: Sequence[str], delivery: Delivery) -> None:
    """Ask one question after the other; a single answer is delivered like any result."""
    for question in questions:
        outcome = talk.ask(question)
        if outcome.payload is None:
            delivery.submitted(outcome)
        elif len(questions) == 1:
            delivery.result(outcome, talks=talk.session_id is not None)
        else:
            delivery.answer(outcome)


# -- at a terminal


def converse(talk: Talk, delivery: Delivery) -> None:
    """Questions from the keyboard until its end."""
    gc.enable()
    output = talk.session.output
    names = ", ".join(source.label for source in talk.sources)
    output.progress(f"talking about {names}; /help tells what there is besides questions")
    _line_editing(talk.session)
    for line in _typed(talk.session):
        if line in ("/quit", "/exit", "/q"):
            return
        try:
            if line.startswith("/"):
                _command(talk, line)
            elif line:
                delivery.answer(talk.ask(line))
        except DocspeedError as error:
            output.error(error)
            if error.exit_code == 4:
                raise
        except Interrupted as interrupted:
            _given_up(talk.session, interrupted)


def _typed(session: Session) -> Iterator[str]:
    while True:
        try:
            line = _read(session)
        except Interrupted as interrupted:
            _given_up(session, interrupted)
            continue
        if line is None:
            session.output.progress("")
            return
        yield line.strip()


def _given_up(session: Session, interrupted: Interrupted) -> None:
    """Ctrl-C gives up the question; any other signal ends the program."""
    if not session.world.interrupts.forgive(interrupted):
        raise interrupted
    jobs = list(session.waited_for.values())
    session.waited_for.clear()
    session.output.progress("")
    session.output.progress("given up; /quit or Ctrl-D leaves")
    if jobs:
        session.output.hint(session.resume_command(jobs))


def _read(session: Session) -> str | None:
    """A line from the keyboard; None at its end."""
    if session.world.stdin is sys.stdin:
        try:
            return input("? ")
        except EOFError:
            return None
    session.world.stdout.write("? ")
    session.world.stdout.flush()
    return session.world.stdin.readline() or None


def _line_editing(session: Session) -> None:
    """Arrow keys and history, where the system has them."""
    if session.world.stdin is not sys.stdin or sys.platform == "win32":  # its Python has no readline
        return
    try:
        import readline
    except ImportError:
        return
    readline.set_auto_history(True)


def _command(talk: Talk, line: str) -> None:
    output = talk.session.output
    name, _, rest = line.partition(" ")
    if name == "/docs":
        for number, source in enumerate(talk.sources, 1):
            output.text(f"{number}. {source.label}")
    elif name == "/new":
        talk.session_id = None
        talk.said.clear()
        output.progress("a new conversation with the same documents")
    elif name == "/save":
        _save(talk, rest.strip())
    elif name == "/help":
        output.text(HELP)
    else:
        raise UsageError(f"no such command: {name}", hint="/help tells what there is")


def _save(talk: Talk, name: str) -> None:
    if not name:
        raise UsageError("/save needs a file name", hint="/save notes.md")
    if not talk.said:
        raise UsageError("there is nothing to save yet")
    if Path(name).expanduser().exists():
        raise UsageError(f"{name} exists; name a new file")
    text = "\n\n".join(f"**{question}**\n\n{answer.strip()}" for question, answer in talk.said)
    try:
        write_whole(Path(name).expanduser(), [text.encode("utf-8", "backslashreplace"), b"\n"])
    except OSError as error:
        raise DocspeedError(f"can't write {name}: {error.strerror or error}") from None
    count = "1 answer" if len(talk.said) == 1 else f"{len(talk.said)} answers"
    talk.session.output.progress(f"saved {count} in {name}")
