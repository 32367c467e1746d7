"""HTTP interface of the sandbox: uploads, jobs, errors and keys."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from docspeed_cli.sandbox import reset
from tests.sandbox import papers
from tests.sandbox.conftest import Sandbox

DOC = papers.lines_pdf(["Invoice No: 17", "Total: 1,234.00"])


def test_upload_returns_an_id_for_each_part(sandbox: Sandbox) -> None:
    body = sandbox.json(sandbox.upload(DOC, papers.image("PNG", (3, 4))))
    first, second = body["files"]
    assert body["file_id"] == first["file_id"] != second["file_id"]
    assert (first["content_type"], second["content_type"]) == ("application/pdf", "image/png")
    assert first["size"] == len(DOC)
    assert first["filename"] == "a.pdf"
    assert first["created_at"] == sandbox.clock.at


def test_upload_part_named_file_is_accepted(sandbox: Sandbox) -> None:
    response = sandbox.client.post("/api/v1/upload", data={"file": (io.BytesIO(DOC), "b.pdf")})
    assert sandbox.json(response)["files"][0]["filename"] == "b.pdf"


def test_upload_with_one_unsupported_part_stores_nothing(sandbox: Sandbox) -> None:
    response = sandbox.upload(DOC, b"just words", name="notes.pdf")
    assert sandbox.json(response, 415)["detail"]["code"] == "unsupported_media_type"
    assert not list((sandbox.folder / "files").iterdir())


def test_upload_without_parts_returns_error(sandbox: Sandbox) -> None:
    response = sandbox.client.post("/api/v1/upload", data={"other": "x"}, content_type="multipart/form-data")
    assert sandbox.json(response, 422)["detail"][0]["loc"] == ["body", "files"]


def test_response_has_request_id_and_sandbox_header(sandbox: Sandbox) -> None:
    answers = [sandbox.upload(DOC), sandbox.get("/nowhere"), sandbox.get("/v1/jobs/job_none")]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3
    assert all(answer.headers["X-Request-Id"].startswith("req_") for answer in answers)
    assert all(answer.headers["X-Docspeed-Sandbox"] == "1" for answer in answers)


def test_parse_sync_returns_payload_with_notice_first(sandbox: Sandbox) -> None:
    body = sandbox.ask("/api/v1/parse", DOC, execution_mode="sync", anything_else=1)
    assert next(iter(body)) == "sandbox"
    assert "not from the service's models" in body["sandbox"]
    page = body["pages"][0]
    assert [line["text"] for line in page["lines"]] == ["Invoice No: 17", "Total: 1,234.00"]
    assert page["lines"][1]["region_id"] == "p1:l2"
    x0, y0, x1, y1 = page["lines"][0]["bbox"]
    assert x0 == 50 and y0 < 80 < y1 and 100 < x1 < 150
    assert "regions" not in page and "tables" not in page


@pytest.mark.parametrize(("grounding", "key"), [("regions", "regions"), ("cell", "tables")])
def test_parse_grounding_adds_its_member(sandbox: Sandbox, grounding: str, key: str) -> None:
    page = sandbox.ask("/api/v1/parse", DOC, grounding=grounding, profile="grounded")["pages"][0]
    assert key in page and page["lines"]


def test_job_status_follows_the_clock(sandbox: Sandbox) -> None:
    job = sandbox.submit("/api/v1/parse", DOC)
    seen = []
    for at in (0.0, 0.3, 10.0):
        sandbox.clock.at = 1_000_000.0 + at
        body = sandbox.json(sandbox.get(f"/v1/jobs/{job}"))
        assert body["operation"] == "parse" and body["execution_mode"] == "async"
        assert body["created_at"] == 1_000_000.0 <= body["updated_at"] <= sandbox.clock.at
        seen.append((body["status"], body["progress"]))
    assert seen == [("queued", 0.0), ("processing", 0.25), ("completed", 1.0)]


def test_job_result_after_the_end_is_constant(sandbox: Sandbox, make_sandbox: Callable[..., Sandbox]) -> None:
    job = sandbox.submit("/api/v1/parse", DOC)
    early = sandbox.get(f"/v1/jobs/{job}/result")
    assert sandbox.json(early, 409)["detail"]["code"] == "job_not_finished"
    sandbox.clock.at += 10
    first = sandbox.get(f"/v1/jobs/{job}/result")
    assert first.status_code == 200
    again = make_sandbox().client  # another process, as it were
    assert (
        first.data == sandbox.get(f"/v1/jobs/{job}/result").data == again.get(f"/v1/jobs/{job}/result").data
    )


def test_job_is_accepted_before_its_document_is_read(sandbox: Sandbox) -> None:
    job = sandbox.submit("/api/v1/parse", DOC)
    (stored,) = (sandbox.folder / "files").iterdir()
    stored.write_bytes(b"%PDF-1.7 and no more")
    sandbox.clock.at += 10
    ended = sandbox.json(sandbox.get(f"/v1/jobs/{job}"))
    assert (ended["status"], ended["error"]["code"]) == ("failed", "document_unreadable")


def test_payload_of_async_and_sync_is_equal(make_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = make_sandbox()
    item = {"input": {"file_id": sandbox.file_id(DOC)}}
    inline = sandbox.post("/api/v1/parse", item).data
    job = sandbox.json(sandbox.post("/api/v1/parse", {**item, "execution_mode": "async"}), 202)["job_id"]
    sandbox.clock.at += 10
    assert sandbox.get(f"/v1/jobs/{job}/result").data == inline


@pytest.mark.parametrize(
    ("document", "code"),
    [(papers.encrypted_pdf(), "document_encrypted"), (b"%PDF-1.4 and then nothing", "document_unreadable")],
)
def test_job_of_unreadable_document_fails(sandbox: Sandbox, document: bytes, code: str) -> None:
    item = {"input": {"file_id": sandbox.file_id(document)}}
    assert sandbox.json(sandbox.post("/v1/tables", item), 422)["detail"]["code"] == code
    job = sandbox.submit("/v1/tables", document)
    sandbox.clock.at += 10
    status = sandbox.json(sandbox.get(f"/v1/jobs/{job}"))
    assert status["status"] == "failed" and status["error"]["code"] == code
    assert sandbox.json(sandbox.get(f"/v1/jobs/{job}/result"), 422)["detail"]["code"] == code


def test_upload_office_document_is_stored_but_not_processed(sandbox: Sandbox) -> None:
    docx = io.BytesIO()
    with zipfile.ZipFile(docx, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    file_id = sandbox.file_id(docx.getvalue())
    answer = sandbox.post("/api/v1/parse", {"input": {"file_id": file_id}, "execution_mode": "async"})
    assert sandbox.json(answer, 422)["detail"]["code"] == "unsupported_document"
    archive_of_something_else = io.BytesIO()
    with zipfile.ZipFile(archive_of_something_else, "w") as archive:
        archive.writestr("readme.txt", "x")
    assert sandbox.upload(archive_of_something_else.getvalue()).status_code == 415


@pytest.mark.parametrize(
    ("image", "sizes"),
    [
        (papers.image("PNG", (64, 48)), [(64, 48)]),
        (papers.image("TIFF", (100, 200), (30, 40)), [(100, 200), (30, 40)]),
        (papers.image("TIFF", (10, 20), big_tiff=True), [(10, 20)]),
        (papers.rare_tiff((10, 20), (30, 40)), [(10, 20), (30, 40)]),
        (papers.looping_tiff(10, 20), [(10, 20)]),
        (papers.image("BMP", (31, 41)), [(31, 41)]),
        (papers.image("GIF", (7, 9)), [(7, 9)]),
        (papers.image("JPEG", (102, 76), progressive=True), [(102, 76)]),
        *((papers.sideways(kind, 30, 20), [(20, 30)]) for kind in ("JPEG", "PNG", "TIFF", "WEBP")),
        (papers.image("WEBP", (80, 60)), [(80, 60)]),
    ],
    ids=["png", "tiff", "bigtiff", "rare tiff", "loop", "bmp", "gif", "jpeg", *(["turned"] * 4), "webp"],
)
def test_parse_image_returns_page_sizes_and_a_notice(
    sandbox: Sandbox, image: bytes, sizes: list[tuple[int, int]]
) -> None:
    body = sandbox.ask("/api/v1/parse", image)
    assert [(page["width"], page["height"]) for page in body["pages"]] == sizes
    assert all(page["lines"] == [] and page["markdown"] == "" for page in body["pages"])
    (notice,) = body["notices"]
    assert notice.startswith("page 1 has no text" if len(sizes) == 1 else "pages 1-2 have no text")


def test_parse_broken_image_returns_error(sandbox: Sandbox) -> None:
    item = {"input": {"file_id": sandbox.file_id(papers.image("PNG", (64, 48))[:18])}}
    detail = sandbox.json(sandbox.post("/api/v1/parse", item), 422)["detail"]
    assert detail["code"] == "document_unreadable" and "it is damaged" in detail["message"]


@pytest.mark.parametrize("field", ["grounding", "profile", "execution_mode"])
def test_request_unknown_option_error_names_known_ones(sandbox: Sandbox, field: str) -> None:
    item = {"input": {"file_id": sandbox.file_id(DOC)}, field: "sideways"}
    detail = sandbox.json(sandbox.post("/api/v1/parse", item), 422)["detail"]
    assert detail["code"] == "invalid_input" and "sideways" in detail["message"]
    assert detail["details"]["field"] == field and detail["details"]["known"]


@pytest.mark.parametrize(
    ("path", "body", "loc", "kind"),
    [
        ("/api/v1/parse", {}, ["body", "input"], "missing"),
        ("/api/v1/parse", {"input": "file_1"}, ["body", "input"], "dictionary_type"),
        ("/v1/tables", {"input": {}}, ["body", "input", "file_id"], "missing"),
        ("/api/v1/ask", {"query": "x"}, ["body", "inputs"], "missing"),
        ("/api/v1/ask", {"inputs": [{"file_id": 3}]}, ["body", "inputs", "0", "file_id"], "string_type"),
        ("/v1/schema/auto", {}, ["body", "inputs"], "missing"),
        ("/v1/extract", {"input": {"file_id": "x"}}, ["body", "schema"], "missing"),
        ("/api/v1/parse", [1], ["body"], "dictionary_type"),
    ],
)
def test_request_invalid_body_returns_422_list(
    sandbox: Sandbox, path: str, body: object, loc: list[str], kind: str
) -> None:
    detail = sandbox.json(sandbox.post(path, body), 422)["detail"]
    assert (detail[0]["loc"], detail[0]["type"]) == (loc, kind)


def test_request_body_not_json_returns_400(sandbox: Sandbox) -> None:
    for data in (b"{", b"\xff\xfe", b"[" * 100_000):
        response = sandbox.client.post("/api/v1/parse", data=data)
        assert sandbox.json(response, 400)["detail"]["code"] == "invalid_json"


@pytest.mark.parametrize("file_id", ["file_00000000000000000000", "../secret", "\ud800", ""])
def test_request_unknown_file_returns_404(sandbox: Sandbox, file_id: str) -> None:
    response = sandbox.post("/api/v1/parse", {"input": {"file_id": file_id}, "execution_mode": "async"})
    assert sandbox.json(response, 404)["detail"]["code"] == "file_not_found"


def test_unknown_job_path_or_method_returns_error(sandbox: Sandbox) -> None:
    assert sandbox.json(sandbox.get("/v1/jobs/job%20x"), 404)["detail"]["details"] == {"job_id": "job x"}
    assert sandbox.json(sandbox.get("/v1/jobs/job_x/result"), 404)["detail"]["code"] == "job_not_found"
    assert sandbox.json(sandbox.get("/elsewhere"), 404) == {
        "detail": "Not Found in the sandbox: GET /elsewhere"
    }
    assert sandbox.get("/api/v1/parse").status_code == 405
    assert sandbox.get("/api/v1/parse").headers["Allow"]


def test_key_missing_returns_401_only_if_required(make_sandbox: Callable[..., Sandbox]) -> None:
    strict = make_sandbox(require_key=True)
    assert strict.json(strict.get("/v1/jobs/job_x"), 401) == {"detail": "Missing bearer token"}
    assert strict.post("/api/v1/parse", {}, token="anything").status_code == 422
    assert make_sandbox().get("/v1/jobs/job_x").status_code == 404


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("bad-key", 401, "invalid_key"),
        ("invalid", 401, "invalid_key"),
        ("broke-42", 402, "insufficient_credits"),
    ],
)
def test_key_with_marked_token_returns_its_status(
    sandbox: Sandbox, token: str, status: int, code: str
) -> None:
    assert sandbox.json(sandbox.post("/v1/split", {}, token=token), status)["detail"]["code"] == code


def test_key_without_credits_can_upload_and_read(sandbox: Sandbox) -> None:
    headers = {"Authorization": "Bearer broke"}
    assert sandbox.client.get("/v1/jobs/x", headers=headers).status_code == 404


def test_reset_deletes_only_files_of_the_sandbox(sandbox: Sandbox) -> None:
    sandbox.submit("/api/v1/parse", DOC)
    mine = sandbox.folder / "files" / "file_of_mine.txt"
    mine.write_text("keep")
    assert reset(sandbox.folder) == 2
    assert [path.name for path in (sandbox.folder / "files").iterdir()] == ["file_of_mine.txt"]
    assert reset(sandbox.folder) == 0
    sandbox.submit("/api/v1/parse", DOC)  # a sandbox that was open goes on


def test_reset_of_missing_folder_creates_nothing(sandbox: Sandbox) -> None:
    absent = sandbox.folder / "absent"
    assert reset(absent) == 0
    assert not absent.exists()
