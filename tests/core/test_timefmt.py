"""Times in JSON and for people."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.timefmt import ago, file_size, rfc3339, span

NOW = 1_800_000_000.0


def test_rfc3339_is_utc_with_milliseconds() -> None:
    assert rfc3339(NOW) == "2027-01-15T08:00:00.000Z"
    assert rfc3339(0.0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(NOW + 0.25) == "2027-01-15T08:00:00.250Z"
    assert rfc3339(None) is None


@given(st.floats(0, 32_503_680_000, exclude_max=True))
def test_rfc3339_parses_back_to_the_millisecond(seconds: float) -> None:
    text = rfc3339(seconds)
    assert text is not None and text.endswith("Z") and len(text) == 24
    assert abs(datetime.fromisoformat(text).astimezone(UTC).timestamp() - seconds) < 0.0011


@given(st.floats(0, 4e9), st.floats(0, 4e9))
def test_rfc3339_sorts_by_time(one: float, two: float) -> None:
    earlier, later = sorted((one, two))
    assert (rfc3339(earlier) or "") <= (rfc3339(later) or "")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0.0 s"),
        (0, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (86399, "23 h"),
        (86400, "1 d"),
        (86400 * 400, "400 d"),
    ],
)
def test_span_uses_one_unit(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("then", "text"),
    [
        (None, "at an unknown time"),
        (NOW, "just now"),
        (NOW - 1.9, "just now"),
        (NOW + 100, "just now"),
        (NOW - 2, "2 s ago"),
        (NOW - 9.96, "9 s ago"),
        (NOW - 180, "3 min ago"),
        (NOW - 86400 * 2, "2 d ago"),
    ],
)
def test_ago_rounds_down_to_one_unit(then: float | None, text: str) -> None:
    assert ago(then, NOW) == text


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1234, "1.2 kB"), (12_345, "12 kB"), (999_600, "1.0 MB")],
)
def test_file_size_has_two_digits(size: int, shown: str) -> None:
    assert file_size(size) == shown
