"""Write what was compared as a JUnit report, which CI servers show as tests."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from docspeed_cli.core.timefmt import counted

_UNALLOWED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML can't hold, not even escaped."""


class Case(NamedTuple):
    """One document: what differs, and why it could not be compared, if so."""

    name: str
    failures: tuple[str, ...] = ()
    error: str | None = None


def junit_report(cases: Iterable[Case]) -> str:
    """Return the report as XML."""
    listed = list(cases)
    failed = sum(bool(case.failures) for case in listed)
    broken = sum(case.error is not None for case in listed)
    counts = f'tests="{len(listed)}" failures="{failed}" errors="{broken}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites {counts}>"]
    lines.append(f'  <testsuite name="docspeed diff" {counts}>')
    for case in listed:
        lines.append(f'    <testcase classname="docspeed diff" name={_xml_attribute(case.name)}>')
        if case.error is not None:
            lines.append(f"      <error message={_xml_attribute(case.error)}/>")
        elif case.failures:
            message = counted(len(case.failures), "difference")
            text = escape(_clean("\n".join(case.failures)))
            lines.append(f"      <failure message={_xml_attribute(message)}>{text}</failure>")
        lines.append("    </testcase>")
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])


def _xml_attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    return _UNALLOWED.sub("\ufffd", text)
