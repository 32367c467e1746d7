"""Operations of the API: path, members of the body, one document or many.

From the vendor's API reference, which does not publish the path of `split`.
"""

from __future__ import annotations

from typing import NamedTuple


class Operation(NamedTuple):
    """One operation of the service."""

    name: str
    path: str
    members: tuple[str, ...]
    many: bool = False
    reusable: bool = True
    """False where the same request may have another answer, as the same question in a chat."""
    formats: tuple[str, ...] = ("json", "id")
    method: str = "POST"
    raw: bool = False
    """True if the body is exactly what the user gave, as in `docspeed api`."""


_VIEWED = ("json", "markdown", "text", "id")
_TABULAR = ("json", "markdown", "text", "csv", "xlsx", "id")
_ONE = ("input", "execution_mode")

PARSE = Operation("parse", "/api/v1/parse", (*_ONE, "profile", "grounding"), formats=_VIEWED)
EXTRACT = Operation("extract", "/v1/extract", (*_ONE, "grounding", "schema"), formats=_TABULAR)
SPLIT = Operation("split", "/v1/split", _ONE, formats=_VIEWED)
TABLES = Operation("tables", "/v1/tables", (*_ONE, "grounding"), formats=_TABULAR)
SCHEMA = Operation(
    "schema", "/v1/schema/auto", ("inputs", "instructions", "execution_mode"), many=True, formats=_VIEWED
)
CHAT = Operation(
    "chat",
    "/api/v1/ask",
    ("inputs", "query", "include_grounding", "session_id", "execution_mode"),
    many=True,
    reusable=False,
    formats=_VIEWED,
)

OPERATIONS = {o.name: o for o in (PARSE, EXTRACT, SPLIT, TABLES, SCHEMA, CHAT)}

SANDBOX = "sandbox"
"""Value of `base_url` for the stand-in that runs in this process."""

UPLOAD_PATH = "/api/v1/upload"

PROFILES = ("grounded",)
GROUNDINGS = ("ocr_lines", "regions", "cell")
FORMATS = ("json", "markdown", "text", "csv", "xlsx", "id")


def operation_named(name: str) -> Operation:
    """Operation with this name; one that is not in the table is printed as JSON."""
    return OPERATIONS.get("chat" if name == "ask" else name) or Operation(name, "", ())


def job_path(job_id: str) -> str:
    """Path of a job's status; the id is escaped to be one path segment."""
    from urllib.parse import quote

    return f"/v1/jobs/{quote(job_id, safe='', errors='surrogatepass')}"
