"""One reviewer's way through a queue of results: what each page shows, and what is decided on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, NamedTuple

from docspeed_cli.results.corrections import cells_of, corrected
from docspeed_cli.results.decisions import (
    ACCEPTED,
    CORRECTED,
    NOTE,
    REJECTED,
    Change,
    Decision,
    Decisions,
    Key,
    is_reviewed,
    values_left,
)
from docspeed_cli.results.facts import Facts
from docspeed_cli.results.layout import Layout
from docspeed_cli.results.typed_values import typed_value
from docspeed_cli.results.values import cell_text
from docspeed_cli.review.decision_file import DecisionFile
from docspeed_cli.review.model import PageData
from docspeed_cli.review.page import DocumentFile, ResultPage
from docspeed_cli.review.panel import is_shortened
from docspeed_cli.review.queue import REST, Concern, ResultSummary, find_concerns, in_order

MAX_PAGES = 5_000
"""Pages of one document that can be looked at."""

_OPEN_PAGES = 2
"""Results that stay open; each may take some tens of MB."""

_MAX_PICTURES = 24
"""Pictures of pages that stay in memory, about 300 kB each."""

_UNKNOWN = "The page's request is unknown."

_MAX_TEXT = 20_000
"""Characters of the longest correction or note."""


class Loaded(NamedTuple):
    """A result with what belongs to it, read when it is looked at."""

    payload: Any
    operation: str
    documents: Sequence[DocumentFile]


class Reviewable(NamedTuple):
    """A result in the queue: its name, the file of its decisions, and how to read it."""

    label: str
    file: DecisionFile
    summary: ResultSummary
    load: Callable[[], Loaded]
    schema: Any = None
    """The schema by which corrections are typed."""


class Refused(Exception):
    """Why a decision is not saved, in words for the reviewer."""


class Progress(NamedTuple):
    """How many of the results are reviewed."""

    reviewed: int
    total: int

    @property
    def left(self) -> int:
        """How many results are not reviewed."""
        return self.total - self.reviewed


class _Open:
    """A result that is being looked at."""

    def __init__(self, item: Reviewable) -> None:
        loaded = item.load()
        self.payload = loaded.payload
        self.concerns: Mapping[str, Concern] = find_concerns(loaded.payload, item.summary.failures)
        self.page = ResultPage(
            loaded.payload, loaded.operation, item.label, loaded.documents, MAX_PAGES, "page"
        )
        self.data: PageData = self.page.data
        self._facts = Facts(loaded.payload)
        self.layout = Layout(item.schema)
        self.tables = self._facts.tables
        self.texts = {value.key: value.text for value in self.data.values}

    def old_value(self, key: str) -> Any:
        """Return a value as the result has it."""
        if place := cells_of(self.payload, [key]).get(key):
            return place.value
        fields = self._facts.fields.get(key)
        if fields is not None:
            return fields.value
        cells = (cell for rows in self._facts.tables.values() for row in rows for cell in row.values())
        return next((cell.value for cell in cells if cell.key == key), None)


class Session:
    """The queue of one reviewer, whose requests may come in several threads.

    Results are in the order of the queue, and are named by their number from 1.
    """

    def __init__(self, items: Sequence[Reviewable], reviewer: str | None, time: Callable[[], str]) -> None:
        self._items = sorted(items, key=lambda item: item.summary.level)
        self._reviewer = reviewer
        self._time = time
        self._page_lock = Lock()
        """Held while a result is opened and a page is drawn, so that no page is closed meanwhile."""
        self._open: OrderedDict[int, _Open] = OrderedDict()
        self._pictures: OrderedDict[tuple[int, int, int], bytes | str] = OrderedDict()
        self._saving = Lock()
        self._history: list[tuple[int, list[Change]]] = []
        self._seen: dict[int, Decisions] = {}
        self._reviewed = [
            is_reviewed(item.summary.standing(item.file.read()), item.summary.value_count)
            for item in self._items
        ]

    def __len__(self) -> int:
        return len(self._items)

    @property
    def progress(self) -> Progress:
        """How many results are reviewed."""
        return Progress(sum(self._reviewed), len(self._items))

    def first_open(self, after: int = 0) -> int | None:
        """Return the number of the next result that is not reviewed; None if there is none."""
        numbers = [*range(after + 1, len(self._items) + 1), *range(1, after)]
        return next((number for number in numbers if not self._reviewed[number - 1]), None)

    def close(self) -> None:
        """Close the documents."""
        with self._page_lock:
            while self._open:
                self._open.popitem()[1].page.__exit__()

    # -- looking

    def page(self, number: int) -> tuple[PageData, dict[str, Any]]:
        """Return the data of a result's page, and what its reviewer needs besides. DocspeedError."""
        with self._page_lock:
            shown = self._opened(number)
        # Read again for each page, because another reviewer may have written the file meanwhile.
        decisions = self._items[number - 1].file.read()
        with self._saving:
            # By what this page shows, a save can tell which decisions of others it replaces unseen.
            self._seen[number] = decisions
        keys = [value.key for value in shown.data.values]
        rest = Concern(REST)
        concerns = [shown.concerns.get(key, rest) for key in keys]
        return shown.data, {
            "number": number,
            "reviewer": self._reviewer,
            "order": in_order(keys, shown.concerns),
            "levels": [concern.level for concern in concerns],
            "reasons": [list(concern.reasons) for concern in concerns],
            "document": list(shown.concerns.get("", rest).reasons),
            **self._state(number, decisions),
        }

    def picture(self, number: int, document: int, page: int) -> bytes | str:
        """Return the picture of a page as JPEG, or why there is none. IndexError, DocspeedError."""
        name = (number, document, page)
        with self._page_lock:
            if name not in self._pictures:
                shown = self._opened(number)
                if page not in {each.number for each in shown.data.documents[document].pages}:
                    raise IndexError(page)
                self._pictures[name] = shown.page.picture(document, page)
            self._pictures.move_to_end(name)
            if len(self._pictures) > _MAX_PICTURES:
                self._pictures.popitem(last=False)
            return self._pictures[name]

    def _opened(self, number: int) -> _Open:
        if number not in self._open:
            self._open[number] = _Open(self._items[number - 1])
        self._open.move_to_end(number)
        if len(self._open) > _OPEN_PAGES:
            self._open.popitem(last=False)[1].page.__exit__()
        return self._open[number]

    def _state(self, number: int, decisions: Decisions) -> dict[str, Any]:
        """Return what was decided about a result, and how far the reviewer is."""
        summary = self._items[number - 1].summary
        decisions = summary.standing(decisions)
        self._reviewed[number - 1] = is_reviewed(decisions, summary.value_count)
        return {
            "decisions": [each._asdict() | {"text": cell_text(each.value)} for each in decisions.values()],
            "left": values_left(decisions, summary.value_count),
            "reviewed": sum(self._reviewed),
            "total": len(self._items),
            "next": self.first_open(number),
        }

    # -- deciding

    def decide(self, number: int, asked: Any) -> dict[str, Any]:
        """Save what a page asks for; returns the new state. Refused; DocspeedError if it can't be saved."""
        # A decision does not wait while pages are drawn: it needs the result, not its documents.
        shown = self._open.get(number)
        if shown is None:
            with self._page_lock:
                shown = self._opened(number)
        with self._saving:
            seen = self._seen.get(number, {})
            standing = self._items[number - 1].summary.standing(seen)
            changes = [
                Change(key, decision, seen.get(key))
                for key, decision in self._made(shown, standing, asked).items()
            ]
            answer = self._save(number, changes)
            back = [Change(change.key, change.seen, change.decision) for change in changes]
            self._history.append((number, back))
        return answer

    def undo(self) -> dict[str, Any]:
        """Take the last decision of this session back. Refused if there is none."""
        with self._saving:
            if not self._history:
                raise Refused("There is nothing to undo.")
            number, changes = self._history.pop()
            field = changes[0].key[0] if len(changes) == 1 else ""
            return {**self._save(number, changes), "number": number, "field": field}

    def _save(self, number: int, changes: Sequence[Change]) -> dict[str, Any]:
        decisions, replaced = self._items[number - 1].file.save(changes)
        self._seen[number] = decisions
        others = [each._asdict() | {"text": cell_text(each.value)} for each in replaced]
        return {**self._state(number, decisions), "replaced": others}

    def _made(self, shown: _Open, standing: Decisions, asked: Any) -> dict[Key, Decision | None]:
        """Return the decisions that a page asks for; None removes a note. Refused if they make no sense."""
        if not isinstance(asked, dict):
            raise Refused(_UNKNOWN)
        kind, field, text = asked.get("decision"), asked.get("field", ""), asked.get("text", "")
        if not isinstance(field, str) or not isinstance(text, str) or len(text) > _MAX_TEXT:
            raise Refused(f"A value or a note has at most {_MAX_TEXT:,} characters.")
        if field and field not in shown.texts:
            raise Refused(f"The result has no value {field}.")
        if kind == NOTE:
            text = text.strip()
            return {(field, True): self._decision(field, NOTE, text) if text else None}
        if kind == REJECTED and not field:
            return {("", False): self._decision("", REJECTED)}
        if kind == ACCEPTED:
            # A result without values is accepted as a whole.
            left = [key for key in shown.texts or [""] if (key, False) not in standing]
            keys = [field] if field else left
            if not keys:
                raise Refused("There is already a decision about every value.")
            return {(key, False): self._decision(key, ACCEPTED, shown.texts.get(key)) for key in keys}
        if kind == CORRECTED and field:
            return {(field, False): self._correction(shown, field, text)}
        raise Refused(_UNKNOWN)

    def _correction(self, shown: _Open, field: str, text: str) -> Decision:
        if is_shortened(shown.texts[field]):
            raise Refused(
                "The page shows only the beginning of this value; add a note instead of a correction."
            )
        old = shown.old_value(field)
        place = shown.layout.column_of(field, shown.tables)
        try:
            new = typed_value(text, place.column.kind if place else "", old)
        except ValueError as error:
            raise Refused(str(error)) from None
        # Otherwise the correction would be lost when the result is compared or exported.
        made = self._decision(field, CORRECTED, new, old)
        if corrected(shown.payload, [made]).lost:
            raise Refused("The result has no place for this value; add a note instead of a correction.")
        return made

    def _decision(self, field: str, kind: str, value: Any = None, old: Any = None) -> Decision:
        return Decision(field, kind, value, old, self._reviewer, self._time())
