"""Names every expected failure and its exit code; nothing else decides how the program ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Exit(NamedTuple):
    """One row of the table of exit codes."""

    code: int
    name: str
    when: str
    then: str
    """What a script should do."""


EXITS = (
    Exit(0, "ok", "it answered, an empty list included", "go on"),
    Exit(
        1,
        "failure",
        "anything not below: a bug, a result that can't be written",
        "mend what the message names (the disk, a format), then run it again",
    ),
    Exit(
        2,
        "usage",
        "flags, missing or unsupported file, bad schema: before any request",
        "mend the call; nothing was sent",
    ),
    Exit(3, "no_credits", "402: the account has no credits left", "add credits, then run it again"),
    Exit(4, "auth", "no key, 401, 403", "mend the key, then run it again"),
    Exit(
        5,
        "job_failed",
        "a job ended failed, cancelled or expired, or its result lacks what `--require` names",
        "look at the documents that the errors name; the others are done",
    ),
    Exit(
        6,
        "not_found",
        "unknown job or file, 404, 410",
        "check the id, and to which server and key it belongs",
    ),
    Exit(7, "rejected", "400, 409, 413, 415, 422 and any other 4xx", "mend the request: the error says why"),
    Exit(
        8,
        "pending",
        "`--timeout` ran out, or `jobs result` before the end",
        "run it again later: the jobs go on, and it goes on waiting",
    ),
    Exit(
        9,
        "unavailable",
        "network, DNS, TLS, 429, 5xx after retries; a submission's outcome is unknown",
        "run it again later: what is known to the server is joined",
    ),
    Exit(
        130,
        "interrupted",
        "Ctrl-C; 143 after SIGTERM, 129 after SIGHUP, 141 where nobody reads on",
        "run it again: it goes on where it was",
    ),
)

CODES = {
    "usage": "the command line, a file or a setting is wrong; nothing was sent",
    "invalid_schema": "the schema is wrong; nothing was sent",
    "no_key": "there is no API key for this server",
    "auth": "the server does not take the key",
    "no_credits": "the account has no credits left",
    "job_failed": "the job ended failed, cancelled or expired",
    "required_missing": "a required field has no value or no evidence; `details.missing` lists them",
    "not_found": "the server, or the ledger, knows no such job or file",
    "rejected": "the server will not do it",
    "pending": "the job has not ended yet",
    "network": "no connection: nothing was taken",
    "tls": "no secure connection: nothing was sent",
    "redirected": "the service is not at this address",
    "rate_limited": "429, after all tries",
    "unavailable": "the server could not answer, after all tries",
    "unexpected_answer": "the server's answer lacks what it must have",
    "outcome_unknown": "a submission was sent and its answer never came",
    "write_failed": "the disk or the pipe does not take the result",
    "not_convertible": "the result has not the shape that the format needs",
    "not_json": "the answer is not JSON",
    "too_deep": "the answer is nested too deeply to be read",
    "too_large": "the result is too large to be converted",
    "interrupted": "a signal ended the run; its jobs go on",
    "no_sandbox": "the sandbox is not installed",
    "bug": "nobody foresaw this",
    "failure": "anything else",
}
"""The program's own `error.code`s; where the server names one, that is passed on instead."""

EXIT_PRIORITY = (4, 3, 9, 5, 7, 6, 8, 2, 1)
"""Of several jobs' exit codes, the first of these that any of them met is the run's."""


def overall_exit_code(codes: set[int]) -> int:
    """The exit code of a run in which these codes were met."""
    return next((code for code in EXIT_PRIORITY if code in codes), 0)


class DocspeedError(Exception):
    """An expected failure: what happened, what to do next, and how the program exits."""

    exit_code = 1
    code = "failure"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        retryable: bool = False,
        status: int | None = None,
        job_id: str | None = None,
        request_id: str | None = None,
        details: Any = None,
        retry_after: float | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint
        self.retryable = retryable
        self.status = status
        self.job_id = job_id
        self.request_id = request_id
        self.details = details
        self.retry_after = retry_after
        self.reason = reason or message
        """What happened, in words that are the same for every document that it happens to."""

    def as_json(self) -> dict[str, Any]:
        """The object behind `error` on stderr and in a batch's line; absent members are left out."""
        members = {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "status": self.status,
            "hint": self.hint,
            "job_id": self.job_id,
            "request_id": self.request_id,
            "details": self.details,
        }
        return {name: value for name, value in members.items() if value is not None}


class UsageError(DocspeedError):
    """Wrong flags, files or settings, found before any request."""

    exit_code = 2
    code = "usage"


def combine_errors(faults: Sequence[UsageError]) -> UsageError:
    """One error that tells every fault."""
    if len(faults) == 1:
        return faults[0]
    hint = next((fault.hint for fault in faults if fault.hint), None)
    message = "\n".join(fault.message for fault in faults)
    return UsageError(message, hint=hint, details=[fault.message for fault in faults])


class NoCredits(DocspeedError):
    """402."""

    exit_code = 3
    code = "no_credits"


class AuthError(DocspeedError):
    """No key, or one that the server does not take."""

    exit_code = 4
    code = "auth"


class JobFailed(DocspeedError):
    """The job ended, and not well."""

    exit_code = 5
    code = "job_failed"


class NotFound(DocspeedError):
    """The server, or the ledger, knows no such job or file."""

    exit_code = 6
    code = "not_found"


class Rejected(DocspeedError):
    """The server understood the request and will not do it."""

    exit_code = 7
    code = "rejected"


class Pending(DocspeedError):
    """The job has not ended yet."""

    exit_code = 8
    code = "pending"


class Unavailable(DocspeedError):
    """The server could not be reached, or could not answer; nothing was taken."""

    exit_code = 9
    code = "unavailable"


class OutcomeUnknown(DocspeedError):
    """A submission was sent and its answer never came: a job may exist."""

    exit_code = 9
    code = "outcome_unknown"


class ReaderGone(Exception):
    """Nobody reads standard output any more: no failure, and nothing to be said to anybody."""


class Interrupted(BaseException):
    """A signal asked the program to stop."""

    def __init__(self, signum: int, *, idle: bool = False) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum
        self.idle = idle
        """Whether it came between two exchanges, so that nothing was under way."""
