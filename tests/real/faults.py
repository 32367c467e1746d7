"""The table of faults between us and the service: one row for each fault, one column for each exchange."""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.utils import formatdate
from enum import Enum
from typing import NamedTuple

from tests.fake_service import POLL, RESULT, SUBMIT, UPLOAD
from tests.real.faults_server import (
    Act,
    Babble,
    Certificate,
    Closed,
    Crowded,
    Cut,
    Disguised,
    Drip,
    Nameless,
    Redirect,
    Refused,
    Reset,
    Says,
    Silence,
)
from tests.stage import START

LIMIT = 300
"""The run's `--timeout` in seconds."""
TRIES = 6
MANY = -1
"""Stands for as many tries as the polling schedule makes until the timeout."""


class Ledger(Enum):
    """The ledger's only row after the run, if there is one: state, job id, status."""

    EMPTY = None
    UNKNOWN = ("unknown", None, "unknown")
    RUNNING = ("running", "job_1", "queued")
    DONE = ("done", "job_1", "completed")


class Cell(NamedTuple):
    """The expected outcome of a lasting fault at one of the four exchanges."""

    exit: int
    code: str | None
    """The error's code; None if the run succeeds."""
    tries: int
    """Requests of this kind that the server received, or attempts to connect for one."""
    ledger: Ledger
    retryable: bool
    """The error's `retryable`: whether the same command may succeed later."""
    says: tuple[str, ...]
    """Texts in stderr besides the description of the fault."""
    briefly: str
    """The cell's text in the published table."""

    @property
    def repeated(self) -> bool:
        """Whether the request is retried; following a redirect is not a retry."""
        return self.tries in (TRIES, MANY) and self.code != "redirected"


# -- the cells


def _again(code: str, ledger: Ledger) -> Cell:
    """Retried with growing delays, then given up."""
    return Cell(9, code, TRIES, ledger, True, ("docspeed doctor",), "six tries, then 9")


def _once(code: str, ledger: Ledger, exit: int = 9, *, tries: int = 1, says: tuple[str, ...] = ()) -> Cell:
    """Reported at once, because a retry would change nothing."""
    return Cell(exit, code, tries, ledger, False, says, f"{exit} at once")


def _too_long(ledger: Ledger) -> Cell:
    """The server asks for a pause longer than we wait."""
    words = ("the server asks to wait 3600 s", "run the same command again after that")
    return Cell(9, "rate_limited", 1, ledger, True, words, "9 at once")


_UNKNOWN = Cell(
    9,
    "outcome_unknown",
    1,
    Ledger.UNKNOWN,
    False,
    ("Whether the server accepted", "is unknown", "run the same command again"),
    "9 at once, outcome *unknown*",
)
_GOES_ON = Cell(
    8,
    "pending",
    MANY,
    Ledger.RUNNING,
    True,
    ("docspeed jobs wait job_1",),
    "the wait goes on",
)
_FINE = Cell(0, None, 1, Ledger.DONE, False, (), "accepted")
_FOLLOWED = Cell(0, None, 2, Ledger.DONE, False, (), "followed")


class Cells(NamedTuple):
    """A row's cells, in the order of the columns."""

    submit: Cell
    upload: Cell
    poll: Cell
    result: Cell


def _not_taken(code: str) -> Cells:
    return Cells(_again(code, Ledger.EMPTY), _again(code, Ledger.EMPTY), _GOES_ON, _again(code, Ledger.DONE))


def _hopeless(code: str, exit: int = 9) -> Cells:
    return Cells(
        _once(code, Ledger.EMPTY, exit),
        _once(code, Ledger.EMPTY, exit),
        _once(code, Ledger.RUNNING, exit),
        _once(code, Ledger.DONE, exit),
    )


def _moved(tries: int = 1) -> Cells:
    """A POST is never redirected; a GET may be, but not to this target."""
    says = ("redirects to another address", "the key is not sent there", "check --base-url")
    return Cells(
        _once("redirected", Ledger.EMPTY, says=says),
        _once("redirected", Ledger.EMPTY, says=says),
        _once("redirected", Ledger.RUNNING, tries=tries, says=says),
        _once("redirected", Ledger.DONE, tries=tries, says=says),
    )


NOT_TAKEN = _not_taken("unavailable")
"""The server can't have taken the submission."""
UNREACHED = _not_taken("network")
LIMITED = _not_taken("rate_limited")
PERHAPS_TAKEN = NOT_TAKEN._replace(submit=_UNKNOWN)
"""A submission may have been taken; all other requests are free and retried."""
TOO_LONG = Cells(
    _too_long(Ledger.EMPTY), _too_long(Ledger.EMPTY), _GOES_ON._replace(tries=2), _too_long(Ledger.DONE)
)
MOVED = _moved()
MOVED_HERE = MOVED._replace(poll=_FOLLOWED, result=_FOLLOWED)
IN_CIRCLES = _moved(tries=6)
UNPROVEN = _hopeless("tls")
NO_KEY = _hopeless("auth", exit=4)
NO_CREDITS = _hopeless("no_credits", exit=3)
ELSEWHERE = Cells(
    _once("not_found", Ledger.EMPTY, 6),
    _once("not_found", Ledger.EMPTY, 6),
    _GOES_ON,
    _again("unexpected_answer", Ledger.DONE),
)
"""Nothing was taken, and it says nothing about the job."""
HARMLESS = Cells(_FINE, _FINE, _FINE, _FINE)


# -- the rows


class Fault(NamedTuple):
    """A row: its name, its line in the published table, the server's act, a text in stderr, the cells."""

    name: str
    line: str
    act: Act
    says: str
    cells: Cells
    waits: float = 0.0
    """The longest delay before a retry is at least this many seconds."""
    dies: bool = False
    """Whether the connection dies without a byte of an answer, so that a GET on a used one is sent again."""

    def at(self, kind: str) -> Cell:
        """The expected outcome at this exchange."""
        return self.cells[KINDS.index(kind)]


KINDS = (SUBMIT, UPLOAD, POLL, RESULT)

_NO_CONNECTION = "no connection: refused, timed out, unknown host name"
_TLS = "TLS: unknown authority, wrong name, expired"
_BROKEN = "connection reset or closed, or no answer in time, whatever the server had read"
_FAILED = "500, 504"
_BUSY = "429, 502, 503 (`Retry-After`, in seconds or as a date, is obeyed)"
_ABSURD = "a `Retry-After` of more than two minutes"
_UNREADABLE = "an answer that is HTML, empty, cut short, or not HTTP"
_STRANGE = "a 404 that is not the service's own, such as a gateway's page"
_LABEL = "JSON with a wrong or unknown `Content-Encoding`"
_TYPE = "JSON with another content type"
_SLOW = "an answer that arrives too slowly to end"
_WITHIN = "a redirect within the server"
_AWAY = "a redirect to another server, to plain `http`, in a loop, or without a target"
_KEY = "401, 403"
_CREDITS = "402"


def _says(status: int, detail: Mapping[str, str | None] | str = "trouble", **headers: str) -> Says:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Says(status, json.dumps({"detail": detail}).encode(), named)


def _limited(retry_after: str) -> Says:
    return _says(429, {"code": "rate_limited", "message": "slow down"}, Retry_After=retry_after)


_SOON = formatdate(START + 40, usegmt=True)
_LONG_AGO = formatdate(START - 4000, usegmt=True)
_PAGE = b"<!doctype html><html><body>Sign in to the network</body></html>"
_HTML = {"Content-Type": "text/html; charset=utf-8"}
_GZIP = {"Content-Encoding": "gzip"}
_BROTLI = {"Content-Encoding": "br"}
_CUT = "cut short or not JSON"
_BROKE = "the connection broke"
_NO_ANSWER = "no answer in time"
_RATE = "rate limit (429): slow down"

TABLE = (
    Fault("refused", _NO_CONNECTION, Refused(), "can't reach", UNREACHED),
    Fault("no connection in time", _NO_CONNECTION, Crowded(), "can't reach", UNREACHED),
    Fault("DNS", _NO_CONNECTION, Nameless(), "Name or service not known", UNREACHED),
    Fault("unknown authority", _TLS, Certificate("unknown authority"), "local issuer certificate", UNPROVEN),
    Fault("wrong name", _TLS, Certificate("wrong name"), "IP address mismatch", UNPROVEN),
    Fault("expired", _TLS, Certificate("expired"), "certificate has expired", UNPROVEN),
    Fault("reset before", _BROKEN, Reset(handled=False), _BROKE, PERHAPS_TAKEN, dies=True),
    Fault("reset after", _BROKEN, Reset(handled=True), _BROKE, PERHAPS_TAKEN, dies=True),
    Fault("closed", _BROKEN, Closed(), _BROKE, PERHAPS_TAKEN, dies=True),
    Fault("no answer, body unread", _BROKEN, Silence(handled=False), _NO_ANSWER, PERHAPS_TAKEN),
    Fault("no answer, acted upon", _BROKEN, Silence(handled=True), _NO_ANSWER, PERHAPS_TAKEN),
    Fault("500", _FAILED, _says(500), "the server failed (500): trouble", PERHAPS_TAKEN),
    Fault("504", _FAILED, Says(504, _PAGE, _HTML), "the server failed (504)", PERHAPS_TAKEN),
    Fault("502", _BUSY, _says(502), "the server failed (502): trouble", NOT_TAKEN),
    Fault("503", _BUSY, _says(503), "the server failed (503): trouble", NOT_TAKEN),
    Fault("503, seconds", _BUSY, _says(503, Retry_After="9"), "(503): trouble", NOT_TAKEN, waits=9),
    Fault("429", _BUSY, Says(429), "rate limit (429)", LIMITED),
    Fault("429, seconds", _BUSY, _limited("40"), _RATE, LIMITED, waits=40),
    Fault("429, date", _BUSY, _limited(_SOON), _RATE, LIMITED, waits=30),
    Fault("429, past", _BUSY, _limited(_LONG_AGO), _RATE, LIMITED),
    Fault("429, negative", _BUSY, _limited("-5"), _RATE, LIMITED),
    Fault("429, nonsense", _BUSY, _limited("soon"), _RATE, LIMITED),
    Fault("429, days", _ABSURD, _limited("999999"), _RATE, TOO_LONG),
    Fault("429, endless", _ABSURD, _limited("9" * 400), _RATE, TOO_LONG),
    Fault("429, year 9999", _ABSURD, _limited("Fri, 31 Dec 9999 23:59:59 GMT"), _RATE, TOO_LONG),
    Fault("HTML", _UNREADABLE, Says(200, _PAGE, _HTML), _CUT, PERHAPS_TAKEN),
    Fault("HTML as JSON", _UNREADABLE, Says(200, _PAGE), _CUT, PERHAPS_TAKEN),
    Fault("empty", _UNREADABLE, Disguised(body=b""), "(200) was empty", PERHAPS_TAKEN),
    Fault("204", _UNREADABLE, Says(204, b""), "(204) was empty", PERHAPS_TAKEN),
    Fault("cut, closed", _UNREADABLE, Cut("closed"), _BROKE, PERHAPS_TAKEN),
    Fault("cut, reset", _UNREADABLE, Cut("reset"), _BROKE, PERHAPS_TAKEN),
    Fault("cut, chunks", _UNREADABLE, Cut("chunks"), _BROKE, PERHAPS_TAKEN),
    Fault("cut before it was sent", _UNREADABLE, Cut("whole by its length"), _CUT, PERHAPS_TAKEN),
    Fault("no gzip", _UNREADABLE, Disguised(_GZIP, b"\x1f\x8b{}"), "can't be unpacked", PERHAPS_TAKEN),
    Fault("brotli", _UNREADABLE, Disguised(_BROTLI, b"\x0b\x02\x80{}\x03"), "not asked for", PERHAPS_TAKEN),
    Fault("no HTTP", _UNREADABLE, Babble(b"SSH-2.0-OpenSSH_9.6\r\n"), _BROKE, PERHAPS_TAKEN),
    Fault("404 of a gateway", _STRANGE, Says(404, _PAGE, _HTML), "(404)", ELSEWHERE),
    Fault("404, empty", _STRANGE, Says(404, b""), "(404)", ELSEWHERE),
    Fault("404 in another form", _STRANGE, Says(404, b'{"message": "no route"}'), "", ELSEWHERE),
    Fault("HTML as its type", _TYPE, Disguised({"Content-Type": "text/html"}), "", HARMLESS),
    Fault("another charset", _TYPE, Disguised({"Content-Type": "text/plain; charset=utf-16"}), "", HARMLESS),
    Fault("labelled gzip", _LABEL, Disguised(_GZIP), "", HARMLESS),
    Fault("labelled UTF-8", _LABEL, Disguised({"Content-Encoding": "UTF-8, identity"}), "", HARMLESS),
    Fault("no type", _TYPE, Disguised({"Content-Type": ""}), "", HARMLESS),
    Fault("dripping body", _SLOW, Drip(), "came too slowly", PERHAPS_TAKEN),
    Fault("301 within", _WITHIN, Redirect(301, "itself"), "", MOVED_HERE),
    Fault("302 within", _WITHIN, Redirect(302, "itself"), "", MOVED_HERE),
    Fault("303 within", _WITHIN, Redirect(303, "itself"), "", MOVED_HERE),
    Fault("307 within", _WITHIN, Redirect(307, "itself"), "", MOVED_HERE),
    Fault("308 within", _WITHIN, Redirect(308, "itself, in full"), "", MOVED_HERE),
    Fault("302 nowhere", _AWAY, Says(302), "", MOVED),
    Fault("302 in circles", _AWAY, Redirect(302, "circle"), "", IN_CIRCLES),
    Fault("302 away", _AWAY, Redirect(302, "another server"), "", MOVED),
    Fault("307 away", _AWAY, Redirect(307, "another server"), "", MOVED),
    Fault("307 to plain http", _AWAY, Redirect(307, "plain http"), "", MOVED),
    Fault("401", _KEY, _says(401), "does not accept the API key (401): trouble", NO_KEY),
    Fault("403", _KEY, _says(403), "this API key is not allowed to do that (403): trouble", NO_KEY),
    Fault("402", _CREDITS, _says(402), "not enough credits: trouble", NO_CREDITS),
)


# -- the published table

HEAD = ("what goes wrong", "submitting", "waiting for the end", "uploading; fetching")


def as_markdown() -> str:
    """The table as markdown; faults that share a line must have the same cells."""
    lines: dict[str, list[str]] = {}
    for fault in TABLE:
        texts = _briefly(fault.cells)
        assert lines.setdefault(fault.line, texts) == texts, f"{fault.name} is unlike the rest of its line"
    rows = [list(HEAD), ["---"] * len(HEAD), *([line, *texts] for line, texts in lines.items())]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _briefly(cells: Cells) -> list[str]:
    submit, upload, poll, result = (cell.briefly for cell in cells)
    return [submit, poll, upload if upload == result else f"{upload}; {result}"]
