"""stdout holds data and stderr everything else: bytes, formats, files, `--quiet`, `--verbose`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from docspeed_cli.core.errors import Interrupted
from tests.fake_service import RESULT, SUBMIT, Call, Reply, Service
from tests.stage import Stage, lines

STRANGE = [
    b'{"b": 1.0, "a": 1e2, "b2": 12345678901234567890123, "n": -0.0}',
    b'{"\\u0061": "\\u20b9 \\/ \\ud83d\\ude00", "raw": "\xe2\x82\xb9\xf0\x9f\x98\x80"}',
    b'{\r\n\t"x" : [ 1 ,2 ],\n\n "y":{ }}',
    b'{"twice": 1, "twice": 2}',
    b'["a", "list"]',
    b'{"lone": "\\ud800"}',
    b'{"pages": []}\n',
    b' \n{"pages": []} \n',
]


@pytest.mark.parametrize("payload", STRANGE)
def test_result_in_pipe_is_the_server_s_bytes(stage: Stage, service: Service, payload: bytes) -> None:
    service.payload = lambda operation, body: payload
    expected = payload if payload.endswith(b"\n") else payload + b"\n"
    for flags in ((), ("--json",), ("--format", "json"), ("--quiet",), ("--verbose",)):
        assert stage.run("parse", "--file-id", "f", "--wait", *flags).raw == expected
    assert stage.run("jobs", "result", "job_1").raw == expected


@pytest.mark.parametrize("payload", STRANGE)
def test_result_in_batch_line_changes_only_line_breaks(
    stage: Stage, service: Service, payload: bytes
) -> None:
    service.payload = lambda operation, body: payload
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait")
    assert ran.code == 0
    assert ran.raw.count(b"\n") == 2
    for line in ran.raw.splitlines():
        found = json.loads(line)
        assert found["result"] == json.loads(payload)
        bare = b"".join(part.lstrip(b" \t") if n else part for n, part in enumerate(payload.split(b"\n")))
        sent = line.split(b'"result":', 1)[1]
        assert sent.strip() == bare.replace(b"\r", b"").strip() + b"}"


def test_output_file_is_written_and_stdout_is_empty(stage: Stage, service: Service) -> None:
    target = stage.folder / "result.json"
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", str(target))
    assert (ran.code, ran.out) == (0, "")
    assert target.read_bytes() == service.results["job_1"] + b"\n"
    assert [path.name for path in stage.folder.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("size", [10, 900_000])
@pytest.mark.parametrize("code", [5, 9])
def test_output_file_without_result_is_left_alone(
    stage: Stage, service: Service, code: int, size: int
) -> None:
    target = stage.folder / "out" / "result.json"
    target.parent.mkdir()
    target.write_text("what was there")
    if code == 5:
        service.final = "failed"
    else:
        cut = json.dumps({"pages": ["x" * size]}).encode()[:-2]
        service.always(RESULT, Reply(200, cut))
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", str(target))
    assert (ran.code, ran.out) == (code, "")
    assert target.read_text() == "what was there"
    assert list(target.parent.iterdir()) == [target]


def test_output_file_not_writable_names_jobs_result(stage: Stage, service: Service) -> None:
    target = stage.folder / "there"
    (target / "a.json").mkdir(parents=True)
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", str(target / "no" / "x.json"))
    assert (ran.code, service.calls) == (2, []), "a missing folder is reported before anything is sent"
    ran = stage.run("parse", stage.document("a.pdf"), "--wait", "-o", f"{target}/", "--overwrite")
    assert ran.code == 1
    assert "jobs result job_1" in ran.out + ran.err


def test_format_id_prints_bare_job_ids(stage: Stage) -> None:
    ran = stage.run("parse", "--file-id", "f", "--format", "id")
    assert (ran.code, ran.out) == (0, "job_1\n")
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--format", "id")
    assert sorted(lines(ran.out)) == ["job_1", "job_2"]


@pytest.mark.parametrize("name", ["markdown", "text"])
def test_format_markdown_or_text_holds_no_json(stage: Stage, service: Service, name: str) -> None:
    page = {"page_index": 0, "markdown": "# Totals\n\n₹ 12", "text": "Totals\n₹ 12"}
    payload = json.dumps({"pages": [page]}).encode()
    service.payload = lambda operation, body: payload
    ran = stage.run("parse", "--file-id", "f", "--wait", "--format", name)
    assert ran.code == 0, ran.err
    assert "Totals" in ran.out and "₹ 12" in ran.out
    assert ("# Totals" in ran.out) is (name == "markdown")
    assert "page_index" not in ran.out
    assert stage.run("jobs", "result", "@last", "--format", name).out == ran.out


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_format_text_or_markdown_is_the_same_in_a_pipe_and_a_file(
    stage: Stage, service: Service, form: str
) -> None:
    service.payload = lambda operation, body: b'{"pages": [{"text": "one", "markdown": "# one"}]}'
    argv = ("parse", "--file-id", "f", "--wait", "--format", form)
    piped = stage.run(*argv).out
    path = stage.folder / "out.md"
    assert stage.run(*argv, "-o", str(path)).code == 0
    assert piped == path.read_text() and piped.count("\n") == 1


def test_format_from_environment_gives_way_to_flag(stage: Stage) -> None:
    env = {"DOCSPEED_FORMAT": "id"}
    assert stage.run("parse", "--file-id", "f", env=env).out == "job_1\n"
    assert json.loads(stage.run("parse", "--file-id", "f", "--json", env=env).out)["job_id"] == "job_1"
    assert stage.run("parse", "--file-id", "f", env={"DOCSPEED_FORMAT": "csv"}).code in (0, 2)
    assert stage.run("parse", "--file-id", "f", env={"DOCSPEED_FORMAT": "pdf"}).code == 2


def test_format_csv_for_parse_fails_before_any_request(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--wait", "--format", "csv")
    assert (ran.code, ran.out, service.calls) == (2, "", [])


# -- quiet and verbose


def test_quiet_silences_notes_and_progress_but_not_errors(stage: Stage, service: Service) -> None:
    service.polls = 3
    ran = stage.run("parse", stage.document("a.pdf"), "--wait", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    ran = stage.run("parse", "missing.pdf", "--quiet")
    assert ran.err.startswith("error: ")
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", "--quiet")
    assert (ran.code, ran.err) == (0, "")


def test_verbose_adds_a_line_for_each_exchange(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(503, {}, X_Request_Id="req_1"))
    ran = stage.run("parse", stage.document("a.pdf"), "--wait", "--verbose")
    assert ran.code == 0
    exchanges = [line.split() for line in lines(ran.err) if line.startswith("http: ")]
    assert [exchange[1:4] for exchange in exchanges] == [
        ["POST", "/api/v1/upload", "200"],
        ["POST", "/api/v1/parse", "503"],
        ["POST", "/api/v1/parse", "200"],
        ["GET", "/v1/jobs/job_1", "200"],
        ["GET", "/v1/jobs/job_1/result", "200"],
    ]
    assert exchanges[1][4].isdigit() and exchanges[1][5:] == ["ms", "req_1"]
    assert ran.raw == service.results["job_1"] + b"\n"


def test_run_leaves_nothing_in_the_working_directory(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    stage.run("parse", "--file-id", "f", "--wait")
    assert list((tmp_path / "here").iterdir()) == []


def test_output_dash_is_stdout(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", "-")
    assert ran.raw == service.results["job_1"] + b"\n"
    assert not Path("-").exists()


def test_output_file_for_many_inputs_is_a_usage_error(stage: Stage, service: Service) -> None:
    inputs = ("--file-id", "f", "--file-id", "g")
    ran = stage.run("parse", *inputs, "--wait", "-o", str(stage.folder / "out.json"))
    assert ran.code == 2
    assert "folder" in ran.err
    assert service.calls == []


def test_output_hint_at_terminal_names_an_unused_file(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stage.folder)
    for suffix in ("", "-2", "-3"):
        ran = stage.run("parse", stage.document("a.pdf"), "--wait", terminal=True)
        assert ran.err.endswith(f"-o a.parse{suffix}.json\n")
        (stage.folder / f"a.parse{suffix}.json").touch()


class Broken(httpx.SyncByteStream):
    """A response body that is interrupted by a signal."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"pages": ["' + b"x" * (1 << 20)
        raise Interrupted(2)


def test_output_file_after_interrupted_download_is_absent(stage: Stage, service: Service) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/result"):
            return httpx.Response(200, stream=Broken())
        reply = service.handle(Call(request.method, request.url.path, dict(request.headers), request.read()))
        return httpx.Response(reply.status, content=reply.body)

    out = stage.folder / "out"
    out.mkdir()
    ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run(
        "parse", "--file-id", "f", "--wait", "-o", str(out / "r.json")
    )
    assert (ran.code, list(out.iterdir())) == (130, [])


@pytest.mark.parametrize("form", ["text", "markdown", "csv"])
def test_output_without_the_servers_notices_has_them_on_stderr(
    stage: Stage, service: Service, form: str
) -> None:
    found = {"fields": {"total": {"value": None}}, "pages": [], "notices": ["page 1 has no text", 7]}
    service.payload = lambda operation, body: json.dumps(found).encode()
    operation = ["extract", "--schema", '{"total": "number"}'] if form == "csv" else ["parse"]
    argv = [*operation, stage.document("a.pdf"), "--wait", "--format", form]
    for path in ([], ["-o", str(stage.folder / "out.txt")]):
        ran = stage.run(*argv, *path)
        assert ran.code == 0, ran.err
        assert f"note: {stage.folder}/a.pdf: page 1 has no text\n" in ran.err
        assert "no text" not in ran.out and "no text" not in stage.run(*argv, "--quiet").err
    ran = stage.run(*argv, stage.document("b.pdf", "b"))
    assert f"note: {stage.folder}/b.pdf: page 1 has no text\n" in ran.err
    assert "no text" not in stage.run("parse", stage.document("a.pdf"), "--wait").err
