"""What the service's answers mean: statuses and bodies into errors, jobs and their states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Unavailable,
)
from docspeed_cli.core.models import State, state_of
from docspeed_cli.service.body import Body, parsed

_TAKEN_BY_NOBODY = (429, 502, 503)
_JOB_OBJECT = 4 * 1024 * 1024
"""A server may repeat the request in it, with a schema of any size."""

_JOB_FOR_SYNC = 64 * 1024
"""Where a result was asked for, what is larger is that."""


def refusal(
    method: str, status: int, body: bytes, request_id: str | None, wait: float | None
) -> DocspeedError:
    """The error behind a status that is no success."""
    code, text, details = error_members(body)
    said = f": {text}" if text else ""
    common: dict[str, Any] = {
        "code": code,
        "status": status,
        "request_id": request_id,
        "details": details,
    }
    if status in (401, 403):
        what = "the server does not take the key" if status == 401 else "the key may not do this"
        return AuthError(f"{what} ({status}){said}", **common, hint="docspeed auth login")
    if status == 402:
        hint = "add credits, then run the same command again: what is done is not paid twice"
        return NoCredits(f"not enough credits{said}", **common, hint=hint)
    if status in (404, 410):
        return NotFound(text or f"the server knows no such thing ({status})", **common)
    if status == 429:
        return Unavailable(
            f"rate limit (429){said}",
            **{**common, "code": code or "rate_limited"},
            retryable=True,
            retry_after=wait,
        )
    if status in (408, 425) or status >= 500:
        return _server_trouble(method, status, said, common, wait)
    if status < 400:
        common["code"] = "redirected"
        what = f"the server answered {status}, which is neither a result nor a refusal"
        return Unavailable(what, **common, hint="check --base-url and DOCSPEED_BASE_URL")
    return Rejected(text or f"the server refused the request ({status})", **common, retry_after=wait)


def _server_trouble(
    method: str, status: int, said: str, common: dict[str, Any], wait: float | None
) -> DocspeedError:
    taken_by_nobody = method == "GET" or status in _TAKEN_BY_NOBODY
    kind = Unavailable if taken_by_nobody else OutcomeUnknown
    return kind(f"the server failed ({status}){said}", **common, retryable=taken_by_nobody, retry_after=wait)


def error_members(body: bytes) -> tuple[str | None, str, Any]:
    """Code, message and details of an error's body, in whichever of the published forms it is."""
    try:
        answer = parsed(body)
    except DocspeedError:
        return None, "", None
    detail = answer
    for name in ("detail", "error"):
        if isinstance(detail, dict) and name in detail:
            detail = detail[name]
    if isinstance(detail, str):
        return None, detail, None
    if isinstance(detail, list):
        return "invalid_input", "; ".join(_fault(item) for item in detail[:20]), detail
    if isinstance(detail, dict):
        code, message = detail.get("code"), detail.get("message") or detail.get("msg")
        return (str(code) if code else None), str(message or ""), detail.get("details")
    return None, "", None


def _fault(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = item.get("loc")
    path = ".".join(str(part) for part in place) if isinstance(place, list) else ""
    return f"{path}: {item.get('msg', '')}" if path else str(item.get("msg", item))


def status_word(answer: Mapping[str, Any]) -> str | None:
    """The status that an answer names, wherever it stands."""
    for name in ("status", "state", "job_status"):
        if isinstance(answer.get(name), str):
            return str(answer[name])
    return None


def job_error(answer: Mapping[str, Any]) -> tuple[str | None, str]:
    """Code and message of a failed job, wherever the server put them."""
    for name in ("error", "detail", "failure", "error_message", "message", "reason"):
        found = answer.get(name)
        if isinstance(found, str) and found:
            return None, found
        if isinstance(found, list) and found:
            items = [item for item in found[:20] if isinstance(item, str | dict)]
            told = [job_error({"error": item}) for item in items] or [(None, "")]
            return told[0][0], "; ".join(text for _, text in told if text)
        if isinstance(found, dict):
            code, text = found.get("code"), found.get("message") or found.get("detail")
            return (str(code) if code else None), str(text or "")
    return None, ""


_ENVELOPE = frozenset(
    {"status", "state", "job_status", "job", "job_id", "id", "operation", "execution_mode", "request_id"}
    | {"detail", "error", "message", "success", "created_at", "updated_at"}
)


def is_result(payload: Body, *, sync: bool) -> bool:
    """Whether an answer that names no job can be the result itself; if not, nobody knows what became of it.

    Where a job was asked for, a result has at least one member that is a list or an object.
    """
    if payload.size > (_JOB_FOR_SYNC if sync else _JOB_OBJECT):
        return True
    try:
        content = payload.json()
    except DocspeedError:
        return False
    if not isinstance(content, dict):
        return isinstance(content, list) and bool(content)
    substance = [value for name, value in content.items() if name not in _ENVELOPE]
    return any(sync or isinstance(value, list | dict) for value in substance)


def job_in(payload: Body, *, sync: bool) -> dict[str, Any] | None:
    """The job object in the answer to a submission, or None where the answer is the payload itself.

    A sync payload may carry a `job_id` too; what tells them apart is that a job object says that it
    is still under way, or holds nothing but scalars.
    """
    if payload.size > (_JOB_FOR_SYNC if sync else _JOB_OBJECT):
        return None
    try:
        content = payload.json()
    except DocspeedError:
        return None
    if isinstance(content, dict) and isinstance(content.get("job"), dict):
        content = content["job"]
    if not isinstance(content, dict):
        return None
    word = status_word(content)
    if not sync and "job_id" not in content and word is not None:
        content = {"job_id": content.get("id"), **content}
    if not isinstance(content.get("job_id"), str | int) or content["job_id"] == "":
        return None
    if not sync or (word is not None and state_of(word) is not State.DONE):
        return content
    scalars = not any(isinstance(value, list | dict) and value for value in content.values())
    return content if scalars else None
