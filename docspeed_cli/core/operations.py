"""The table of the API's operations: path, members of the body, one document or many.

Source: the vendor's API reference; the path of `split` and the names without one are not published.
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
    """Whether the same request is the same work; a conversation's turn is not."""
    formats: tuple[str, ...] = ("json", "id")
    method: str = "POST"
    raw: bool = False
    """Whether the body is what the user says and nothing else."""


PARSE = Operation(
    "parse",
    "/api/v1/parse",
    ("input", "execution_mode", "profile", "grounding"),
    formats=("json", "markdown", "text", "id"),
)
EXTRACT = Operation(
    "extract",
    "/v1/extract",
    ("input", "execution_mode", "grounding", "schema"),
    formats=("json", "markdown", "text", "csv", "id"),
)
SPLIT = Operation(
    "split",
    "/v1/split",
    ("input", "execution_mode"),
    formats=("json", "markdown", "text", "id"),
)
TABLES = Operation(
    "tables",
    "/v1/tables",
    ("input", "execution_mode", "grounding"),
    formats=("json", "markdown", "text", "csv", "id"),
)
SCHEMA = Operation(
    "schema",
    "/v1/schema/auto",
    ("inputs", "instructions", "execution_mode"),
    many=True,
    formats=("json", "markdown", "text", "id"),
)
CHAT = Operation(
    "chat",
    "/api/v1/ask",
    ("inputs", "query", "include_grounding", "session_id", "execution_mode"),
    many=True,
    reusable=False,
    formats=("json", "markdown", "text", "id"),
)

OPERATIONS = {o.name: o for o in (PARSE, EXTRACT, SPLIT, TABLES, SCHEMA, CHAT)}

SANDBOX = "sandbox"
"""The server that is the stand-in in this process."""

UPLOAD_PATH = "/api/v1/upload"

PROFILES = ("grounded",)
GROUNDINGS = ("ocr_lines", "regions", "cell")
FORMATS = ("json", "markdown", "text", "csv", "id")


def named(name: str) -> Operation:
    """The operation of this name; one that is not in the table shows and converts as JSON."""
    aliases = {"ask": CHAT}
    return OPERATIONS.get(name) or aliases.get(name) or Operation(name, "", ())


def job_path(job_id: str) -> str:
    """Where the status of a job is; its id is one path segment, whatever is in it."""
    from urllib.parse import quote

    segment = quote(job_id, safe="", errors="surrogatepass")
    return f"/v1/jobs/{segment if segment.strip('.') else segment.replace('.', '%2E')}"
