"""One row for each document, as CSV or in a workbook, from a run and from results that are there."""

from __future__ import annotations

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.fake_service import RESULT, SUBMIT, Reply, Service
from tests.stage import Ran, Stage, file_ids

SCHEMA = json.dumps(
    {
        "fields": [{"key": "invoice.number", "type": "string"}, {"key": "total", "type": "number"}],
        "tables": [{"key": "items", "fields": [{"key": "name"}, {"key": "n", "type": "number"}]}],
    }
)
EXTRACT = ("extract", "--schema", SCHEMA, "--wait")


def serve(service: Service, total: Any = 12.50) -> None:
    found = {
        "fields": {
            "total": {"value": total, "page": 2, "text": "Total 12.50"},
            "invoice.number": {"value": "007", "page": 1},
        },
        "line_items": {"items": [{"name": {"value": "=a", "page": 1}, "n": 1}, {"name": "b", "n": 2}]},
    }
    service.payload = lambda operation, body: json.dumps(found).encode()


def table(ran: Ran) -> list[list[str]]:
    return list(csv.reader(io.StringIO(ran.raw.decode(), newline="")))


def book(path: Path) -> dict[str, list[list[Any]]]:
    found = openpyxl.load_workbook(path)
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in found}


def test_rows_csv_is_the_same_for_one_document_and_for_many(stage: Stage, service: Service) -> None:
    serve(service)
    heading = ["input", "job_id", "status", "invoice.number", "total", "error"]
    one = table(stage.run(*EXTRACT, *file_ids("f"), "--format", "csv"))
    assert one == [heading, ["f", "job_1", "completed", "007", "12.5", ""]]
    many = table(stage.run(*EXTRACT, *file_ids("g", "f"), "--format", "csv"))
    assert many == [heading, ["g", "job_2", "completed", "007", "12.5", ""], one[1]]


def test_rows_of_failed_documents_say_why(stage: Stage, service: Service) -> None:
    serve(service)
    service.final = "failed"
    ran = stage.run(*EXTRACT, *file_ids("f", "g"), "--format", "csv")
    assert ran.code == 5
    assert [row[2:] for row in table(ran)[1:]] == [["failed", "", "", "ended with status failed"]] * 2
    assert ran.err.count("ended with status failed (job_") == 2


def test_rows_of_a_result_that_lacks_a_required_value_have_the_others(stage: Stage, service: Service) -> None:
    serve(service, total=None)
    ran = stage.run(*EXTRACT, *file_ids("f", "g"), "--format", "csv", "--require", "total")
    assert ran.code == 10
    assert table(ran)[1][3:] == ["007", "", "required but not found: total"]


def test_rows_of_a_payload_of_another_shape_are_a_failure(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: b'["odd"]'
    ran = stage.run(*EXTRACT, *file_ids("f", "g"), "--format", "csv")
    assert ran.code == 1
    assert [row[-1] for row in table(ran)[1:]] == ["this extract result can't be written as csv"] * 2


@pytest.mark.parametrize(
    ("flags", "rows"),
    [
        (("--table", "items"), [["input", "name", "n"], ["f", "'=a", "1"], ["f", "b", "2"]]),
        (("--columns", "total,input"), [["total", "input"], ["12.5", "f"]]),
        (("--columns", "number"), [["invoice.number"], ["007"]]),
        (("--table", "items", "--columns", "n"), [["n"], ["1"], ["2"]]),
        (("--table", "fields", "--columns", "field,page,quoted_text"), [
            ["field", "page", "quoted_text"], ["total", "2", "Total 12.50"], ["invoice.number", "1", ""],
        ]),
    ],
    ids=["table", "columns", "end", "table-columns", "fields"],
)  # fmt: skip
def test_rows_table_and_columns_are_picked(
    stage: Stage, service: Service, flags: tuple[str, ...], rows: list[list[str]]
) -> None:
    serve(service)
    assert table(stage.run(*EXTRACT, *file_ids("f"), "--format", "csv", *flags)) == rows
    if "--table" in flags:
        again = stage.run("jobs", "result", "job_1", "--format", "csv", *flags)
        assert table(again) == rows


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ("--format", "csv", "--columns", "totals"),
            "error: --columns totals: there is no such column\nhint: did",
        ),
        (("--format", "csv", "--columns", "total,,x"), "a name is empty"),
        (("--columns", "total"), "error: --columns picks the columns of rows\nhint: add `--format csv`"),
        (("--format", "xlsx", "--table", "items"), "--table items picks a table for csv"),
        (("--format", "xlsx", "-o", "books/"), "is a folder; a workbook is one file"),
        (("-o", "rows.csv"), "the output is not csv\nhint: add `--format csv`"),
        (("--format", "csv", "-o", "ROWS.XLSX"), "the output is not xlsx\nhint: add `--format xlsx`"),
        (("--format", "xlsx", "-o", "rows.csv"), "the output is not csv\nhint: add `--format csv`"),
        (("--format", "xlsx"), "error: a workbook can't be shown at a terminal\nhint: add `-o FILE.xlsx`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_rows_wrong_flags_fail_before_any_request(
    stage: Stage, service: Service, flags: tuple[str, ...], message: str
) -> None:
    ran = stage.run(*EXTRACT, *file_ids("f", "g"), *flags, terminal=True, env={"NO_COLOR": "1"})
    assert (ran.code, service.calls) == (2, [])
    assert message in ran.err


@pytest.mark.parametrize(
    "argv",
    [
        (*EXTRACT, "--file-id", "f", "--dry-run"),
        ("parse", "--file-id", "f", "--wait"),
        ("api", "GET", "/v1/jobs/job_1"),
    ],
    ids=" ".join,
)
def test_output_with_a_spreadsheets_ending_is_taken_where_there_are_no_rows(
    stage: Stage, service: Service, argv: tuple[str, ...]
) -> None:
    service.has("job_1", "running")
    assert stage.run(*argv, "-o", f"{stage.folder}/rows.csv").code == 0


def test_rows_of_results_that_are_there_have_the_columns_of_all(stage: Stage, service: Service) -> None:
    serve(service)
    stage.run(*EXTRACT, *file_ids("f", "g"), "--concurrency", "1")
    service.payload = lambda operation, body: b'{"fields": {"due": {"value": "2026-01-02", "page": 1}}}'
    stage.run(*EXTRACT, *file_ids("h"))
    ran = stage.run(
        "jobs", "result", "job_1", "job_3", "job_2", "--format", "csv", "--columns", "input,due,number,x"
    )
    assert table(ran) == [
        ["input", "due", "invoice.number", "x"],
        ["f", "", "007", ""],
        ["h", "2026-01-02", "", ""],
        ["g", "", "007", ""],
    ]
    assert "warning: --columns x: no document has this column" in ran.err
    assert service.count(SUBMIT) == 3


def test_rows_of_jobs_of_several_operations_are_refused(stage: Stage, service: Service) -> None:
    stage.run("tables", *file_ids("f"), "--wait")
    stage.run(*EXTRACT, *file_ids("f"))
    ran = stage.run("jobs", "result", "job_1", "job_2", "--format", "csv")
    assert (ran.code, ran.out) == (2, "")
    assert "of tables and extract" in ran.err


def test_rows_of_a_job_without_a_result_are_an_error_and_no_table(stage: Stage, service: Service) -> None:
    table = stage.folder / "rows.csv"
    for more in ([], ["-o", str(table)]):
        ran = stage.run("jobs", "result", "job_9", "--format", "csv", *more)
        assert (ran.code, ran.out) == (6, "")
    assert not table.exists()


def test_rows_of_jobs_have_a_line_for_one_that_the_ledger_does_not_know(
    stage: Stage, service: Service
) -> None:
    serve(service)
    stage.run(*EXTRACT, *file_ids("f"))
    ran = stage.run("jobs", "result", "job_9", "@last", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert (ran.code, [row["status"] for row in rows]) == (6, ["of unknown status", "completed"]), ran.err


@pytest.mark.parametrize("more", [[], ["-o", "rows.csv"]], ids=["pipe", "file"])
def test_rows_of_a_small_run_need_no_temporary_folder(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    service.payload = lambda operation, body: b'{"tables": [{"rows": [{"Item": "Pump"}]}]}'
    monkeypatch.chdir(stage.folder)
    monkeypatch.setattr(tempfile, "tempdir", str(stage.folder / "missing"))
    ran = stage.run("tables", *file_ids("f", "g"), "--wait", "--format", "csv", *more)
    assert ran.code == 0, ran.err


def test_rows_of_many_go_to_one_csv_file(stage: Stage, service: Service) -> None:
    serve(service)
    path = stage.folder / "all.csv"
    ran = stage.run(*EXTRACT, *file_ids("f", "g"), "--format", "csv", "-o", str(path))
    assert (ran.code, ran.out) == (0, "")
    assert f"the rows of 2 documents are in {path}" in ran.err
    assert path.read_text("utf-8").count("completed,007,12.5") == 2


def test_rows_workbook_holds_the_whole_run(stage: Stage, service: Service) -> None:
    serve(service)
    path = stage.folder / "run.xlsx"
    stage.run(*EXTRACT, *file_ids("f"))
    ran = stage.run(*EXTRACT, *file_ids("f", "g"), "--format", "xlsx", "-o", str(path))
    assert (ran.code, ran.out) == (0, "")
    found = book(path)
    assert list(found) == ["Documents", "items", "Evidence", "Problems"]
    assert [row[0] for row in found["Documents"][1:]] == ["f", "g"]
    assert {tuple(row[2:5]) for row in found["Documents"][1:]} == {("completed", "007", 12.5)}
    assert [row[1:] for row in found["items"][1:3]] == [["=a", 1], ["b", 2]]
    assert {row[1] for row in found["Evidence"][1:]} == {"total", "invoice.number", "items[1]"}


def test_rows_workbook_in_the_searched_folder_is_no_document(stage: Stage, service: Service) -> None:
    serve(service)
    folder = stage.folder / "in"
    stage.document("in/a.pdf")
    path = folder / "all.xlsx"
    argv = (*EXTRACT, str(folder), "--recursive", "--format", "xlsx", "-o")
    assert stage.run(*argv, str(path)).code == 0
    for target in (path, stage.folder / "again.xlsx"):
        ran = stage.run(*argv, str(target))
        assert ran.code == 0
        assert "skipped 1 file written by docspeed" in ran.err
        assert [Path(row[0]).name for row in book(target)["Documents"][1:]] == ["a.pdf"]


def test_rows_workbook_goes_into_a_pipe_and_from_kept_results(stage: Stage, service: Service) -> None:
    serve(service)
    stage.run(*EXTRACT, *file_ids("f"))
    ran = stage.run("jobs", "result", "job_1", "--format", "xlsx")
    (stage.folder / "piped.xlsx").write_bytes(ran.raw)
    found = book(stage.folder / "piped.xlsx")
    assert found["Documents"][1] == ["f", "job_1", "completed", 12.5, "007", None]


def test_rows_workbook_that_cannot_be_written_leaves_the_old_one(stage: Stage, service: Service) -> None:
    folder, moved = stage.folder / "books", stage.folder / "moved"
    folder.mkdir()
    path = folder / "run.xlsx"
    path.write_text("the old one")

    def payload(operation: str, body: Any) -> bytes:
        if folder.exists():
            folder.rename(moved)
        return b'{"fields": {}}'

    service.payload = payload
    ran = stage.run(*EXTRACT, *file_ids("f", "g"), "--format", "xlsx", "-o", str(path))
    assert ran.code == 1
    assert f"error: can't write {path}: No such file or directory\nhint: make room" in ran.err
    assert [(entry.name, entry.read_text()) for entry in moved.iterdir()] == [("run.xlsx", "the old one")]


def test_rows_tables_of_all_documents_are_one_rectangle(stage: Stage, service: Service) -> None:
    tables = [
        {"table_id": "t1", "columns": ["A", "B"], "rows": [["1", "2"]]},
        {"rows": [["x"]], "page_index": 1},
    ]
    service.payload = lambda operation, body: json.dumps({"tables": tables}).encode()
    ran = stage.run("tables", *file_ids("=f", "g"), "--wait", "--format", "csv")
    assert table(ran) == [
        ["input", "page", "table", "row", "A", "B", "column_1"],
        ["'=f", "", "t1", "1", "1", "2", ""],
        ["'=f", "2", "2", "1", "", "", "x"],
        ["g", "", "t1", "1", "1", "2", ""],
        ["g", "2", "2", "1", "", "", "x"],
    ]
    stage.run(
        "tables", *file_ids("=f", "g"), "--wait", "--format", "xlsx", "-o", str(stage.folder / "t.xlsx")
    )
    assert book(stage.folder / "t.xlsx")["Tables"][1] == ["=f", None, "t1", 1, "1", "2", None]


def test_rows_of_a_run_come_from_what_is_kept_without_a_request(stage: Stage, service: Service) -> None:
    serve(service)
    service.final = "completed"
    odd = stage.document("odd.pdf")
    many = (*EXTRACT, *file_ids("g", "f"), odd, "--name", "march")
    whole = table(stage.run(*many, "--format", "csv"))
    assert [row[0] for row in whole] == ["input", odd, "g", "f"]
    calls = len(service.calls)
    service.always(RESULT, Reply.of(500, {}))
    assert table(stage.run("jobs", "result", "@march", "--format", "csv")) == whole
    picked = stage.run("jobs", "result", "@march", "--format", "csv", "--columns", "number,input")
    assert table(picked)[2] == ["007", "g"]
    path = stage.folder / "march.xlsx"
    ran = stage.run(
        "runs", "show", "march", "--format", "xlsx", "-o", str(path), env={"DOCSPEED_API_KEY": ""}
    )
    assert (ran.code, ran.out) == (0, "")
    assert [row[0] for row in book(path)["Documents"]] == ["input", odd, "g", "f"]
    assert len(service.calls) == calls


def test_rows_of_a_run_include_its_failures_and_name_what_is_not_kept(stage: Stage, service: Service) -> None:
    serve(service)
    bad = stage.folder / "bad.pdf"
    bad.write_bytes(b"")
    stage.run(*EXTRACT, *file_ids("f"), str(bad), "--skip-invalid", "--name", "march")
    again = table(stage.run("jobs", "result", "@march", "--format", "csv"))
    assert [(row[0], row[2]) for row in again[1:]] == [(str(bad), "failed"), ("f", "completed")]
    assert "it is empty" in again[1][-1]
    shutil.rmtree(stage.folder / "state" / "kept")
    path = stage.folder / "march.xlsx"
    ran = stage.run("runs", "show", "march", "--format", "xlsx", "-o", str(path))
    assert ran.code == 6
    assert "the results of 1 inputs are not kept" in ran.err
    assert [row[-1] for row in book(path)["Documents"][2:]] == ["the result is not kept"]
    assert stage.run("jobs", "result", "@april", "--format", "csv").code == 6


def test_rows_come_in_the_order_of_the_inputs_from_a_late_first_one(stage: Stage, service: Service) -> None:
    serve(service)
    names = [f"f{number}" for number in range(12)]
    late = Reply.of(200, {"job_id": "job_1", "operation": "extract", "status": "processing"})
    service.at("/v1/jobs/job_1", *[late] * 30)
    ran = stage.run(*EXTRACT, *file_ids(*names), "--format", "csv", "--concurrency", "4")
    assert [row[0] for row in table(ran)[1:]] == names
    ran = stage.run("jobs", "result", *(f"job_{n}" for n in range(12, 0, -1)), "--format", "csv")
    assert [row[1] for row in table(ran)[1:]] == [f"job_{n}" for n in range(12, 0, -1)]


MARK = b"\xef\xbb\xbf"
LISTS = (
    (*EXTRACT, *file_ids("f")),
    (*EXTRACT, *file_ids("f", "g")),
    (*EXTRACT, *file_ids("f"), "--table", "items"),
    ("jobs", "result", "@last"),
    ("jobs", "result", "job_1", "job_2"),
    ("jobs", "list"),
    ("runs", "list"),
    ("runs", "show", "@last"),
)


@pytest.mark.parametrize("argv", LISTS, ids=lambda argv: " ".join(argv[::2])[:30])
def test_rows_csv_with_bom_begins_with_one_mark_in_a_pipe_only(
    stage: Stage, service: Service, argv: tuple[str, ...]
) -> None:
    serve(service)
    stage.run(*EXTRACT, *file_ids("f", "g"), "--format", "csv")
    plain = stage.run(*argv, "--format", "csv").raw
    marked = stage.run(*argv, "--format", "csv", "--bom").raw
    assert (marked[:3], marked.count(MARK), plain.count(MARK)) == (MARK, 1, 0)
    assert len(marked[3:].splitlines()) == len(plain.splitlines())
    shown = stage.run(*argv, "--format", "csv", "--bom", terminal=True)
    assert (shown.code, MARK in shown.raw) == (0, False)
    refused = stage.run(*argv, "--format", "json", "--bom")
    assert (refused.code, refused.err) == (2, "error: --bom is for csv\nhint: add `--format csv`\n")


def test_rows_csv_with_bom_in_files_has_one_mark_each(stage: Stage, service: Service) -> None:
    serve(service)
    one, folder = stage.folder / "a.csv", stage.folder / "out"
    argv = (*EXTRACT, *file_ids("f", "g"), "--format", "csv", "--bom")
    assert stage.run(*argv, "-o", str(one)).code == 0
    assert stage.run(*argv, "-o", str(folder) + "/").code == 0
    contents = [path.read_bytes() for path in (one, *sorted(folder.iterdir()))]
    assert [(content[:3], content.count(MARK)) for content in contents] == [(MARK, 1)] * 3
    without = stage.run(*argv[:-1], "-o", str(folder) + "/")
    assert (without.code, MARK in (folder / "f.csv").read_bytes()) == (0, False)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """A disk that refuses files larger than 2 MB, as a full disk would."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(
    "argv",
    [
        ("jobs", "result", "job_1", "job_2", "job_3", "--format", "csv"),
        ("jobs", "result", "job_1", "job_2", "job_3", "--format", "xlsx"),
        (*EXTRACT, *file_ids("a", "b", "c"), "--format", "csv", "-o", "rows.csv"),
        (*EXTRACT, *file_ids("d", "a", "b", "c"), "--ordered"),
    ],
    ids=["csv", "xlsx", "file", "ordered"],
)
@pytest.mark.usefixtures("small_disk")
def test_waiting_rows_on_a_full_disk_are_an_error_that_names_the_folder(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...]
) -> None:
    monkeypatch.chdir(stage.folder)
    found = json.dumps({"fields": {"total": "x" * 900_000}}).encode()
    service.payload = lambda operation, body: found
    stage.run(*EXTRACT, *file_ids("a", "b", "c"))
    service.polls = 10**9
    ran = stage.run(*argv)
    assert ran.code == 1
    assert f"error: results that wait for their turn can't be stored in {tempfile.gettempdir()}: " in ran.err
    assert "\nhint: set TMPDIR to a folder with more room, and run the same command again\n" in ran.err
    assert not Path("rows.csv").exists(), "it would have a gap"
