"""A refusal holds every request; the rate is halved once for all that were under way, and grows back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.service.rate_limit import FIRST_HOLD, MIN_RATE, RateLimiter


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def sent(limiter: RateLimiter, clock: Clock, seconds: float) -> int:
    """How many requests the limiter permits in this time, asked whenever its delay is over."""
    end, count = clock.time + seconds, 0
    while clock.time < end:
        wait = limiter.delay()
        if wait == 0:
            count += 1
            clock.time += 0.01
        else:
            clock.time += wait
    return count


def test_rate_limiter_without_refusals_never_delays() -> None:
    limiter = RateLimiter(Clock())
    assert [limiter.delay() for _ in range(1000)] == [0.0] * 1000
    assert limiter.state == ""


def test_rate_limiter_holds_requests_for_retry_after() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    assert limiter.delay() == 0
    limiter.refused(7.0)
    assert limiter.delay() == pytest.approx(7.0)
    assert "held for 7 s" in limiter.state
    clock.time += 7.0
    assert limiter.delay() == 0


def test_rate_limiter_without_retry_after_doubles_the_hold_until_a_success() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    holds = []
    for _ in range(4):
        limiter.refused(None)
        holds.append(limiter.delay())
        clock.time += holds[-1] + 0.001
        limiter.delay()
    assert holds == pytest.approx([FIRST_HOLD, 2 * FIRST_HOLD, 4 * FIRST_HOLD, 8 * FIRST_HOLD])
    limiter.accepted()
    limiter.refused(None)
    assert limiter.delay() == pytest.approx(FIRST_HOLD)


def test_rate_limiter_halves_the_rate_once_for_concurrent_refusals() -> None:
    rates = []
    for refusals in (1, 32):
        clock = Clock()
        limiter = RateLimiter(clock)
        sent(limiter, clock, 4.0)
        for _ in range(refusals):
            limiter.refused(1.0)
        clock.time += 1.0
        rates.append(sent(limiter, clock, 2.0))
    assert rates[0] == rates[1]


def test_rate_limiter_grows_the_rate_back_until_there_is_no_limit() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    before = sent(limiter, clock, 4.0) / 4.0
    limiter.refused(1.0)
    clock.time += 1.0
    after = sent(limiter, clock, 1.0)
    assert 0.3 * before < after < 0.75 * before
    later = sent(limiter, clock, 20.0) / 20.0
    assert later > after
    sent(limiter, clock, 2000.0)
    assert limiter.state == ""


@given(st.lists(st.sampled_from([None, 0.0, 0.5, 3.0]), min_size=1, max_size=60))
def test_rate_limiter_never_delays_without_end(refusals: list[float | None]) -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    for retry_after in refusals:
        limiter.refused(retry_after)
        clock.time += limiter.delay()
    for _ in range(3):
        wait = limiter.delay()
        assert 0 <= wait <= max(30.0, 1 / MIN_RATE)
        clock.time += wait + 1e-6
        limiter.delay()
