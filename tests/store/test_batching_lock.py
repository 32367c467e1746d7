"""Threads that wait for a batching lock: their work is done together, none sleeps on, none is left behind."""

from __future__ import annotations

import signal
import sys
import threading

import pytest

from docspeed_cli.core.errors import Interrupted
from docspeed_cli.store.batching_lock import BatchingLock


class Desk:
    """Work that is queued, and done by whichever thread holds the lock."""

    def __init__(self) -> None:
        self.lock = BatchingLock()
        self.queue: list[int] = []
        self.done: set[int] = set()
        self.batches: list[int] = []

    def submit(self, number: int) -> None:
        self.queue.append(number)
        self.lock.wait(lambda: number in self.done, self.serve)

    def serve(self) -> None:
        taken = [self.queue.pop(0) for _ in range(len(self.queue))]
        self.batches.append(len(taken))
        self.done.update(taken)


def test_batching_lock_concurrency_every_thread_goes_on_once_its_work_is_done() -> None:
    desk = Desk()

    def work(first: int) -> None:
        for number in range(first, first + 300):
            desk.submit(number)
            if number % 7 == 0:
                with desk.lock:
                    desk.batches.append(0)

    threads = [threading.Thread(target=work, args=(1000 * n,), daemon=True) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert len(desk.done) == sum(desk.batches) == 16 * 300


def test_batching_lock_holder_does_the_work_of_all_that_wait() -> None:
    desk = Desk()
    threads = [threading.Thread(target=desk.submit, args=(number,), daemon=True) for number in range(5)]
    with desk.lock:
        for thread in threads:
            thread.start()
        while len(desk.queue) < len(threads):
            pass
    for thread in threads:
        thread.join(60)
    assert desk.batches[0] == 5
    assert desk.done == set(range(5))


def test_batching_lock_interrupt_of_the_holder_leaves_the_work_to_the_next() -> None:
    desk = Desk()

    def interrupted() -> None:
        waiting.start()
        while not desk.queue:
            pass
        raise KeyboardInterrupt

    waiting = threading.Thread(target=desk.submit, args=(1,), daemon=True)
    with pytest.raises(KeyboardInterrupt):
        desk.lock.wait(lambda: False, interrupted)
    waiting.join(60)
    assert desk.done == {1}


if sys.platform != "win32":  # where no signal can be sent to a thread

    def test_batching_lock_interrupted_sleeper_takes_no_wake_from_another_thread() -> None:
        desk, signalled, interrupted = Desk(), threading.Event(), threading.Event()
        sleepers = desk.lock._sleepers
        main = threading.get_ident()
        other = threading.Thread(target=desk.submit, args=(2,), daemon=True)

        def interrupt(number: int, frame: object) -> None:
            if not signalled.is_set():
                signalled.set()
                raise Interrupted(number)

        def hold() -> None:
            with desk.lock:
                while not sleepers:
                    pass
                # One that comes just before the main thread sleeps does not wake it.
                while not signalled.wait(0.01):
                    signal.pthread_kill(main, signal.SIGUSR1)
                interrupted.wait(60)
                before = len(sleepers)
                other.start()
                while len(sleepers) == before:
                    pass

        holder = threading.Thread(target=hold, daemon=True)
        usual = signal.signal(signal.SIGUSR1, interrupt)
        try:
            holder.start()
            while not desk.lock._lock.locked():
                pass
            with pytest.raises(Interrupted):
                desk.submit(1)
        finally:
            interrupted.set()
            holder.join(60)
            signal.signal(signal.SIGUSR1, usual)
        other.join(5)
        assert desk.done == {1, 2}
