"""Write a page as one HTML file that needs no network, and the index of several."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

from docspeed_cli.core.json_text import plain_json, to_json
from docspeed_cli.review.model import PageData, page_json

_MODULES = ("dom", "selection", "pages", "panel", "main")
"""The JavaScript in the order in which one module may use another."""

_IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=class|const|function)", re.MULTILINE)
_SLOT = re.compile(r"\{\{(\w+)\}\}")
_UNSAFE_IN_SCRIPT = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


class IndexRow(NamedTuple):
    """A result in the index of a folder: its page, or why it has none."""

    name: str
    link: str
    operation: str = ""
    content: str = ""
    document: str = ""
    problem: str = ""


def page_chunks(
    data: PageData,
    pictures: Iterable[tuple[str, bytes | str]] = (),
    review: Mapping[str, Any] | None = None,
) -> Iterator[bytes]:
    """Yield the HTML of a page piece by piece; each picture is asked for when it is its turn.

    With `review`, what a reviewer needs, it is a page of the server that `review_policy` is for.
    """
    style, script = _style_and_script(is_review=review is not None)
    slots = {
        "policy": _policy(style, script) if review is None else review_policy(),
        "title": escape(data.title),
        "style": style,
        "script": script,
    }
    position = 0
    page = _asset("page.html")
    for slot in _SLOT.finditer(page):
        yield page[position : slot.start()].encode()
        position = slot.end()
        if slot[1] == "data":
            # A value that holds `</script>` would end the element, and what follows would be read as HTML.
            yield _utf8_replacing(_page_content(data, review).translate(_UNSAFE_IN_SCRIPT))
        elif slot[1] == "pictures":
            yield from _picture_elements(pictures)
        else:
            yield _utf8_replacing(slots[slot[1]])
    yield page[position:].encode()


def _page_content(data: PageData, review: Mapping[str, Any] | None) -> str:
    content = plain_json(page_json(data))
    return content if review is None else f'{content[:-1]},"review":{to_json(review)}}}'


def index_page(title: str, rows: Sequence[IndexRow]) -> bytes:
    """Return the HTML of the index of several results."""
    style = _asset("page.css")
    slots = {
        "policy": _policy(style, None),
        "title": escape(title),
        "style": style,
        "rows": "\n".join(map(_index_row, rows)),
    }
    return _utf8_replacing(_SLOT.sub(lambda slot: slots[slot[1]], _asset("index.html")))


def _index_row(row: IndexRow) -> str:
    name = f"<bdi>{escape(row.name)}</bdi>"
    if row.link:
        name = f'<a href="{escape(row.link)}">{name}</a>'
    content = f'<span class="missing">{escape(row.problem)}</span>' if row.problem else escape(row.content)
    cells = (name, escape(row.operation), content, escape(row.document))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _picture_elements(pictures: Iterable[tuple[str, bytes | str]]) -> Iterator[bytes]:
    """Yield an element that the browser does not run for each picture."""
    for address, picture in pictures:
        name = escape(address.removeprefix("#"))
        if isinstance(picture, str):
            yield _utf8_replacing(
                f'<script type="text/plain" id="{name}" data-problem="{escape(picture)}"></script>\n'
            )
            continue
        # A page and its thumbnail share this one copy; as `img` elements both would carry the picture.
        yield f'<script type="text/plain" id="{name}">'.encode()
        yield base64.b64encode(picture)
        yield b"</script>\n"


def review_policy() -> str:
    """Return the policy of a page that talks to its own server, and to no other."""
    style, script = _style_and_script(is_review=True)
    own = _policy(style, script).replace("img-src data:", "img-src 'self' data:")
    return f"{own}; connect-src 'self'"


def _policy(style: str, script: str | None) -> str:
    """Return a policy under which nothing is fetched and only our own script and style apply."""
    scripts = f" script-src '{_source_hash(script)}';" if script is not None else ""
    return (
        f"default-src 'none'; img-src data:; style-src '{_source_hash(style)}';{scripts}"
        " base-uri 'none'; form-action 'none'"
    )


def _source_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _asset(name: str) -> str:
    return files("docspeed_cli.review").joinpath("assets", name).read_text("utf-8")


@cache
def _style_and_script(*, is_review: bool) -> tuple[str, str]:
    """Return the modules as one: a page in a file can't load others beside it."""
    parts = (_asset(f"{name}.js") for name in (*_MODULES, "review" if is_review else "start"))
    script = "".join(_EXPORT.sub("", _IMPORT.sub("", part)) for part in parts)
    return _asset("page.css") + (_asset("review.css") if is_review else ""), script


def _utf8_replacing(text: str) -> bytes:
    # JSON may escape a lone surrogate, which UTF-8 does not have.
    return text.encode("utf-8", "replace")
