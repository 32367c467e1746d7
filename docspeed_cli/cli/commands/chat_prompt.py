"""A conversation at a terminal: a prompt, its commands, and what Ctrl-C does there."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path

from docspeed_cli.core.errors import DocspeedError, InputProblem, Interrupted, UsageError
from docspeed_cli.core.files import display_path, write_errors, write_whole
from docspeed_cli.core.timefmt import counted
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.conversation import Talk
from docspeed_cli.jobs.delivery import Delivery
from docspeed_cli.jobs.documents.input_set import discard
from docspeed_cli.jobs.documents.named_documents import listed_source, named_in_line
from docspeed_cli.jobs.documents.reading import read_document

HELP = """\
/documents  list the documents of this conversation
/add FILE   ask about this document (or URL) too, in a new conversation
/new        start a new conversation with the same documents
/save FILE  write the conversation to a file, as markdown
/quit       leave (so do `exit`, `quit` and Ctrl-D)
Ctrl-C gives up a question, not the conversation."""

_WORDS = {"exit": "/quit", "quit": "/quit", "/exit": "/quit", "/q": "/quit", "help": "/help", "?": "/help"}
"""What other programs call these commands: a question of this one word would be paid for."""


def converse(talk: Talk, delivery: Delivery) -> None:
    """Ask what is typed until the user leaves; then say how to go on."""
    gc.enable()  # `main` turns it off for short commands
    output = talk.context.output
    labels = ", ".join(source.label for source in talk.sources)
    output.progress(f"talking about {labels}; /help lists the commands")
    _enable_line_editing(talk.context)
    try:
        _answer_typed(talk, delivery)
    finally:
        discard(talk.sources)
    if talk.session_id is not None:
        output.hint(f"`docspeed chat --continue{talk.context.settings.server_flags}`")


def _answer_typed(talk: Talk, delivery: Delivery) -> None:
    output = talk.context.output
    for typed in _typed_lines(talk):
        line = _WORDS.get(typed.lower(), typed)
        if line == "/quit":
            return
        try:
            if line.startswith("/"):
                _perform(talk, line)
            elif line:
                delivery.deliver_result(talk.ask(line), one_of_several=True)
        except DocspeedError as error:
            output.error(error)
            if error.exit_code == 4:  # without a valid key no other question can be answered
                raise
        except Interrupted as interrupted:
            _give_up(talk, interrupted)


def _typed_lines(talk: Talk) -> Iterator[str]:
    while True:
        try:
            line = _read_question(talk.context)
        except Interrupted as interrupted:
            _give_up(talk, interrupted)
            continue
        if line is None:
            talk.context.output.progress("")
            return
        yield line.strip()


def _give_up(talk: Talk, interrupted: Interrupted) -> None:
    """Give up the question after a Ctrl-C; any other signal ends the program."""
    output = talk.context.output
    if not talk.context.environment.interrupts.forgive(interrupted):
        raise interrupted
    jobs = talk.run.waiting
    # The conversation goes on, and the next Ctrl-C must not name these jobs again.
    talk.run.end_all()
    output.progress("")
    output.progress("gave up this question; `/quit` or Ctrl-D leaves")
    if jobs:
        output.hint(f"`{talk.context.wait_command(jobs)}`")


def _read_question(context: Context) -> str | None:
    """A line from the keyboard; None at its end."""
    environment = context.environment
    # `input` brings arrow keys and history, but reads no other stream than this one.
    if environment.stdin is sys.stdin:
        try:
            return input("? ")
        except EOFError:
            return None
    environment.stdout.write("? ")
    environment.stdout.flush()
    return environment.stdin.readline() or None


def _enable_line_editing(context: Context) -> None:
    """Turn on arrow keys and history, where the system has them."""
    if context.environment.stdin is not sys.stdin or sys.platform == "win32":  # its Python has no readline
        return
    import readline

    readline.set_auto_history(True)


def _perform(talk: Talk, line: str) -> None:
    """Perform a command of the prompt. UsageError if there is no such command."""
    output = talk.context.output
    name, _, rest = line.partition(" ")
    if name in ("/documents", "/docs"):
        for number, source in enumerate(talk.sources, 1):
            output.text(f"{number}. {source.label}")
    elif name == "/add":
        _add(talk, rest.strip())
    elif name == "/new":
        talk.restart()
        output.progress("a new conversation with the same documents")
    elif name == "/save":
        _save(talk, rest.strip())
    elif name == "/help":
        output.text(HELP)
    else:
        raise UsageError(f"no such command: {name}", hint="/help lists the commands")


def _add(talk: Talk, name: str) -> None:
    """Add a document, by its path, URL or file id. UsageError if it can't be used."""
    if not name:
        raise UsageError("/add needs a document", hint="/add contract.pdf")
    try:
        source = listed_source(named_in_line(name))
    except InputProblem as problem:
        raise UsageError(f"{display_path(name)}: {problem}") from None
    if any((known.label, known.url) == (source.label, source.url) for known in talk.sources):
        raise UsageError(f"{source.label} is already one of the documents")
    if source.url is not None:
        source = talk.context.downloads.document(source, talk.context.sleep)
    # Now, not when the next question is asked: a job in place of a document would fail every question.
    read_document(talk.context, source)
    talk.add(source)
    about = f"the next question is about {len(talk.sources)} documents, in a new conversation"
    talk.context.output.progress(f"added {source.label}; {about}")


def _save(talk: Talk, name: str) -> None:
    if not name:
        raise UsageError("/save needs a file name", hint="/save notes.md")
    if not talk.history:
        raise UsageError("there is nothing to save yet")
    # No shell has read this line, so a `~` is still in it.
    path = Path(name).expanduser()
    if path.exists():
        raise UsageError(f"{name} exists; name a new file")
    text = "\n\n".join(f"**{question}**\n\n{answer.strip()}" for question, answer in talk.history)
    with write_errors(Path(name)):
        write_whole(path, [text.encode("utf-8", "backslashreplace"), b"\n"])
    talk.context.output.progress(f"saved {counted(len(talk.history), 'answer')} in {name}")
