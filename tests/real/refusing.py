"""Runs a program for which some system calls fail: `refusing.py RULE… -- PROGRAM ARG…`.

A RULE is `CALL:ERROR`, or `CALL:CONDITION,…:ERROR` where only some calls fail; a CONDITION is an argument's
position, an operator and a number. `pwrite64:2>=24,3>=4096:ENOSPC` is a disk that is full for writes of 24
bytes or more beyond a file's first 4,096. The kernel itself answers (seccomp), so the errors are as real as
those of a full disk or a network folder.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import re
import struct
import sys
from collections.abc import Iterator

_NUMBERS = {
    "x86_64": {
        "fcntl": 72,
        "fdatasync": 75,
        "flock": 73,
        "fsync": 74,
        "mkdir": 83,
        "mmap": 9,
        "openat": 257,
        "pwrite64": 18,
    },
    "aarch64": {
        "fcntl": 25,
        "fdatasync": 83,
        "flock": 32,
        "fsync": 82,
        "mkdir": 34,
        "mmap": 222,
        "openat": 56,
        "pwrite64": 68,
    },
}
_CONDITION = re.compile(r"(\d)(&|>=|==)(\d+)")
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_TEST = {"&": _ANY_BIT, ">=": _AT_LEAST, "==": _EQUAL}
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2


def possible() -> bool:
    """Return whether this system can make calls fail."""
    return sys.platform == "linux" and platform.machine() in _NUMBERS


def _instructions(rule: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield a rule's filter: compare the call's number, then each condition, or jump to the next rule."""
    name, *conditions, error = re.split("[:,]", rule)
    left = 2 * len(conditions) + 1
    yield (_LOAD, 0, 0, 0)
    yield (_EQUAL, 0, left, _NUMBERS[platform.machine()][name])
    for condition in conditions:
        match = _CONDITION.fullmatch(condition)
        assert match is not None, f"not a condition: {condition}"
        left -= 2
        yield (_LOAD, 0, 0, 16 + 8 * int(match[1]))
        yield (_TEST[match[2]], 0, left, int(match[3]))
    yield (_RETURN, 0, 0, _REFUSE | getattr(errno, error))


def refuse(rules: list[str]) -> None:
    """Make these calls fail for this process and its children."""
    steps = [step for rule in rules for step in _instructions(rule)] + [(_RETURN, 0, 0, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_NO_NEW_PRIVILEGES, 1, 0, 0, 0), (_SECCOMP, _FILTER, program, 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "the filter was refused")


if __name__ == "__main__":
    at = sys.argv.index("--")
    refuse(sys.argv[1:at])
    os.execvp(sys.argv[at + 1], sys.argv[at + 1 :])
