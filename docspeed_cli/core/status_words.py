"""The meaning of the words that servers use for a job's status; the vendor documents only `completed`."""

from __future__ import annotations

import re
from typing import Literal

Meaning = Literal["done", "failed", "running"]

_DONE = {"complete", "completed", "done", "finished", "succeeded"}
_DONE |= {"success", "successful", "successfully"}
_FAILED = {
    *("fail", "failed", "failure", "failures", "error", "errors", "errored", "exception", "fatal"),
    *("abort", "aborted", "cancelled", "canceled", "cancellation", "cancelation", "terminated"),
    *("killed", "stopped", "crashed", "expired", "timedout", "timeout", "exceeded", "rejected"),
    *("refused", "denied", "invalid", "revoked", "unsuccessful", "unsuccessfully"),
}
_RUNNING = {
    *("queued", "enqueued", "started", "running", "progress", "accepted", "submitted", "created"),
    *("scheduled", "assigned", "received", "requested", "new", "active", "initialized"),
}
_PARTLY = {"partial", "partially", "partly"}
_BESIDE = {
    *("with", "without", "and", "but", "some", "by", "the", "due", "to", "a", "of", "was", "has"),
    *("warning", "warnings", "issue", "issues", "job", "task", "request", "status", "state", "final"),
    *("user", "client", "customer", "admin", "operator", "system", "server", "service", "internal"),
    *("deadline", "quota", "limit", "permanently", "unexpectedly", "processing"),
}
"""Words that may accompany the status of an ended job without changing its meaning."""

_STAGES = {"parsing", "extraction", "validation", "upload", "download", "ocr", "conversion", "document"}
"""A stage that failed ends the job; a stage that is complete does not."""


def meaning_of(status: str) -> Meaning | None:
    """Return what a status word means, ignoring case and punctuation; None for a word that we do not know."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", status)  # as in `TimedOut`
    plain = re.sub(r"[\W_]+", " ", split).casefold()
    words = set(re.sub(r"\btime[\W_]*(d?)[\W_]*out\b", r"time\1out", plain).split())
    done, failed = words & _DONE, words & _FAILED
    others = words - _DONE - _FAILED - _BESIDE - _PARTLY
    if done and not others and (not failed or words & {"with", "without"}):
        return "done"
    # What failed in part may have a result, so it is not taken for a failure.
    if failed and not done and not others - _STAGES and not words & _PARTLY:
        return "failed"
    # `processing` accompanies other words, as in `processing failed`, so it counts here only alone.
    if words & _RUNNING or any(word.endswith("ing") for word in words - _BESIDE) or words == {"processing"}:
        return "running"
    return None
