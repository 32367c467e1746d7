"""A lock for batched work: its holder does the work of all threads that wait for it."""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from contextlib import suppress


class BatchingLock:
    """A lock for batched work: one thread does what all have queued, then wakes them.

    With an ordinary lock, each of them would have to take it only to see that its work is done.
    """

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._sleepers = deque[_Sleeper]()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self._wake_next()

    def wait(self, is_done: Callable[[], bool], work: Callable[[], None]) -> None:
        """Return once `is_done`. This thread or another calls `work`, which serves all waiting threads."""
        sleeper = _Sleeper()
        try:
            while not is_done():
                # Before the lock is tried: a holder that ends in between must find this thread.
                self._sleepers.append(sleeper)
                if not self._work(work):
                    sleeper.sleep()
        except BaseException:
            # After an interrupt no thread sleeps there, and the next one would wait for that wake.
            with suppress(ValueError):
                self._sleepers.remove(sleeper)
            raise
        finally:
            # This thread may have been woken to do the work, although its own was done.
            self._wake_next()

    def _work(self, work: Callable[[], None]) -> bool:
        """Do the work of all that wait; False if another thread holds the lock."""
        served: list[_Sleeper] = []
        holds = False
        try:
            # In here: an interrupt may come as soon as the lock is taken.
            holds = self._lock.acquire(blocking=False)
            if holds:
                # Taken before the work, which may not include what comes later.
                with suppress(IndexError):  # another thread has taken one, to wake it
                    served.extend(self._sleepers.popleft() for _ in range(len(self._sleepers)))
                work()
        finally:
            if holds:
                self._lock.release()
                for sleeper in served:
                    sleeper.wake()
        return holds

    def _wake_next(self) -> None:
        """Wake the next waiting thread, unless someone holds the lock and will do so."""
        if not self._lock.locked():
            with suppress(IndexError):
                self._sleepers.popleft().wake()


class _Sleeper:
    """A waiting thread; several wakes before it goes on count as one."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()

    def sleep(self) -> None:
        """Wait for a wake; return at once if one came before."""
        self._lock.acquire()

    def wake(self) -> None:
        """Let the thread go on."""
        with suppress(RuntimeError):  # it has been woken already
            self._lock.release()
