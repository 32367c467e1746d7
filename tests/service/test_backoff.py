"""When to look again: bounded delays, the server's wish, and few looks for little lateness."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docspeed_cli.service.backoff import DueQueue, Schedule, retry_after

NOW = 1_800_000_000.0
HOUR = 3600.0

seconds = st.floats(0, 1e9, allow_nan=False)
chance = st.floats(0, 1, exclude_max=True)

# -- delays


@given(waited=seconds, chance=chance)
def test_a_delay_is_above_nothing_and_at_most_15_s(waited: float, chance: float) -> None:
    delay = Schedule(random=lambda: chance).delay(waited)
    assert 0.4 <= delay <= 15.0


@given(waited=seconds, chance=chance, floor=st.floats(0, HOUR), asked=st.none() | st.floats(0, HOUR))
def test_neither_the_user_s_floor_nor_the_server_s_wish_is_undercut(
    waited: float, chance: float, floor: float, asked: float | None
) -> None:
    delay = Schedule(floor, lambda: chance).delay(waited, asked)
    assert delay >= floor
    assert delay >= (asked or 0)
    assert delay <= max(15.0, floor, asked or 0)


@given(earlier=seconds, later=seconds)
def test_delays_grow_with_the_time_waited(earlier: float, later: float) -> None:
    schedule = Schedule()
    assert (schedule.delay(earlier) <= schedule.delay(later)) == (earlier <= later) or (
        schedule.delay(earlier) == schedule.delay(later)
    )


def test_the_delay_starts_at_half_a_second_and_ends_at_15() -> None:
    assert Schedule().delay(0.0) == pytest.approx(0.5)
    assert Schedule().delay(HOUR) == pytest.approx(15.0)


@pytest.mark.parametrize("waited", [0.0, 10.0, 60.0, HOUR])
def test_two_programs_do_not_look_in_step(waited: float) -> None:
    assert Schedule(random=lambda: 0.1).delay(waited) != Schedule(random=lambda: 0.4).delay(waited)


@pytest.mark.parametrize("floor", [0.0, 60.0])
def test_a_wish_of_the_server_is_followed_to_the_second(floor: float) -> None:
    assert Schedule(floor).delay(1.0, 90.0) == 90.0


# -- lateness


def _looks(length: float, schedule: Schedule) -> Iterator[float]:
    """The times of the looks at a job of this length, the first at once, the last after its end."""
    now = 0.0
    yield now
    while now < length:
        now += schedule.delay(now)
        yield now


@pytest.mark.parametrize(
    "length", [0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0, 1800.0, HOUR]
)
def test_a_job_s_end_is_seen_soon_with_few_looks(length: float) -> None:
    """Over jobs of about this length, the mean lateness is a tenth of it, beside the first half second."""
    chance = random.Random(1)
    schedule = Schedule(random=chance.random)
    lengths = [length * chance.uniform(0.85, 1.15) for _ in range(400)]
    looks = [list(_looks(each, schedule)) for each in lengths]
    lateness = [seen[-1] - each for seen, each in zip(looks, lengths, strict=True)]
    assert sum(lateness) / len(lateness) <= 0.1 * length + 0.5
    assert max(lateness) <= min(0.22 * 1.15 * length + 0.55, 15.0)
    most = 5 if length <= 1 else 9 if length <= 3 else 30 + length / 13.0
    assert max(len(seen) for seen in looks) <= most


# -- repetitions


@given(attempt=st.integers(0, 10**6), chance=chance, asked=st.none() | st.floats(0, HOUR))
def test_a_repetition_s_delay_is_bounded_and_heeds_the_server(
    attempt: int, chance: float, asked: float | None
) -> None:
    delay = Schedule(random=lambda: chance).backoff(attempt, asked)
    assert delay >= max(0.4, asked or 0)
    assert delay <= max(18.0, asked or 0)


def test_repetitions_come_at_growing_distances() -> None:
    delays = [Schedule().backoff(attempt) for attempt in range(5)]
    assert delays == sorted(delays)
    assert len(set(delays)) == 5
    assert delays[0] == pytest.approx(0.5)


def test_repetitions_of_many_programs_are_spread() -> None:
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
def test_seconds_are_taken_up_to_an_hour(header: str, expected: float) -> None:
    assert retry_after(header, NOW) == expected


@pytest.mark.parametrize(
    ("offset", "expected"), [(30, 30.0), (0, 0.0), (-30, 0.0), (-(10**9), 0.0), (HOUR * 24, HOUR)]
)
def test_a_date_is_taken_as_the_time_until_then(offset: float, expected: float) -> None:
    assert retry_after(formatdate(NOW + offset, usegmt=True), NOW) == pytest.approx(expected)


@pytest.mark.parametrize(
    "form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]
)
@pytest.mark.skipif(not hasattr(time, "tzset"), reason="needs a time zone that can be set")
def test_a_date_in_any_http_form_is_in_greenwich_wherever_the_user_is(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        None,
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
def test_what_is_neither_seconds_nor_a_date_is_no_wish(header: str | None) -> None:
    assert retry_after(header, NOW) is None


@given(
    st.text()
    | st.from_regex(r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} \d\d:\d\d:\d\d ([+-]\d{1,6}|GMT)")
)
@example("Mon, 01 Jan 99999 00:00:00 GMT")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
@example("Mon, 32 Jan 2027 25:61:61 GMT")
@example("Mon, 01 Jan 2027 00:00:00 +9999999999")
def test_no_header_breaks_anything_or_asks_for_more_than_an_hour(header: str) -> None:
    found = retry_after(header, NOW)
    assert found is None or 0.0 <= found <= HOUR


# -- the agenda


def test_an_agenda_gives_what_is_due_and_nothing_before() -> None:
    agenda: DueQueue[str] = DueQueue()
    assert (agenda.pop(1e9), agenda.next_due(), len(agenda)) == (None, None, 0)
    agenda.add(2.0, "later")
    agenda.add(1.0, "sooner")
    assert (agenda.next_due(), len(agenda)) == (1.0, 2)
    assert agenda.pop(0.99) is None
    assert agenda.pop(1.0) == "sooner"
    assert agenda.pop(1.0) is None
    assert agenda.pop(2.5) == "later"
    assert len(agenda) == 0


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0]) | st.floats(0, 100), max_size=30))
def test_an_agenda_goes_by_due_time_and_among_equals_by_arrival(dues: list[float]) -> None:
    agenda: DueQueue[object] = DueQueue()
    things = [(due, object()) for due in dues]
    for due, thing in things:
        agenda.add(due, thing)
    expected = [thing for _, thing in sorted(things, key=lambda each: each[0])]
    assert [agenda.pop(100.0) for _ in things] == expected


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 99999999999999999999 Jan 2024 00:00:00 GMT",
        "Mon, 01 Jan 2024 00:00:00 +999999999999999",
        "Mon, 01 Jan 99999 00:00:00 GMT",
        "Mon,",
        "",
    ],
)
def test_a_date_that_no_calendar_has_is_no_wish(date: str) -> None:
    assert retry_after(date, NOW) is None
