"""Documents that are named by a URL, before they are downloaded."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from docspeed_cli.core.errors import InputProblem
from docspeed_cli.core.models import Source
from docspeed_cli.core.urls import shown_url
from docspeed_cli.jobs.filenames import safe_filename


def url_source(url: str) -> Source:
    """The document that a URL names, still to be downloaded. InputProblem if the URL is malformed."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        _ = parts.port
    except ValueError:
        host = ""
    if not host:
        raise InputProblem("it is not a URL like https://example.com/invoice.pdf")
    name = unquote(parts.path.rstrip("/").rpartition("/")[2]) or host
    return Source(shown_url(url), filename=safe_filename(name), url=url)
