"""How many requests go out at a time: `--concurrency`, rate limits, `--max-failures`."""

from __future__ import annotations

import threading

from tests.fake_service import SUBMIT, Call, Reply, Service
from tests.stage import Stage, file_ids


def test_concurrency_limits_requests_at_a_time(stage: Stage, service: Service) -> None:
    under_way, most, lock = 0, 0, threading.Lock()
    behave = service.handle

    def handle(call: Call) -> Reply:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        try:
            return behave(call)
        finally:
            with lock:
                under_way -= 1

    service.handle = handle  # type: ignore[method-assign]
    ran = stage.run("parse", *file_ids(*(f"f{n}" for n in range(40))), "--wait", "--concurrency", "3")
    assert ran.code == 0
    assert 1 <= most <= 3


def test_rate_limit_429_pauses_the_whole_run(stage: Stage, service: Service) -> None:
    sent: list[float] = []
    behave = service.handle

    def handle(call: Call) -> Reply:
        if call.kind == SUBMIT:
            sent.append(stage.clock.time)
        return behave(call)

    service.handle = handle  # type: ignore[method-assign]
    service.then(SUBMIT, Reply.of(429, {"detail": "slow down"}, Retry_After="50"))
    ran = stage.run("parse", *file_ids(*(f"f{n}" for n in range(12))), "--concurrency", "2")
    assert (ran.code, len(sent)) == (0, 13), ran.err
    # Two requests go out at a time, so one more may be under way while the first is refused.
    assert [at for at in sent[2:] if at < sent[0] + 50] == []


def test_rate_limit_in_batch_prints_no_note_for_each_429(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, *[Reply.of(429, {"detail": "slower"})] * 6)
    ran = stage.run("parse", "--file-id", "f", "--file-id", "g", "--wait")
    assert ran.code == 0
    assert service.count(SUBMIT) == 8
    assert "trying again" not in ran.err


def test_max_failures_limits_jobs_in_flight(stage: Stage, service: Service) -> None:
    """Without the limit all 300 jobs would be submitted before the third one fails."""
    service.polls, service.final = 5, "failed"
    ids = [word for number in range(300) for word in ("--file-id", f"f{number}")]
    ran = stage.run("parse", *ids, "--wait", "--max-failures", "3", "--concurrency", "2")
    assert ran.code == 5
    assert service.count(SUBMIT) <= 3 + 3
