"""Errors of the sandbox, with their status and body."""

from __future__ import annotations

from collections.abc import Sequence


class ApiError(Exception):
    """Error response with a status and the value of `detail`."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail


class Unreadable(Exception):
    """Document that can't be processed; code and message become the job's error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def refusal(status: int, code: str, message: str, details: object = None) -> ApiError:
    """Error in the API's usual form: code, message and details."""
    return ApiError(status, {"code": code, "message": message, "details": details})


def unknown_value(field: str, value: object, known: Sequence[str]) -> ApiError:
    """422 for an option with an unknown value."""
    message = f"unknown {field} {value!r}; known: {', '.join(known)}"
    return refusal(422, "invalid_input", message, {"field": field, "known": list(known)})


def missing(*loc: str) -> ApiError:
    """422 in the list form of the API's framework, for a missing field."""
    return _listed(loc, "Field required", "missing")


def wrong_type(expected: str, *loc: str) -> ApiError:
    """422 in the list form of the API's framework, for a field that is not of the `expected` type."""
    return _listed(loc, f"Input should be a valid {expected}", f"{expected}_type")


def _listed(loc: Sequence[str], msg: str, kind: str) -> ApiError:
    return ApiError(422, [{"loc": ["body", *loc], "msg": msg, "type": kind}])
