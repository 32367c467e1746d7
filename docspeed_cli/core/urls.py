"""Recognise the URLs of documents, and hide the secrets in them."""

from __future__ import annotations

import re


def is_url(text: str) -> bool:
    """Whether a text names a document on the web."""
    return "://" in text and bool(re.fullmatch(r"(?i)https?://\S*", text))


def urls_in(text: str) -> list[str]:
    """The URLs in a text; each ends at a blank."""
    return re.findall(r"(?i)https?://\S+", text)


def shown_url(url: str) -> str:
    """The URL without user, password, query and fragment: any of them may be a secret."""
    scheme, _, rest = url.partition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.rpartition('@')[2]}{slash}{path}"


def url_secrets(url: str) -> set[str]:
    """The parts of a URL that are never printed: the user with the password, and the query."""
    rest = re.split("#", url.partition("://")[2], maxsplit=1)[0]
    address, mark, query = rest.partition("?")
    user, at, _ = address.partition("/")[0].rpartition("@")
    # A bare `@` or `?` holds no secret, and hiding it would spoil every message.
    return {secret for secret in (user + at, mark + query) if len(secret) > 1}
