"""A few threads drive any number of tasks: all end, a waiting one holds no thread and delays no other."""

from __future__ import annotations

import io
import itertools
import signal
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
from docspeed_cli.core.settings import resolve
from docspeed_cli.core.signals import GRACE, Interrupts
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.outcome import Task
from docspeed_cli.jobs.scheduler import Scheduler, workers
from docspeed_cli.terminal.output import Output
from docspeed_cli.terminal.streams import Style


class Clock:
    """A clock that a task moves."""

    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time


def scheduler(threads: int, clock: Clock | None = None, grace: float = GRACE) -> Scheduler[object]:
    streams = io.StringIO(), io.StringIO(), io.StringIO()
    environment = Environment(
        {}, *streams, Interrupts(), monotonic=clock.monotonic if clock else time.monotonic
    )
    return Scheduler(threads, environment, grace=grace)


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


@pytest.mark.parametrize("threads", [1, 2, 8, 32])
@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_scheduler_any_number_of_tasks_all_end(threads: int, count: int) -> None:
    found = list(scheduler(threads).run(at_once(n) for n in range(count)))
    assert sorted(cast(list[int], found)) == list(range(count))


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.integers(0, 5), max_size=40), threads=st.integers(1, 6))
def test_scheduler_tasks_that_wait_often_all_end(steps: list[int], threads: int) -> None:
    def waiting(number: int, steps: int) -> Task[object]:
        for _ in range(steps):
            yield 0.0
        return number

    found = scheduler(threads).run(waiting(number, each) for number, each in enumerate(steps))
    assert sorted(cast(list[int], list(found))) == list(range(len(steps)))


def test_scheduler_one_worker_keeps_the_order() -> None:
    assert list(scheduler(1).run(at_once(n) for n in range(50))) == list(range(50))


def test_scheduler_slow_input_yields_outcomes_early() -> None:
    """A list on standard input may never end."""
    delivered = threading.Event()

    def tasks() -> Iterator[Task[object]]:
        yield at_once("first")
        assert delivered.wait(60)
        yield at_once("second")

    run = scheduler(2).run(tasks())
    assert next(run) == "first"
    delivered.set()
    assert list(run) == ["second"]


def test_scheduler_many_inputs_are_read_ahead_by_a_few() -> None:
    """Memory does not grow with the number of inputs."""
    fetched: list[int] = []
    ahead: list[int] = []

    def step(number: int) -> Task[object]:
        ahead.append(len(fetched) - len(ahead))
        return number
        yield

    def tasks() -> Iterator[Task[object]]:
        for number in range(500):
            fetched.append(number)
            yield step(number)

    assert len(list(scheduler(2).run(tasks()))) == 500
    assert max(ahead) <= 16


# -- waiting


def test_scheduler_parked_tasks_go_on_by_due_time() -> None:
    clock = Clock()
    tasks = [parked(3.0, "c"), parked(1.0, "a"), parked(2.0, "b"), moving(clock, 5.0, "moved")]
    assert list(scheduler(1, clock).run(tasks)) == ["moved", "a", "b", "c"]


def test_scheduler_task_before_its_due_time_stays_parked() -> None:
    clock = Clock()

    def waiting() -> Task[object]:
        yield 5.0
        return clock.time

    found = scheduler(2, clock).run(
        [waiting(), *(at_once(n) for n in range(50)), moving(clock, 5.0, "moved")]
    )
    assert [each for each in found if each in (0.0, 5.0) and isinstance(each, float)] == [5.0]


def test_scheduler_waiting_tasks_hold_no_thread() -> None:
    clock = Clock()
    before, counts = threading.active_count(), [0]
    inside: list[int] = []

    def waiting(number: int) -> Task[object]:
        inside.append(number)
        yield 1.0
        return number

    def last() -> Task[object]:
        counts.append(threading.active_count() - before)
        assert len(inside) >= 499
        clock.time = 2.0
        return 500
        yield

    def tasks() -> Iterator[Task[object]]:
        yield from (waiting(number) for number in range(500))
        yield last()

    found = cast(list[int], list(scheduler(2, clock).run(tasks())))
    assert sorted(found) == list(range(501))
    assert max(counts) <= 3


def test_scheduler_concurrency_is_the_number_of_workers() -> None:
    guard, inside, most = threading.Lock(), [0], [0]
    both = threading.Barrier(2, timeout=60)

    def step(number: int) -> Task[object]:
        for turn in range(3):
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            if turn == 0:
                both.wait()
            with guard:
                inside[0] -= 1
            yield 0.0
        return number

    assert len(list(scheduler(2).run(step(number) for number in range(100)))) == 100
    assert most == [2]


def test_scheduler_without_more_threads_goes_on_with_those_that_run() -> None:
    def first() -> Task[object]:
        threading.stack_size(1 << 46)  # more than any memory, so that no thread starts
        return 0
        yield

    before = threading.stack_size()
    try:
        found = list(scheduler(8).run(itertools.chain([first()], map(at_once, range(1, 100)))))
    finally:
        threading.stack_size(before)
    assert sorted(cast(list[int], found)) == list(range(100))


def test_scheduler_short_wait_ends_before_a_long_one() -> None:
    threads, long_due = 8, time.monotonic() + 20
    everybody = threading.Barrier(threads, timeout=60)
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
        yield from (warm_up() for _ in range(threads))
        yield parked(long_due, "long")
        for _ in range(20):
            yield short()
            ended.acquire(timeout=30)

    run = scheduler(threads).run(tasks())
    found = [next(run) for _ in range(threads + 20)]
    run.close()
    assert "long" not in found


# -- trouble


def test_scheduler_error_of_a_task_is_raised() -> None:
    def failing() -> Task[object]:
        yield 0.0
        raise KeyError("bug")

    with pytest.raises(KeyError, match="bug"):
        list(scheduler(2).run([at_once(1), failing(), at_once(2)]))


def test_scheduler_error_in_a_first_step_is_raised() -> None:
    def failing() -> Task[object]:
        raise Unavailable("not there")
        yield

    with pytest.raises(Unavailable, match="not there"):
        list(scheduler(1).run([failing()]))


def test_scheduler_error_while_reading_input_is_raised() -> None:
    def tasks() -> Iterator[Task[object]]:
        yield at_once(1)
        raise Unavailable("the list broke")

    run = scheduler(1).run(tasks())
    with pytest.raises(Unavailable, match="the list broke"):
        list(run)


def test_scheduler_failed_run_leaves_no_worker() -> None:
    before = threading.active_count()

    def failing() -> Task[object]:
        raise KeyError
        yield

    with pytest.raises(KeyError):
        list(scheduler(8).run([parked(1e9, "never"), failing()]))
    assert threading.active_count() <= before + 1  # the thread that reads the input may still be ending


def test_scheduler_closed_run_starts_no_more_tasks() -> None:
    started: list[int] = []

    def step(number: int) -> Task[object]:
        started.append(number)
        return number
        yield

    run = scheduler(2).run(step(number) for number in range(10_000))
    next(run)
    run.close()
    assert len(started) < 100


def test_scheduler_closed_run_finishes_a_step() -> None:
    """A submission under way has to record its job's id."""
    begun, go_on = threading.Event(), threading.Event()
    ended: list[str] = []

    def submission() -> Task[object]:
        begun.set()
        assert go_on.wait(60)
        ended.append("submitted")
        return None
        yield

    run = scheduler(2).run([submission(), at_once("first")])
    assert next(run) == "first"
    assert begun.wait(60)
    go_on.set()
    run.close()
    assert ended == ["submitted"]


def test_scheduler_closed_run_wakes_sleeping_workers() -> None:
    many = scheduler(2)
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


def test_scheduler_slow_consumer_gets_every_outcome() -> None:
    run = scheduler(2).run(at_once(n) for n in range(200))
    first = next(run)
    assert sorted(cast(list[int], [first, *run])) == list(range(200))


# -- workers of a context


def context_in(folder: Path, stderr: io.StringIO, **flags: object) -> Context:
    env = {"DOCSPEED_STATE_DIR": str(folder / "state"), "DOCSPEED_CONFIG": str(folder / "none.toml")}
    environment = Environment(env, io.StringIO(), io.StringIO(), stderr, Interrupts())
    return Context(environment, resolve(flags, env), Output(environment, Style()))


def test_workers_end_of_the_block_stops_them_before_the_ledger_is_closed(tmp_path: Path) -> None:
    """The consumer may stop in the middle of the run and still hold its generator."""
    stderr = io.StringIO()
    context = context_in(tmp_path, stderr)
    asleep = threading.Event()
    found: list[object] = []

    def working(at: Context) -> Task[object]:
        found.append(at.ledger.by_id("job_1"))
        asleep.set()
        try:
            at.sleep(600)
        finally:
            found.append(at.ledger.by_id("job_1"))
        return None
        yield

    with workers(context) as (at, run_tasks):
        outcomes = run_tasks([working(at), at_once("first")])
        assert next(outcomes) == "first"
        assert asleep.wait(60)
    context.close()
    assert (found, stderr.getvalue()) == ([[], []], "")


def test_workers_one_task_runs_in_the_callers_thread(tmp_path: Path) -> None:
    context = context_in(tmp_path, io.StringIO())

    def where() -> Task[object]:
        return threading.current_thread()
        yield

    with workers(context, total=1) as (_, run_tasks):
        assert list(run_tasks([where()])) == [threading.current_thread()]


def test_worker_whose_start_is_interrupted_ends_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[threading.Thread] = []
    ended = threading.Semaphore(0)
    start = threading.Thread.start

    def start_and_interrupt(thread: threading.Thread) -> None:
        start(thread)
        started.append(thread)
        if len(started) == 3:  # the one that reads the input is the first
            ended.acquire()
            ended.acquire()
            raise Interrupted(signal.SIGINT)

    def counted(value: object) -> Task[object]:
        ended.release()
        return value
        yield

    monkeypatch.setattr(threading.Thread, "start", start_and_interrupt)
    with pytest.raises(Interrupted):
        list(scheduler(2, grace=0.0).run([counted(1), counted(2)]))
    for thread in started:
        thread.join(5.0)
    assert not any(thread.is_alive() for thread in started)
