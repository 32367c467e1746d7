"""Refuse regular expressions that may take for ever."""

from __future__ import annotations

import re


def repeats_repetition(pattern: str) -> bool:
    """Whether a regular expression repeats a group that itself repeats or chooses: it may take for ever."""
    groups: list[bool] = []
    index, in_class = 0, False
    endless = False  # whether what was read last repeats without end
    while index < len(pattern):
        char = pattern[index]
        step, endless_now = 1, False
        if char == "\\":
            step = 2
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            step = (
                3
                if pattern[index + 1 : index + 3] == "^]"
                else 2
                if pattern[index + 1 : index + 2] == "]"
                else 1
            )
        elif char == "(":
            groups.append(False)
        elif char == "|" and groups:
            groups[-1] = True
        elif char == ")" and groups:
            endless_now = groups.pop()
        elif char in "*+" or (char == "{" and _opens_range(pattern[index:])):
            if endless:
                return True
            if groups:
                groups[-1] = True
        index, endless = index + step, endless_now
    return False


def _opens_range(rest: str) -> bool:
    return re.match(r"\{\d*,(\d{2,})?\}", rest) is not None
