"""Errors of the sandbox, with their status and body."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")
_TYPES: dict[type, str] = {dict: "dictionary", list: "list", str: "string"}


class ApiError(Exception):
    """Error response with a status and the value of `detail`."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(str(detail))
        self.status = status
        self.detail = detail


class Unreadable(ApiError):
    """Document that can't be processed: a synchronous request gets 422, a job fails with this error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(422, {"code": code, "message": message, "details": None})
        self.code = code
        self.message = message


def refusal(status: int, code: str, message: str, details: object = None) -> ApiError:
    """Error in the API's usual form: code, message and details."""
    return ApiError(status, {"code": code, "message": message, "details": details})


def missing(*loc: str) -> ApiError:
    """422 for a missing field, with a list of errors as the API's framework writes it."""
    return ApiError(422, [{"loc": ["body", *loc], "msg": "Field required", "type": "missing"}])


def wrong_type(kind: type, *loc: str) -> ApiError:
    """422 for a field of another type than this, with a list of errors as the API's framework writes it."""
    expected = _TYPES[kind]
    message = f"Input should be a valid {expected}"
    return ApiError(422, [{"loc": ["body", *loc], "msg": message, "type": f"{expected}_type"}])


def member(holder: object, name: str, kind: type[_T], *place: str) -> _T:
    """Member of the object at a place in the body. 422 if it is missing or of another type."""
    if not isinstance(holder, dict):
        raise wrong_type(dict, *place)
    if name not in holder:
        raise missing(*place, name)
    value = holder[name]
    if not isinstance(value, kind):
        raise wrong_type(kind, *place, name)
    return value
