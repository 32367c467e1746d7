"""Format times for JSON and for people, and sizes, shares and counts for people."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def rfc3339(seconds: float | None) -> str | None:
    """Format seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span(seconds: float) -> str:
    """Format a duration in seconds for people: `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d`."""
    return f"{max(seconds, 0):.1f} s" if seconds < 10 else _whole_units(seconds)


def _whole_units(seconds: float) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return f"{int(seconds // size)} {unit}"


def percent(share: float) -> str:
    """Format a share from 0 to 1 for people: `87.5 %`."""
    return f"{share * 100:.1f} %"


def file_size(size: int) -> str:
    """Format bytes for people: `512 B`, `1.2 kB`, `34 MB`."""
    if size < 1000:
        return f"{size} B"
    # From 999.5 on a number would be rounded to 1000, so the next unit takes it.
    units = ("kB", "MB", "GB", "TB")
    number, unit = next(
        (size / 1000**n, unit) for n, unit in enumerate(units, 1) if size < 999.5 * 1000**n or unit == "TB"
    )
    return f"{number:.1f} {unit}" if number < 9.95 else f"{number:.0f} {unit}"


def counted(count: int, name: str) -> str:
    """Format a count for people: `1 page`, `2,000 pages`."""
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def ago(then: float | None, now: float) -> str:
    """Say how long before `now` a time was: `3 min ago`."""
    if then is None:
        return "at an unknown time"
    return "just now" if now - then < 2 else f"{_whole_units(now - then)} ago"
