"""Every expected failure and its exit code; nothing else decides how the program ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self


class Exit(NamedTuple):
    """One row of the table of exit codes."""

    code: int
    name: str
    when: str
    advice: str
    """What a script should do."""


EXITS = (
    Exit(0, "ok", "success, an empty list included", "go on"),
    Exit(
        1,
        "failure",
        "anything not listed below: a bug, or a result that can't be written",
        "fix what the message names (disk space, a format), then run it again",
    ),
    Exit(
        2,
        "usage",
        "wrong flags, a missing or unsupported file, a bad schema; found before any request",
        "fix the command; nothing was sent",
    ),
    Exit(3, "no_credits", "402: the account has no credits left", "add credits, then run it again"),
    Exit(4, "auth", "no API key, 401, 403", "fix the API key, then run it again"),
    Exit(
        5,
        "job_failed",
        "a job failed, was cancelled or expired",
        "check the documents that the errors name; the others are done",
    ),
    Exit(
        10,
        "not_as_required",
        "a result lacks what `--require` names or fails a rule of `--check`, or `diff` finds a difference",
        "look at the results that the errors name",
    ),
    Exit(
        6,
        "not_found",
        "unknown job or file, 404, 410",
        "check the id, and that it belongs to this server and key",
    ),
    Exit(
        7,
        "rejected",
        "400, 409, 413, 415, 422 and any other 4xx",
        "fix the request; the error says what is wrong with it",
    ),
    Exit(
        8,
        "pending",
        "`--timeout` ran out, or `jobs result` came before the job ended",
        "run the same command again later; the jobs go on, and the command waits for them",
    ),
    Exit(
        9,
        "unavailable",
        "network, DNS, TLS, 429 or 5xx after retries; or a submission's outcome is unknown",
        "run the same command later; it picks up the jobs already submitted",
    ),
    Exit(
        130,
        "interrupted",
        "Ctrl-C; 143 after SIGTERM, 129 after SIGHUP, 141 if the reader of standard output has gone",
        "run it again; it continues where it stopped",
    ),
)

CODES = {
    "usage": "a flag, a file or a setting is wrong; nothing was sent",
    "invalid_input": "an input of a run can't be used: it is missing, empty or of an unsupported type",
    "download_failed": "a document could not be downloaded from its URL; trying again may help",
    "invalid_rules": "the rules are invalid; nothing was sent",
    "invalid_schema": "the schema is invalid; nothing was sent",
    "no_key": "there is no API key for this server",
    "auth": "the server does not accept the API key",
    "no_credits": "the account has no credits left",
    "job_failed": "the job failed, was cancelled or expired",
    "not_as_required": "the result lacks a value or evidence that `--require` names",
    "check_failed": "the result fails a rule; `details.checks` says which, with values and places",
    "required_missing": "a required field has no value or no evidence; `details.missing` lists them",
    "not_found": "the job or file is unknown to the server, or the job to the ledger",
    "rejected": "the server rejected the request",
    "pending": "the job has not ended yet",
    "network": "no connection to the server; it did not receive the request",
    "tls": "no secure connection to the server; nothing was sent",
    "redirected": "the service is not at this address",
    "rate_limited": "429 on every attempt",
    "unavailable": "the server could not answer any attempt",
    "ledger_unavailable": "the shared ledger can't be used; without it nothing is submitted",
    "unexpected_answer": "a required part of the server's answer is missing",
    "outcome_unknown": "a submission was sent, and no answer arrived",
    "output_exists": "the output file exists and holds something else; `--overwrite` replaces it",
    "write_failed": "the result can't be written to the disk or the pipe",
    "not_convertible": "the result does not have the structure that the format needs",
    "not_json": "the answer is not JSON",
    "too_deep": "the answer is nested too deeply to parse",
    "too_large": "the result is too large to convert",
    "interrupted": "a signal stopped the run; its jobs go on",
    "no_sandbox": "the sandbox is not installed",
    "no_review": "the libraries that draw documents are not installed",
    "no_xlsx": "the library that writes workbooks is not installed",
    "no_postgres": "the library for a shared ledger is not installed",
    "bug": "an unexpected error in docspeed",
    "failure": "anything else",
}
"""Values of `error.code` and their meaning; a code that the server names is printed in place of these."""

# Failures that would stop every other job come first: a refused key, no credits, no service.
EXIT_PRIORITY = (4, 3, 9, 5, 10, 7, 6, 8, 2, 1)
"""Exit code of a run over several jobs: the first of these that any job met."""


def overall_exit_code(codes: set[int]) -> int:
    """Exit code of a run whose jobs ended with these codes; 0 if there are none."""
    return next((code for code in EXIT_PRIORITY if code in codes), 0)


SAME_AGAIN = "the same command again"
"""Placeholder in hints for this command; `Messages.advice` rewords it where repeating would pay or block."""


class DocspeedError(Exception):
    """An expected failure: what happened, what to do next, and the exit code."""

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
        """Message without the document's name, by which a run's summary groups its failures."""

    def replace(self, **changes: Any) -> Self:
        """A copy with these attributes changed, for a caller that knows more about the failure."""
        error = type(self).__new__(type(self), changes.get("message", self.message))
        vars(error).update(vars(self), **changes)
        return error.with_traceback(self.__traceback__)

    def to_json(self) -> dict[str, Any]:
        """Value of `error` on stderr and in a run's lines; absent members are left out."""
        names = ("code", "message", "retryable", "status", "job_id", "request_id", "details")
        members = {name: value for name in names if (value := getattr(self, name)) is not None}
        return {**members, "hint": bare_command(self.hint)} if self.hint else members


def bare_command(hint: str) -> str:
    """The hint; one that is a single command in backticks loses them, so that it can be copied as it is."""
    command = hint[1:-1]
    return command if hint == f"`{command}`" and "`" not in command else hint


class UsageError(DocspeedError):
    """Wrong flags, files or settings, found before any request."""

    exit_code = 2
    code = "usage"


def combine_errors(errors: Sequence[UsageError]) -> UsageError:
    """Join errors into one, with a line for each and the first hint."""
    if len(errors) == 1:
        return errors[0]
    hint = next((error.hint for error in errors if error.hint), None)
    messages = [error.message for error in errors]
    return UsageError("\n".join(messages), hint=hint, details=messages)


class NoCredits(DocspeedError):
    """The account has no credits left (402)."""

    exit_code = 3
    code = "no_credits"


class AuthError(DocspeedError):
    """There is no API key, or the server does not accept it."""

    exit_code = 4
    code = "auth"


class JobFailed(DocspeedError):
    """The job failed, was cancelled or expired."""

    exit_code = 5
    code = "job_failed"


class NotAsRequired(DocspeedError):
    """A result lacks what is required of it, fails a rule, or is not what was expected."""

    exit_code = 10
    code = "not_as_required"


class NotFound(DocspeedError):
    """The job or file is unknown to the server, or the job to the ledger."""

    exit_code = 6
    code = "not_found"


class Rejected(DocspeedError):
    """The server understood the request and rejected it."""

    exit_code = 7
    code = "rejected"


class Pending(DocspeedError):
    """The job has not ended yet."""

    exit_code = 8
    code = "pending"


class Unavailable(DocspeedError):
    """The server could not be reached, or could not answer; no job was made."""

    exit_code = 9
    code = "unavailable"


class LedgerUnavailable(Unavailable):
    """The shared ledger can't be used; without it nothing is submitted."""

    code = "ledger_unavailable"


class ClaimLost(LedgerUnavailable):
    """The connection with a request's lock was lost before the request was sent; it can be tried again."""


class OutcomeUnknown(DocspeedError):
    """A submission was sent and no answer arrived: a job may exist."""

    exit_code = 9
    code = "outcome_unknown"


class ReaderGone(Exception):
    """The reader of standard output has gone, as `head` does; the program exits without a message."""


class InputProblem(Exception):
    """Why an input can't be used."""


class Interrupted(BaseException):
    """A signal asked the program to stop."""

    # A BaseException, so that the handlers that keep one bad document from ending a run don't catch it.

    def __init__(self, signum: int, *, idle: bool = False) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum  # as a shell reports a program that a signal ended
        self.idle = idle
        """True if it came between two exchanges, so that no submission was under way."""
