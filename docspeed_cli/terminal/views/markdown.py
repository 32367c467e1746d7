"""Draw a document's markdown so that nothing in it is hidden or acts on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, ListItem, Markdown, MarkdownElement, Paragraph, TableElement
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text
from rich.theme import Theme

from docspeed_cli.terminal.sanitize import sanitize
from docspeed_cli.terminal.views.grid import Grid

_THEME = Theme(
    {
        "markdown.h1": "bold underline",
        "markdown.h2": "bold underline",
        **{f"markdown.h{level}": "bold" for level in range(3, 7)},
        "markdown.code": "bold",
        "markdown.code_block": "none",
        "markdown.block_quote": "none",
        "markdown.list": "none",
        "markdown.hr": "dim",
    }
)


class _Paragraph(Paragraph):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "default"  # "left" would fill every line with spaces
        yield self.text


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text


class _Code(CodeBlock):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Padding(Text(str(self.text).rstrip()), (0, 0, 0, 4))


class _Item(ListItem):
    def render_number(
        self, console: Console, options: ConsoleOptions, number: int, last_number: int
    ) -> RenderResult:
        grid = RichTable.grid()
        grid.add_column(style="bold", no_wrap=True)
        grid.add_row(f"{number}. ".rjust(len(f"{last_number}. ")), self.elements)
        yield grid


class _Table(TableElement):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        head = [self.header.row] if self.header and self.header.row else []
        rows = [*head, *(self.body.rows if self.body else [])]
        for cell in (cell for row in rows for cell in row.cells):
            # Widths are counted before tabs are expanded, and a tab counts as one cell.
            cell.content.expand_tabs(1)
        yield Grid([[cell.content for cell in row.cells] for row in rows])


class SafeMarkdown(Markdown):
    """Markdown of unknown origin: line breaks are kept, HTML is shown as text, links with their address."""

    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "paragraph_open": _Paragraph,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
        "list_item_open": _Item,
        "table_open": _Table,
    }

    def __init__(self, source: str) -> None:
        super().__init__("", hyperlinks=False)
        # Rich's own parser takes HTML for HTML, and then draws nothing of it.
        parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
        self.parsed = list(_blocks(parser.parse(sanitize(source))))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with console.use_theme(_THEME):
            drawn = list(super().__rich_console__(console, options))
        yield from drawn


def _blocks(tokens: Iterable[Token]) -> Iterator[Token]:
    """Yield the tokens with sanitized content."""
    # The source was sanitized, but entities such as `&#27;` have become control characters since.
    for token in tokens:
        token.content = sanitize(token.content)
        token.info = ""
        if token.children:
            token.children = list(_inlines(token.children))
        yield token


def _inlines(tokens: Iterable[Token]) -> Iterator[Token]:
    address, shown = "", ""
    for token in tokens:
        token.content = sanitize(token.content)
        shown += token.content
        if token.type == "link_open":
            address, shown = _address(token, "href"), ""
        elif token.type == "link_close":
            # The text of a link can claim any target, so the address stands beside it.
            if address and address.removeprefix("mailto:") != shown:
                yield _text_token(f" ({address})")
        elif token.type == "image":
            caption = f"image: {token.content}" if token.content else "image"
            yield _text_token(f"[{caption}] ({_address(token, 'src')})")
        elif token.type == "softbreak":
            yield Token("hardbreak", "br", 0)
        else:
            yield token


def _address(token: Token, name: str) -> str:
    return sanitize(str(token.attrs.get(name, "")), multiline=False)


def _text_token(content: str) -> Token:
    return Token("text", "", 0, content=content)
