"""Values that the packages pass to each other: sources, requests, jobs and their states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from docspeed_cli.core.json_text import COMPACT, Spacing, canonical_json, to_json
from docspeed_cli.core.operations import Operation
from docspeed_cli.core.status_words import meaning_of
from docspeed_cli.core.timefmt import rfc3339


class State(StrEnum):
    """What a job's status means to us, whatever word the server uses."""

    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    GONE = "gone"


def state_of(status: str) -> State:
    """Map the server's status word to a state; a word that is new to us counts as running."""
    # A wait that goes on too long ends with --timeout; a job given up too early is paid for and lost.
    return State(meaning_of(status) or State.RUNNING)


class Inputs(NamedTuple):
    """Inputs on the command line: paths, stored files, a list, and how to read them."""

    files: Sequence[str] = ()
    file_ids: Sequence[str] = ()
    listed: str | None = None
    recursive: bool = False
    filename: str | None = None
    null: bool = False
    """Whether the list has a NUL after each input in place of a line end."""
    exclude: Sequence[str] = ()
    """Wildcards; a path or a file's name that one of them matches is left out."""
    skip_invalid: bool | None = None
    """Whether the run goes on without documents that can't be used; None if the command has no runs."""
    shard: str | None = None
    """`3/10` is the third tenth of the documents."""

    @property
    def given(self) -> bool:
        """True if there is at least one input."""
        return bool(self.files or self.file_ids or self.listed)


class Source(NamedTuple):
    """One document: a local file, one from the web, or a file that the service stores."""

    label: str
    path: Path | None = None
    file_id: str | None = None
    filename: str | None = None
    content_type: str | None = None
    size: int | None = None
    temporary: bool = False
    """True for our copy of standard input, deleted after its upload."""
    below: Path | None = None
    """Folder that `--recursive` searched; output files keep the structure below it."""
    problem: str | None = None
    """Why it can't be used: it becomes a failed input of its run."""
    position: int = 0
    """Its place among the inputs of its run."""
    url: str | None = None
    """Whole URL of a document from the web, secrets included; `path` is None until it is downloaded."""
    digest: str | None = None
    """Its content's SHA-256, or `id:` and its id where the content is unknown; None before it is read."""
    version: tuple[int, int] | None = None
    """The size in bytes and the modification time in nanoseconds of the file that was read."""


MAX_LABEL_NAMES = 3
"""Most document names in the label of a request."""


class Request(NamedTuple):
    """An operation, its documents, and the fields of its body; file ids come with the upload."""

    operation: Operation
    sources: tuple[Source, ...]
    fields: Mapping[str, Any] = MappingProxyType({})
    sync: bool = False
    text: str | None = None
    """The whole body as the user wrote it, sent unchanged in place of `fields`."""
    identity: str = ""
    """Digest that is equal for requests that must not be paid for twice; "" before documents are read."""

    def body(self, file_ids: Iterable[str]) -> dict[str, Any]:
        """Build the JSON body: published members in the API reference's order, then those set by the user."""
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

    def content(self, file_ids: Iterable[str], spacing: Spacing = COMPACT) -> str:
        """Write the body's JSON, with numbers as the user wrote them."""
        return to_json(self.body(file_ids), spacing) if self.text is None else self.text

    def identified(self, server: str, key: str) -> Request:
        """The request with its `identity`, for documents that were read; `key` is the key's fingerprint."""
        # `execution_mode` changes how the result arrives, not what it is.
        fields = {name: value for name, value in self.fields.items() if name != "execution_mode"}
        parts = [self.operation.path, server, key, [source.digest for source in self.sources], fields]
        import hashlib

        return self._replace(identity=hashlib.sha256(canonical_json(parts).encode()).hexdigest())

    @property
    def label(self) -> str:
        """Names of the first documents, and how many more there are."""
        names = [source.label for source in self.sources]
        more = len(names) - MAX_LABEL_NAMES
        return ", ".join(names[:MAX_LABEL_NAMES]) + (f" and {more} more" if more > 0 else "")


class Conversation(NamedTuple):
    """A chat session and its documents in order: content digests (or file ids), file ids and names."""

    session_id: str
    documents: tuple[str, ...]
    file_ids: tuple[str, ...]
    names: tuple[str, ...]


class Job(NamedTuple):
    """A job: a row of the ledger, or the server's answer about an id."""

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
    """`Idempotency-Key` of the submission; one with an unknown outcome is submitted again with the same."""
    content_hash: str | None = None
    """Tells whether the file at `output` is still what was written, or another one in its place."""
    pages: int | None = None
    reused: bool = False

    def with_status(self, status: str) -> Job:
        """Copy with the server's status word and the state that it means."""
        return self._replace(status=status, state=state_of(status))

    @property
    def ref(self) -> str:
        """Name of the job in commands: its id, or `@` and its row in the ledger."""
        return self.job_id or f"@{self.row}"

    @property
    def shell_ref(self) -> str:
        """`ref` as a command line takes it, for hints that people paste."""
        import shlex

        quoted = shlex.quote(self.ref)
        # The server chooses ids: one that a shell or a command would not take as it is goes by its row.
        if self.row is not None and (quoted != self.ref or self.ref.startswith(("-", "@"))):
            return f"@{self.row}"
        return quoted

    @property
    def ended(self) -> bool:
        """True if there is nothing left to wait for."""
        return self.state in (State.DONE, State.FAILED, State.GONE)

    def to_json(self) -> dict[str, Any]:
        """A submitted job as the JSON that scripts read; times are RFC 3339."""
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
        """`to_json` with everything else that the ledger knows."""
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
