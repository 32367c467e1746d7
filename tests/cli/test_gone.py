"""A job is gone, and may be paid for again, only if the service itself says so, late enough and twice."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import NO_SUCH_JOB, POLL, RESULT, SUBMIT, Reply, Service
from tests.stage import Stage, by_input, file_ids, lines

PARSE = ("parse", "--file-id", "f")
WAIT = (*PARSE, "--wait")

FOREIGN = {
    "a gateway's page": Reply(404, b"<html>404 Not Found</html>", {"Content-Type": "text/html"}),
    "empty": Reply(404, b""),
    "other JSON": Reply.of(404, {"message": "no Route matched with those values"}),
    "another error form": Reply.of(404, {"error": {"code": "not_found", "message": "no such app"}}),
    "a list": Reply.of(404, {"detail": [{"loc": ["path"], "msg": "no"}]}),
    "a page, 410": Reply(410, b"<html>410 Gone</html>"),
}
OWN = {
    "an object": NO_SUCH_JOB,
    "a text": Reply.of(404, {"detail": "no such job"}),
    "410": Reply.of(410, {"detail": {"code": "job_expired", "message": "the job has expired"}}),
}
foreign = pytest.mark.parametrize("reply", FOREIGN.values(), ids=FOREIGN)
own = pytest.mark.parametrize("reply", OWN.values(), ids=OWN)


def lagging(stage: Stage, service: Service, seconds: float) -> None:
    """Make the service know a new job only after so many seconds."""
    service.now, service.lag = stage.clock.monotonic, seconds


# -- a server that knows a new job only after some seconds


def test_gone_lagging_server_same_command_joins_the_job(stage: Stage, service: Service) -> None:
    lagging(stage, service, 9.0)
    assert stage.run(*PARSE, "--format", "id").out == "job_1\n"
    assert json.loads(stage.run(*PARSE).out)["reused"] is True
    ran = stage.run(*WAIT)
    assert (ran.code, ran.raw) == (0, service.results["job_1"] + b"\n"), ran.err
    assert service.count(SUBMIT) == 1
    assert stage.states() == ["done"]


def test_gone_lagging_server_interrupted_run_joins_its_jobs(stage: Stage, service: Service) -> None:
    lagging(stage, service, 14.0)
    ids = file_ids(*(f"f{number}" for number in range(10)))
    assert stage.run("parse", *ids).code == 0
    ran = stage.run("parse", *ids, "--wait")
    assert ran.code == 0, ran.err
    assert len(by_input(ran)) == service.count(SUBMIT) == 10


@pytest.mark.parametrize("command", ["status", "wait", "result"])
def test_gone_lagging_server_jobs_commands_know_the_job(stage: Stage, service: Service, command: str) -> None:
    lagging(stage, service, 9.0)
    stage.run(*PARSE)
    ran = stage.run("jobs", command, "job_1")
    assert ran.code == {"status": 0, "wait": 0, "result": 8}[command], ran.err
    if command != "result":
        assert json.loads(ran.out)["status"] == {"status": "queued", "wait": "completed"}[command]


def test_gone_lagging_server_list_refresh_keeps_the_job(stage: Stage, service: Service) -> None:
    lagging(stage, service, 9.0)
    stage.run(*PARSE)
    ran = stage.run("jobs", "list", "--refresh", "--json")
    assert (json.loads(ran.out)["state"], sum(ran.slept)) == ("running", 0)


# -- the service's own 404, twice, more than fifteen seconds after the submission


@own
def test_gone_job_is_resubmitted_after_two_looks(stage: Stage, service: Service, reply: Reply) -> None:
    stage.run(*PARSE)
    stage.clock.sleep(60)
    service.then(POLL, reply, reply)
    ran = stage.run(*WAIT)
    assert ran.code == 0, ran.err
    assert (service.count(SUBMIT), stage.states()) == (2, ["done", "gone"])
    assert ran.slept[0] >= 1, "there is a pause between the two looks"


@pytest.mark.parametrize("waits", [(), ("--wait",)])
def test_gone_one_404_among_good_answers_is_not_believed(
    stage: Stage, service: Service, waits: tuple[str, ...]
) -> None:
    stage.run(*PARSE)
    stage.clock.sleep(60)
    service.then(POLL, NO_SUCH_JOB)
    assert stage.run(*PARSE, *waits).code == 0
    assert service.count(SUBMIT) == 1


def test_gone_404s_that_alternate_with_answers_are_not_believed(stage: Stage, service: Service) -> None:
    running = Reply.of(200, {"job_id": "job_1", "status": "processing"})
    service.then(POLL, *[running, NO_SUCH_JOB] * 20)
    ran = stage.run(*WAIT)
    assert ran.code == 0, ran.err
    assert stage.clock.time > 60


def test_gone_new_job_unknown_for_good_ends_the_wait(stage: Stage, service: Service) -> None:
    """An early 404 is tolerated for some seconds, not for ever."""
    service.always(POLL, NO_SUCH_JOB)
    ran = stage.run(*WAIT)
    assert (ran.code, "job job_1: no such job" in ran.err) == (6, True)
    assert 15 < stage.clock.time < 40


def test_gone_clock_set_back_does_not_make_a_job_new_for_ever(stage: Stage, service: Service) -> None:
    stage.clock.sleep(7200)
    stage.run(*PARSE)
    stage.clock.time -= 3600
    service.then(POLL, *[NO_SUCH_JOB] * 100)
    assert stage.run("jobs", "wait", "job_1").code == 6


def test_gone_result_of_old_job_is_resubmitted_after_two_tries(stage: Stage, service: Service) -> None:
    stage.run(*PARSE)
    stage.run("jobs", "wait", "job_1")
    stage.clock.sleep(60)
    service.at("/v1/jobs/job_1/result", NO_SUCH_JOB, NO_SUCH_JOB)
    ran = stage.run(*WAIT)
    assert (ran.code, ran.raw) == (0, service.results["job_2"] + b"\n"), ran.err


def test_gone_result_that_lags_behind_the_status_is_fetched(stage: Stage, service: Service) -> None:
    """A job joined long after its submission has ended just now: its result may need some seconds."""
    service.polls = 10**9
    stage.run(*PARSE)
    stage.clock.sleep(600)
    service.polls = 1
    service.at("/v1/jobs/job_1/result", *[NO_SUCH_JOB] * 4)
    ran = stage.run(*WAIT)
    assert (ran.code, service.count(SUBMIT)) == (0, 1), ran.err


@pytest.mark.parametrize(("kind", "state"), [(POLL, "running"), (RESULT, "done")])
def test_gone_doubtful_404_at_the_deadline_is_pending(
    stage: Stage, service: Service, kind: str, state: str
) -> None:
    stage.run(*PARSE)
    if kind == RESULT:
        stage.run("jobs", "wait", "job_1")
    stage.clock.sleep(60)
    service.then(kind, *[NO_SUCH_JOB] * 9)
    ran = stage.run(*WAIT, "--timeout", "1", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, error["code"], error["job_id"]) == (8, "pending", "job_1")
    assert (service.count(SUBMIT), stage.states()) == (1, [state])


# -- any other 404 is trouble


@foreign
def test_gone_foreign_404_while_polling_only_delays(stage: Stage, service: Service, reply: Reply) -> None:
    stage.run(*PARSE)
    stage.clock.sleep(3600)
    service.then(POLL, *[reply] * 12)
    ran = stage.run(*WAIT)
    assert (ran.code, service.count(SUBMIT)) == (0, 1), ran.err


@foreign
def test_gone_foreign_404_that_lasts_is_bounded_by_timeout(
    stage: Stage, service: Service, reply: Reply
) -> None:
    stage.run(*PARSE)
    stage.clock.sleep(3600)
    service.always(POLL, reply)
    ran = stage.run(*WAIT, "--timeout", "60")
    assert (ran.code, service.count(SUBMIT), stage.states()) == (8, 1, ["running"])
    assert "not the service's own" in ran.err


@foreign
def test_gone_foreign_404_without_wait_is_unavailable(stage: Stage, service: Service, reply: Reply) -> None:
    stage.run(*PARSE)
    stage.clock.sleep(3600)
    service.always(POLL, reply)
    for argv in ("parse --file-id f", "jobs status job_1", "jobs result job_1", "jobs status job_9"):
        ran = stage.run(*argv.split())
        assert (ran.code, ran.out) == (9, ""), argv
    assert stage.run("jobs", "list", "--refresh").code == 0
    assert (service.count(SUBMIT), stage.states()) == (1, ["running"])


@foreign
def test_gone_foreign_404_of_result_is_unavailable(stage: Stage, service: Service, reply: Reply) -> None:
    stage.run(*PARSE)
    stage.run("jobs", "wait", "job_1")
    stage.clock.sleep(3600)
    service.always(RESULT, reply)
    assert stage.run(*WAIT).code == 9
    assert (service.count(SUBMIT), stage.states()) == (1, ["done"])


def test_gone_foreign_404_over_many_only_delays(stage: Stage, service: Service) -> None:
    ids = file_ids(*"abcdef")
    stage.run("parse", *ids)
    stage.clock.sleep(3600)
    service.then(POLL, *[FOREIGN["a gateway's page"]] * 40)
    ran = stage.run("parse", *ids, "--wait")
    assert (ran.code, len(lines(ran.out)), service.count(SUBMIT)) == (0, 6, 6), ran.err


# -- ids that the ledger does not have


@pytest.mark.parametrize("command", ["status", "wait", "result"])
@own
def test_gone_unknown_id_is_not_found_after_two_looks(
    stage: Stage, service: Service, command: str, reply: Reply
) -> None:
    service.always(POLL, reply)
    ran = stage.run("jobs", command, "nonsense")
    assert (ran.code, service.count(POLL)) == (6, 2)
    assert 1 <= sum(ran.slept) <= 3
