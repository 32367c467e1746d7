"""Interprets the service's answers: statuses and broken exchanges as errors, and the job that one names."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from docspeed_cli.core.errors import (
    AuthError,
    DocspeedError,
    NoCredits,
    NotFound,
    OutcomeUnknown,
    Pending,
    Rejected,
    Unavailable,
)
from docspeed_cli.core.json_text import read_json
from docspeed_cli.core.models import State, state_of
from docspeed_cli.core.status_words import meaning_of
from docspeed_cli.service.body import Body, parsed
from docspeed_cli.service.routes import Route

_NOT_TAKEN = (429, 502, 503)
"""Statuses that mean a submission was not accepted, so that sending it again is safe."""

_MAX_JOB_SIZE = 4 * 1024 * 1024
"""Largest job object in bytes; a server may repeat the request in it, with a schema of any size."""

_MAX_JOB_SIZE_FOR_SYNC = 64 * 1024
"""The same where the result itself was asked for: a larger answer is the result."""

_NOISE = r"\[Errno -?\d+\] |\[SSL: \w+\] | \(_ssl\.c:\d+\)"
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


NOT_OWN = "the answer is not the service's own"
_ANOTHER_SERVER = (
    "a gateway or storage answered in the service's place; check `--base-url` and DOCSPEED_BASE_URL,"
    " and try again; the API key may be right"
)
_XML_WORDS = r"<(Code|Message)>\s*([^<]+?)\s*</\1>"
_PAGE_TITLE = r"(?i)<title[^>]*>\s*([^<]+?)\s*</title>"
_MAX_WORDS = 200
_NO_ROUTE = ("Not Found", "Method Not Allowed")
"""What a web framework says of a path that it does not have."""

# -- errors


def status_error(
    status: int,
    body: bytes,
    *,
    repeatable: bool,
    retry_after: float | None = None,
    about_job: bool = False,
) -> DocspeedError:
    """The error for a status other than success; `repeatable` if sending the request twice is harmless.

    Of an answer `about_job`, only the service's own 404 says that there is no such job.
    """
    code, text, details = error_members(body)
    words = foreign_words(body)
    after = f": {text or words}" if text or words else ""
    common: dict[str, Any] = {"code": code, "status": status, "details": details}
    if status in (401, 403):
        what = (
            "the server does not accept the API key"
            if status == 401
            else "this API key is not allowed to do that"
        )
        if words:
            what = f"the server refused ({status}), and {NOT_OWN}{after}"
            return AuthError(what, **common, hint=_ANOTHER_SERVER)
        return AuthError(f"{what} ({status}){after}", **common, hint="docspeed auth login")
    if status == 402:
        hint = "add credits, then run the same command again; finished work is not paid for twice"
        return NoCredits(f"not enough credits{after}", **common, hint=hint)
    if status in (404, 410):
        # A job that is gone is submitted and paid for again, so a gateway's page must not look like one.
        if about_job and not _is_in_published_form(body):
            what = f"the answer ({status}) is not the service's own{after}"
            return Unavailable(what, code="unexpected_answer", status=status, retryable=True)
        what = f"the server has no such job, file or path ({status})"
        return NotFound(f"{what}, and {NOT_OWN}{after}" if words else text or what, **common)
    if status == 429 or status >= 500 or status in (408, 425):
        safe = repeatable or status in _NOT_TAKEN
        what = "rate limit (429)" if status == 429 else f"the server failed ({status})"
        common["code"] = code or ("rate_limited" if status == 429 else None)
        kind = Unavailable if safe else OutcomeUnknown
        return kind(what + after, **common, retryable=safe, retry_after=retry_after)
    if status < 400:
        what = f"the server redirects to another address ({status}); the key is not sent there"
        hint = "check --base-url and DOCSPEED_BASE_URL"
        return Unavailable(what, code="redirected", status=status, hint=hint)
    what = text or f"the server refused the request ({status}){after}"
    return Rejected(what, **common, retry_after=retry_after)


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


def hint_about_path(error: DocspeedError, body: bytes, base_url: str) -> str | None:
    """What to do about a path that does not exist, where the base URL is not a server alone."""
    parts = urlsplit(base_url)
    _, text, _ = error_members(body)
    if not parts.path or error.status not in (404, 405) or (text and text not in _NO_ROUTE):
        return None
    root = f"{parts.scheme}://{parts.netloc}"
    return f"the base URL ends in {parts.path}, and the API's paths follow the host: try `--base-url {root}`"


def _is_in_published_form(body: bytes) -> bool:
    """Whether the body of an error is `{"detail": …}` with a text or an object, as the service writes it."""
    try:
        content = parsed(body)
    except DocspeedError:
        return False
    detail = content.get("detail") if isinstance(content, dict) else None
    return isinstance(detail, str | dict) and bool(detail)


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


def unusable_answer(message: str, *, repeatable: bool, status: int | None = None) -> DocspeedError:
    """The error for an answer that is missing or unreadable: a submission may have been accepted."""
    if repeatable:
        return Unavailable(message, status=status, retryable=True)
    return OutcomeUnknown(message, status=status)


def out_of_time(base_url: str, *, repeatable: bool) -> DocspeedError:
    """The error for an exchange that the command's own deadline ended."""
    message = f"{urlsplit(base_url).netloc}: --timeout ran out before the whole answer came"
    if repeatable:
        hint = "run the same command again with a longer `--timeout`; it continues where this one stopped"
        return Pending(message, retryable=True, hint=hint)
    return OutcomeUnknown(message)


def broken_exchange(
    error: Exception, base_url: str, route: Route, *, repeatable: bool, late: bool
) -> DocspeedError:
    """The error for an exchange that broke; without a connection, nothing can have been submitted.

    `route` is the way to the server; `late` if the command's own deadline has passed.
    """
    import httpx

    text = re.sub(_NOISE, "", str(error)) or type(error).__name__
    host = urlsplit(base_url).netloc
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.LocalProtocolError):
        return Unavailable(f"can't send to {host}: {text}", code="network")
    if isinstance(error, httpx.ProxyError):
        return _broken_proxy(error, text, route)
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        hint = "docspeed doctor"
        # httpx has no exception for TLS: only the text separates a bad certificate from a refused port.
        if re.search("certificate|ssl|tls", str(error).lower()):
            return Unavailable(f"no secure connection to {host}: {text}", code="tls", hint=hint)
        return Unavailable(f"can't reach {host}: {text}", code="network", retryable=True, hint=hint)
    if late and isinstance(error, httpx.TimeoutException):
        return out_of_time(base_url, repeatable=repeatable)
    what = "no answer in time" if isinstance(error, httpx.TimeoutException) else "the connection broke"
    what = "the answer can't be unpacked" if isinstance(error, httpx.DecodingError) else what
    return unusable_answer(f"{host}: {what} ({text})", repeatable=repeatable)


def _broken_proxy(error: Exception, text: str, route: Route) -> DocspeedError:
    """The error for a proxy through which the server was not reached, so that nothing was sent to it."""
    # httpcore's message begins with the status with which an HTTP proxy refused.
    status = re.match(r"[1-5]\d\d\b", text)
    if status is not None:
        hint = f"put its user and password into {route.variable}: http://USER:PASSWORD@HOST:PORT"
        return route.failed(
            f"names the proxy {route.shown}, which refused the connection: {text}",
            hint=hint if status[0] == "407" else "",
            retryable=status[0] >= "500",
        )
    unknown_name = any(isinstance(cause, socket.gaierror) for cause in _causes(error))
    # The last two are httpcore's words for a SOCKS proxy that refuses; SOCKS has no such status.
    lasting = unknown_name or re.search("certificate|ssl|tls|username|not allowed", text.lower())
    what = f"names the proxy {route.shown}, which can't be used: {text}"
    return route.failed(what, retryable=not lasting)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


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
    """What is wrong, if an answer with a status of success is only an error; None for any other answer."""
    named = {name: value for name, value in _members_of(body).items() if value}
    if named.keys() - {*_ENVELOPE, *_ERRORS, *_BESIDE_ERRORS} or named.keys().isdisjoint(_ERRORS):
        return None
    code, text = job_error(named)
    return ": ".join(part for part in (code, text) if part) or "an error"


def is_under_way(body: Body) -> bool:
    """Whether an answer in a result's place only says that the job goes on."""
    content = _members_of(body)
    word = content.get("status")
    return isinstance(word, str) and meaning_of(word) == "running" and _has_scalars_only(content)


def _members_of(body: Body) -> dict[str, Any]:
    """The members of a small answer that is an object; empty for any other, which is the result itself."""
    if body.size > _MAX_JOB_SIZE_FOR_SYNC:
        return {}
    try:
        content = body.json()
    except DocspeedError:
        return {}
    return content if isinstance(content, dict) else {}


def job_in(body: Body, *, sync: bool, exact: bool = True) -> dict[str, Any] | None:
    """The job object in the answer to a submission, or None if the answer is the result itself.

    Unless `exact`, an id under another name than `job_id` counts too; it is returned under that name.
    """
    if body.size > _max_job_size(sync):
        return None
    try:
        content = body.json()
    except DocspeedError:
        return None
    if not isinstance(content, dict):
        return None
    if not _is_id(content.get("job_id")):
        return None if sync or exact else _job_under_other_names(content)
    # A sync result may carry a `job_id` too. A job object is still under way, or holds scalars only.
    word = content.get("status")
    under_way = isinstance(word, str) and state_of(word) is not State.DONE
    return content if not sync or under_way or _has_scalars_only(content) else None


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
