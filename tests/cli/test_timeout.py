"""`--timeout` bounds a wait and a whole run; a response that arrives too slowly is given up."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import httpx
import pytest

from tests.fake_service import KEY, POLL, SUBMIT, UPLOAD, Call, Reply, Service
from tests.stage import Clock, Ran, Stage, by_input, file_ids, lines


class Drip(httpx.SyncByteStream):
    """A response body that arrives at one byte a second."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __iter__(self) -> Iterator[bytes]:
        yield b"{"
        for _ in range(10_000):
            self.clock.time += 1.0
            yield b" "


def parse_with(
    stage: Stage,
    service: Service,
    ending: str,
    answer: Callable[[httpx.Request], httpx.Response],
    *flags: str,
    documents: Sequence[str] = ("--file-id", "f"),
) -> Ran:
    """Run `parse --wait` with this response to requests whose path ends with `ending`."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(ending):
            return answer(request)
        headers = {**dict(request.headers), "authorization": f"Bearer {KEY}"}
        reply = service.handle(Call(request.method, request.url.path, headers, request.read()))
        return httpx.Response(reply.status, content=reply.body)

    scripted = replace(stage, transport=lambda base_url: httpx.MockTransport(handler))
    return scripted.run("parse", *documents, "--wait", *flags)


@pytest.mark.parametrize(("ending", "state"), [("/result", "done"), ("/parse", "unknown")])
def test_timeout_of_dripping_response_is_unavailable(
    stage: Stage, service: Service, ending: str, state: str
) -> None:
    ran = parse_with(stage, service, ending, lambda request: httpx.Response(200, stream=Drip(stage.clock)))
    assert (ran.code, ran.out) == (9, "")
    assert "too slowly" in ran.err
    assert stage.states() == [state]


def test_timeout_of_dripping_error_body_reports_the_error(stage: Stage, service: Service) -> None:
    ran = parse_with(stage, service, "/parse", lambda request: httpx.Response(500, stream=Drip(stage.clock)))
    assert (ran.code, "the server failed (500)" in ran.err) == (9, True)
    assert stage.clock.time < 120
    assert stage.states() == ["unknown"]


def test_timeout_bounds_a_poll_of_a_silent_server(stage: Stage, service: Service) -> None:
    """The read timeout of a poll is a minute; in a wait of three seconds it is what is left of them."""
    given: list[float] = []

    def hang(request: httpx.Request) -> httpx.Response:
        seconds = request.extensions["timeout"]["read"]
        given.append(seconds)
        stage.clock.time += seconds
        raise httpx.ReadTimeout("hangs", request=request)

    ran = parse_with(stage, service, "/jobs/job_1", hang, "--timeout", "3")
    assert ran.code == 8
    assert sum(given) <= 3.0
    assert "is still queued after 3 s" in ran.err


def test_timeout_bounds_a_poll_with_a_dripping_response(stage: Stage, service: Service) -> None:
    ran = parse_with(
        stage,
        service,
        "/jobs/job_1",
        lambda request: httpx.Response(200, stream=Drip(stage.clock)),
        "--timeout",
        "5",
    )
    assert ran.code == 8
    assert stage.clock.time <= 8


def silent(stage: Stage) -> Callable[[httpx.Request], httpx.Response]:
    """A server that answers nothing: the read timeout passes."""

    def hang(request: httpx.Request) -> httpx.Response:
        stage.clock.time += request.extensions["timeout"]["read"]
        raise httpx.ReadTimeout("hangs", request=request)

    return hang


def dripping(stage: Stage) -> Callable[[httpx.Request], httpx.Response]:
    """A server whose answer's body never ends."""
    return lambda request: httpx.Response(200, stream=Drip(stage.clock))


@pytest.mark.parametrize("trouble", [silent, dripping])
@pytest.mark.parametrize(
    ("ending", "code", "word", "submitted", "states"),
    [
        ("/upload", 8, "pending", 0, []),
        ("/parse", 9, "outcome_unknown", 0, ["unknown"]),
        ("/jobs/job_1", 8, "pending", 1, ["running"]),
        ("/result", 8, "pending", 1, ["done"]),
    ],
)
def test_timeout_bounds_each_exchange_of_one_document(
    stage: Stage,
    service: Service,
    trouble: Callable[[Stage], Callable[[httpx.Request], httpx.Response]],
    ending: str,
    code: int,
    word: str,
    submitted: int,
    states: list[str],
) -> None:
    document = stage.document("a.pdf")
    ran = parse_with(stage, service, ending, trouble(stage), "--timeout", "3", "--json", documents=[document])
    assert (ran.code, ran.out, json.loads(ran.err.splitlines()[-1])["error"]["code"]) == (code, "", word)
    assert "--timeout ran out" in ran.err or "is still queued after 3 s" in ran.err
    assert stage.clock.time <= 5
    assert (service.count(SUBMIT), stage.states()) == (submitted, states)


@pytest.mark.parametrize("trouble", [silent, dripping])
@pytest.mark.parametrize(
    ("ending", "code", "states"),
    [
        ("/upload", 8, []),
        ("/parse", 9, ["unknown"]),
        ("/jobs/job_1", 8, ["done", "done", "running"]),
        ("/jobs/job_1/result", 8, ["done"] * 3),
    ],
)
def test_timeout_bounds_each_exchange_of_many_documents(
    stage: Stage,
    service: Service,
    trouble: Callable[[Stage], Callable[[httpx.Request], httpx.Response]],
    ending: str,
    code: int,
    states: list[str],
) -> None:
    documents = [stage.document(f"{name}.pdf") for name in "abc"]
    ran = parse_with(
        stage, service, ending, trouble(stage), "--timeout", "60", "--concurrency", "1", documents=documents
    )
    assert ran.code == code
    assert stage.states() == states


@pytest.mark.parametrize("ending", ["/upload", "/parse", "/result"])
def test_timeout_left_out_leaves_each_exchange_its_own_limit(
    stage: Stage, service: Service, ending: str
) -> None:
    document = stage.document("a.pdf")
    ran = parse_with(stage, service, ending, silent(stage), documents=[document])
    assert ran.code == 9
    assert stage.clock.time >= (60 if ending == "/result" else 300)


def test_timeout_is_not_prolonged_by_retry_after(stage: Stage, service: Service) -> None:
    ran = parse_with(
        stage,
        service,
        "/jobs/job_1",
        lambda request: httpx.Response(429, headers={"Retry-After": "100"}),
        "--timeout",
        "30",
    )
    assert (ran.code, stage.clock.time) == (8, 30.0)
    assert "is still queued after 30 s" in ran.err and "rate limit" in ran.err


@pytest.mark.parametrize(
    ("flag", "variable", "in_file"),
    [
        ("60", "", ""),
        ("1m", "2h", "timeout = 7200"),
        ("", "60s", ""),
        ("", "", 'timeout = "60s"'),
        ("", "", "timeout = 60"),
    ],
)
def test_timeout_from_flag_environment_or_file_exits_8(
    stage: Stage, service: Service, flag: str, variable: str, in_file: str
) -> None:
    service.polls = 10**9
    stage.configure(in_file)
    flags = ["--timeout", flag] if flag else []
    ran = stage.run("parse", "--file-id", "f", "--wait", "--json", *flags, env={"DOCSPEED_TIMEOUT": variable})
    assert (ran.code, ran.out) == (8, "")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (error["code"], error["job_id"]) == ("pending", "job_1")
    assert error["hint"] == "docspeed jobs wait job_1"
    assert sum(ran.slept) == pytest.approx(60)
    (row,) = stage.rows()
    assert (row["job_id"], row["state"]) == ("job_1", "running")
    service.polls = 1
    assert stage.run(*error["hint"].split()[1:]).code == 0


def test_timeout_zero_polls_once(stage: Stage, service: Service) -> None:
    service.polls = 2
    assert stage.run("parse", "--file-id", "f", "--wait", "--timeout", "0").code == 8
    assert service.count(POLL) == 1
    service.polls = 1
    assert stage.run("parse", "--file-id", "f", "--wait", "--timeout", "0").code == 0


def test_timeout_message_names_the_last_poll_error(stage: Stage, service: Service) -> None:
    service.then(POLL, Reply.of(200, {"job_id": "job_1", "status": "queued"}), *[Reply.of(503, {})] * 500)
    ran = stage.run("parse", "--file-id", "f", "--wait", "--timeout", "60", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, error["code"], error["job_id"]) == (8, "pending", "job_1")
    assert error["message"].endswith("it goes on; the last status request failed: the server failed (503)")


def test_timeout_of_a_job_that_the_server_does_not_know_says_so(stage: Stage) -> None:
    ran = stage.run("jobs", "wait", "job_nobody", "--timeout", "1s", "--json")
    error = json.loads(ran.err.splitlines()[-1])["error"]
    assert (ran.code, error["code"]) == (8, "pending")
    assert error["message"] == "the server does not know job job_nobody after 1 s; the job may be too new"
    assert error["hint"] == "docspeed jobs wait job_nobody"


# -- many inputs


def take_a_second(stage: Stage, kind: str) -> None:
    """Let each call of this kind take a second, and no job end."""
    service = stage.service
    answer, service.polls = service.handle, 10**9

    def handle(call: Call) -> Reply:
        stage.clock.time += call.kind == kind
        return answer(call)

    service.handle = handle  # type: ignore[method-assign]


def test_timeout_of_batch_bounds_the_whole_run(stage: Stage, service: Service) -> None:
    """Documents not submitted in time are left to the next run."""
    take_a_second(stage, UPLOAD)
    paths = [stage.document(f"{number}.pdf") for number in range(60)]
    ran = stage.run("parse", *paths, "--wait", "--timeout", "30", "--concurrency", "1")
    assert ran.code == 8
    assert stage.clock.time < 45
    submitted = service.count(SUBMIT)
    assert 20 < submitted < 40
    assert len(lines(ran.out)) == submitted
    assert ran.err.count("still running") == 1
    service.polls = 1
    assert stage.run("parse", *paths, "--wait").code == 0
    assert service.count(SUBMIT) == 60


def test_timeout_of_batch_asks_no_more_about_jobs_that_run_on(
    stage: Stage, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last look at each of thousands of jobs would take minutes."""
    take_a_second(stage, POLL)
    ids = file_ids(*(f"file_{number}" for number in range(60)))
    wait, started = stage.clock.wait, stage.clock.time

    def wait_once_all_are_submitted(condition: threading.Condition, seconds: float) -> None:
        """Let no time pass before, however busy the machine is."""
        if service.count(SUBMIT) == 60:
            wait(condition, seconds)
        else:
            condition.wait(0.001)

    monkeypatch.setattr(stage.clock, "wait", wait_once_all_are_submitted)
    ran = stage.run("parse", *ids, "--wait", "--timeout", "30", "--concurrency", "1")
    assert (ran.code, service.count(SUBMIT)) == (8, 60)
    assert stage.clock.time - started < 35
    assert ran.out.count('"code":"pending"') == 60


def test_timeout_zero_of_batch_submits_nothing(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--wait", "--timeout", "0")
    assert (ran.code, service.count(SUBMIT)) == (8, 0)
    assert "2 not finished" in ran.err and "stopped: --timeout ran out" in ran.err


def test_timeout_of_batch_reports_running_job_as_pending(stage: Stage, service: Service) -> None:
    service.has("job_1", "running")
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_1", "operation": "parse", "status": "running"}))
    ran = stage.run("parse", *file_ids("slow", "fast"), "--wait", "--concurrency", "1", "--timeout", "2")
    assert ran.code == 8
    found = by_input(ran)
    assert (found["slow"]["job_id"], found["slow"]["error"]["code"]) == ("job_1", "pending")
    assert "result" in found["fast"]
    assert len(stage.rows()) == 2


def test_timeout_from_environment_without_wait_is_ignored(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", *file_ids("a", "b", "c"), env={"DOCSPEED_TIMEOUT": "0s"})
    assert (ran.code, service.count(SUBMIT)) == (0, 3)


def test_timeout_reached_by_last_successful_poll_exits_0(stage: Stage, service: Service) -> None:
    """The last poll comes when the time is over and finds the job completed."""
    service.polls = 4
    argv = ("parse", "--from", "-", "--wait", "--timeout", "1", "--concurrency", "1")
    ran = stage.run(*argv, stdin=b"a\n")
    assert (ran.code, "stopped" in ran.err) == (0, False), ran.err
    assert stage.clock.time >= 1


def test_timeout_of_batch_ends_retries(stage: Stage, service: Service) -> None:
    service.always(SUBMIT, Reply.of(429, {"detail": "slow down"}, Retry_After="50"))
    ran = stage.run("parse", *file_ids("a", "b"), "--wait", "--timeout", "5", "--concurrency", "1")
    assert ran.code == 8, ran.err
    assert stage.clock.time < 60
    assert stage.states() == []
