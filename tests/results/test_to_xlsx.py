"""Workbooks, read back by another library."""

from __future__ import annotations

import errno
import gc
import io
import re
import zipfile
from datetime import datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from docspeed_cli.core.json_text import read_json
from docspeed_cli.results.layout import Column, DocumentOutcome, Layout
from docspeed_cli.results.rows import ALL_TABLES, Record, RowSelection, failed_record, read_record
from docspeed_cli.results.to_xlsx import MAX_COLUMNS, Book, BookColumns, TooManyColumns
from tests.results.payloads import EXTRACT, HOSTILE

DOCUMENT = DocumentOutcome("a.pdf", "job_1", "completed")
SCHEMA = {
    "fields": [
        {"key": "number", "type": "string"},
        {"key": "date", "type": "date"},
        {"key": "total", "type": "number"},
        {"key": "account"},
        {"key": "paid"},
    ],
    "tables": [{"key": "line_items", "fields": [{"key": "description"}, {"key": "qty", "type": "number"}]}],
}


def columns(layout: Layout) -> BookColumns:
    tables = {name: layout.table_columns(name).all() for name in layout.tables}
    return BookColumns(layout.document_columns().all(), tables)


def book_of(*records: Record, layout: Layout, max_rows: int = 1000) -> bytes:
    file = io.BytesIO()
    with Book(file, columns(layout), max_rows=max_rows) as book:
        for record in records:
            book.add(record)
        book.close()
    return file.getvalue()


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    found = openpyxl.load_workbook(io.BytesIO(content))
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in found}


def fields(**values: Any) -> dict[str, Any]:
    return {"fields": {name: {"value": value, "page": 1} for name, value in values.items()}}


def extracted(payload: Any, layout: Layout) -> Record:
    return read_record("extract", DOCUMENT, payload, layout)


def test_book_has_a_sheet_for_documents_each_table_evidence_and_problems() -> None:
    layout = Layout(SCHEMA)
    payload = {
        "fields": {
            "number": {"value": "007", "region_ids": ["p2:l1"], "text": "No 007"},
            "date": {"value": "2026-03-02"},
            "total": {"value": 1234.50, "page": 1},
            "account": {"value": "00123"},
            "paid": {"value": True},
        },
        "line_items": EXTRACT["line_items"],
    }
    failed = failed_record(DocumentOutcome("b.pdf", "", "failed", "job_failed", "it is damaged"), layout)
    found = sheets(book_of(extracted(payload, layout), failed, layout=layout))
    assert list(found) == ["Documents", "line_items", "Evidence", "Problems"]
    assert found["Documents"] == [
        ["input", "job_id", "status", "number", "date", "total", "account", "paid", "error"],
        ["a.pdf", "job_1", "completed", "007", datetime(2026, 3, 2), 1234.5, "00123", True, None],
        ["b.pdf", None, "failed", None, None, None, None, None, "it is damaged"],
    ]
    assert found["line_items"] == [
        ["input", "description", "qty"],
        ["a.pdf", "Bolt, M6", 10],
        ["a.pdf", "=cmd()", None],
    ]
    assert found["Evidence"][:2] == [
        ["input", "field", "value", "page", "quoted_text", "regions"],
        ["a.pdf", "number", "007", 2, "No 007", "p2:l1"],
    ]
    assert found["Problems"][1:] == [["b.pdf", None, "job_failed", None, "it is damaged"]]


def test_book_has_frozen_headings_filters_and_links_to_evidence() -> None:
    layout = Layout(SCHEMA)
    content = book_of(*[extracted(EXTRACT, layout)] * 2, layout=layout)
    book = openpyxl.load_workbook(io.BytesIO(content))
    for sheet in book:
        assert sheet.freeze_panes == "B2"
    assert book["Documents"].auto_filter.ref == "A1:I3"
    links = [book["Documents"].cell(row, 1).hyperlink.location for row in (2, 3)]
    assert links == ["'Evidence'!A2", "'Evidence'!A7"]
    assert book["Evidence"]["A7"].value == "a.pdf"
    assert book["line_items"]["A2"].hyperlink.location == "'Evidence'!A6"
    assert book["Evidence"]["B6"].value == "line_items[1]"
    assert book["Documents"]["F2"].number_format == "0.0"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "{=A1}",
        "http://example.com",
        "<r>a & <b>x</r>",
        "_x0041_",
        " x ",
        HOSTILE,
    ],
)
def test_book_any_text_is_only_text(text: str) -> None:
    layout = Layout(
        {"fields": [{"key": text.strip()}, {"key": "k"}], "tables": [{"key": text, "fields": []}]}
    )
    record = read_record("extract", DOCUMENT._replace(input=text), fields(k=text), layout)
    content = book_of(record, layout=layout)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        everything = b"".join(parts.read(name) for name in parts.namelist())
    assert b"<f>" not in everything
    assert b"vbaProject" not in everything
    assert b"externalLink" not in everything
    shown = openpyxl.load_workbook(io.BytesIO(content))["Documents"]["E2"]
    assert shown.data_type == "s"
    clean = re.sub(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]", "�", text.replace("\r\n", "\n").replace("\r", "\n"))
    assert shown.value in (clean, clean.replace("_x0041_", "_x005F_x0041_"))


def test_book_long_text_is_cut_with_a_mark_and_a_problem() -> None:
    layout = Layout(SCHEMA)
    for text in ("x" * 40_000, "😀" * 20_000):
        found = sheets(book_of(extracted(fields(number=text), layout), layout=layout))
        shown = found["Documents"][1][3]
        assert shown.endswith(" … [cut]")
        assert text.startswith(shown.removesuffix(" … [cut]"))
        assert 32_760 <= len(shown.encode("utf-16-le")) // 2 <= 32_767
        assert found["Problems"][1][:4] == ["a.pdf", "job_1", "text_cut", "number"]


def test_book_number_that_it_would_change_is_text_and_a_problem() -> None:
    layout = Layout(SCHEMA)
    found = sheets(
        book_of(extracted(fields(total=12345678901234567, date="02/03/2026"), layout), layout=layout)
    )
    assert found["Documents"][1][4:6] == ["02/03/2026", "12345678901234567"]
    assert [row[2:4] for row in found["Problems"][1:]] == [["text_kept", "date"], ["text_kept", "total"]]


def test_book_numbers_are_read_back_to_their_last_digit() -> None:
    layout = Layout(SCHEMA)
    texts = [
        "9.95",
        "8.7",
        "0.07",
        "99999.99",
        "1234.50",
        "9.91837465255095e-17",
        "-0.1",
        "123456789012345",
        "1E5",
    ]
    records = [extracted(fields(total=read_json(text)), layout) for text in texts]
    content = book_of(*records, layout=layout)
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        written = re.findall(rb"<v>(.*?)</v>", parts.read("xl/worksheets/sheet1.xml"))
    assert [Decimal(text.decode()) for text in written] == [Decimal(text) for text in texts]
    assert [row[5] for row in sheets(content)["Documents"][1:]] == [float(text) for text in texts]


def test_book_rows_beyond_a_sheets_last_go_on_in_a_numbered_one() -> None:
    layout = Layout({"fields": [{"key": "total"}], "tables": []})
    content = book_of(*[extracted(fields(total=n), layout) for n in range(7)], layout=layout, max_rows=3)
    found = sheets(content)
    names = ["Documents", "Evidence", "Problems"]
    numbered = [f"{name} ({number})" for number in (2, 3) for name in names[:2]]
    assert list(found) == [*names, *numbered]
    totals = [row[3] for name in ("Documents", *numbered[::2]) for row in found[name][1:]]
    assert totals == list(range(7))
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book["Documents (2)"]["A2"].hyperlink.location == "'Evidence (2)'!A2"
    assert book["Documents (3)"].auto_filter.ref == "A1:E2"


def test_book_names_of_sheets_are_valid_and_unique() -> None:
    names = [
        "documents",
        "a/b[c]:*?",
        "x" * 40,
        "x" * 41,
        "''",
        "History",
        "Evidence (2)",
        "\ud800",
        "🙂" * 40,
    ]
    layout = Layout({"fields": [], "tables": [{"key": name, "fields": [{"key": "a"}]} for name in names]})
    found = list(sheets(book_of(layout=layout)))
    assert len({name.casefold() for name in found}) == len(names) + 3
    assert all(0 < len(name.encode("utf-16-le")) <= 2 * 31 for name in found)


def test_book_of_tables_has_one_sheet_for_all() -> None:
    layout = Layout()
    payload = {"tables": [{"columns": ["HSN", "Qty"], "rows": [["0047", 5]]}]}
    record = read_record("tables", DOCUMENT, payload, layout)
    file = io.BytesIO()
    shown = RowSelection("tables", layout).columns().all(["HSN", "Qty"])
    with Book(file, BookColumns([Column("input")], {ALL_TABLES: shown})) as book:
        book.add(record)
        book.close()
    assert sheets(file.getvalue())["Tables"][1] == ["a.pdf", None, "1", 1, "0047", 5]


def test_book_with_too_many_columns_is_refused() -> None:
    wide = [Column(f"c{number}") for number in range(MAX_COLUMNS + 1)]
    with pytest.raises(TooManyColumns, match="16,385 columns"):
        Book(io.BytesIO(), BookColumns(wide, {}))


class FullDisk(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, content: Any, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_xlsx_on_a_full_disk_raises_the_systems_error() -> None:
    layout = Layout(SCHEMA)
    with Book(FullDisk(), columns(layout)) as book, pytest.raises(OSError, match="No space left on device"):
        book.close()
    del book
    gc.collect()  # XlsxWriter leaves its archive open, which complains when it is deleted
