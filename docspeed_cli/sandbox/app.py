"""HTTP interface of the sandbox: routes, API keys, request ids and status codes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from docspeed_cli.sandbox.errors import ApiError, Unreadable, missing, refusal, wrong_type
from docspeed_cli.sandbox.faults import Faults, FaultyApp
from docspeed_cli.sandbox.operations import OPERATIONS, UNPUBLISHED, Operation, Work
from docspeed_cli.sandbox.store import Job, Store, StoredFile, new_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_UPLOAD = 1 << 30
MAX_JSON = 16 << 20
# Long enough for a client to see each status, short enough for a demonstration.
QUEUED_SECONDS = 0.2
WORK_SECONDS = 0.4
PAGE_SECONDS = 0.01

_URLS = Map(
    [
        Rule("/api/v1/upload", methods=["POST"], endpoint="upload"),
        *(Rule(op.path, methods=["POST"], endpoint=f"run:{op.name}") for op in OPERATIONS.values()),
        *(Rule(f"/v1/{name}", methods=["POST"], endpoint=f"unpublished:{name}") for name in UNPUBLISHED),
        Rule("/v1/jobs/<job_id>", methods=["GET"], endpoint="job"),
        Rule("/v1/jobs/<job_id>/result", methods=["GET"], endpoint="result"),
    ],
    strict_slashes=False,
    merge_slashes=False,
)


def create_app(
    folder: Path,
    *,
    require_key: bool = False,
    faults: Faults | None = None,
    now: Callable[[], float] = time.time,
    instant: bool = False,
) -> WSGIApplication:
    """Make the service as a WSGI app that keeps its state below `folder`.

    With `require_key`, each request needs a bearer token; with `instant`, jobs end as soon as they start.
    """
    app = _App(Store(folder), require_key, now, instant)
    return FaultyApp(app, faults) if faults else app


class _Request(Request):
    max_content_length = MAX_UPLOAD
    max_form_memory_size = None
    max_form_parts = 1000


class _App:
    def __init__(self, store: Store, require_key: bool, now: Callable[[], float], instant: bool) -> None:
        self._store = store
        self._require_key = require_key
        self._now = now
        self._instant = instant
        self._work = Work(store)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = _Request(environ)
        response = self._answer(request)
        response.headers["X-Request-Id"] = new_id("req")
        response.headers["X-Docspeed-Sandbox"] = "1"
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            endpoint, values = _URLS.bind_to_environ(request.environ).match()
            action, _, name = endpoint.partition(":")
            self._check_key(request, paid=action == "run")
            return self._dispatch(request, action, name or values.get("job_id", ""))
        except ApiError as error:
            return _json({"detail": error.detail}, error.status)
        except Unreadable as error:
            return _json(_detail(error.code, error.message), 422)
        except RequestEntityTooLarge:
            return _json(_detail("too_large", "the request is too large for the sandbox"), 413)
        except HTTPException as error:
            response = _json({"detail": error.name}, error.code or 500)
            response.headers.extend(
                (name, value) for name, value in error.get_headers() if name not in ("Content-Type",)
            )
            return response

    def _dispatch(self, request: Request, action: str, name: str) -> Response:
        if action == "upload":
            return self._upload(request)
        if action == "run":
            return self._run(request, OPERATIONS[name])
        if action == "job":
            return self._status(name)
        if action == "result":
            return self._result(name)
        message = f"the sandbox does not implement {name!r}: the API reference does not describe it"
        raise refusal(422, "unsupported_operation", message, {"operation": name})

    def _check_key(self, request: Request, *, paid: bool) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        if not token and self._require_key:
            raise ApiError(401, "Missing bearer token")
        # Tokens that start like these let users see how a client handles 401 and 402.
        if token.startswith(("bad", "invalid")):
            raise refusal(401, "invalid_key", "this API key is not valid")
        if paid and token.startswith("broke"):
            raise refusal(402, "insufficient_credits", "this account does not have enough credits")

    def _upload(self, request: Request) -> Response:
        if request.mimetype != "multipart/form-data":
            raise refusal(400, "invalid_input", "an upload is multipart/form-data with parts named 'files'")
        parts = [*request.files.getlist("files"), *request.files.getlist("file")]
        if not parts:
            raise missing("files")
        stored: list[StoredFile] = []
        for part in parts:
            file = self._store.add_file(part.filename or "", part.stream, self._now())
            if file is None:
                self._discard(stored)
                message = f"{part.filename!r} is not a PDF, an image, a DOCX or an XLSX"
                raise refusal(415, "unsupported_media_type", message, {"filename": part.filename})
            stored.append(file)
        # All parts or none: a client that gets an error must not have to look for stored files.
        self._store.publish(stored)
        return _json({"file_id": stored[0].file_id, "files": [_file_view(file) for file in stored]}, 200)

    @staticmethod
    def _discard(stored: list[StoredFile]) -> None:
        for file in stored:
            file.path.unlink(missing_ok=True)

    def _run(self, request: Request, operation: Operation) -> Response:
        body = _body(request)
        files = self._work.check(operation, body)
        body = self._work.prepare(operation, body, files)
        if body.get("execution_mode") != "async":
            return _payload(self._work.run(operation.name, body))
        job = self._new_job(operation, body, files)
        self._store.add_job(job)
        queued = {"status": "queued", "execution_mode": "async", "created_at": job.created_at}
        return _json({"job_id": job.job_id, "operation": operation.name, **queued}, 202)

    def _new_job(self, operation: Operation, body: dict[str, object], files: list[StoredFile]) -> Job:
        now = self._now()
        started, ended = now, now
        if not self._instant:
            started = now + QUEUED_SECONDS
            ended = started + WORK_SECONDS + PAGE_SECONDS * sum(file.page_count for file in files)
        return Job(new_id("job"), operation.name, body, now, started, ended, None)

    def _job(self, job_id: str) -> Job:
        """Job with its current status; it does its work before its status becomes `completed`."""
        job = self._store.job(job_id)
        if job is None:
            raise refusal(404, "job_not_found", f"there is no job {job_id!r}", {"job_id": job_id})
        if job.status_at(self._now())[0] == "completed":
            try:
                self._payload_of(job)
            except Unreadable as error:
                self._store.fail(job_id, error)
                return replace(job, error=(error.code, error.message))
        return job

    def _payload_of(self, job: Job) -> bytes:
        return self._store.result(job.job_id, lambda: self._work.run(job.operation, job.body))

    def _status(self, job_id: str) -> Response:
        job = self._job(job_id)
        status, progress, updated = job.status_at(self._now())
        view: dict[str, object] = {"job_id": job.job_id, "operation": job.operation, "status": status}
        view |= {"execution_mode": "async", "created_at": job.created_at, "updated_at": updated}
        view["progress"] = progress
        if status == "failed" and job.error:
            view["error"] = {"code": job.error[0], "message": job.error[1]}
        return _json(view, 200)

    def _result(self, job_id: str) -> Response:
        job = self._job(job_id)
        status, _, _ = job.status_at(self._now())
        if status == "failed" and job.error:
            raise Unreadable(*job.error)
        if status != "completed":
            message = f"the job is {status}; it has no result yet"
            raise refusal(409, "job_not_finished", message, {"job_id": job_id, "status": status})
        return _payload(self._payload_of(job))


def _body(request: Request) -> dict[str, object]:
    request.max_content_length = MAX_JSON
    try:
        body = json.loads(request.get_data(cache=False))
    except (ValueError, RecursionError):
        raise refusal(400, "invalid_json", "the request body is not JSON") from None
    if not isinstance(body, dict):
        raise wrong_type("dictionary")
    return body


def _file_view(file: StoredFile) -> dict[str, object]:
    return {
        "file_id": file.file_id,
        "filename": file.filename,
        "content_type": file.content_type,
        "size": file.size,
        "created_at": file.created_at,
    }


def _detail(code: str, message: str) -> dict[str, object]:
    return {"detail": {"code": code, "message": message, "details": None}}


def _json(value: object, status: int) -> Response:
    data = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return Response(data, status, content_type="application/json")


def _payload(data: bytes) -> Response:
    return Response(data, 200, content_type="application/json")
