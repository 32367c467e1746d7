"""Uploads: each content once, its file id in every form, a new upload where the server lost it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from docspeed_cli.store.locks import Locks
from tests.fake_service import POLL, SUBMIT, UPLOAD, Call, Reply, Service
from tests.stage import Stage, lines


def test_upload_prints_the_server_entry(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    ran = stage.run("upload", path)
    assert ran.code == 0
    entry = json.loads(ran.out)
    assert (entry["file_id"], entry["filename"], entry["input"]) == ("file_1", "a.pdf", path)
    assert entry["content_type"] is None and entry["created_at"] == 1.5


def test_upload_ids_can_be_piped_into_parse(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(3)]
    ran = stage.run("upload", *paths, "--format", "id")
    assert ran.out == "file_1\nfile_2\nfile_3\n"
    again = stage.run("parse", "--from", "-", "--format", "id", stdin=ran.raw)
    assert again.code == 0
    assert {body["input"]["file_id"] for body in service.bodies()} == {"file_1", "file_2", "file_3"}


def test_upload_same_content_is_sent_once(stage: Stage, service: Service) -> None:
    stage.run("upload", stage.document("a.pdf", "same"))
    ran = stage.run("upload", stage.document("b.pdf", "same"))
    assert (json.loads(ran.out)["file_id"], json.loads(ran.out)["reused"]) == ("file_1", True)
    assert "note: " in ran.err
    assert stage.run("parse", stage.document("c.pdf", "same")).code == 0
    assert service.count(UPLOAD) == 1
    ran = stage.run("upload", stage.document("a.pdf", "same"), "--fresh")
    assert json.loads(ran.out)["file_id"] == "file_2"


def test_upload_request_is_multipart_with_the_file_bytes(stage: Stage, service: Service) -> None:
    content = bytes(range(256)) * 4000
    path = stage.folder / "naïve “₹” name.pdf"
    path.write_bytes(b"%PDF-1.7\n" + content)
    assert stage.run("upload", str(path)).code == 0
    (call,) = service.calls
    assert call.headers["content-type"].startswith("multipart/form-data; boundary=")
    head = call.body.split(b"\r\n\r\n")[0]
    assert b'name="files"' in head
    assert b"Content-Type: application/pdf" in head
    assert service.files["file_1"] == b"%PDF-1.7\n" + content


@pytest.mark.parametrize("name", ['a"b.pdf', "a\nb.pdf", "a\r\nX-Evil: 1.pdf", "a;b.pdf"])
def test_upload_file_name_cannot_inject_headers(stage: Stage, service: Service, name: str) -> None:
    ran = stage.run("upload", stage.document(name))
    assert ran.code == 0
    (call,) = service.calls
    head = call.body.split(b"\r\n\r\n")[0]
    assert head.count(b"\r\n") == 2, "boundary, disposition and content type"


def test_upload_failure_does_not_stop_the_others(stage: Stage, service: Service) -> None:
    service.then(UPLOAD, Reply.of(413, {"detail": "too large"}))
    ran = stage.run("upload", stage.document("a.pdf"), stage.document("b.pdf"))
    assert ran.code == 7
    assert len(lines(ran.out)) == 1
    assert "too large" in ran.err


def test_upload_401_stops_at_once(stage: Stage, service: Service) -> None:
    ran = stage.run(
        "upload",
        stage.document("a.pdf"),
        stage.document("b.pdf"),
        env={"DOCSPEED_API_KEY": "ds_some_wrong_key"},
    )
    assert (ran.code, ran.out) == (4, "")
    assert service.count(UPLOAD) == 1


def test_upload_that_stops_leaves_no_copy_of_standard_input(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    wrong_key = {"DOCSPEED_API_KEY": "ds_some_wrong_key"}
    ran = stage.run("upload", stage.document("a.pdf"), "-", stdin=b"%PDF-1.4\n%%EOF\n", env=wrong_key)
    assert (ran.code, list((tmp_path / "tmp").iterdir())) == (4, [])


def test_upload_invalid_inputs_send_nothing(stage: Stage, service: Service) -> None:
    ran = stage.run("upload", stage.document("a.pdf"), "missing.pdf", str(stage.folder))
    assert (ran.code, service.calls) == (2, [])
    assert "missing.pdf" in ran.err and "--recursive" in ran.err


def test_upload_is_not_in_jobs_list(stage: Stage) -> None:
    stage.run("upload", stage.document("a.pdf"))
    assert stage.rows() == []


@pytest.mark.parametrize("while_sent", [False, True])
def test_upload_document_changed_after_hashing_is_an_error(
    stage: Stage, service: Service, while_sent: bool
) -> None:
    """docspeed may wait for another process between hashing and upload; the document may change then."""
    path = stage.document("a.pdf", "before")

    def change() -> None:
        Path(path).write_bytes(b"%PDF-1.4\nafter, and longer\n%%EOF\n")

    def handler(request: httpx.Request) -> httpx.Response:
        reply = service.handle(Call(request.method, request.url.path, dict(request.headers), request.read()))
        if request.url.path.endswith("/upload"):
            change()
        return httpx.Response(reply.status, content=reply.body)

    if while_sent:
        ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run("parse", path)
    else:
        acquire = Locks.acquire

        def late(self: Locks, digest: str) -> bool:
            change()
            return acquire(self, digest)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Locks, "acquire", late)
            ran = stage.run("parse", path)
    assert (ran.code, "changed since it was read" in ran.err) == (1, True)
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (int(while_sent), 0)
    assert stage.run("parse", path).code == 0
    assert service.count(UPLOAD) == 1 + while_sent, "the changed upload is not recorded under the old digest"


@pytest.mark.parametrize(
    "answer",
    [
        {"file_id": "file_x", "files": []},
        {"files": [{"file_id": "file_x", "filename": "a.pdf"}]},
        {"file_id": "file_x"},
        {"id": "file_x"},
        {"files": [{"id": "file_x"}]},
        {"data": {"file_id": "file_x"}, "id": "request_1"},
        {"file_id": "file_x", "files": [{"file_id": "file_x"}], "more": {"unknown": True}},
    ],
)
def test_upload_response_of_any_shape_gives_the_file_id(
    stage: Stage, service: Service, answer: object
) -> None:
    service.then(UPLOAD, Reply.of(200, answer))
    assert stage.run("parse", stage.document("a.pdf")).code == 0
    assert service.bodies()[0]["input"] == {"file_id": "file_x"}


def test_upload_document_of_two_requests_is_sent_once(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path, "--wait")
    stage.run("parse", path, "--wait", "--grounding", "regions")
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 2)


NO_FILE = {"detail": {"code": "file_not_found", "message": "file file_1 not found", "details": None}}


@pytest.mark.parametrize("status", [404, 400, 422])
def test_upload_file_id_gone_from_server_is_uploaded_again(
    stage: Stage, service: Service, status: int
) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    service.then(SUBMIT, Reply.of(status, NO_FILE))
    ran = stage.run("parse", path, "--profile", "grounded")
    assert ran.code == 0, ran.err
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (2, 3)
    assert [body["input"]["file_id"] for body in service.bodies()] == ["file_1", "file_1", "file_2"]
    stage.run("parse", path, "--profile", "other")
    assert service.bodies()[-1]["input"] == {"file_id": "file_2"}
    assert service.count(UPLOAD) == 2


def test_upload_gone_when_its_job_runs_is_made_again_by_the_same_command(
    stage: Stage, service: Service
) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    error = {"code": "file_not_found", "message": "file file_1 does not exist or has expired"}
    argv = ("parse", path, "--profile", "grounded", "--wait")
    service.then(POLL, Reply.of(200, {"job_id": "job_2", "status": "failed", "error": error}))
    assert stage.run(*argv).code == 5
    assert stage.run(*argv).code == 0
    assert [body["input"]["file_id"] for body in service.bodies()] == ["file_1", "file_1", "file_2"]


@pytest.mark.parametrize(
    "answer",
    [
        {"error": {"code": "quota", "message": "the storage is full"}},
        {"files": [{"filename": "a.pdf", "error": "the storage is full"}]},
    ],
)
def test_upload_answered_by_an_error_with_status_200_says_what_is_wrong(
    stage: Stage, service: Service, answer: dict[str, object]
) -> None:
    service.always(UPLOAD, Reply.of(200, answer))
    ran = stage.run("upload", stage.document("a.pdf"))
    assert (ran.code, "names no file_id: the storage is full" in ran.err) == (9, True), ran.err


def test_upload_is_kept_when_the_profile_is_rejected(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    service.then(SUBMIT, Reply.of(422, {"detail": "unknown profile 'nope'; known: grounded"}))
    assert stage.run("parse", path, "--profile", "nope").code == 7
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 2)


def test_upload_file_rejected_twice_is_not_uploaded_again(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    service.always(SUBMIT, Reply.of(404, NO_FILE))
    ran = stage.run("parse", path, "--profile", "grounded")
    assert ran.code == 6
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (2, 3)


PARSE = ("parse", "--file-id", "f")


def test_upload_given_file_id_is_never_replaced(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(404, NO_FILE))
    ran = stage.run(*PARSE)
    assert ran.code == 6
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (0, 1)


def test_upload_failure_submits_nothing(stage: Stage, service: Service) -> None:
    service.then(UPLOAD, Reply.of(413, {"detail": "too large"}))
    ran = stage.run("parse", stage.document("a.pdf"))
    assert ran.code == 7
    assert "too large" in ran.err
    assert (service.count(SUBMIT), stage.rows()) == (0, [])


CHANGES: dict[str, Callable[[Path], object]] = {
    "grown": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:10]),
    "emptied": lambda path: path.write_bytes(b""),
    "rewritten": lambda path: path.write_bytes(path.read_bytes()[::-1]),
    "replaced": lambda path: path.with_name("other").rename(path),
    "removed": lambda path: path.unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("status", [200, 422])
def test_upload_of_a_document_that_changes_while_it_is_sent_says_so(
    stage: Stage, service: Service, change: str, status: int
) -> None:
    """Also if the server has refused what came of it."""
    path = Path(stage.document("scan.pdf", "x" * 200_000))
    path.with_name("other").write_bytes(path.read_bytes().swapcase())

    def handler(request: httpx.Request) -> httpx.Response:
        CHANGES[change](path)
        request.read()
        return httpx.Response(status, json={"detail": "not a PDF", "file_id": "file_1"})

    changing = replace(stage, transport=lambda base_url: httpx.MockTransport(handler))
    ran = changing.run("upload", str(path), "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, error["code"]) == (1, "failure")
    assert "scan.pdf changed since it was read" in error["message"]
    stage.document("scan.pdf", "x" * 200_000)
    assert json.loads(stage.run("upload", str(path)).out).get("reused") is None
