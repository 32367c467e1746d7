"""Alone in naming what the sandbox refuses, and in giving each refusal its status and body."""

from __future__ import annotations

from collections.abc import Sequence


class ApiError(Exception):
    """A refusal with the status and the body that the API's clients know."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail


class Unreadable(Exception):
    """A document whose bytes can't be worked on; its code and message end up in the job's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def refusal(status: int, code: str, message: str, details: object = None) -> ApiError:
    """An error in the API's usual form."""
    return ApiError(status, {"code": code, "message": message, "details": details})


def unknown_value(field: str, value: object, known: Sequence[str]) -> ApiError:
    """422 for a named option whose value isn't one of the known ones."""
    message = f"unknown {field} {value!r}; known: {', '.join(known)}"
    return refusal(422, "invalid_input", message, {"field": field, "known": list(known)})


def missing(*loc: str) -> ApiError:
    """422 in the framework's list form, for a field that isn't there."""
    return _listed(loc, "Field required", "missing")


def wrong_type(expected: str, *loc: str) -> ApiError:
    """422 in the framework's list form, for a field of another type than `expected`."""
    return _listed(loc, f"Input should be a valid {expected}", f"{expected}_type")


def _listed(loc: Sequence[str], msg: str, kind: str) -> ApiError:
    return ApiError(422, [{"loc": ["body", *loc], "msg": msg, "type": kind}])
