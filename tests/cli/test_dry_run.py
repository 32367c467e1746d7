"""`--dry-run` prints the request, as JSON or as a curl command, and sends nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fpdf import FPDF

from tests.fake_service import KEY, Service
from tests.stage import Stage, by_input, lines


def test_dry_run_prints_the_request_and_sends_nothing(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    ran = stage.run("parse", path, "--dry-run", "--wait")
    assert ran.code == 0
    request = json.loads(ran.out)
    assert request["method"] == "POST"
    assert request["url"] == "https://api.docspeed.ai/api/v1/parse"
    assert request["body"]["execution_mode"] == "async"
    assert path in json.dumps(request["uploads"])
    assert service.calls == []
    assert stage.rows() == []


def test_dry_run_uploaded_document_has_its_file_id(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    before = len(service.calls)
    request = json.loads(stage.run("parse", path, "--dry-run").out)
    assert request["body"]["input"] == {"file_id": "file_1"}
    assert "uploads" not in request
    assert len(service.calls) == before


@pytest.mark.parametrize("flags", [(), ("--format", "curl")])
def test_dry_run_needs_no_key(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    path = stage.document("a.pdf")
    for argv in (("--file-id", "f"), (path,)):
        ran = stage.run("parse", *argv, "--dry-run", *flags, env={"DOCSPEED_API_KEY": ""})
        assert ran.code == 0, ran.err
    assert service.calls == []


def test_dry_run_of_many_prints_a_line_each(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(3)]
    ran = stage.run("parse", *paths, "--dry-run")
    assert ran.code == 0
    assert len([json.loads(line) for line in lines(ran.out)]) == 3
    assert service.calls == []


def test_dry_run_invalid_input_is_a_usage_error(stage: Stage) -> None:
    assert stage.run("parse", "missing.pdf", "--dry-run").code == 2


def test_dry_run_of_many_names_the_id_that_is_a_job(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "file_9")
    (stage.folder / "ids.txt").write_text("job_1\nfile_8\n")
    ran = stage.run("parse", "--from", str(stage.folder / "ids.txt"), "--dry-run")
    found = by_input(ran)
    assert (found["job_1"]["action"], found["file_8"]["action"], ran.code) == ("fail", "submit", 2)
    assert "it is a job, not a file" in found["job_1"]["error"]["message"]


def test_dry_run_names_a_job_that_would_be_reused(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    ran = stage.run("parse", "--file-id", "f", "--dry-run")
    assert "without --dry-run, job job_1 would be reused" in ran.err
    assert "would be reused" not in stage.run("parse", "--file-id", "f", "--dry-run", "--fresh").err


def test_dry_run_in_sandbox_shows_a_url(stage: Stage) -> None:
    ran = stage.run("parse", stage.document("a.pdf"), "--dry-run", "--sandbox")
    assert json.loads(ran.out)["url"] == "http://sandbox.localhost/api/v1/parse"


def test_dry_run_curl_has_the_variable_in_place_of_the_key(stage: Stage, service: Service) -> None:
    path = stage.document("it's a.pdf")
    ran = stage.run("parse", path, "--set", "note=it's $HOME `id`", "--dry-run", "--format", "curl")
    assert ran.code == 0
    assert "$DOCSPEED_API_KEY" in ran.out
    assert KEY not in ran.out
    assert "https://api.docspeed.ai/api/v1/parse" in ran.out
    assert service.calls == []


def test_dry_run_curl_of_a_get_request_has_no_body(stage: Stage) -> None:
    for method, has_body in (("GET", False), ("POST", True)):
        ran = stage.run("api", method, "/v1/usage", "--dry-run", "--format", "curl")
        assert (" -d " in ran.out, "Content-Type" in ran.out) == (has_body, has_body)


def test_dry_run_curl_of_stdin_reads_standard_input(stage: Stage) -> None:
    ran = stage.run("parse", "-", "--dry-run", "--format", "curl", stdin=b"%PDF-1.4\nx")
    assert (ran.code, 'files=@"-"' in ran.out) == (0, True), "the copy of standard input is gone by then"


def test_dry_run_curl_without_the_variable_warns(stage: Stage) -> None:
    argv = ("parse", "--file-id", "f", "--dry-run", "--format", "curl")
    assert "$DOCSPEED_API_KEY, which is not set" not in stage.run(*argv).err
    stage.run("auth", "login", stdin=KEY.encode())
    assert "$DOCSPEED_API_KEY, which is not set" in stage.run(*argv, env={"DOCSPEED_API_KEY": ""}).err


def real_pdf(stage: Stage, name: str, pages: int) -> str:
    pdf = FPDF()
    for _ in range(pages):
        pdf.add_page()
    path = stage.folder / name
    path.write_bytes(pdf.output())
    return str(path)


def test_dry_run_of_many_shows_pages_sizes_and_duplicates(stage: Stage, service: Service) -> None:
    first, odd = real_pdf(stage, "a.pdf", 3), stage.document("odd.pdf")
    again = str(shutil.copy(first, stage.folder / "again.pdf"))
    argv = ("parse", first, again, odd, "--file-id", "f", "--dry-run")
    ran = stage.run(*argv)
    found = {Path(line["input"]).name: line for line in map(json.loads, lines(ran.out))}
    actions = {name: [line["pages"], line["action"]] for name, line in found.items()}
    new = "upload and submit"
    assert actions == {
        "a.pdf": [3, new],
        "again.pdf": [3, "join"],
        "odd.pdf": [None, new],
        "f": [None, "submit"],
    }
    assert found["again.pdf"]["duplicate_of"] == first
    assert (found["a.pdf"]["type"], found["a.pdf"]["size"]) == ("application/pdf", Path(first).stat().st_size)
    assert ran.err.startswith("parse: 4 documents, 1 the same as others, 6 pages and those of 2 not known, ")
    assert service.calls == []

    shown = stage.run(*argv, terminal=True, env={"NO_COLOR": "1"})
    head, *rows = shown.out.splitlines()
    assert head.split() == ["document", "type", "pages", "size", "action"]
    assert [row.split()[1:3] for row in rows[:3]] == [["PDF", "3"], ["PDF", "3"], ["PDF", "?"]]
    assert rows[1].endswith(f"join · same content as {first}")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--max-files", "2"), "error: --max-files 2: there are 3 documents\n"),
        (("--max-pages", "4"), "error: --max-pages 4: the documents have 5 pages\n"),
        (("--max-pages", "9"), "odd.pdf can't be counted\n"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@pytest.mark.parametrize("listed", [False, True], ids=["named", "listed"])
def test_limits_that_are_passed_stop_a_run_before_its_first_upload(
    stage: Stage, service: Service, flags: tuple[str, ...], message: str, listed: bool
) -> None:
    paths = [real_pdf(stage, "a.pdf", 3), real_pdf(stage, "b.pdf", 2), stage.document("odd.pdf")]
    named = ("--from", "-") if listed else paths
    ran = stage.run("parse", *named, "--wait", *flags, stdin="\n".join(paths).encode())
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert message in ran.err


def test_limits_that_are_kept_stop_nothing(stage: Stage, service: Service) -> None:
    paths = [real_pdf(stage, "a.pdf", 3), real_pdf(stage, "b.pdf", 2), stage.document("odd.pdf")]
    argv = ("parse", "--from", "-", "--limit", "2", "--max-files", "2", "--max-pages", "5", "--wait")
    ran = stage.run(*argv, stdin="\n".join(paths).encode())
    assert (ran.code, len(lines(ran.out))) == (0, 2)
    assert stage.run("parse", paths[0], "--max-pages", "2").code == 2
