"""A few threads drive any number of tasks: each ends, waiting takes no thread, and nothing is held up."""

from __future__ import annotations

import io
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import Interrupted, Unavailable
from docspeed_cli.core.models import Style
from docspeed_cli.core.settings import resolve
from docspeed_cli.jobs.context import Session, Task
from docspeed_cli.jobs.scheduler import Scheduler, run_many
from docspeed_cli.terminal.output import Output


class Clock:
    """A clock that a task moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time


def crowd(workers: int, clock: Clock | None = None) -> Scheduler[object]:
    streams = io.StringIO(), io.StringIO(), io.StringIO()
    world = Environment({}, *streams, monotonic=clock.monotonic if clock else time.monotonic)
    return Scheduler(workers, world)


def at_once(value: object) -> Task[object]:
    """A task that ends in its first step."""
    return value
    yield


def parked(due: float, value: object) -> Task[object]:
    """A task that ends once it is due."""
    yield due
    return value


def moving(clock: Clock, to: float, value: object) -> Task[object]:
    """A task that ends in its first step, when it is later."""
    clock.time = to
    return value
    yield


# -- all of them end


@pytest.mark.parametrize("workers", [1, 2, 8, 32])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_every_task_ends(workers: int, count: int) -> None:
    found = list(crowd(workers).run(at_once(n) for n in range(count)))
    assert sorted(cast(list[int], found)) == list(range(count))


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.integers(0, 5), max_size=40), workers=st.integers(1, 6))
def test_every_task_ends_however_often_it_waits(steps: list[int], workers: int) -> None:
    def waiting(number: int, steps: int) -> Task[object]:
        for _ in range(steps):
            yield 0.0
        return number

    found = crowd(workers).run(waiting(number, each) for number, each in enumerate(steps))
    assert sorted(cast(list[int], list(found))) == list(range(len(steps)))


def test_one_worker_takes_tasks_in_their_order() -> None:
    assert list(crowd(1).run(at_once(n) for n in range(50))) == list(range(50))


def test_outcomes_come_while_tasks_are_still_to_come() -> None:
    """A list on standard input may never end; what is done is told."""
    told = threading.Event()

    def tasks() -> Iterator[Task[object]]:
        yield at_once("first")
        assert told.wait(60)
        yield at_once("second")

    run = crowd(2).run(tasks())
    assert next(run) == "first"
    told.set()
    assert list(run) == ["second"]


def test_tasks_are_not_fetched_long_before_there_is_a_worker_for_them() -> None:
    """Memory does not grow with the number of inputs."""
    fetched: list[int] = []
    ahead: list[int] = []

    def step(number: int) -> Task[object]:
        ahead.append(len(fetched) - number)
        return number
        yield

    def tasks() -> Iterator[Task[object]]:
        for number in range(500):
            fetched.append(number)
            yield step(number)

    assert len(list(crowd(2).run(tasks()))) == 500
    assert max(ahead) <= 10


# -- waiting


def test_tasks_go_on_by_due_time() -> None:
    clock = Clock()
    tasks = [parked(3.0, "c"), parked(1.0, "a"), parked(2.0, "b"), moving(clock, 5.0, "moved")]
    assert list(crowd(1, clock).run(tasks)) == ["moved", "a", "b", "c"]


def test_what_is_not_due_does_not_go_on() -> None:
    clock = Clock()

    def waiting() -> Task[object]:
        yield 5.0
        return clock.time

    found = crowd(2, clock).run([waiting(), *(at_once(n) for n in range(50)), moving(clock, 5.0, "moved")])
    assert [each for each in found if each in (0.0, 5.0) and isinstance(each, float)] == [5.0]


def test_what_waits_takes_no_thread() -> None:
    clock = Clock()
    before, threads = threading.active_count(), [0]
    inside: list[int] = []

    def waiting(number: int) -> Task[object]:
        inside.append(number)
        yield 1.0
        return number

    def last() -> Task[object]:
        threads.append(threading.active_count() - before)
        assert len(inside) >= 499
        clock.time = 2.0
        return 500
        yield

    def tasks() -> Iterator[Task[object]]:
        yield from (waiting(number) for number in range(500))
        yield last()

    found = cast(list[int], list(crowd(2, clock).run(tasks())))
    assert sorted(found) == list(range(501))
    assert max(threads) <= 3


def test_as_many_steps_at_a_time_as_there_are_workers() -> None:
    guard, inside, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2, timeout=60)

    def step(number: int) -> Task[object]:
        for _ in range(3):
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            both.wait()
            with guard:
                inside[0] -= 1
            yield 0.0
        return number

    assert len(list(crowd(2).run(step(number) for number in range(100)))) == 100
    assert most == [2]


def test_a_wait_that_is_short_is_not_held_up_by_a_long_one() -> None:
    """Whichever worker watches the clock, it learns of each due time that is sooner."""
    workers, long_due = 8, time.monotonic() + 20
    everybody = threading.Barrier(workers, timeout=60)
    ended = threading.Semaphore(0)

    def warm_up() -> Task[object]:
        everybody.wait()
        return "warm"
        yield

    def short() -> Task[object]:
        yield time.monotonic() + 0.001
        ended.release()
        return "short"

    def tasks() -> Iterator[Task[object]]:
        yield from (warm_up() for _ in range(workers))
        yield parked(long_due, "long")
        for _ in range(20):
            yield short()
            ended.acquire(timeout=30)

    run = crowd(workers).run(tasks())
    found = [next(run) for _ in range(workers + 20)]
    run.close()
    assert "long" not in found


# -- trouble


def test_an_error_of_a_task_reaches_the_caller() -> None:
    def failing() -> Task[object]:
        yield 0.0
        raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        list(crowd(2).run([at_once(1), failing(), at_once(2)]))


def test_an_error_in_a_first_step_reaches_the_caller() -> None:
    def failing() -> Task[object]:
        raise Unavailable("not there")
        yield

    with pytest.raises(Unavailable, match="not there"):
        list(crowd(1).run([failing()]))


def test_an_error_among_the_tasks_reaches_the_caller_after_what_ended() -> None:
    def tasks() -> Iterator[Task[object]]:
        yield at_once(1)
        raise Unavailable("the list broke")

    run = crowd(1).run(tasks())
    with pytest.raises(Unavailable, match="the list broke"):
        list(run)


def test_a_run_that_fails_leaves_no_worker() -> None:
    before = threading.active_count()

    def failing() -> Task[object]:
        raise KeyError
        yield

    with pytest.raises(KeyError):
        list(crowd(8).run([parked(1e9, "never"), failing()]))
    assert threading.active_count() <= before + 1  # the one that fetches tasks may be in the middle of it


def test_a_run_that_is_given_up_takes_no_more_tasks() -> None:
    started: list[int] = []

    def step(number: int) -> Task[object]:
        started.append(number)
        return number
        yield

    run = crowd(2).run(step(number) for number in range(10_000))
    next(run)
    run.close()
    assert len(started) < 100


def test_a_run_that_is_given_up_lets_a_step_come_to_its_end() -> None:
    """A submission under way has to put down its job's id."""
    begun, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    def submission() -> Task[object]:
        begun.set()
        assert go_on.wait(60)
        ended.append("submitted")
        return None
        yield

    run = crowd(2).run([submission(), at_once("first")])
    assert next(run) == "first"
    assert begun.wait(60)
    go_on.set()
    run.close()
    assert ended == ["submitted"]


def test_a_worker_that_sleeps_is_woken_by_the_end_of_the_run() -> None:
    many = crowd(2)
    asleep = threading.Event()
    woken: list[Interrupted] = []

    def sleeping() -> Task[object]:
        asleep.set()
        try:
            many.sleep(600)
        except Interrupted as interrupted:
            woken.append(interrupted)
            raise
        return None
        yield

    run = many.run([sleeping(), at_once("first")])
    assert next(run) == "first"
    assert asleep.wait(60)
    run.close()
    assert [interrupted.idle for interrupted in woken] == [True]


def test_a_slow_reader_holds_up_nothing_for_good() -> None:
    run = crowd(2).run(at_once(n) for n in range(200))
    first = next(run)
    assert sorted(cast(list[int], [first, *run])) == list(range(200))


# -- in a session


def session_in(folder: Path, stderr: io.StringIO, **flags: object) -> Session:
    env = {"DOCSPEED_STATE_DIR": str(folder / "state"), "DOCSPEED_CONFIG": str(folder / "none.toml")}
    world = Environment(env, io.StringIO(), io.StringIO(), stderr)
    return Session(world, resolve(flags, env), Output(world, Style()))


def test_the_ledger_is_closed_after_those_who_write_into_it(tmp_path: Path) -> None:
    """Whoever takes the outcomes may be gone in the middle of the run, and keep hold of it."""
    said = io.StringIO()
    session = session_in(tmp_path, said)
    asleep = threading.Event()
    found: list[object] = []

    def working() -> Task[object]:
        found.append(session.ledger.by_id("job_1"))
        asleep.set()
        try:
            session.sleep(600)
        finally:
            found.append(session.ledger.by_id("job_1"))
        return None
        yield

    outcomes = run_many(session, [working(), at_once("first")])
    assert next(outcomes) == "first"
    assert asleep.wait(60)
    session.close()
    assert (found, said.getvalue()) == ([[], []], "")


@pytest.mark.parametrize(
    ("limit", "hard", "workers", "raised"),
    [
        (1024, 4096, 64, None),
        (64, 4096, 64, 32 + 3 * 64),
        (64, 100, 22, 100),
        (20, 20, 1, None),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 64, None),
    ],
)
def test_no_more_workers_than_there_are_files_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, hard: int, workers: int, raised: int | None
) -> None:
    limits = [limit, hard]
    monkeypatch.setattr(resource, "getrlimit", lambda kind: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, given: limits.__setitem__(0, given[0]))
    said = io.StringIO()
    running, most, lock = set[int](), [0], threading.Lock()
    go_on = threading.Event()

    def busy(number: int) -> Task[object]:
        with lock:
            running.add(threading.get_ident())
            most[0] = max(most[0], len(running))
            if len(running) >= workers:
                go_on.set()
        assert go_on.wait(60)
        return number
        yield

    session = session_in(tmp_path, said, concurrency=64)
    assert len(list(run_many(session, map(busy, range(200))))) == 200
    session.close()
    assert most[0] == workers
    assert limits[0] == (raised or limit)
    assert ("ulimit -n" in said.getvalue()) == (workers < 64)
