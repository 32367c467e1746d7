"""The gate: a refusal holds everybody, the rate is cut once for all that were under way, and grows back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.service.rate_limit import FIRST_HOLD, LEAST_RATE, RateLimiter


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def sent(gate: RateLimiter, clock: Clock, seconds: float) -> int:
    """How many requests the gate lets through in this time, asked as often as it says."""
    end, count = clock.time + seconds, 0
    while clock.time < end:
        wait = gate.delay()
        if wait == 0:
            count += 1
            clock.time += 0.01
        else:
            clock.time += wait
    return count


def test_an_open_gate_holds_nobody() -> None:
    gate = RateLimiter(Clock())
    assert [gate.delay() for _ in range(1000)] == [0.0] * 1000
    assert gate.state == ""


def test_retry_after_holds_everybody_for_so_long() -> None:
    clock = Clock()
    gate = RateLimiter(clock)
    assert gate.delay() == 0
    gate.refused(7.0)
    assert gate.delay() == pytest.approx(7.0)
    assert "held for 7 s" in gate.state
    clock.time += 7.0
    assert gate.delay() == 0


def test_refusals_without_a_time_hold_longer_and_longer_until_one_is_taken() -> None:
    clock = Clock()
    gate = RateLimiter(clock)
    holds = []
    for _ in range(4):
        gate.refused(None)
        holds.append(gate.delay())
        clock.time += holds[-1] + 0.001
        gate.delay()
    assert holds == pytest.approx([FIRST_HOLD, 2 * FIRST_HOLD, 4 * FIRST_HOLD, 8 * FIRST_HOLD])
    gate.accepted()
    gate.refused(None)
    assert gate.delay() == pytest.approx(FIRST_HOLD)


def test_refusals_that_were_under_way_together_cut_the_rate_once() -> None:
    clock = Clock()
    one, many = RateLimiter(clock), RateLimiter(clock)
    for gate in (one, many):
        sent(gate, clock, 4.0)
    one.refused(1.0)
    for _ in range(32):
        many.refused(1.0)
    clock.time += 1.0
    start = clock.time
    a = sent(one, clock, 2.0)
    clock.time = start
    b = sent(many, clock, 2.0)
    assert a == pytest.approx(b, rel=0.1)


def test_the_rate_is_halved_and_then_grows_back_until_the_gate_is_open() -> None:
    clock = Clock()
    gate = RateLimiter(clock)
    before = sent(gate, clock, 4.0) / 4.0
    gate.refused(1.0)
    clock.time += 1.0
    after = sent(gate, clock, 1.0)
    assert 0.3 * before < after < 0.75 * before
    later = sent(gate, clock, 20.0) / 20.0
    assert later > after
    sent(gate, clock, 2000.0)
    assert gate.state == ""


@given(st.lists(st.sampled_from([None, 0.0, 0.5, 3.0]), min_size=1, max_size=60))
def test_however_often_it_is_refused_something_is_always_tried(refusals: list[float | None]) -> None:
    clock = Clock()
    gate = RateLimiter(clock)
    for retry_after in refusals:
        gate.refused(retry_after)
        clock.time += gate.delay()
    for _ in range(3):
        wait = gate.delay()
        assert 0 <= wait <= max(30.0, 1 / LEAST_RATE)
        clock.time += wait + 1e-6
        gate.delay()
