"""Drive many tasks with a few threads: the caller's thread keeps the due times and hands steps to workers."""

from __future__ import annotations

import heapq
import itertools
import math
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from docspeed_cli.core.environment import Environment, allow_open_files
from docspeed_cli.core.errors import Interrupted
from docspeed_cli.core.models import Job
from docspeed_cli.core.signals import GRACE
from docspeed_cli.jobs.context import Context
from docspeed_cli.jobs.outcome import Task

T = TypeVar("T")

RunTasks = Callable[[Iterable[Task[Any]]], Generator[Any, None, None]]
"""Yields the outcome of each task as it ends."""

_READ_AHEAD = 4
"""Inputs that are read ahead for each worker."""

_STEPS_AHEAD = 2
"""Steps that are under way or queued for each worker, so that none waits for the caller's thread."""

_QUIET_STOP = 1.0
"""Seconds after which a stopping run says what it still waits for."""

_FILES_EACH, _OTHER_FILES = 4, 64
"""Most open files and connections of each worker, and of the rest of a run."""

READ_GRACE = _QUIET_STOP
"""Seconds that a stopping run gives to tasks that only read: an answer they miss can be fetched again."""


class Scheduler(Generic[T]):
    """Up to `workers` threads over any number of tasks; `run` yields each task's outcome as it ends.

    No worker is held while a job runs: its task is parked until its due time. While the caller deals with
    an outcome no new steps are handed out, so outcomes don't pile up in memory. `grace` is how many seconds
    a stopping run gives to exchanges that are under way; `most` bounds how many tasks are under way.
    """

    def __init__(
        self,
        workers: int,
        environment: Environment,
        report: Callable[[str], None] = lambda text: None,
        grace: float = GRACE,
        most: float = math.inf,
    ) -> None:
        self._workers = workers
        self._environment = environment
        self._report = report
        self._grace = grace
        self._most = most
        self._threads: list[threading.Thread] = []
        self._steps: SimpleQueue[Task[T] | None] = SimpleQueue()
        self._room_for_input = threading.Semaphore(_READ_AHEAD * workers)
        self._stopped = False
        self._stopping = threading.Condition()
        # The rest is guarded by this condition, which is notified for the caller's thread.
        self._changed = threading.Condition()
        self._new: deque[Task[T]] = deque()
        self._all_read = False
        self._parked: list[tuple[float, int, Task[T]]] = []
        """A heap by due time; the number keeps tasks that are due together in their order."""
        self._numbers = itertools.count()
        self._ended: list[T] = []
        self._error: BaseException | None = None
        self._handed_out = 0
        self._under_way = 0

    def sleep(self, seconds: float) -> None:
        """Sleep in a worker, between two tries of an exchange; the end of the run wakes it."""
        with self._stopping:
            if not self._stopped:
                self._environment.wait(self._stopping, seconds)
        if self._stopped:
            raise Interrupted(signal.SIGINT, idle=True)

    def run(self, tasks: Iterable[Task[T]]) -> Generator[T, None, None]:
        """Yield every task's outcome, in the order in which tasks end. Close it to stop the run."""
        # Input may come slowly from a pipe, so a separate thread reads it.
        threading.Thread(target=self._read_input, args=(tasks,), daemon=True).start()
        try:
            while True:
                with self._changed:
                    self._hand_out()
                    while not self._ended and self._error is None:
                        if self._all_read and not self._new and self._under_way == 0:
                            return
                        self._wait_for_change()
                        self._hand_out()
                    ended, self._ended = self._ended, []
                # Outside the lock: workers go on with their steps while the caller writes results.
                yield from ended
                if self._error is not None:
                    raise self._error
        finally:
            self.stop()

    def _hand_out(self) -> None:
        """Hand steps to workers: tasks that are due come before new ones."""
        now = self._environment.monotonic()
        while self._handed_out < _STEPS_AHEAD * self._workers:
            if self._parked and self._parked[0][0] <= now:
                _, _, task = heapq.heappop(self._parked)
            elif self._new and self._under_way < self._most:
                task = self._new.popleft()
                self._room_for_input.release()
                self._under_way += 1
            else:
                return
            self._steps.put(task)
            self._handed_out += 1
            # Threads start only when there is work for them: a run over two documents needs two.
            if len(self._threads) < min(self._workers, self._handed_out):
                self._start_worker()

    def _start_worker(self) -> None:
        """Start one more worker; where the system starts no more threads, those that run do the work."""
        thread = threading.Thread(target=self._work, daemon=True)
        # Before it starts, which a signal can interrupt: a stopping run waits for all its threads.
        self._threads.append(thread)
        try:
            thread.start()
        except RuntimeError:
            self._threads.remove(thread)
            if not self._threads:
                raise
            self._workers = len(self._threads)

    def _wait_for_change(self) -> None:
        # While every worker is busy a due time can't be met earlier than by the next change.
        if self._parked and self._handed_out < self._workers:
            due, _, _ = self._parked[0]
            self._environment.wait(self._changed, max(0.0, due - self._environment.monotonic()))
        else:
            self._changed.wait()

    def _read_input(self, tasks: Iterable[Task[T]]) -> None:
        try:
            for task in tasks:
                with self._changed:
                    self._new.append(task)
                    self._changed.notify()
                self._room_for_input.acquire()
                if self._stopped:
                    return
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self._fail(error)
        with self._changed:
            self._all_read = True
            self._changed.notify()

    def _work(self) -> None:
        while (task := self._steps.get()) is not None and not self._stopped:
            try:
                due = next(task)
            except StopIteration as end:
                with self._changed:
                    self._ended.append(end.value)
                    self._handed_out -= 1
                    self._under_way -= 1
                    self._changed.notify()
            # Signals reach the main thread only, so this came from `sleep`: the run is being stopped.
            except Interrupted:
                return
            except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
                self._fail(error)
            else:
                with self._changed:
                    heapq.heappush(self._parked, (due, next(self._numbers), task))
                    self._handed_out -= 1
                    self._changed.notify()
        self._steps.put(None)  # for the next worker

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify()

    def stop(self) -> None:
        """Stop the workers; exchanges under way may end, so that no submission's outcome is lost."""
        with self._stopping:
            if self._stopped:
                return
            self._stopped = True
            self._stopping.notify_all()
        # The thread that reads input may wait for room, and must see that the run has stopped.
        self._room_for_input.release(_READ_AHEAD * self._workers)
        self._steps.put(None)
        self._join(min(self._grace, _QUIET_STOP))
        if self._grace > _QUIET_STOP and any(thread.is_alive() for thread in self._threads):
            self._report(f"finishing requests under way ({self._grace:g} s at most); Ctrl-C again leaves now")
            self._join(self._grace - _QUIET_STOP)

    def _join(self, seconds: float) -> None:
        deadline = self._environment.monotonic() + seconds
        # One whose start was interrupted may not have begun: it ends without a step.
        for thread in filter(threading.Thread.is_alive, self._threads):
            thread.join(max(0.0, deadline - self._environment.monotonic()))


def run_alone(context: Context, make_task: Callable[[Callable[[Job], None]], Task[T]]) -> T:
    """The outcome of one task, driven in this thread, with a live line for its job's status.

    `make_task` gets the function to call with the job after each look at it.
    """

    def show_status(job: Job) -> None:
        label = " ".join(filter(None, (job.operation, job.input)))
        show(f"{label or 'job'}: {job.status} ({job.ref})")

    with context.output.live() as show:
        return _run_to_completion(make_task(show_status), context.environment)


def _run_to_completion(task: Task[T], environment: Environment) -> T:
    try:
        while True:
            due = next(task)
            environment.sleep(max(0.0, due - environment.monotonic()))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


@contextmanager
def workers(
    context: Context,
    *,
    total: int | None = None,
    grace: float = READ_GRACE,
    most: int | None = None,
    retry_rate_limits: bool = False,
) -> Iterator[tuple[Context, RunTasks]]:
    """A context with a client for many tasks, and the function that runs them in `--concurrency` workers.

    `total` is the number of tasks if it is known: a single one runs in the caller's thread. With `most`, no
    more than this many are under way, or as many as there are workers. The end of the block stops the run.
    """
    count = context.settings.concurrency
    bound = math.inf if most is None else max(most, count)
    scheduler: Scheduler[Any] = Scheduler(count, context.environment, context.output.progress, grace, bound)
    environment, alone = context.environment, total == 1
    if not alone:
        allow_open_files(_OTHER_FILES + _FILES_EACH * count)

    def run_in_turn(tasks: Iterable[Task[Any]]) -> Generator[Any, None, None]:
        return (_run_to_completion(task, environment) for task in tasks)

    context = context.with_client(
        sleep=None if alone else scheduler.sleep, retry_rate_limits=retry_rate_limits
    )
    try:
        yield context, run_in_turn if alone else scheduler.run
    finally:
        # First the workers: they use the client until they have stopped.
        scheduler.stop()
        context.close_client()
