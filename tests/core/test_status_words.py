"""Words for a job's status that no server has named yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docspeed_cli.core.models import State, state_of
from docspeed_cli.core.status_words import meaning_of

PUBLISHED = ("completed", "complete", "succeeded", "success", "done", "finished")
DONE = (
    *PUBLISHED,
    *("successful", "successfully_completed", "job_completed", "processing_complete", "Partial Success"),
    *("partially_completed", "completed_partially", "completed_with_errors", "completed-with-warnings"),
    *("finished_with_failures", "succeeded_with_issues", "succeeded_with_error", "completed_without_errors"),
)
PUBLISHED_FAILURES = (
    *("failed", "failure", "error", "errored", "cancelled", "canceled", "expired", "timed_out", "rejected"),
)
FAILED = (
    *PUBLISHED_FAILURES,
    *("aborted", "timeout", "canceled_by_user", "cancelled-by-admin", "terminated", "killed", "time out"),
    *("deadline_exceeded", "quota exceeded", "internal_error", "server_error", "job_failed", "unsuccessful"),
    *("validation_failed", "processing_error", "ocr failed", "failed_permanently", "fatal_error", "crashed"),
    *("user_aborted", "rejected_by_server", "stopped", "failed_with_timeout", "invalid_document"),
)
RUNNING = (
    *("queued", "processing", "running", "pending", "in_progress", "started", "accepted", "submitted"),
    *(
        "scheduled",
        "retrying_after_error",
        "cancel_requested",
        "canceling",
        "completing",
        "pending_cancellation",
    ),
    *("waiting_for_worker", "extracting page 3", "new"),
)
NEW = (
    *("", "?", "unknown", "gone", "ok", "ready", "processed", "completed_soon", "not done", "not_completed"),
    *("partially failed", "partial_failure", "ocr_complete", "upload_done", "incomplete", "done: 3/10"),
    *(
        "42",
        "stage_2_complete",
        "completed_failed",
        "no_error",
        "abandonedish",
        "fertig",
        "完了",
        "undone",
        "ended",
    ),
)


def titled(word: str) -> str:
    return "".join(
        part[:1].upper() + part[1:] for part in word.replace("-", "_").replace(" ", "_").split("_")
    )


@pytest.mark.parametrize(
    "write",
    [str.lower, str.upper, titled, lambda word: f" {word}! ", lambda word: word.replace("_", " - ")],
    ids=["lower", "upper", "titled", "punctuated", "spaced"],
)
@pytest.mark.parametrize(
    ("words", "meaning"),
    [(DONE, "done"), (FAILED, "failed"), (RUNNING, "running")],
    ids=["done", "failed", "running"],
)
def test_meaning_of_a_word_in_any_case_and_punctuation(
    words: tuple[str, ...], meaning: str, write: Callable[[str], str]
) -> None:
    assert {word: meaning_of(write(word)) for word in words} == dict.fromkeys(words, meaning)


def test_meaning_of_a_word_that_is_new_is_none_and_the_job_counts_as_running() -> None:
    assert {word: meaning_of(word) for word in NEW} == dict.fromkeys(NEW)
    assert {state_of(word) for word in NEW} == {State.RUNNING}
