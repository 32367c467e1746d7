"""Download the documents that were named by URL, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

from docspeed_cli.core.errors import SAME_AGAIN, DocspeedError, UsageError
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.documents.input_set import InputSet, input_error
from docspeed_cli.jobs.interrupts import interruptible_download
from docspeed_cli.jobs.outcome import Task
from docspeed_cli.jobs.scheduler import workers


def download_all(context: Context, found: InputSet, inputs: Inputs, timeout: float | None) -> InputSet:
    """Download the documents that were named by URL, several at a time.

    With `--skip-invalid`, a document that can't be downloaded is returned unchanged, and fails in its run.
    Without it, DocspeedError for all of them.
    """
    awaited = {place: source for place, source in enumerate(found.checked) if source.url is not None}
    deadline = None if timeout is None else context.environment.monotonic() + timeout
    ready: dict[int, Source] = {}
    errors: list[DocspeedError] = []
    what = next(iter(awaited.values())).label if len(awaited) == 1 else f"{len(awaited)} documents"
    with (
        interruptible_download(context),
        context.output.live() as show,
        workers(context, total=len(awaited)) as (at, run_tasks),
    ):
        show(f"downloading {what}")
        tasks = (_download(at, place, source, deadline) for place, source in awaited.items())
        for place, local, error in run_tasks(tasks):
            ready[place] = local
            errors += [error] if error is not None else []
            if context.output.redraws_progress:  # a log needs no line for each
                show(f"downloading {what}: {len(ready)} of {len(awaited)} finished")
    if errors and not inputs.skip_invalid:
        raise _all_of(errors, inputs)
    checked = (ready.get(place, source) for place, source in enumerate(found.checked))
    return found._replace(checked=tuple(checked))


def _download(
    context: Context, place: int, source: Source, deadline: float | None
) -> Task[tuple[int, Source, DocspeedError | None]]:
    # A task is a generator; a download blocks its worker and has no due time to yield.
    yield from ()
    try:
        local = context.downloads.document(source, context.sleep, deadline)
    except DocspeedError as error:
        return place, source, error
    return place, local, None


def _all_of(errors: Sequence[DocspeedError], inputs: Inputs) -> DocspeedError:
    """One error for all: a UsageError if trying again can't help some of the documents."""
    if len(errors) == 1 and not isinstance(errors[0], UsageError):
        return errors[0]
    every = input_error([], [error.message for error in errors], inputs)
    lasting = any(isinstance(error, UsageError) for error in errors)
    if lasting:
        return every
    hint = f"run {SAME_AGAIN}"
    if every.hint is not None:
        hint += ", or add `--skip-invalid`, and only these inputs fail"
    return errors[0].replace(message=every.message, hint=hint)
