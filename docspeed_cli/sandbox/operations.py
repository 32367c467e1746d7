"""Operations of the sandbox: paths, checks of requests, and the functions that do the work."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from docspeed_cli.sandbox import answers, fields, schemas, sections, views
from docspeed_cli.sandbox.documents import read
from docspeed_cli.sandbox.errors import Unreadable, missing, refusal, unknown_value, wrong_type
from docspeed_cli.sandbox.layout import Layout, lay_out
from docspeed_cli.sandbox.page import DAMAGED, NO_TEXT, TRUNCATED
from docspeed_cli.sandbox.store import Store, StoredFile

GROUNDINGS = ("ocr_lines", "regions", "cell")
PROFILES = ("grounded",)
MODES = ("sync", "async")
UNPUBLISHED = ("layout", "ocr", "classify", "equations", "charts")

_ORIGIN = (
    "This comes from the local sandbox, not from the service's models: "
    "it reads a PDF's text layer by simple rules."
)
_PROBLEMS = {
    NO_TEXT: "no text layer, as in a scan or a picture; the sandbox finds no text there",
    DAMAGED: "damaged content that can't be read",
    TRUNCATED: "too much text: the sandbox read only the first part",
}
Body = dict[str, object]


@dataclass(frozen=True, slots=True)
class Source:
    """A stored file and its layout; sentences about it start with the prefix."""

    file_id: str
    prefix: str
    layout: Layout

    @property
    def notices(self) -> list[str]:
        """A sentence for each kind of problem, with the pages that have it."""
        found: dict[str, list[int]] = {}
        for page in self.layout.pages:
            found.setdefault(page.page.problem, []).append(page.page_index + 1)
        return [
            f"{self.prefix}{_listed_pages(found[problem])} {sentence}"
            for problem, sentence in _PROBLEMS.items()
            if problem in found
        ]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation; with `many` the body has `inputs`, else `input`."""

    name: str
    path: str
    many: bool
    work: Callable[[list[Source], Body], Body]


def _parse(sources: list[Source], body: Body) -> Body:
    return views.parse_view(sources[0].file_id, sources[0].layout, str(body.get("grounding") or "ocr_lines"))


def _tables(sources: list[Source], body: Body) -> Body:
    return {"file_id": sources[0].file_id, "tables": views.tables_view(sources[0].layout)}


def _split(sources: list[Source], body: Body) -> Body:
    return {"file_id": sources[0].file_id, "sections": sections.find_sections(sources[0].layout)}


def _extract(sources: list[Source], body: Body) -> Body:
    schema = fields.read_schema(body["schema"])
    return {"file_id": sources[0].file_id, **fields.extract(sources[0].layout, schema)}


def _schema(sources: list[Source], body: Body) -> Body:
    return schemas.build([source.layout for source in sources], _instructions(body))


def _ask(sources: list[Source], body: Body) -> Body:
    documents = [(source.file_id, source.layout) for source in sources]
    before = body.get("_before")
    previous = [str(query) for query in before] if isinstance(before, list) else []
    grounded = body.get("include_grounding") is not False
    answer = answers.ask(documents, str(body["query"]), previous, grounded)
    notes = [f"Note: {notice}." for source in sources for notice in source.notices]
    text = "\n\n".join([str(answer["answer"]), *notes])
    return {**answer, "answer": text, "session_id": body["session_id"]}


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("parse", "/api/v1/parse", False, _parse),
        Operation("extract", "/v1/extract", False, _extract),
        Operation("schema", "/v1/schema/auto", True, _schema),
        Operation("ask", "/api/v1/ask", True, _ask),
        Operation("tables", "/v1/tables", False, _tables),
        Operation("split", "/v1/split", False, _split),
    )
}


class Work:
    """Checks requests and computes their results."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, operation: Operation, body: Body) -> list[StoredFile]:
        """Files of a request. `ApiError` if the request is not acceptable."""
        _check_choices(body)
        file_ids = _file_ids(operation, body)
        # Everything is checked before a job is made: a job that fails later would be paid for.
        if operation.name == "extract":
            if "schema" not in body:
                raise missing("schema")
            fields.read_schema(body["schema"])
        if operation.name == "ask" and not isinstance(body.get("query"), str):
            raise wrong_type("string", "query") if "query" in body else missing("query")
        if operation.name == "schema" and not file_ids and not _instructions(body).strip():
            raise missing("inputs")
        return [self._file(file_id) for file_id in file_ids]

    def _file(self, file_id: str) -> StoredFile:
        file = self._store.file(file_id)
        if file is None:
            raise refusal(404, "file_not_found", f"there is no file {file_id!r}", {"file_id": file_id})
        if file.content_type != "application/pdf" and not file.content_type.startswith("image/"):
            message = "the sandbox reads only PDF text layers and image sizes, not office documents"
            raise refusal(422, "unsupported_document", message, {"content_type": file.content_type})
        return file

    def prepare(self, operation: Operation, body: Body, files: list[StoredFile]) -> Body:
        """Add to a chat request its session and the questions asked before."""
        if operation.name != "ask":
            return body
        inputs = [file.file_id for file in files]
        session_id, before = body.get("session_id"), list[str]()
        if session_id is None:
            session_id = self._store.open_session(inputs)
        else:
            before = self._questions(str(session_id), inputs)
        # A lone surrogate is valid JSON, and SQLite refuses it.
        query = str(body["query"]).encode("utf-8", "replace").decode()
        self._store.remember(str(session_id), query)
        return {**body, "query": query, "session_id": session_id, "_before": before}

    def _questions(self, session_id: str, inputs: list[str]) -> list[str]:
        session = self._store.session(session_id)
        if session is None:
            raise refusal(404, "session_not_found", f"there is no session {session_id!r}")
        if session[0] != inputs:
            message = "this session has other inputs, or the same inputs in another order"
            raise refusal(422, "session_mismatch", message, {"inputs": session[0]})
        return session[1]

    def run(self, name: str, body: Body) -> bytes:
        """Compute the payload as JSON."""
        operation = OPERATIONS[name]
        file_ids = _file_ids(operation, body)
        sources = [self._source(file_id, named=len(file_ids) > 1) for file_id in file_ids]
        payload = {"sandbox": _ORIGIN, **operation.work(sources, body)}
        if notices := [notice for source in sources for notice in source.notices]:
            payload["notices"] = notices
        return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")

    def _source(self, file_id: str, *, named: bool) -> Source:
        """A file and its layout; problems have its name if a request has several files."""
        file = self._store.file(file_id)
        if file is None:
            raise Unreadable("file_not_found", f"the file {file_id} no longer exists")
        prefix = f"{file.filename or file_id}: " if named else ""
        try:
            if file.error:
                raise Unreadable(*file.error)
            return Source(file_id, prefix, _layout(file.path, file.content_type))
        except Unreadable as error:
            raise Unreadable(error.code, prefix + error.message) from None


def _listed_pages(numbers: Sequence[int]) -> str:
    """Numbers of pages in words, such as `pages 1, 3-5 have`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    listed = ", ".join("-".join(map(str, span)) for span in spans)
    return f"page {listed} has" if len(numbers) == 1 else f"pages {listed} have"


@lru_cache(maxsize=16)
def _layout(path: Path, content_type: str) -> Layout:
    """Layout of a stored file, cached for the next question; stored files never change."""
    return lay_out(read(path, content_type))


def _check_choices(body: Body) -> None:
    for field, known in (("grounding", GROUNDINGS), ("profile", PROFILES), ("execution_mode", MODES)):
        if body.get(field) is not None and body[field] not in known:
            raise unknown_value(field, body[field], known)


def _file_ids(operation: Operation, body: Body) -> list[str]:
    if not operation.many:
        if "input" not in body:
            raise missing("input")
        return [_file_id(body["input"], "input")]
    inputs = body.get("inputs")
    if inputs is None and operation.name == "schema":
        return []
    if inputs is None:
        raise missing("inputs")
    if not isinstance(inputs, list):
        raise wrong_type("list", "inputs")
    if not inputs and operation.name != "schema":
        raise refusal(422, "invalid_input", "inputs is empty: at least one document is needed")
    return [_file_id(item, "inputs", str(number)) for number, item in enumerate(inputs)]


def _file_id(item: object, *loc: str) -> str:
    if not isinstance(item, dict):
        raise wrong_type("dictionary", *loc)
    if "file_id" not in item:
        raise missing(*loc, "file_id")
    if not isinstance(item["file_id"], str):
        raise wrong_type("string", *loc, "file_id")
    return item["file_id"]


def _instructions(body: Body) -> str:
    texts = (body.get(name) for name in ("instructions", "text", "prompt"))
    return "\n".join(text for text in texts if isinstance(text, str))
