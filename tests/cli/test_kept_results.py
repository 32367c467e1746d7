"""A result that was fetched once costs nothing again: the same bytes come without a request."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.fake_service import POLL, RESET_AFTER, RESULT, SUBMIT, Reply, Service
from tests.stage import Stage, file_ids, lines

PARSE = ("parse", "--file-id", "f")
UNKEPT = {"DOCSPEED_KEEP_RESULTS": "false"}


def offline(stage: Stage) -> Stage:
    """The same machine without a network: any request fails the test."""

    def refuse(request: httpx.Request) -> httpx.Response:
        pytest.fail(f"a request: {request.method} {request.url}")

    return replace(stage, transport=lambda base_url: httpx.MockTransport(refuse))


def kept_files(stage: Stage) -> list[Path]:
    return [path for path in (stage.folder / "state" / "kept").rglob("*") if path.is_file()]


def forget_all(service: Service) -> None:
    """Let the server lose all jobs, without giving their ids to new ones."""
    service.jobs = {f"once {job_id}": job for job_id, job in service.jobs.items()}
    service.results.clear()


@pytest.mark.parametrize(
    "argv",
    [
        (*PARSE, "--wait"),
        (*PARSE, "--wait", "--format", "markdown"),
        (*PARSE, "--sync"),
        ("tables", "--file-id", "f", "--wait", "--format", "csv"),
        ("jobs", "result", "job_far"),
        ("jobs", "result", "job_far", "--format", "text"),
    ],
)
def test_kept_result_comes_again_byte_for_byte_without_network(
    stage: Stage, service: Service, argv: tuple[str, ...]
) -> None:
    tables = b'{"tables": [{"rows": [["a", "b"], ["1", "2"]]}]}'
    plain = service.payload
    service.payload = lambda name, body: tables if name == "tables" else plain(name, body)
    service.has("job_far", "completed", result=b'{"pages":  [{"text": "far"}]}')
    first = stage.run(*argv)
    again = offline(stage).run(*argv)
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert first.raw and again.raw == first.raw


def test_kept_results_of_many_come_again_without_network(stage: Stage, service: Service) -> None:
    ids = file_ids(*(f"f{n}" for n in range(5)))
    first = {line["input"]: line for line in map(json.loads, lines(stage.run("parse", *ids, "--wait").out))}
    again = [json.loads(line) for line in lines(offline(stage).run("parse", *ids, "--wait").out)]
    assert len(again) == 5
    assert all(line == {**first[line["input"]], "reused": True} for line in again)
    jobs = [line["job_id"] for line in again]
    results = offline(stage).run("jobs", "result", *jobs)
    assert sorted(map(json.loads, lines(results.out)), key=str) == sorted(first.values(), key=str)


def test_kept_results_fill_an_output_folder_again_without_network(stage: Stage, service: Service) -> None:
    argv = ("parse", *file_ids("a", "b", "c"), "--wait", "-o", str(stage.folder / "out"))
    assert stage.run(*argv).code == 0
    before = {path.name: path.read_bytes() for path in (stage.folder / "out").iterdir()}
    for name in ("a.json", "c.json"):
        (stage.folder / "out" / name).unlink()
    assert offline(stage).run(*argv).code == 0
    assert {path.name: path.read_bytes() for path in (stage.folder / "out").iterdir()} == before


def test_kept_result_lets_a_command_that_does_not_wait_report_the_job(stage: Stage, service: Service) -> None:
    stage.run(*PARSE, "--wait")
    job = json.loads(offline(stage).run(*PARSE).out)
    assert (job["job_id"], job["status"], job["reused"]) == ("job_1", "completed", True)


def test_kept_result_needs_no_key(stage: Stage, service: Service) -> None:
    first = stage.run(*PARSE, "--wait")
    ran = offline(stage).run("jobs", "result", "@last", env={"DOCSPEED_API_KEY": ""})
    assert (ran.code, ran.raw) == (0, first.raw), ran.err


def test_kept_result_ends_a_wait_that_the_server_can_not_answer(stage: Stage, service: Service) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no network")

    stage.run(*PARSE, "--wait")
    cut = replace(stage, transport=lambda base_url: httpx.MockTransport(refuse))
    waited = cut.run("jobs", "wait", "job_1")
    assert (waited.code, json.loads(waited.out)["state"]) == (0, "done")
    service.jobs.clear()
    assert stage.run("jobs", "wait", "job_1").code == 0


def test_kept_results_survive_sandbox_reset(stage: Stage) -> None:
    argv = ("parse", stage.document("a.pdf"), "--sandbox", "--wait")
    Path(argv[1]).write_bytes((Path(__file__).parents[2] / "examples" / "invoice.pdf").read_bytes())
    first = stage.run(*argv)
    stage.run(*argv[:3], "--set", "a=1")
    assert stage.run("sandbox", "reset").code == 0
    assert stage.states() == ["gone", "done"]
    again = stage.run(*argv, "--verbose")
    assert (again.code, again.raw) == (0, first.raw)
    assert "http: " not in again.err
    assert stage.run("jobs", "result", "@1", "--sandbox").raw == first.raw


@pytest.mark.parametrize("damage", ["truncated", "flipped", "deleted"])
def test_kept_result_damaged_is_asked_for_again(stage: Stage, service: Service, damage: str) -> None:
    first = stage.run(*PARSE, "--wait")
    (path,) = kept_files(stage)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content if damage == "flipped" else content[:-1])
    if damage == "deleted":
        path.unlink()
    again = stage.run(*PARSE, "--wait")
    assert (again.code, again.raw) == (0, first.raw)
    assert (service.count(SUBMIT), service.count(RESULT)) == (1, 2)
    assert offline(stage).run(*PARSE, "--wait").raw == first.raw


def test_kept_result_none_with_the_setting_off(stage: Stage, service: Service) -> None:
    stage.configure("keep_results = false")
    for _ in range(2):
        assert stage.run(*PARSE, "--wait").code == 0
    assert (service.count(SUBMIT), service.count(RESULT)) == (1, 2)
    assert kept_files(stage) == []


def test_kept_results_obey_the_limits_in_the_settings(stage: Stage, service: Service) -> None:
    service.payload = lambda operation, body: json.dumps(
        {"pages": ["x" * int(body["input"]["file_id"])]}
    ).encode()
    stage.configure('keep_results_each = "1 kB"\nkeep_results_total = "1.5 kB"')
    for size in ("2000", "900", "800"):
        stage.run("parse", "--file-id", size, "--wait")
        stage.clock.time += 1
    assert [path.stat().st_size // 100 for path in kept_files(stage)] == [8]


def test_kept_result_is_not_a_job_that_came_in_its_place(stage: Stage, service: Service) -> None:
    service.then(RESULT, Reply.of(200, {"job_id": "job_1", "operation": "parse", "status": "completed"}))
    stage.run(*PARSE, "--wait")
    assert stage.run(*PARSE, "--wait").raw == service.results["job_1"] + b"\n"


@pytest.mark.parametrize(
    "error",
    [
        {"detail": {"code": "no_pages", "message": "page 3 is blank"}},
        {"detail": "page 3 is blank"},
        {"job_id": "job_1", "status": "failed", "error": "page 3 is blank"},
        {"success": False, "errors": [{"message": "page 3 is blank"}], "data": None},
    ],
)
def test_kept_result_is_not_an_error_that_came_with_status_200(
    stage: Stage, service: Service, error: dict[str, object]
) -> None:
    service.then(RESULT, Reply.of(200, error))
    ran = stage.run(*PARSE, "--wait")
    assert (ran.code, ran.out, "page 3 is blank" in ran.err) == (9, "", True)
    assert stage.run(*PARSE, "--wait").raw == service.results["job_1"] + b"\n"


def test_submission_answered_by_an_error_with_status_200_is_no_result(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(200, {"success": False, "errors": [{"message": "page 3 is blank"}]}))
    ran = stage.run(*PARSE, "--sync")
    assert (ran.code, ran.out, "but an error: page 3 is blank" in ran.err) == (9, "", True)


# -- neither kept nor on the server


def test_no_resubmit_result_lost_exits_6_each_time(stage: Stage, service: Service) -> None:
    stage.run(*PARSE, "--wait", env=UNKEPT)
    forget_all(service)
    stage.clock.sleep(3 * 86400)
    for _ in range(2):  # the second time the ledger says already that the job is gone
        ran = stage.run(*PARSE, "--wait", "--no-resubmit")
        assert ran.code == 6
        assert ran.err.startswith(
            "error: f: the result of parse job job_1, submitted 3 d ago, is neither kept nor on the server"
        )
    assert service.count(SUBMIT) == 1
    assert stage.run(*PARSE, "--wait").code == 0
    assert stage.run(*PARSE, "--wait", "--no-resubmit").code == 0


def test_no_resubmit_over_many_fails_only_what_is_lost(stage: Stage, service: Service) -> None:
    stage.run("parse", *file_ids("a", "b"), "--wait", env=UNKEPT)
    stage.run("parse", "--file-id", "c", "--wait")
    forget_all(service)
    ran = stage.run("parse", *file_ids("a", "b", "c", "d"), "--wait", "--no-resubmit")
    found = {line["input"]: line.get("error", {}).get("code") for line in map(json.loads, lines(ran.out))}
    assert found == {"a": "not_found", "b": "not_found", "c": None, "d": None}
    assert (ran.code, service.count(SUBMIT)) == (6, 4)


def test_no_resubmit_unknown_outcome_exits_6(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, RESET_AFTER)
    stage.run(*PARSE)
    ran = stage.run(*PARSE, "--no-resubmit")
    assert (ran.code, service.count(SUBMIT)) == (6, 1)
    assert "has an unknown outcome" in ran.err


def test_no_resubmit_first_submission_and_failed_job_are_submitted(stage: Stage, service: Service) -> None:
    service.final = "failed"
    assert stage.run(*PARSE, "--wait", "--no-resubmit").code == 5
    service.final = "completed"
    assert stage.run(*PARSE, "--wait", "--no-resubmit").code == 0


def test_no_resubmit_with_fresh_is_a_usage_error(stage: Stage) -> None:
    assert stage.run(*PARSE, "--no-resubmit", "--fresh").code == 2


def test_resubmission_inline_result_not_kept_warns(stage: Stage, service: Service) -> None:
    stage.run(*PARSE, "--sync", env=UNKEPT)
    assert stage.run("jobs", "result", "@1").code == 6
    ran = stage.run(*PARSE, "--sync")
    assert "the result of parse job @1, submitted just now, is neither kept nor" in ran.err
    assert service.count(SUBMIT) == 2
    assert service.count(POLL) == 0


def test_resubmission_of_many_warns_for_the_first_ten(stage: Stage, service: Service) -> None:
    ids = file_ids(*(f"f{n}" for n in range(13)))
    stage.run("parse", *ids, "--wait", env=UNKEPT)
    forget_all(service)
    ran = stage.run("parse", *ids, "--wait")
    assert ran.err.count("paid for again") == 10
    assert ran.err.count("more results are lost like this") == 1


def test_output_file_finished_is_left_alone_though_its_job_is_gone(stage: Stage, service: Service) -> None:
    out = ("-o", str(stage.folder / "out") + "/")
    stage.run(*PARSE, "--wait", *out, env=UNKEPT)
    forget_all(service)
    assert stage.run(*PARSE, "--wait", "--no-resubmit").code == 6
    ran = stage.run(*PARSE, "--wait", *out)
    assert (ran.code, service.count(SUBMIT)) == (0, 1)
    assert json.loads(ran.out)["status"] == "completed"
