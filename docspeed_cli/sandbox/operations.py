"""Operations of the sandbox: their paths, the checks of a request, and the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from docspeed_cli.sandbox import answers, fields, schemas, sections, views
from docspeed_cli.sandbox.documents import read
from docspeed_cli.sandbox.errors import Unreadable, member, refusal
from docspeed_cli.sandbox.layout import Layout, lay_out
from docspeed_cli.sandbox.store import Store, new_id

_CHOICES = {
    "grounding": ("ocr_lines", "regions", "cell"),
    "profile": ("grounded",),
    "execution_mode": ("sync", "async"),
}
_ORIGIN = (
    "This comes from the local sandbox, not from the service's models: "
    "it reads a PDF's text layer by simple rules."
)
Body = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A document of a request; sentences about it start with the prefix."""

    file_id: str
    prefix: str
    layout: Layout

    @property
    def notices(self) -> list[str]:
        """A sentence for each kind of problem, with the pages that have it."""
        found: dict[str, list[int]] = {}
        for page in self.layout.pages:
            if page.page.problem:
                found.setdefault(page.page.problem, []).append(page.page_index + 1)
        return [f"{self.prefix}{_listed(numbers)} {problem}" for problem, numbers in found.items()]


@dataclass(frozen=True)
class Call:
    """A request for an operation, over these files."""

    store: Store
    operation: Operation
    body: Body
    file_ids: list[str]

    @cached_property
    def files(self) -> list[dict[str, Any]]:
        """Records of the files. 404 if there is no such file."""
        return [self.store.get("file", file_id) for file_id in self.file_ids]

    @cached_property
    def sources(self) -> list[Source]:
        """Documents of the request. `Unreadable` if one can't be read."""
        return [self._source(file) for file in self.files]

    def _source(self, file: dict[str, Any]) -> Source:
        prefix = f"{file['filename']}: " if len(self.files) > 1 else ""
        try:
            layout = _layout(self.store.path(file["file_id"]), file["content_type"])
        except Unreadable as error:
            raise Unreadable(error.code, prefix + error.message) from None
        return Source(file["file_id"], prefix, layout)


def _parse(call: Call) -> Body:
    (source,) = call.sources
    return views.parse_view(source.file_id, source.layout, call.body.get("grounding"))


def _read_schema(call: Call) -> fields.Schema:
    return fields.read_schema(member(call.body, "schema", dict))


def _extract(call: Call) -> Body:
    (source,) = call.sources
    return {"file_id": source.file_id, **fields.extract(source.layout, _read_schema(call))}


def _schema(call: Call) -> Body:
    return schemas.build([source.layout for source in call.sources], _instructions(call.body))


def _open_session(call: Call) -> tuple[str, str, Body]:
    """Question of a chat request, and the id and record of its session, which may be a new one."""
    query = member(call.body, "query", str)
    session_id = call.body.get("session_id")
    if session_id is None:
        return query, new_id("sess"), {"inputs": call.file_ids, "queries": []}
    session = call.store.get("session", str(session_id))
    if session["inputs"] != call.file_ids:
        message = "this session has other inputs, or the same inputs in another order"
        raise refusal(422, "session_mismatch", message, {"inputs": session["inputs"]})
    return query, str(session_id), session


def _ask(call: Call) -> Body:
    query, session_id, session = _open_session(call)
    documents = [(source.file_id, source.layout) for source in call.sources]
    grounded = call.body.get("include_grounding") is not False
    answer = answers.ask(documents, query, session["queries"], grounded)
    session["queries"].append(query)
    call.store.put("session", session_id, session)
    notes = [f"Note: {notice}." for source in call.sources for notice in source.notices]
    return {**answer, "answer": "\n\n".join([str(answer["answer"]), *notes]), "session_id": session_id}


def _tables(call: Call) -> Body:
    (source,) = call.sources
    return {"file_id": source.file_id, "tables": [views.table_view(table) for table in source.layout.tables]}


def _split(call: Call) -> Body:
    (source,) = call.sources
    return {"file_id": source.file_id, "sections": sections.find_sections(source.layout)}


@dataclass(frozen=True)
class Operation:
    """An operation; with `many` its body has `inputs`, else `input`."""

    name: str
    path: str
    work: Callable[[Call], Body]
    check: Callable[[Call], object] = lambda call: None
    many: bool = False


OPERATIONS = (
    Operation("parse", "/api/v1/parse", _parse),
    Operation("extract", "/v1/extract", _extract, _read_schema),
    Operation("schema", "/v1/schema/auto", _schema, many=True),
    Operation("ask", "/api/v1/ask", _ask, _open_session, many=True),
    Operation("tables", "/v1/tables", _tables),
    Operation("split", "/v1/split", _split),
)


def accept(store: Store, operation: Operation, body: Body) -> Call:
    """Check a request before any work. `ApiError` if it is not acceptable."""
    for field, known in _CHOICES.items():
        if body.get(field) is not None and body[field] not in known:
            message = f"unknown {field} {body[field]!r}; known: {', '.join(known)}"
            raise refusal(422, "invalid_input", message, {"field": field, "known": list(known)})
    call = Call(store, operation, body, _file_ids(operation, body))
    operation.check(call)
    for content_type in (file["content_type"] for file in call.files):
        if content_type != "application/pdf" and not content_type.startswith("image/"):
            message = "the sandbox reads only PDF text layers and image sizes, not office documents"
            raise refusal(422, "unsupported_document", message, {"content_type": content_type})
    return call


def _file_ids(operation: Operation, body: Body) -> list[str]:
    if not operation.many:
        return [member(member(body, "input", dict), "file_id", str, "input")]
    if _instructions(body) and not body.get("inputs"):
        return []
    items = enumerate(member(body, "inputs", list))
    return [member(item, "file_id", str, "inputs", str(number)) for number, item in items]


def _instructions(body: Body) -> str:
    """Text that says what a schema should have."""
    texts = (body.get(name) for name in ("instructions", "text", "prompt"))
    return "\n".join(text for text in texts if isinstance(text, str)).strip()


def run(call: Call) -> Body:
    """Payload of a request that was checked. `Unreadable` if a document can't be read."""
    payload = {"sandbox": _ORIGIN, **call.operation.work(call)}
    notices = [notice for source in call.sources for notice in source.notices]
    return {**payload, "notices": notices} if notices else payload


@lru_cache(maxsize=16)
def _layout(path: Path, content_type: str) -> Layout:
    """Layout of a stored file, cached for the next question; stored files never change."""
    return lay_out(read(path, content_type))


def _listed(numbers: list[int]) -> str:
    """Numbers of pages in words, such as `pages 1, 3-5 have`."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(numbers), lambda placed: placed[1] - placed[0])
    ]
    listed = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f"page {listed} has" if len(numbers) == 1 else f"pages {listed} have"
