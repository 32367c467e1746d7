"""Put the outcomes of a run in the order of its inputs; those that come early wait in a file."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

from docspeed_cli.jobs.outcome import Outcome
from docspeed_cli.jobs.output.temporary import TemporaryDisk, temporary_file
from docspeed_cli.service.body import Body

_CHUNK = 256 * 1024
"""Bytes that are copied at a time."""


class InOrder:
    """Yields outcomes in the order of their inputs; early ones wait in a file, their offsets in memory."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, tuple[int, int]] = {}
        """Where the outcome of an input begins in the file, and the size of its part without the result."""
        self._file = temporary_file()
        self._disk = TemporaryDisk()

    def add(self, outcome: Outcome) -> Iterator[Outcome]:
        """Take an outcome; yield it, and those that waited for it, once all before it have ended."""
        assert outcome.source is not None
        if outcome.source.position != self._next:
            self._put_aside(outcome.source.position, outcome)
            return
        yield outcome
        self._next += 1
        while self._next in self._early:
            yield self._take_back(self._next)
            self._next += 1

    def rest(self) -> Iterator[Outcome]:
        """Yield those that wait for inputs that will not end in this run."""
        for position in sorted(self._early):
            yield self._take_back(position)
        self._file.close()

    def _put_aside(self, position: int, outcome: Outcome) -> None:
        result, small = outcome.result, outcome._replace(result=None)
        head = pickle.dumps((small, None if result is None else result.size))
        with self._disk:
            at = self._file.seek(0, 2)
            self._file.write(head)
            if result is not None:
                self._file.writelines(result.chunks())
                result.clear()
        self._early[position] = (at, len(head))

    def _take_back(self, position: int) -> Outcome:
        at, size = self._early.pop(position)
        with self._disk:
            self._file.seek(at)
            # Only this process can write to the file.
            outcome, left = pickle.loads(self._file.read(size))
            result = None if left is None else Body()
            while result is not None and left:
                chunk = self._file.read(min(left, _CHUNK))
                result.write(chunk)
                left -= len(chunk)
            # The file only grows while anything waits in it, so give back the room whenever nothing does.
            if not self._early:
                self._file.truncate(0)
        return outcome._replace(result=result)  # type: ignore[no-any-return]
