"""`-o DIR/`: a file for each input, left alone if it holds the result of this very request."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.fake_service import RESULT, SUBMIT, UPLOAD, Call, Reply, Service
from tests.stage import Ran, Stage, by_input, file_ids, lines

TOTAL, BOTH = (
    json.dumps({"fields": [{"key": key} for key in keys]}) for keys in (("total",), ("total", "date"))
)


def echo_requests(service: Service) -> None:
    """Make each result repeat its request."""
    service.payload = lambda operation, body: json.dumps({"fields": {}, "asked": [operation, body]}).encode()


def extracted(stage: Stage, folder: str, schema: str = TOTAL, *flags: str) -> Ran:
    document = stage.document(f"{folder}/bill.pdf")
    ran = stage.run(
        "extract", document, "--schema", schema, "--wait", "-o", str(stage.folder / "out") + "/", *flags
    )
    assert ran.code == 0, ran.err
    return ran


def saved(stage: Stage) -> bytes:
    return (stage.folder / "out" / "bill.json").read_bytes()


@pytest.mark.parametrize("other", [("feb", TOTAL), ("jan", BOTH)], ids=["document", "schema"])
def test_output_folder_result_of_another_request_is_replaced(
    stage: Stage, service: Service, other: tuple[str, str]
) -> None:
    echo_requests(service)
    extracted(stage, "jan")
    first = saved(stage)
    between = extracted(stage, *other)
    assert saved(stage) != first
    assert "other files of the same names are replaced" in between.err
    extracted(stage, "jan")
    assert saved(stage) == first
    assert service.count(SUBMIT) == 2, "the replaced results are reused, not paid for again"


def test_output_folder_result_of_another_operation_is_replaced(stage: Stage, service: Service) -> None:
    echo_requests(service)
    extracted(stage, "jan")
    first = saved(stage)
    stage.run("parse", str(stage.folder / "jan" / "bill.pdf"), "--wait", "-o", str(stage.folder / "out"))
    extracted(stage, "jan")
    assert saved(stage) == first


def test_output_folder_file_of_another_table_is_replaced(stage: Stage, service: Service) -> None:
    rows = {"a": [{"x": 1}], "b": [{"y": 2}]}
    service.payload = lambda operation, body: json.dumps({"fields": {}, "line_items": rows}).encode()
    schema = json.dumps({"tables": [{"key": key, "fields": [{"key": "x"}]} for key in rows]})
    path = stage.folder / "out" / "bill.csv"
    extracted(stage, "jan", schema, "--format", "csv", "--table", "a")
    first = path.read_bytes()
    extracted(stage, "jan", schema, "--format", "csv", "--table", "b")
    assert path.read_bytes() != first


def test_output_folder_copies_in_two_folders_are_reused(stage: Stage, service: Service) -> None:
    echo_requests(service)
    argv = ("parse", stage.document("a.pdf", "one"), stage.document("b.pdf", "one"), "--wait", "-o")
    for folder in ("out", "elsewhere", "out", "elsewhere"):
        assert stage.run(*argv, str(stage.folder / folder)).code == 0
    service.jobs.clear()
    ran = [stage.run(*argv, str(stage.folder / folder)) for folder in ("out", "elsewhere")]
    assert [(each.code, each.err.count("already holds the result of parse job job_1")) for each in ran] == [
        (0, 2)
    ] * 2
    assert service.count(SUBMIT) == 1


def test_output_folder_file_with_older_mtime_is_left_alone(stage: Stage, service: Service) -> None:
    echo_requests(service)
    extracted(stage, "jan")
    os.utime(stage.folder / "out" / "bill.json", (1, 1))
    service.jobs.clear()
    extracted(stage, "jan")
    assert service.count(SUBMIT) == 1


KEYS = ["input", "file_id", "job_id", "operation", "status"]


def test_output_folder_gets_a_file_for_each_input(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"in/{name}") for name in ("a.pdf", "b.pdf", "sub/a.pdf")]
    out = stage.folder / "out"
    ran = stage.run("parse", *paths, *file_ids("f/../../x"), "--wait", "-o", str(out))
    assert ran.code == 0, ran.err
    found = by_input(ran)
    for line in found.values():
        assert list(line) == [*KEYS, "output"]
        content = json.loads(Path(line["output"]).read_text())
        assert content["file"] == line["file_id"], "each file holds the result of its input"
        assert Path(line["output"]).resolve().is_relative_to(out.resolve())
    written = [path for path in out.rglob("*") if path.is_file()]
    assert len(written) == len({line["output"] for line in found.values()}) == 4
    assert Path(found[paths[1]]["output"]).name == "b.json"


@pytest.mark.parametrize(
    "name", ["../../etc/x", "/etc/passwd", "..", ".", "a/b", "nul", "x" * 300, "a\\b", "~"]
)
def test_output_folder_file_names_stay_inside(stage: Stage, service: Service, name: str) -> None:
    out = stage.folder / "deep" / "out"
    out.parent.mkdir()
    ran = stage.run("parse", *file_ids(name, "plain"), "--wait", "-o", str(out))
    assert ran.code == 0, ran.err
    written = [path for path in stage.folder.rglob("*.json") if path.is_file()]
    assert len(written) == 2
    assert all(path.parent == out for path in written)


def test_output_folder_names_differing_in_case_are_two_files(stage: Stage) -> None:
    out = stage.folder / "out"
    ran = stage.run("parse", *file_ids("Scan", "scan", "SCAN"), "--wait", "-o", str(out))
    assert ran.code == 0
    assert len({path.name.lower() for path in out.iterdir()}) == 3


def test_output_folder_recursive_keeps_subfolders(stage: Stage) -> None:
    for name in ("a.pdf", "2024/a.pdf", "2024/06/a.pdf"):
        stage.document(f"in/{name}", name)
    out = stage.folder / "out"
    assert stage.run("parse", str(stage.folder / "in"), "--recursive", "--wait", "-o", str(out)).code == 0
    found = {str(path.relative_to(out)) for path in out.rglob("*.json")}
    assert found == {"a.json", "2024/a.json", "2024/06/a.json"}


def test_output_folder_finished_files_are_left_alone(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(3)]
    out = stage.folder / "out"
    argv = ("parse", *paths, "--wait", "-o", str(out))
    first = stage.run(*argv)
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.iterdir()}
    second = stage.run(*argv)
    assert (first.code, second.code) == (0, 0)
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in out.iterdir()} == before
    assert (service.count(SUBMIT), service.count(RESULT)) == (3, 3)
    assert {line["output"] for line in by_input(first).values()} == {
        line["output"] for line in by_input(second).values()
    }


def test_output_folder_missing_file_is_written_again(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(3)]
    out = stage.folder / "out"
    argv = ("parse", *paths, "--wait", "-o", str(out))
    stage.run(*argv)
    (out / "1.json").unlink()
    assert stage.run(*argv).code == 0
    assert (out / "1.json").exists()
    assert (service.count(SUBMIT), service.count(RESULT)) == (3, 3)


def test_output_folder_file_names_are_the_same_on_every_run(stage: Stage, service: Service) -> None:
    first, second = stage.document("a/x.pdf", "first"), stage.document("b/x.pdf", "second")
    out = stage.folder / "out"
    held = service.hold(UPLOAD)
    behave = service.handle

    def handle(call: Call) -> Reply:
        if call.kind == RESULT:
            held.release.set()
        return behave(call)

    service.handle = handle  # type: ignore[method-assign]
    slow_first = stage.run("parse", first, second, "--wait", "-o", str(out), "--concurrency", "2")
    again = stage.run("parse", first, second, "--wait", "-o", str(out), "--concurrency", "1")
    assert (slow_first.code, again.code) == (0, 0)
    for path in (first, second):
        assert by_input(slow_first)[path]["output"] == by_input(again)[path]["output"]
    assert (
        json.loads(Path(by_input(again)[first]["output"]).read_text())["file"]
        != (json.loads(Path(by_input(again)[second]["output"]).read_text())["file"])
    )


def test_output_folder_unwritable_file_does_not_stop_the_others(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(4)]
    (stage.folder / "out" / "1.json").mkdir(parents=True)
    ran = stage.run("parse", *paths, "--wait", "-o", str(stage.folder / "out"), "--concurrency", "1")
    assert ran.code == 2
    assert {path.name for path in (stage.folder / "out").iterdir() if path.is_file()} == {
        "0.json",
        "2.json",
        "3.json",
    }
    assert len(lines(ran.out)) == 4
    assert service.count(SUBMIT) == 3


def test_output_folder_that_is_a_file_is_a_usage_error(stage: Stage, service: Service) -> None:
    (stage.folder / "out").write_text("a file")
    ran = stage.run("parse", *file_ids("a", "b"), "--wait", "-o", str(stage.folder / "out"))
    assert (ran.code, service.calls) == (2, [])


def test_output_folder_copies_of_a_document_are_left_alone(stage: Stage, service: Service) -> None:
    for name in ("in/a.pdf", "in/copy.pdf"):
        stage.document(name, "the same")
    argv = ("parse", f"{stage.folder}/in", "--recursive", "--wait", "-o", f"{stage.folder}/out/")
    for _ in range(3):
        ran = stage.run(*argv)
        assert ran.code == 0, ran.err
        assert "replaced" not in ran.err
    assert service.count(SUBMIT) == 1
    assert sorted(path.name for path in (stage.folder / "out").iterdir()) == ["a.json", "copy.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="has no folder in which root can't make a file")
@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("-o", "/proc/a.json"), "/proc"),
        (("-o", "/proc/out/"), "/proc"),
        (("-o", "/proc/a.csv", "--format", "csv"), "/proc"),
        (("-o", f"{'n' * 300}/"), "name too long"),
        (("--from", "-", "--failures", "/proc/f"), "/proc"),
        (("--from", "-", "--failures", "n" * 300), "name too long"),
    ],
)
def test_output_that_can_t_be_written_is_found_before_anything_is_sent(
    stage: Stage, service: Service, flags: tuple[str, ...], why: str
) -> None:
    gone = stage.folder / "gone.pdf"
    ran = stage.run("extract", str(gone), "--schema", TOTAL, "--wait", *flags)
    assert ran.code == 2 and flags[-1][:20] in ran.err and why in ran.err and "gone.pdf" in ran.err
    assert ran.err.count("error: ") == 1 and not service.calls


def test_output_folder_with_a_file_in_place_of_a_folder_in_it_is_found_before_anything_is_sent(
    stage: Stage, service: Service
) -> None:
    for name in ("in/x/a.pdf", "in/y/b.pdf", "out/x"):
        stage.document(name)
    ran = stage.run(
        "parse", str(stage.folder / "in"), "--recursive", "--wait", "-o", str(stage.folder / "out") + "/"
    )
    assert ran.code == 2 and f"can't make the folder {stage.folder}/out/x" in ran.err and not service.calls


@pytest.mark.skipif(sys.platform != "linux", reason="has no folder in which root can't make a file")
@pytest.mark.parametrize("words", [("chat", "total?"), ("api", "POST", "/v1/split", "--set", "x=1")])
def test_output_of_any_command_that_pays_is_checked_first(
    stage: Stage, service: Service, words: tuple[str, ...]
) -> None:
    files = file_ids("f") if words[0] == "chat" else []
    ran = stage.run(*words, *files, "--wait", "-o", "/proc/a.json")
    assert ran.code == 2 and "can't make a file in /proc" in ran.err and not service.calls
