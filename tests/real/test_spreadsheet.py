"""LibreOffice reads the workbooks: every number to its last digit, every text as it is, and no formula."""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest

from docspeed_cli.core.json_text import read_json
from tests.fake_service import Service
from tests.stage import Stage, file_ids

NEEDED = pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice Calc")

SCHEMA = json.dumps(
    {
        "fields": [
            {"key": "total", "type": "number"},
            {"key": "id", "type": "string"},
            {"key": "due", "type": "date"},
        ],
        "tables": [{"key": "items", "fields": [{"key": "amount", "type": "number"}, {"key": "note"}]}],
    }
)
TEXTS = (
    "=SUM(A1:A9)",
    "00123",
    "02/03/2026",
    "1E5",
    "DE89370400440532013000",
    "+49 30",
    "@x",
    "a\nb",
    "<r>x</r>",
)


def amounts(chosen: random.Random, count: int) -> list[str]:
    """Return JSON numbers of up to 15 digits, written in the ways that JSON allows."""
    found = []
    for _ in range(count):
        digits = str(chosen.randrange(1, 10 ** chosen.randrange(1, 15)))
        whole, fraction = digits[: chosen.randrange(1, len(digits) + 1)], digits[: chosen.randrange(0, 3)]
        text = chosen.choice(["", "-"]) + whole + (f".{fraction}" if fraction else "")
        found.append(text + chosen.choice(["", "", "", "e2", "E-3"]))
    return found


def result(numbers: list[str], text: str) -> bytes:
    total, *others = numbers
    quoted = json.dumps(text)
    fields = f'{{"total": {{"value": {total}, "page": 1}}, "id": {{"value": {quoted}, "page": 1}},'
    fields += ' "due": {"value": "2026-03-02", "page": 1}}'
    items = ", ".join(f'{{"amount": {{"value": {number}}}, "note": {quoted}}}' for number in others)
    return f'{{"fields": {fields}, "line_items": {{"items": [{items}]}}}}'.encode()


def converted(book: Path) -> dict[str, list[list[str]]]:
    """Return the sheets of a workbook as LibreOffice reads them; dates and numbers in full."""
    profile = book.parent / "profile"
    form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1"
    argv = ["soffice", f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", form]
    subprocess.run(
        [*argv, "--outdir", str(book.parent), str(book)], check=True, capture_output=True, timeout=170
    )
    found = {}
    for path in book.parent.glob(f"{book.stem}-*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            found[path.stem.removeprefix(f"{book.stem}-")] = list(csv.reader(file))
    return found


@NEEDED
def test_spreadsheet_sums_equal_the_jsons_and_texts_stay_texts(stage: Stage, service: Service) -> None:
    chosen = random.Random(15)
    sent = {f"f{number}": amounts(chosen, 8) for number in range(40)}
    texts = {name: TEXTS[number % len(TEXTS)] for number, name in enumerate(sent)}

    def payload(operation: str, body: dict[str, dict[str, str]]) -> bytes:
        name = body["input"]["file_id"]
        return result(sent[name], texts[name])

    service.payload = payload
    book = stage.folder / "book.xlsx"
    flags = ("--schema", SCHEMA, "--wait", "--format", "xlsx", "-o", str(book))
    assert stage.run("extract", *file_ids(*sent), *flags).code == 0
    found = converted(book)

    heading, *documents = found["Documents"]
    assert heading == ["input", "job_id", "status", "total", "id", "due", "error"]
    totals = [Decimal(row[3]) for row in documents]
    assert sum(totals) == sum(Decimal(str(read_json(numbers[0]))) for numbers in sent.values())
    assert {row[0]: row[4] for row in documents} == texts
    assert len(found["items"]) == 1 + 40 * 7
    assert sum(Decimal(row[1]) for row in found["items"][1:]) == sum(
        Decimal(number) for numbers in sent.values() for number in numbers[1:]
    )
    assert found["Problems"] == [["input", "job_id", "code", "field", "problem"]]
