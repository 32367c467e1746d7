"""`docspeed jobs result`: one result or many, exit codes included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fake_service import RESULT, Reply, Service
from tests.stage import Stage, lines


def test_jobs_result_prints_the_server_bytes(stage: Stage, service: Service) -> None:
    stage.submit(1)
    ran = stage.run("jobs", "result", "@last")
    assert (ran.code, ran.raw) == (0, service.results["job_1"] + b"\n")
    target = stage.folder / "r.json"
    assert stage.run("jobs", "result", "@last", "-o", str(target)).out == ""
    assert target.read_bytes() == ran.raw


def test_jobs_result_never_replaces_the_document_of_its_job(stage: Stage) -> None:
    document = stage.folder / "packet.pdf"
    document.write_bytes(b"%PDF-1.7 packet")
    assert stage.run("parse", str(document), "--wait").code == 0
    ran = stage.run("jobs", "result", "@last", "-o", str(document))
    assert (ran.code, document.read_bytes()) == (2, b"%PDF-1.7 packet")
    assert "would replace" in ran.err


def test_jobs_result_of_many_prints_lines_or_writes_files(stage: Stage, service: Service) -> None:
    stage.submit(3)
    ran = stage.run("jobs", "result", "job_1", "job_2", "job_3")
    keys = ["input", "file_id", "job_id", "operation", "status", "result"]
    assert all(list(json.loads(line)) == keys for line in lines(ran.out))
    assert len(lines(ran.out)) == 3
    ran = stage.run("jobs", "result", "job_1", "job_2", "job_3", "-o", str(stage.folder / "out"))
    assert ran.code == 0
    for line in map(json.loads, lines(ran.out)):
        content = json.loads(Path(line["output"]).read_text())
        assert content["file"] == line["file_id"]


def test_jobs_result_one_failure_does_not_stop_the_others(stage: Stage, service: Service) -> None:
    service.has("good", "completed", result=b'{"pages": [1]}')
    service.has("bad", "failed", error="no pages")
    ran = stage.run("jobs", "result", "good", "bad")
    assert ran.code == 5
    assert "no pages" in ran.out + ran.err
    assert '"pages": [1]' in ran.out


ENDS = {
    4: Reply.of(403, {"detail": "not yours"}),
    3: Reply.of(402, {"detail": "no credits"}),
    9: Reply(307, b"", {"Location": "https://elsewhere.example/"}),
    7: Reply.of(400, {"detail": "bad"}),
    6: Reply.of(404, {"detail": "no such file"}),
}


ORDER = (4, 3, 9, 5, 7, 6, 8)


@pytest.mark.parametrize(
    ("one", "other"), [(a, b) for n, a in enumerate(ORDER) for b in ORDER[n + 1 :]], ids=str
)
@pytest.mark.parametrize("turned", [False, True])
def test_jobs_result_of_many_exits_with_the_first_code_by_priority(
    stage: Stage, service: Service, one: int, other: int, turned: bool
) -> None:
    for job_id, code in {"job_a": one, "job_b": other}.items():
        if code in (5, 8):
            service.has(job_id, "failed" if code == 5 else "running")
        else:
            service.at(f"/v1/jobs/{job_id}", ENDS[code])
    jobs = ["job_b", "job_a"] if turned else ["job_a", "job_b"]
    ran = stage.run("jobs", "result", *jobs, "--concurrency", "1")
    not_met = turned and other == 3  # without credits no further request is sent
    assert ran.code == (3 if not_met else one), ran.err


EARLY = [
    Reply.of(409, {"detail": "not finished"}),
    Reply.of(404, {"detail": "no result yet"}),
    Reply.of(425, {"detail": "too early"}),
    Reply.of(202, {"job_id": "job_1", "status": "processing"}),
]


@pytest.mark.parametrize("early", EARLY, ids=lambda reply: str(reply.status))
def test_jobs_result_before_the_end_exits_8(stage: Stage, service: Service, early: Reply) -> None:
    service.polls = 10**9
    service.always(RESULT, early)
    stage.run("parse", "--file-id", "f")
    ran = stage.run("jobs", "result", "job_1", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, ran.out) == (8, "")
    assert (error["code"], error["hint"]) == ("pending", "docspeed jobs wait job_1")


def test_jobs_result_status_instead_of_result_exits_8(stage: Stage, service: Service) -> None:
    service.polls = 10**9
    service.always(RESULT, Reply.of(200, {"job_id": "job_1", "status": "processing"}))
    stage.run("parse", "--file-id", "f")
    ran = stage.run("jobs", "result", "job_1")
    assert (ran.code, ran.out) == (8, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
@pytest.mark.parametrize("flags", ["", " --format text"])
def test_jobs_result_on_a_full_disk_hints_at_the_same_format(
    stage: Stage, service: Service, flags: str
) -> None:
    service.payload = lambda operation, body: b'{"pages": [{"text": "t"}]}'
    ran = stage.run("parse", "--file-id", "f", "--wait", "-o", "/dev/full", *flags.split())
    assert ran.code == 1
    assert ran.err.endswith(f"hint: make room, then run `docspeed jobs result job_1 -o /dev/full{flags}`\n")
