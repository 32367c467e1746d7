"""Says what would be sent, and sends nothing: as JSON, or as a shell command that works."""

from __future__ import annotations

import json
import shlex
from typing import Any

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Request, Source
from docspeed_cli.core.operations import UPLOAD_PATH
from docspeed_cli.jobs.context import Session
from docspeed_cli.jobs.uploads import Uploads

_KEY = '"Authorization: Bearer $DOCSPEED_API_KEY"'


def plan(session: Session, request: Request) -> None:
    """Print the request, and before it the uploads that it needs."""
    uploads = [source for source in request.sources if source.file_id is None]
    stored = {source.label: known for source in uploads if (known := Uploads(session).known(source))}
    missing = [source for source in uploads if source.label not in stored]
    if session.output.style.format == "curl":
        if not session.world.env.get("DOCSPEED_API_KEY") and session.settings.key()[0]:
            session.output.note("the command reads the key from $DOCSPEED_API_KEY, which is not set here")
        session.output.text(_curl(session, request, stored, missing))
        return
    body = request.body(
        source.file_id or stored.get(source.label) or f"<upload of {source.label}>"
        for source in request.sources
    )
    shown: dict[str, Any] = {
        "method": request.operation.method,
        "url": session.address + request.operation.path,
        "body": body,
    }
    if missing:
        shown["uploads"] = [
            {"url": session.address + UPLOAD_PATH, "file": str(source.path), "size": source.size}
            for source in missing
        ]
    session.output.value(shown)


def _curl(session: Session, request: Request, stored: dict[str, str], missing: list[Source]) -> str:
    if session.settings.sandbox:
        raise UsageError(
            "curl can't reach the sandbox inside this process",
            hint="docspeed sandbox serve, then --base-url http://127.0.0.1:8787 in place of --sandbox",
        )
    lines = []
    ids: list[str] = []
    for number, source in enumerate(request.sources, 1):
        if source in missing:
            name = f"FILE_ID_{number}"
            lines.append(f"{name}=$({_upload(session, source)} | jq -er '.files[0].file_id // .file_id')")
            ids.append(f"\0{name}\0")
        else:
            ids.append(source.file_id or stored[source.label])
    text = json.dumps(request.body(ids), ensure_ascii=False)
    quoted = "".join(
        part if index % 2 == 0 else f"'\"${part}\"'"
        for index, part in enumerate(_quoted(text).split("\\u0000"))
    )
    url = shlex.quote(session.address + request.operation.path)
    head = f"curl -sS --fail-with-body -X {request.operation.method} {url}"
    lines.append(f"{head} \\\n  -H {_KEY} \\\n  -H 'Content-Type: application/json' \\\n  -d {quoted}")
    return " &&\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


def _upload(session: Session, source: Source) -> str:
    name = source.filename or "document"
    where = "-" if source.temporary else str(source.path)
    path = where.replace("\\", "\\\\").replace('"', '\\"')
    name = name.replace("\\", "\\\\").replace('"', '\\"')
    part = f'files=@"{path}";filename="{name}";type={source.content_type}'
    return (
        f"curl -sS --fail-with-body {shlex.quote(session.address + UPLOAD_PATH)} -H {_KEY} -F {_quoted(part)}"
    )
