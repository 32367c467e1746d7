"""Outcomes come in the order of the inputs, and early ones wait on disk."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.errors import JobFailed
from docspeed_cli.core.models import Job, Source, State
from docspeed_cli.jobs.outcome import Outcome
from docspeed_cli.jobs.output.ordered import InOrder
from docspeed_cli.service.body import IN_MEMORY, Body


def ended(position: int, content: bytes | None = None) -> Outcome:
    """The outcome of the input at this position."""
    job = Job("parse", "completed", State.DONE, f"job_{position}")
    return Outcome(Source(str(position), position=position), job, Body(content) if content else None)


def positions(outcomes: Sequence[Outcome]) -> list[int]:
    return [outcome.source.position for outcome in outcomes if outcome.source is not None]


@given(st.permutations(range(7)), st.integers(0, 7))
def test_ordered_outcomes_come_in_order_however_they_end(ends: list[int], until: int) -> None:
    order, came = InOrder(), list[Outcome]()
    for number, position in enumerate(ends[:until]):
        came += order.add(ended(position))
        seen = set(ends[: number + 1])
        gap = next(n for n in range(8) if n not in seen)
        assert positions(came) == list(range(gap)), "each is handed out as soon as the order allows"
    came += order.rest()
    assert positions(came) == sorted(ends[:until])


@pytest.mark.parametrize("size", [1, IN_MEMORY + 1])
def test_ordered_early_outcome_keeps_its_result_and_its_error(size: int) -> None:
    order = InOrder()
    early, failed = ended(1, b"x" * size), ended(2)
    failed = failed._replace(error=JobFailed("2: no", reason="no", job_id="job_2", details={"n": 1}))
    body = early.result
    assert body is not None
    assert [*order.add(early), *order.add(failed)] == []
    with pytest.raises(ValueError, match="closed"):
        next(body.chunks())  # nothing of it is left in memory, and no file is open
    first, again, error = order.add(ended(0, b"first"))
    assert first.result is not None and b"".join(first.result.chunks()) == b"first"
    assert again.result is not None and b"".join(again.result.chunks()) == b"x" * size
    assert again._replace(result=None) == early._replace(result=None)
    assert isinstance(error.error, JobFailed)
    assert vars(error.error) == vars(failed.error)
