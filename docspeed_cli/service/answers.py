"""Read answers of the service: the job that an answer names, its status, or an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.json_text import read_json
from docspeed_cli.core.models import State, state_of
from docspeed_cli.core.status_words import meaning_of
from docspeed_cli.service.body import Body, parsed

_MAX_JOB_SIZE = 4 * 1024 * 1024
"""Largest job object in bytes; a server may repeat the request in it, with a schema of any size."""

_MAX_JOB_SIZE_FOR_SYNC = 64 * 1024
"""The same where the result itself was asked for: a larger answer is the result."""

_ENVELOPE = ("job_id", "operation", "status", "execution_mode", "detail", "error", "message")
"""Members that describe an answer and are not part of a result."""
_ERRORS = ("detail", "error", "errors")
_BESIDE_ERRORS = ("code", "details", "success", "request_id")

_REASONS = (
    *("error", "errors", "failure", "failures", "failurereason", "failuremessage", "failedreason"),
    *("errormessage", "errordetail", "errordetails", "lasterror", "exception", "statusmessage"),
    *("statusreason", "statusdetail", "statusdetails", "reason", "cause", "detail", "details", "message"),
)
"""Members that say why a job failed, the most exact first, without `_` and capitals."""

_WRAPPERS = ("status", "result", "job", "data", "output", "meta", "metadata")
_STATUSES = ("status", "jobstatus", "state", "jobstate")
"""Members with a job's status, without `_` and capitals."""
_JOB_WRAPPERS = ("job", "data", "task")
_MESSAGES = (
    *("message", "msg", "detail", "description", "reason", "text", "title"),
    *(name for name in _REASONS if name not in ("message", "detail", "reason")),
)
_CODES = ("code", "errorcode")

_MAX_NESTED, _MAX_LISTED = 6, 20
"""Most levels of nested errors, and most errors of a list, from which a message is made."""

_MAX_MESSAGE, _MAX_PACKED = 2_000, 64 * 1024
"""Characters of a message, and of JSON in a text, that we read."""

_XML_WORDS = r"<(Code|Message)>\s*([^<]+?)\s*</\1>"
_PAGE_TITLE = r"(?i)<title[^>]*>\s*([^<]+?)\s*</title>"
_MAX_WORDS = 200

# -- errors


def error_members(body: bytes) -> tuple[str | None, str, Any]:
    """Code, message and details in the body of an error, in any of the published forms."""
    try:
        detail = parsed(body)
    except DocspeedError:
        return None, "", None
    for name in ("detail", "error"):
        if isinstance(detail, dict) and name in detail:
            detail = detail[name]
    code, text = _code_and_message(detail)
    if isinstance(detail, list):
        return "invalid_input", text, detail
    return code, text, detail.get("details") if isinstance(detail, dict) else None


def foreign_words(body: bytes) -> str:
    """What XML or a web page says in place of the service's own error; empty if the body is neither."""
    text = body.decode("utf-8", "replace").strip().removeprefix("\ufeff")
    if not text.startswith("<"):
        return ""
    found = [words for _, words in re.findall(_XML_WORDS, text)] or re.findall(_PAGE_TITLE, text)
    return ": ".join(found)[:_MAX_WORDS] or ("a web page" if "<html" in text.lower() else "XML")


def is_in_published_form(body: bytes) -> bool:
    """Whether the body of an error is `{"detail": …}` with a text or an object, as the service writes it."""
    try:
        content = parsed(body)
    except DocspeedError:
        return False
    detail = content.get("detail") if isinstance(content, dict) else None
    return isinstance(detail, str | dict) and bool(detail)


def job_error(answer: Mapping[str, Any], depth: int = 0) -> tuple[str | None, str]:
    """Code and message of a failed job, in whichever members the server put them."""
    named = {_normalized_name(name): value for name, value in answer.items()}
    found = [_code_and_message(named[name]) for name in _REASONS if name in named]
    inner = [named[name] for name in _WRAPPERS if isinstance(named.get(name), dict)]
    found += [job_error(each, depth + 1) for each in inner if depth < _MAX_NESTED]
    texts = [text for _, text in found if text]
    # A message says more than a word such as `invalid_pdf`, which is then the code.
    text = next((text for text in texts if " " in text), texts[0] if texts else "")
    codes = [*(code for code, _ in found), *(named.get(name) for name in _CODES)]
    code = next((str(code) for code in codes if code and isinstance(code, str | int)), None)
    return code or next((each for each in texts if each != text and " " not in each), None), text


def _code_and_message(error: Any, depth: int = 0) -> tuple[str | None, str]:
    """Code and message of an error: a text, an object, or a list of errors, nested in any way."""
    if depth > _MAX_NESTED:
        return None, ""
    if isinstance(error, list):
        items = [item for item in error[:_MAX_LISTED] if isinstance(item, str | dict | list)]
        found = [_code_and_message(item, depth + 1) for item in items]
        code = next((code for code, _ in found if code), None)
        return code, "; ".join(dict.fromkeys(text for _, text in found if text))
    if isinstance(error, dict):
        named = {_normalized_name(name): value for name, value in error.items()}
        texts = (_code_and_message(named[name], depth + 1) for name in _MESSAGES if name in named)
        inner, text = next((pair for pair in texts if pair[1]), (None, ""))
        code = next((str(named[name]) for name in _CODES if isinstance(named.get(name), str | int)), None)
        place = error.get("loc")
        path = ".".join(str(part) for part in place) if isinstance(place, list) else ""
        return code or inner, f"{path}: {text}" if path else text
    if isinstance(error, str):
        return _packed(error, depth)
    return None, str(error) if isinstance(error, int | float) and not isinstance(error, bool) else ""


def _packed(text: str, depth: int) -> tuple[str | None, str]:
    """Code and message in a text, which may itself be JSON."""
    if text.lstrip()[:1] in ("{", "[", '"') and len(text) <= _MAX_PACKED:
        try:
            return _code_and_message(read_json(text), depth + 1)
        except ValueError:
            pass
    text = text.strip()
    return None, text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}…"


def _normalized_name(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


# -- jobs


def status_word(answer: Mapping[str, Any], depth: int = 0) -> str | None:
    """The status that an answer names, in the server's word and under any of the usual names."""
    if isinstance(status := answer.get("status"), str):
        return status
    named = {_normalized_name(name): value for name, value in answer.items()}
    names = (*_STATUSES, "name") if depth else _STATUSES
    found = next((named[name] for name in names if isinstance(named.get(name), str)), None)
    inner = [named[name] for name in (*_STATUSES, *_JOB_WRAPPERS) if isinstance(named.get(name), dict)]
    if found is None and depth < _MAX_NESTED:
        found = next((word for each in inner if (word := status_word(each, depth + 1))), None)
    return found


def is_result(body: Body, *, sync: bool) -> bool:
    """Whether an answer that names no job can be the result itself.

    Where a job was asked for, a result has at least one member that is a list or an object.
    """
    if body.size > _max_job_size(sync):
        return True
    try:
        content = body.json()
    except DocspeedError:
        return False
    if not isinstance(content, dict):
        return isinstance(content, list) and bool(content)
    substance = [value for name, value in content.items() if name not in _ENVELOPE]
    return any(sync or isinstance(value, list | dict) for value in substance)


def error_as_result(body: Body) -> str | None:
    """The error's text if an answer with a success status holds only an error; None for any other answer."""
    named = {name: value for name, value in _members(body, _MAX_JOB_SIZE_FOR_SYNC).items() if value}
    if named.keys() - {*_ENVELOPE, *_ERRORS, *_BESIDE_ERRORS} or named.keys().isdisjoint(_ERRORS):
        return None
    code, text = job_error(named)
    return ": ".join(part for part in (code, text) if part) or "an error"


def is_under_way(body: Body) -> bool:
    """Whether an answer in a result's place only says that the job goes on."""
    content = _members(body, _MAX_JOB_SIZE_FOR_SYNC)
    word = content.get("status")
    return isinstance(word, str) and meaning_of(word) == "running" and _has_scalars_only(content)


def job_in(body: Body, *, sync: bool, exact: bool = True) -> dict[str, Any] | None:
    """The job object in the answer to a submission, or None if the answer is the result itself.

    Unless `exact`, an id under another name than `job_id` counts too; it is returned under that name.
    """
    content = _members(body, _max_job_size(sync), in_list=not sync and not exact)
    if not _is_id(content.get("job_id")):
        return None if sync or exact else _job_under_other_names(content)
    # A sync result may carry a `job_id` too. A job object is still under way, or holds scalars only.
    word = content.get("status")
    under_way = isinstance(word, str) and state_of(word) is not State.DONE
    return content if not sync or under_way or _has_scalars_only(content) else None


def _members(body: Body, limit: int, *, in_list: bool = False) -> dict[str, Any]:
    """The members of an answer that is an object of at most `limit` bytes; empty for any other.

    With `in_list`, a list with only this object counts too.
    """
    try:
        content = body.json(limit)
    except DocspeedError:
        return {}
    if in_list and isinstance(content, list) and len(content) == 1:
        content = content[0]
    return content if isinstance(content, dict) else {}


def _job_under_other_names(content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The job object with its id as `job_id`; None if the answer holds more than a job does."""
    inner = next((content[name] for name in _JOB_WRAPPERS if isinstance(content.get(name), dict)), None)
    job = content if inner is None else inner
    around = {name: value for name, value in content.items() if value is not inner}
    if "answer" in job or not _has_scalars_only(around) or not _has_scalars_only(job):
        return None
    named = {_normalized_name(name): value for name, value in job.items()}
    # An `id` may be that of anything else, unless something beside it or around it says that it is a job's.
    is_job = status_word(job) is not None or (inner is not None and inner is not content.get("data"))
    names = ("jobid", "taskid", *(("id",) if is_job else ()))
    job_id = next((named[name] for name in names if _is_id(named.get(name))), None)
    return None if job_id is None else {**job, "job_id": job_id}


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _has_scalars_only(content: Mapping[str, Any]) -> bool:
    return not any(isinstance(value, list | dict) and value for value in content.values())


def _max_job_size(sync: bool) -> int:
    return _MAX_JOB_SIZE_FOR_SYNC if sync else _MAX_JOB_SIZE
