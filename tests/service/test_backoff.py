"""Polling and retry delays are bounded, obey the server, and see a job's end soon with few looks."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docspeed_cli.service.backoff import Schedule, retry_after

NOW = 1_800_000_000.0
HOUR = 3600.0

seconds = st.floats(0, 1e9, allow_nan=False)
chance = st.floats(0, 1, exclude_max=True)

# -- delays


@given(waited=seconds, chance=chance)
def test_poll_delay_is_between_0_2_and_15_s(waited: float, chance: float) -> None:
    delay = Schedule(random=lambda: chance).delay(waited)
    assert 0.2 <= delay <= 15.0


@given(waited=seconds, chance=chance, floor=st.floats(0, HOUR), asked=st.none() | st.floats(0, HOUR))
def test_poll_delay_is_at_least_the_floor_and_retry_after(
    waited: float, chance: float, floor: float, asked: float | None
) -> None:
    delay = Schedule(floor, lambda: chance).delay(waited, asked)
    assert delay >= floor
    assert delay >= (asked or 0)
    assert delay <= max(15.0, floor, asked or 0)


@given(earlier=seconds, later=seconds)
def test_poll_delay_grows_with_the_time_waited(earlier: float, later: float) -> None:
    schedule = Schedule()
    assert (schedule.delay(earlier) <= schedule.delay(later)) == (earlier <= later) or (
        schedule.delay(earlier) == schedule.delay(later)
    )


def test_poll_delay_starts_at_0_25_s_and_ends_at_15_s() -> None:
    assert Schedule().delay(0.0) == pytest.approx(0.25)
    assert Schedule().delay(HOUR) == pytest.approx(15.0)


@pytest.mark.parametrize("waited", [0.0, 10.0, 60.0, HOUR])
def test_poll_delay_has_jitter(waited: float) -> None:
    assert Schedule(random=lambda: 0.1).delay(waited) != Schedule(random=lambda: 0.4).delay(waited)


@pytest.mark.parametrize("floor", [0.0, 60.0])
def test_poll_delay_is_retry_after_to_the_second(floor: float) -> None:
    assert Schedule(floor).delay(1.0, 90.0) == 90.0


# -- lateness


def _looks(length: float, schedule: Schedule) -> Iterator[float]:
    """The times of the looks at a job of this length; the last is after its end."""
    now = 0.0
    while now < length:
        now += schedule.delay(now)
        yield now


@pytest.mark.parametrize(
    "length", [0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0, 1800.0, HOUR]
)
def test_polling_sees_the_end_soon_with_few_looks(length: float) -> None:
    """Over jobs of about this length, we are a tenth of it late on average, or a quarter of a second."""
    chance = random.Random(1)
    schedule = Schedule(random=chance.random)
    lengths = [length * chance.uniform(0.85, 1.15) for _ in range(400)]
    looks = [list(_looks(each, schedule)) for each in lengths]
    lateness = [seen[-1] - each for seen, each in zip(looks, lengths, strict=True)]
    assert sum(lateness) / len(lateness) <= 0.1 * length + 0.25
    assert max(lateness) <= min(0.22 * 1.15 * length + 0.28, 15.0)
    most = 6 if length <= 1 else 13 if length <= 3 else 35 + length / 13.0
    assert max(len(seen) for seen in looks) <= most


# -- retries


@given(attempt=st.integers(0, 10**6), chance=chance, asked=st.none() | st.floats(0, HOUR))
def test_retry_delay_is_bounded_and_at_least_retry_after(
    attempt: int, chance: float, asked: float | None
) -> None:
    delay = Schedule(random=lambda: chance).backoff(attempt, asked)
    assert delay >= max(0.4, asked or 0)
    assert delay <= max(18.0, asked or 0)


def test_retry_delays_grow() -> None:
    delays = [Schedule().backoff(attempt) for attempt in range(5)]
    assert delays == sorted(delays)
    assert len(set(delays)) == 5
    assert delays[0] == pytest.approx(0.5)


def test_retry_delay_has_jitter() -> None:
    early, late = (Schedule(random=lambda at=at: at).backoff(9) for at in (0.0, 0.99))  # type: ignore[misc]
    assert late - early >= 3


# -- Retry-After


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("3600", HOUR),
        ("3601", HOUR),
        ("9" * 30, HOUR),
        ("9" * 400, HOUR),
        ("9" * 5000, HOUR),
    ],
)
def test_retry_after_in_seconds_is_read_up_to_an_hour(header: str, expected: float) -> None:
    assert retry_after(header, NOW) == expected


@pytest.mark.parametrize(
    ("offset", "expected"), [(30, 30.0), (0, 0.0), (-30, 0.0), (-(10**9), 0.0), (HOUR * 24, HOUR)]
)
def test_retry_after_date_is_the_time_until_then(offset: float, expected: float) -> None:
    assert retry_after(formatdate(NOW + offset, usegmt=True), NOW) == pytest.approx(expected)


@pytest.mark.parametrize(
    "form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]
)
def test_retry_after_date_is_utc_in_every_time_zone(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "win32":
        pytest.skip("needs a time zone that can be set")
    header = time.strftime(form, time.gmtime(NOW + 60))
    try:
        with monkeypatch.context() as patch:
            patch.setenv("TZ", "Asia/Kolkata")
            time.tzset()
            assert retry_after(header, NOW) == pytest.approx(60.0)
    finally:
        time.tzset()


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "soon",
        "inf",
        "-inf",
        "nan",
        "Infinity",
        "1e3",
        "0x10",
        "1.2.3",
        ".",
        "-1",
        "+5",
        "٣",
        "²",
        "1_000",
    ],
)
def test_retry_after_that_is_neither_is_none(header: str) -> None:
    assert retry_after(header, NOW) is None


@given(
    st.text()
    | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d ([+-]\d{1,6}|GMT)")
)
@example("Mon, 01 Jan 99999 00:00:00 GMT")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("Mon, 99999999999999999999 Jan 2024 00:00:00 GMT")
@example("Mon, 32 Jan 2027 25:61:61 GMT")
@example("Mon, 01 Jan 2027 00:00:00 +9999999999")
def test_retry_after_survives_any_header(header: str) -> None:
    found = retry_after(header, NOW)
    assert found is None or 0.0 <= found <= HOUR
