"""The values that travel through the program: sources, requests, jobs and their states."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from docspeed_cli.core.operations import Operation
from docspeed_cli.core.timefmt import rfc3339

_SUCCESS = frozenset({"completed", "complete", "succeeded", "success", "done", "finished"})
_FAILURE = frozenset(
    {
        "failed",
        "failure",
        "error",
        "errored",
        "cancelled",
        "canceled",
        "expired",
        "timed_out",
        "rejected",
    }
)


class State(StrEnum):
    """What the program knows of a job, whatever the server calls it."""

    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"


def state_of(status: str) -> State:
    """The state behind the server's own word; a word that nobody foresaw is still under way."""
    word = status.strip().lower().replace("-", "_").replace(" ", "_")
    if word in _SUCCESS:
        return State.DONE
    return State.FAILED if word in _FAILURE else State.RUNNING


class Style(NamedTuple):
    """How to speak: `format` is None where a terminal gets what is made for people."""

    format: str | None = None
    json_errors: bool = False
    quiet: bool = False
    verbose: bool = False
    bell: bool = False


class Inputs(NamedTuple):
    """What the user named: paths, ids, a list; and how to read them."""

    files: Sequence[str] = ()
    file_ids: Sequence[str] = ()
    listed: str | None = None
    recursive: bool = False
    filename: str | None = None

    @property
    def given(self) -> bool:
        """Whether there is any input at all."""
        return bool(self.files or self.file_ids or self.listed)


class Source(NamedTuple):
    """One document: a local file, or a file that the service already stores."""

    label: str
    path: Path | None = None
    file_id: str | None = None
    filename: str | None = None
    content_type: str | None = None
    size: int | None = None
    temporary: bool = False
    """Whether the file is the program's own copy of something that can be read once only."""
    below: Path | None = None
    """The folder that `--recursive` found it in: outputs keep the structure below it."""


class Request(NamedTuple):
    """One submission before its documents have ids: an operation, its documents and its body's fields."""

    operation: Operation
    sources: tuple[Source, ...]
    fields: Mapping[str, Any] = MappingProxyType({})
    sync: bool = False

    def body(self, file_ids: Iterable[str]) -> dict[str, Any]:
        """The JSON body: the operation's published members in their order, then whatever else was set."""
        files = [{"file_id": file_id} for file_id in file_ids]
        members: dict[str, Any] = dict(self.fields)
        if self.operation.raw:
            return members
        members.setdefault("execution_mode", "sync" if self.sync else "async")
        if self.operation.many:
            if files:
                members.setdefault("inputs", files)
        elif files:
            asked = members.get("input", {})
            members["input"] = {**files[0], **asked} if isinstance(asked, dict) else asked
        ordered = [name for name in self.operation.members if name in members]
        return {name: members[name] for name in (*ordered, *(n for n in members if n not in ordered))}

    def identity(self, documents: Iterable[str], server: str, key: str) -> str:
        """A digest that is equal for requests that would be paid for twice.

        `documents` are content digests, or file ids where the content is the server's; how the
        answer is delivered (`execution_mode`) does not make it another request.
        """
        fields = {name: value for name, value in self.fields.items() if name != "execution_mode"}
        parts = [self.operation.path, server, key, list(documents), fields]
        import hashlib

        text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def label(self) -> str:
        """The documents as the user named them, in a line."""
        names = [source.label for source in self.sources]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


class Conversation(NamedTuple):
    """A chat session: its documents in order, as digests or ids, and as the service's file ids."""

    session_id: str
    documents: tuple[str, ...]
    file_ids: tuple[str, ...]
    names: tuple[str, ...]


class Job(NamedTuple):
    """A job as far as it is known: a row of the ledger, or what the server said of an id."""

    operation: str
    status: str
    state: State
    job_id: str | None = None
    row: int | None = None
    request: str = ""
    server: str = ""
    key: str = ""
    input: str | None = None
    file_id: str | None = None
    submitted_at: float | None = None
    updated_at: float | None = None
    output: str | None = None
    error: str | None = None
    run: str | None = None
    token: str | None = None
    """The `Idempotency-Key`; a submission whose outcome is unknown is repeated under the same one."""
    content_hash: str | None = None
    """Tells whether the file at `output` is still what was written, or another one in its place."""
    reused: bool = False

    def with_status(self, status: str) -> Job:
        """The same job with the status that the server names."""
        return self._replace(status=status, state=state_of(status))

    def as_reused(self) -> Job:
        """The same job, taken up by another run."""
        return self._replace(reused=True)

    @property
    def ref(self) -> str:
        """What to call the job in a command: its id, or its row where it has none."""
        return self.job_id or f"@{self.row}"

    @property
    def shell_ref(self) -> str:
        """The handle as a shell takes it: what a hint says is pasted, and ids are the server's own words."""
        import shlex

        if self.row is not None and self.ref.startswith(("-", "@")):
            return f"@{self.row}"  # an id that commands would take for something else
        return shlex.quote(self.ref)

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.state in (State.DONE, State.FAILED, State.GONE)

    def to_json(self) -> dict[str, Any]:
        """A submitted job, as scripts read it."""
        line: dict[str, Any] = {
            "job_id": self.ref if self.state is State.DONE else self.job_id,
            "operation": self.operation,
            "status": self.status,
            "input": self.input,
            "file_id": self.file_id,
            "submitted_at": rfc3339(self.submitted_at),
        }
        return {**line, "reused": True} if self.reused else line

    def to_full_json(self) -> dict[str, Any]:
        """The job with all that the ledger knows of it."""
        return {
            **self.to_json(),
            "state": self.state.value,
            "updated_at": rfc3339(self.updated_at),
            "server": self.server,
            "error": self.error,
            "output": self.output,
            "run": self.run,
            "row": self.row,
        }
