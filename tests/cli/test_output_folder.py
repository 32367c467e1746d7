"""A file in `-o DIR` is left alone if it holds what this very request brought, and only then."""

from __future__ import annotations

import json
import os

import pytest

from tests.fake_service import RESULT, SUBMIT, Service
from tests.stage import Ran, Stage

TOTAL, BOTH = (
    json.dumps({"fields": [{"key": key} for key in keys]}) for keys in (("total",), ("total", "date"))
)


def display_path(service: Service) -> None:
    """Each result says what it was asked for."""
    service.payload = lambda operation, body: json.dumps({"fields": {}, "asked": [operation, body]}).encode()


def extracted(stage: Stage, folder: str, schema: str = TOTAL, *flags: str) -> Ran:
    document = stage.document(f"{folder}/bill.pdf")
    ran = stage.run(
        "extract", document, "--schema", schema, "--wait", "-o", str(stage.folder / "out") + "/", *flags
    )
    assert ran.code == 0, ran.err
    return ran


def filed(stage: Stage) -> bytes:
    return (stage.folder / "out" / "bill.json").read_bytes()


def test_what_is_there_is_left_alone(stage: Stage, service: Service) -> None:
    display_path(service)
    extracted(stage, "jan")
    before = (stage.folder / "out" / "bill.json").stat()
    ran = extracted(stage, "jan")
    assert (stage.folder / "out" / "bill.json").stat() == before
    assert (service.count(SUBMIT), service.count(RESULT), "replaced" in ran.err) == (1, 1, False)


@pytest.mark.parametrize("other", [("feb", TOTAL), ("jan", BOTH)], ids=["document", "schema"])
def test_another_result_in_its_place_is_not_taken_for_it(
    stage: Stage, service: Service, other: tuple[str, str]
) -> None:
    display_path(service)
    extracted(stage, "jan")
    first = filed(stage)
    between = extracted(stage, *other)
    assert filed(stage) != first
    assert "other files of the same names are replaced" in between.err
    extracted(stage, "jan")
    assert filed(stage) == first
    assert service.count(SUBMIT) == 2, "nothing is paid twice over it"


def test_another_operation_s_result_is_not_taken_for_it(stage: Stage, service: Service) -> None:
    display_path(service)
    extracted(stage, "jan")
    first = filed(stage)
    stage.run("parse", str(stage.folder / "jan" / "bill.pdf"), "--wait", "-o", str(stage.folder / "out"))
    extracted(stage, "jan")
    assert filed(stage) == first


def test_a_file_that_somebody_changed_is_fetched_again(stage: Stage, service: Service) -> None:
    display_path(service)
    extracted(stage, "jan")
    first = filed(stage)
    (stage.folder / "out" / "bill.json").write_text("my notes")
    extracted(stage, "jan")
    assert (filed(stage), service.count(SUBMIT)) == (first, 1)


def test_another_table_is_another_file(stage: Stage, service: Service) -> None:
    rows = {"a": [{"x": 1}], "b": [{"y": 2}]}
    service.payload = lambda operation, body: json.dumps({"fields": {}, "line_items": rows}).encode()
    schema = json.dumps({"tables": [{"key": key, "fields": [{"key": "x"}]} for key in rows]})
    path = stage.folder / "out" / "bill.csv"
    extracted(stage, "jan", schema, "--format", "csv", "--table", "a")
    first = path.read_bytes()
    extracted(stage, "jan", schema, "--format", "csv", "--table", "b")
    assert path.read_bytes() != first


def test_documents_of_one_content_are_each_left_alone(stage: Stage, service: Service) -> None:
    display_path(service)
    argv = ("parse", stage.document("a.pdf", "one"), stage.document("b.pdf", "one"), "--wait", "-o")
    for folder in ("out", "elsewhere", "out", "elsewhere"):
        assert stage.run(*argv, str(stage.folder / folder)).code == 0
    service.jobs.clear()
    ran = [stage.run(*argv, str(stage.folder / folder)) for folder in ("out", "elsewhere")]
    assert [(each.code, each.err.count("is there already, from parse job job_1")) for each in ran] == [
        (0, 2)
    ] * 2
    assert service.count(SUBMIT) == 1


def test_a_file_that_a_copy_made_younger_is_left_alone(stage: Stage, service: Service) -> None:
    display_path(service)
    extracted(stage, "jan")
    os.utime(stage.folder / "out" / "bill.json", (1, 1))
    service.jobs.clear()
    extracted(stage, "jan")
    assert service.count(SUBMIT) == 1


def test_what_a_killed_run_left_half_written_is_removed_once_nobody_can_be_at_it(
    stage: Stage, service: Service
) -> None:
    display_path(service)
    out = stage.folder / "out"
    out.mkdir()
    now = stage.clock.now()
    for name, age in ((".docspeed-a.part", 90_000), (".docspeed-b.part", 60), ("mine.part", 90_000)):
        (out / name).touch()
        os.utime(out / name, (now - age, now - age))
    extracted(stage, "jan")
    assert {path.name for path in out.iterdir()} == {"bill.json", ".docspeed-b.part", "mine.part"}
