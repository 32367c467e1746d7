from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.stage import Stage

RESULT = {
    "fields": {"total": {"value": 10, "page_index": 0}, "city": {"value": "Basel", "page_index": 0}},
    "line_items": {"items": [{"amount": {"value": 4}}, {"amount": {"value": 6}}]},
}
SCHEMA = {
    "fields": [{"key": "total", "type": "number"}, {"key": "city"}],
    "tables": [{"key": "items", "fields": [{"key": "amount", "type": "number"}]}],
}
CORRECTIONS = {
    "corrections": [
        {"field": "total", "old": 10, "new": 12.5, "reviewer": "ana"},
        {"field": "items[2].amount", "old": 6, "new": 8.5},
        {"field": "gone", "old": 1, "new": 2},
    ]
}


@pytest.fixture
def ran(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A user with a run over two documents, of which the first has a corrected result."""
    monkeypatch.chdir(stage.folder)
    stage.service.payload = lambda operation, body: json.dumps(RESULT).encode()
    for name in ("a.pdf", "b.pdf"):
        stage.document(name)
    Path("s.json").write_text(json.dumps(SCHEMA))
    done = stage.run(
        "extract", "a.pdf", "b.pdf", "--schema", "s.json", "--wait", "-o", "out/", "--name", "march"
    )
    assert done.code == 0, done.err
    return stage


def rows(stage: Stage, *flags: str) -> list[dict[str, str]]:
    done = stage.run("jobs", "result", "@march", "--format", "csv", *flags)
    assert done.code == 0, done.err
    return list(csv.DictReader(io.StringIO(done.out)))


def test_csv_of_a_run_has_corrected_values_and_says_which(ran: Stage) -> None:
    before = ran.run("jobs", "result", "@march", "--format", "csv").out
    assert "corrected" not in before
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))
    original = Path("out/a.json").read_bytes()
    first, second = rows(ran)
    assert (first["total"], first["city"], first["corrected"]) == ("12.5", "Basel", "total; items[2].amount")
    assert (second["total"], second["corrected"]) == ("10", "")
    amounts = [(row["amount"], row["corrected"]) for row in rows(ran, "--table", "items")]
    assert amounts == [("4", ""), ("8.5", "items[2].amount"), ("4", ""), ("6", "")]
    fields = {row["field"]: row["corrected"] for row in rows(ran, "--table", "fields")[:2]}
    assert fields == {"total": "total", "city": ""}
    assert "has no gone" in ran.run("jobs", "result", "@march", "--format", "csv").err
    assert Path("out/a.json").read_bytes() == original


@pytest.mark.parametrize("argv", [("runs", "show", "march"), ("jobs", "result", "@march")])
def test_workbook_of_a_run_has_corrected_values_with_comments(ran: Stage, argv: tuple[str, ...]) -> None:
    Path("out/a.corrections.json").write_text(json.dumps(CORRECTIONS))
    done = ran.run(*argv, "--format", "xlsx", "-o", "march.xlsx")
    assert done.code == 0, done.err
    book = load_workbook("march.xlsx")
    found = {
        (name, cell.column_letter, cell.row): (cell.value, cell.comment.text)
        for name in book.sheetnames
        for line in book[name].iter_rows()
        for cell in line
        if cell.comment is not None
    }
    assert list(found.values()) == [(12.5, "Corrected by ana; it was 10"), (8.5, "Corrected; it was 6")]


@pytest.mark.parametrize(
    "argv", [("jobs", "result", "@march", "--format", "csv"), ("review", "out/", "--no-open")]
)
def test_corrections_that_are_damaged_are_named_with_what_to_do(ran: Stage, argv: tuple[str, ...]) -> None:
    Path("out/b.corrections.json").write_text('{"corrections": [{"field": 1}]}')
    done = ran.run(*argv)
    assert (done.code, done.out) == (1, "")
    assert "out/b.corrections.json: a correction or another decision is an object" in done.err
    assert "hint: repair the file or move it away, and run" in done.err
