"""Drives many pieces of work with a few threads: what waits is parked in one heap, nobody sits on it."""

from __future__ import annotations

import math
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Generic, NamedTuple, TypeVar

from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import Interrupted
from docspeed_cli.core.models import Job
from docspeed_cli.core.signals import GRACE
from docspeed_cli.jobs.context import Session, Task, run_to_completion
from docspeed_cli.service.backoff import DueQueue

T = TypeVar("T")

_AHEAD = 4
"""How many inputs for each worker are read ahead: waking the reader for each one costs more."""

_FILES, _FILES_EACH = 32, 3
"""Files that the program has open, and each worker: a connection, a document, a result."""

_SILENT = 1.0
"""Seconds after which it is told what a run that is to stop still waits for."""

READING = _SILENT
"""Seconds that are given to what only reads: nothing is lost with its answer."""


class _Ended(NamedTuple, Generic[T]):
    value: T | None = None
    error: BaseException | None = None


class Scheduler(Generic[T]):
    """`workers` threads over any number of tasks; `run` yields each task's outcome as it ends."""

    def __init__(
        self,
        workers: int,
        world: Environment,
        say: Callable[[str], None] = lambda text: None,
        grace: float = GRACE,
        most: float = math.inf,
    ) -> None:
        self._workers = workers
        self._world = world
        self._say = say
        self._grace = grace
        self._most = most
        self._lock = threading.Lock()
        self._there = threading.Condition(self._lock)
        """Workers wait here for something to do,"""
        self._clock = threading.Condition(self._lock)
        """one of them here for the first due time,"""
        self._room = threading.Condition(self._lock)
        """and whoever reads the inputs here until some are taken."""
        self._asleep = threading.Condition()
        """Workers between two tries of an exchange wait here."""
        self._parked: DueQueue[Task[T]] = DueQueue()
        self._new: deque[Task[T]] = deque()
        self._live = 0
        self._begun = 0
        """Those that are not handed over yet, where their number is bounded."""
        self._all_in = False
        self._timekeeper = False
        self._stopped = threading.Event()
        self._ended: queue.Queue[_Ended[T] | None] = queue.Queue(2 * workers)

    def sleep(self, seconds: float) -> None:
        """Sleep in a worker; the end of the run wakes it."""
        with self._asleep:
            if not self._stopped.is_set():
                self._world.wait(self._asleep, seconds)
        if self._stopped.is_set():
            raise Interrupted(signal.SIGINT, idle=True)

    def run(self, tasks: Iterable[Task[T]]) -> Generator[T, None, None]:
        """Every task's outcome, in the order in which they end."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._workers)]
        feeder = threading.Thread(target=self._feed, args=(iter(tasks),), daemon=True)
        for thread in (feeder, *threads):
            thread.start()
        try:
            while (ended := self._ended.get()) is not None:
                if ended.error is not None:
                    raise ended.error
                yield ended.value  # type: ignore[misc]
                if self._most < math.inf:
                    with self._lock:
                        self._begun -= 1
                        self._room.notify()
        finally:
            self._stop(threads)

    def _stop(self, threads: Sequence[threading.Thread]) -> None:
        """Let exchanges under way come to their end, so that no submission's outcome is lost."""
        self._stopped.set()
        self._wake_all()
        self._join(threads, min(self._grace, _SILENT))
        if self._grace > _SILENT and any(thread.is_alive() for thread in threads):
            self._say(f"finishing what is under way ({self._grace:g} s at most); again to leave now")
            self._join(threads, self._grace - _SILENT)

    def _join(self, threads: Sequence[threading.Thread], seconds: float) -> None:
        deadline = self._world.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - self._world.monotonic()))

    def _wake_all(self) -> None:
        with self._lock:
            for condition in (self._there, self._clock, self._room):
                condition.notify_all()
        with self._asleep:
            self._asleep.notify_all()

    def _feed(self, tasks: Iterator[Task[T]]) -> None:
        try:
            for task in tasks:
                with self._lock:
                    self._new.append(task)
                    self._live += 1
                    self._there.notify()
                    self._clock.notify()
                    if len(self._new) >= _AHEAD * self._workers:
                        self._room.wait_for(lambda: len(self._new) <= self._workers or self._stopped.is_set())
                    self._begun += 1
                    if self._begun >= self._most:
                        self._room.wait_for(lambda: self._begun < self._most or self._stopped.is_set())
                if self._stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - whatever it is, the main thread has to raise it
            self._end(_Ended(error=error))
        with self._lock:
            self._all_in = True
            over = self._live == 0
        if over:
            self._over()

    def _work(self) -> None:
        try:
            self._work_on()
        except BaseException as error:  # noqa: BLE001 - a worker that dies in silence would leave the run waiting
            self._end(_Ended(error=error))

    def _work_on(self) -> None:
        while (task := self._next()) is not None:
            try:
                due = next(task)
            except StopIteration as stop:
                self._finish(_Ended(stop.value))
            except Interrupted:
                return
            except BaseException as error:  # noqa: BLE001 - likewise
                self._finish(_Ended(error=error))
            else:
                with self._lock:
                    self._parked.add(due, task)
                    if self._parked.next_due() == due:
                        self._clock.notify()

    def _next(self) -> Task[T] | None:
        """What is due, before what is new; None when there will be nothing more."""
        with self._lock:
            while not self._stopped.is_set():
                task = self._parked.pop(self._world.monotonic())
                if task is None and self._new:
                    task = self._new.popleft()
                    if len(self._new) == self._workers:
                        self._room.notify()
                if task is not None:
                    if self._new or self._parked:
                        self._there.notify()
                    return task
                if self._all_in and self._live == 0:
                    return None
                self._rest()
        return None

    def _rest(self) -> None:
        """Wait for something to do; one worker at a time watches the clock, so that a due time wakes one."""
        due = self._parked.next_due()
        if due is None or self._timekeeper:
            self._there.wait()
            return
        self._timekeeper = True
        try:
            self._world.wait(self._clock, max(0.0, due - self._world.monotonic()))
        finally:
            self._timekeeper = False

    def _finish(self, ended: _Ended[T]) -> None:
        self._end(ended)
        with self._lock:
            self._live -= 1
            over = self._live == 0 and self._all_in
        if over:
            self._over()

    def _over(self) -> None:
        self._end(None)
        self._wake_all()

    def _end(self, ended: _Ended[T] | None) -> None:
        while not self._stopped.is_set():
            try:
                self._ended.put(ended, timeout=0.5)
                return
            except queue.Full:
                continue


def run_one(session: Session, task: Task[T]) -> T:
    """The outcome of one piece of work, done in this thread with live progress."""
    with session.output.live() as say:
        session.progress = lambda job: say(_progress(job))
        return run_to_completion(task, session.world)


def run_many(
    session: Session, tasks: Iterable[Task[T]], *, grace: float = READING, most: int | None = None
) -> Iterator[T]:
    """The outcomes of many, as they end; `--concurrency` threads do the work.

    `grace` is how many seconds a run that is to stop gives to what is under way. With `most`, no more
    than this many are under way at a time, or as many as there are threads; else what waits holds nobody up.
    """
    asked = session.settings.concurrency
    workers = _affordable(asked)
    if workers < asked:
        session.output.note(
            f"{workers} at a time, not {asked}: the system allows no more open files (ulimit -n)"
        )
    bound = math.inf if most is None else max(most, workers)
    crowd: Scheduler[T] = Scheduler(workers, session.world, session.output.progress, grace, bound)
    outcomes = _sleeping_in(crowd, session, tasks)
    session.workers.callback(outcomes.close)
    return outcomes


def _sleeping_in(crowd: Scheduler[T], session: Session, tasks: Iterable[Task[T]]) -> Generator[T, None, None]:
    """The outcomes; whoever sleeps for this session meanwhile is woken when the run is to stop."""
    before, session.sleep = session.sleep, crowd.sleep
    try:
        yield from crowd.run(tasks)
    finally:
        session.sleep = before


def _affordable(workers: int) -> int:
    """As many workers as have files enough: the limit is raised for them as far as the system allows."""
    if sys.platform == "win32":  # it has no such limit
        return workers
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES + _FILES_EACH * workers
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return workers
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if limit > soft:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            soft = limit
    return max(1, min(workers, (soft - _FILES) // _FILES_EACH))


def _progress(job: Job) -> str:
    named = " ".join(part for part in (job.operation, job.input) if part)
    return f"{named or 'job'}: {job.status} ({job.ref})"
