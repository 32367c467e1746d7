"""Make the queue of a review from the results of a folder or a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import UsageError
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.stored.result_documents import (
    corrected_payload,
    job_of,
    operation_of,
    result_documents,
)
from docspeed_cli.jobs.stored.stored_results import StoredResult, corrections_path, read_again, stored_results
from docspeed_cli.results.rules import Rules
from docspeed_cli.review.decision_file import DecisionFile
from docspeed_cli.review.queue import summarize_result
from docspeed_cli.review.session import Loaded, Reviewable

_ADVICE = "; put it where it was, or beside the result, to see its pages"


def reviewables(
    context: Context,
    names: Iterable[str],
    rules: Rules | None,
    schema_of: Callable[[str | None], Any],
) -> Iterator[Reviewable]:
    """Yield the results that can be reviewed; those that can't be read are warned about.

    `schema_of` returns the schema for a run's results, or for results without a run. UsageError if there is
    no place for a result's corrections.
    """
    for result in stored_results(context, names):
        if result.error is not None:
            context.output.warn(f"{result.label} is left out: {result.error.message}")
            continue
        job = job_of(context, result)
        path = corrections_path(context, result.path, job)
        if path is None:
            raise UsageError(
                f"{result.label}: its corrections have no place; name a folder, a run, a job or a .json file"
            )
        newest = corrections_path(context, None, job) if job is not None else None
        # One job may have brought several files; its rows take the decisions beside the newest.
        others = [] if newest is None or newest.resolve() == path.resolve() else [newest]
        file = _decisions(context, path, *(_decisions(context, other) for other in others))
        checks = rules.check(corrected_payload(context, result), result.label) if rules is not None else ()
        # It is read again when it is shown: a queue may be too long for all payloads in memory.
        known = result._replace(payload=None)
        yield Reviewable(
            result.label,
            file,
            summarize_result(result.payload, operation_of(context, result), checks, file.read()),
            partial(_load, context, known),
            schema_of(job.run if job is not None else None),
        )


def _decisions(context: Context, path: Path, other: DecisionFile | None = None) -> DecisionFile:
    return DecisionFile(path, private=path.is_relative_to(context.settings.state_dir), other=other)


def _load(context: Context, known: StoredResult) -> Loaded:
    result = known._replace(payload=read_again(context, known))
    return Loaded(
        result.payload, operation_of(context, result), result_documents(context, result, (), _ADVICE)
    )
