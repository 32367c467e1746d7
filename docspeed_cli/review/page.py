"""Make the data of a page from a result and its documents, and the pictures that belong to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.timefmt import counted
from docspeed_cli.results.pages import Page, cited_document, read_pages
from docspeed_cli.results.values import find_member
from docspeed_cli.review.documents import Document, DocumentProblem, open_document, to_jpeg
from docspeed_cli.review.model import PageData, ShownDocument, ShownPage
from docspeed_cli.review.panel import MAX_VALUES, Panel, pages_of
from docspeed_cli.review.places import Locator

MAX_PAGES = 50
"""Most pages of documents that one page shows without `--pages`."""

PICTURE_WIDTH = 1400
"""Width in pixels; sharp on a screen with two pixels for each CSS pixel."""

_MAX_PIECES = 2_000
"""Texts with boxes that stand in for the picture of one page."""

_MAX_TEXT = 100_000
"""Characters of the text that stands in for the picture of one page."""


class DocumentFile(NamedTuple):
    """A document of a result: its name, its file if that is here, and why it isn't."""

    name: str
    path: Path | None = None
    file_id: str = ""
    problem: str = ""


class ResultPage:
    """A result beside its documents. Use it as a context, which closes the documents."""

    def __init__(
        self,
        payload: Any,
        operation: str,
        title: str,
        files: Sequence[DocumentFile],
        max_pages: int = MAX_PAGES,
        pictures_at: str = "",
    ) -> None:
        """Open the documents; a server has the pictures at `pictures_at`, else they are in the page."""
        self._opened = ExitStack()
        self._pictures_at = pictures_at
        self._files = list(files) or [DocumentFile("")]
        self._payload = payload
        self._documents, problems = self._open()
        self._locators = self._make_locators(max_pages)
        names = {file.file_id: file.name for file in self._files if file.file_id}
        panel = Panel(payload, operation, self._locators, names)
        notes = [f"The page shows the first {MAX_VALUES:,} values."] if panel.is_cut else []
        if not panel.values and panel.operation is None:
            notes.append("docspeed does not recognise the structure of this result.")
        texts = self._page_texts()
        shown = []
        left = max_pages
        for index, (file, problem) in enumerate(zip(self._files, problems, strict=True)):
            document = self._shown(
                index, file.name, problem, list(pages_of(panel.values, index)), texts, left
            )
            left -= len(document.pages)
            shown.append(document)
        self.data = PageData(
            title,
            panel.operation or operation,
            tuple(notes),
            tuple(shown),
            tuple(panel.values),
            tuple(panel.blocks),
        )

    def __enter__(self) -> ResultPage:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def document(self, index: int) -> Document | None:
        """Return an open document; None if it is not here."""
        return self._documents[index]

    def pictures(self) -> Iterator[tuple[str, bytes | str]]:
        """Yield the address of each page's picture, and the picture as JPEG or why there is none."""
        for index, document in enumerate(self.data.documents):
            for page in document.pages:
                if page.image:
                    yield page.image, self.picture(index, page.number)

    def picture(self, index: int, page: int) -> bytes | str:
        """Return the picture of a page of a document as JPEG, or why there is none."""
        document = self._documents[index]
        if document is None:
            return "the document was not found on this machine"
        try:
            return to_jpeg(document.picture(page, PICTURE_WIDTH))
        except DocumentProblem as problem:
            return str(problem)

    # -- documents

    def _open(self) -> tuple[list[Document | None], list[str]]:
        """Open the documents that are here; with why the others can't be shown."""
        documents: list[Document | None] = []
        problems = []
        for file in self._files:
            document, problem = None, file.problem
            if file.path is not None:
                try:
                    document = open_document(file.path)
                    self._opened.callback(document.close)
                except DocumentProblem as error:
                    problem = f"{file.name} can't be shown: {error}"
            documents.append(document)
            problems.append(problem)
        return documents, problems

    def _make_locators(self, max_pages: int) -> dict[str, Locator]:
        """Return a locator for each document by its file id and name; one document has the whole result."""
        if len(self._files) == 1:
            return {"": Locator(self._payload, self._documents[0], 0, max_pages)}
        listed = find_member(self._payload, "citations")
        citations = listed if isinstance(listed, list) else []
        found: dict[str, Locator] = {}
        for index, file in enumerate(self._files):
            names = [name for name in (file.file_id, file.name) if name]
            own = [item for item in citations if cited_document(item) in names]
            locator = Locator({"citations": own}, self._documents[index], index, max_pages)
            for name in names:
                found.setdefault(name, locator)
        return found

    # -- pages

    def _page_texts(self) -> dict[int, Page]:
        if len(self._files) > 1:
            return {}
        return {page.number: page for page in read_pages(self._payload) or []}

    def _shown(
        self, index: int, name: str, problem: str, wanted: list[int], texts: Mapping[int, Page], most: int
    ) -> ShownDocument:
        """Return a document with as many pages as may be shown: first those that values point at."""
        document = self._documents[index]
        locator = next((each for each in self._locators.values() if each.index == index), None)
        if document is not None:
            count = document.page_count
            numbers = [page for page in dict.fromkeys(wanted) if 1 <= page <= count]
            if len(numbers) < most:
                chosen = set(numbers)
                numbers += [page for page in range(1, count + 1) if page not in chosen][: most - len(numbers)]
        else:
            boxed = {region.page for region in locator.listed} if locator is not None else set()
            numbers = sorted({*boxed, *texts})
            count = max(numbers, default=0)
        # Sorted only after the cut, which must keep the pages that values point at.
        numbers = sorted(numbers[: max(most, 0)])
        pages = tuple(self._page(index, number, locator, texts) for number in numbers)
        left_out = count - len(pages)
        note = [problem] if problem else []
        if left_out > 0 and (document is not None or len(numbers) == most):
            note.append(f"{len(pages):,} of {counted(count, 'page')} are shown; `--pages {count}` shows all.")
        return ShownDocument(name, " ".join(note), count, pages)

    def _page(self, index: int, number: int, locator: Locator | None, texts: Mapping[int, Page]) -> ShownPage:
        document = self._documents[index]
        if document is not None:
            size = document.size(number)
            at = (
                f"{self._pictures_at}/{index}/{number}" if self._pictures_at else f"#picture-{index}-{number}"
            )
            return ShownPage(number, size.width, size.height, at)
        assert locator is not None
        size = locator.drawn_size(number)
        pieces = tuple(
            (box, region.text)
            for region in locator.listed
            if region.page == number and region.text and (box := locator.box(number, region.shape))
        )
        text = texts[number].text[:_MAX_TEXT] if number in texts and not pieces else ""
        return ShownPage(number, size.width, size.height, "", text, pieces[:_MAX_PIECES])
