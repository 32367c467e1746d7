"""HTTP interface of the sandbox: routes, API keys, request ids and status codes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from docspeed_cli.sandbox.documents import sniff
from docspeed_cli.sandbox.errors import ApiError, missing, refusal, wrong_type
from docspeed_cli.sandbox.faults import Faults, FaultyAnswer
from docspeed_cli.sandbox.operations import OPERATIONS, Operation, accept, run
from docspeed_cli.sandbox.store import Store, new_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Long enough for a client to see each status, short enough for a demonstration.
QUEUED_SECONDS = 0.2
WORK_SECONDS = 0.4

_JSON = "application/json"


def create_app(
    folder: Path,
    *,
    require_key: bool = False,
    faults: Faults | None = None,
    now: Callable[[], float] = time.time,
) -> WSGIApplication:
    """Make the service as a WSGI app that keeps its state below `folder`. OSError if it can't be kept there.

    With `require_key`, each request needs a bearer token.
    """
    service = _Service(Store(folder), require_key, now)
    answer = FaultyAnswer(service.answer, faults) if faults else service.answer

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = answer(Request(environ))
        response.headers["X-Request-Id"] = new_id("req")
        response.headers["X-Docspeed-Sandbox"] = "1"
        return response(environ, start_response)

    return app


class _Service:
    def __init__(self, store: Store, require_key: bool, now: Callable[[], float]) -> None:
        self._store = store
        self._require_key = require_key
        self._now = now
        self._urls = Map(
            [
                Rule("/api/v1/upload", methods=["POST"], endpoint=self._upload),
                *(Rule(op.path, methods=["POST"], endpoint=partial(self._run, op)) for op in OPERATIONS),
                Rule("/v1/jobs/<job_id>", methods=["GET"], endpoint=self._status),
                Rule("/v1/jobs/<job_id>/result", methods=["GET"], endpoint=self._result),
            ]
        )

    def answer(self, request: Request) -> Response:
        """Answer one request; errors become responses."""
        try:
            endpoint, values = self._urls.bind_to_environ(request.environ).match()
            token = (request.authorization and request.authorization.token) or ""
            if not token and self._require_key:
                raise ApiError(401, "Missing bearer token")
            # Tokens that start like these let users see how a client handles 401 and 402.
            if token.startswith(("bad", "invalid")):
                raise refusal(401, "invalid_key", "this API key is not valid")
            if token.startswith("broke") and isinstance(endpoint, partial):
                raise refusal(402, "insufficient_credits", "this account does not have enough credits")
            response: Response = endpoint(request, **values)
            return response
        except ApiError as error:
            return _json({"detail": error.detail}, error.status)
        except HTTPException as error:
            detail = f"{error.name} in the sandbox: {request.method} {request.path}"
            return _json({"detail": detail}, error.code or 500, error.get_headers())

    def _upload(self, request: Request) -> Response:
        parts = [*request.files.getlist("files"), *request.files.getlist("file")]
        if not parts:
            raise missing("files")
        # All parts or none: a client that gets an error must not have to look for stored files.
        files = [self._written(part) for part in parts]
        if refused := [file["filename"] for file in files if file["content_type"] is None]:
            for file in files:
                self._store.path(file["file_id"]).unlink()
            message = f"{refused[0]!r} is not a PDF, an image, a DOCX or an XLSX"
            raise refusal(415, "unsupported_media_type", message, {"filename": refused[0]})
        for file in files:
            self._store.put("file", file["file_id"], file)
        return _json({"file_id": files[0]["file_id"], "files": files})

    def _written(self, part: FileStorage) -> dict[str, Any]:
        """Write a part of an upload to a file; returns its record."""
        file_id = new_id("file")
        path = self._store.path(file_id)
        part.save(path)
        record = {"file_id": file_id, "filename": part.filename, "content_type": sniff(path)}
        return {**record, "size": path.stat().st_size, "created_at": self._now()}

    def _run(self, operation: Operation, request: Request) -> Response:
        """Answer with the payload, or with a job; the first request after its end does its work."""
        call = accept(self._store, operation, _body(request))
        if call.body.get("execution_mode") != "async":
            return _json(run(call))
        job_id = new_id("job")
        job: dict[str, Any] = {"job_id": job_id, "operation": operation.name, "status": "queued"}
        job |= {"execution_mode": "async", "created_at": self._now()}
        self._store.put("job", job_id, {**job, "request": call.body})
        return _json(job, 202)

    def _job(self, job_id: str) -> dict[str, Any]:
        """Job with its status, which follows from the clock; does its work if it has ended."""
        job = self._store.get("job", job_id)
        request, created = job.pop("request", None), job["created_at"]
        started, ended = created + QUEUED_SECONDS, created + QUEUED_SECONDS + WORK_SECONDS
        now = self._now()
        if now < started:
            return {**job, "progress": 0.0, "updated_at": created}
        if now < ended:
            progress = round((now - started) / WORK_SECONDS, 2)
            return {**job, "status": "processing", "progress": progress, "updated_at": started}
        if request is None:  # an earlier request did the work
            return job
        job |= {"status": "completed", "progress": 1.0, "updated_at": ended}
        payload = b""
        try:
            operation = next(each for each in OPERATIONS if each.name == job["operation"])
            payload = _encoded(run(accept(self._store, operation, request)))
        except ApiError as error:
            job |= {"status": "failed", "error": error.detail}
        self._store.put("job", job_id, job, payload)
        return job

    def _status(self, request: Request, job_id: str) -> Response:
        return _json(self._job(job_id))

    def _result(self, request: Request, job_id: str) -> Response:
        job = self._job(job_id)
        status = job["status"]
        if status == "failed":
            raise ApiError(422, job["error"])
        if status != "completed":
            message = f"the job is {status}; it has no result yet"
            raise refusal(409, "job_not_finished", message, {"job_id": job_id, "status": status})
        return Response(self._store.result(job_id), content_type=_JSON)


def _body(request: Request) -> dict[str, Any]:
    try:
        # Valid JSON can have lone surrogates, which can't be stored: they become question marks.
        body = json.loads(_encoded(json.loads(request.get_data())))
    except (ValueError, RecursionError):
        raise refusal(400, "invalid_json", "the request body is not JSON") from None
    if not isinstance(body, dict):
        raise wrong_type(dict)
    return body


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _json(value: object, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> Response:
    return Response(_encoded(value), status, [*headers], content_type=_JSON)
