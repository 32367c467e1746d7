"""Keep the decisions about one result in its file, which several reviewers may write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docspeed_cli.core.errors import SAME_AGAIN, DocspeedError
from docspeed_cli.core.files import write_whole
from docspeed_cli.core.json_text import json_file, read_json
from docspeed_cli.core.text_files import read_text
from docspeed_cli.results.decisions import Change, Decision, Decisions, decisions_content, merge_changes
from docspeed_cli.results.decisions import read_decisions as parse_decisions
from docspeed_cli.store.locks import whole_file_lock

_LOCK = ".corrections.lock"
"""An empty file in each folder; who has its lock may replace the folder's corrections."""


class DecisionFile:
    """The file of corrections at `path`; what is saved in it is saved in `other` too."""

    def __init__(self, path: Path, *, private: bool = False, other: DecisionFile | None = None) -> None:
        self.path = path
        self._private = private
        self._other = other

    def read(self) -> Decisions:
        """Return the decisions. DocspeedError if the file can't be read."""
        return self._parse(self._content())

    def save(self, changes: Sequence[Change]) -> tuple[Decisions, list[Decision]]:
        """Save changes, all or none, and return all decisions and those of others that were replaced.

        DocspeedError if they can't be saved.
        """
        unseen = self._other.save(changes)[1] if self._other is not None else []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if self._private else 0o777)
            # A lock on the file itself would be lost with it: each save puts a new file in its place.
            with whole_file_lock(self.path.with_name(_LOCK)):
                before = self._content()
                merged, replaced = merge_changes(self._parse(before), changes)
                content = decisions_content(merged, before)
                write_whole(self.path, json_file(content), private=self._private)
        except OSError as error:
            raise DocspeedError(
                f"can't save {self.path}: {error.strerror or error}", code="write_failed"
            ) from None
        return merged, [*replaced, *(decision for decision in unseen if decision not in replaced)]

    def _content(self) -> Any:
        try:
            return read_json(read_text(self.path))
        except FileNotFoundError:
            return {"corrections": []}
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None

    def _parse(self, content: Any) -> Decisions:
        try:
            return parse_decisions(content)
        except ValueError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> DocspeedError:
        reason = getattr(error, "strerror", None) or error
        return DocspeedError(
            f"can't read the corrections in {self.path}: {reason}",
            hint=f"repair the file or move it away, and run {SAME_AGAIN}",
        )
