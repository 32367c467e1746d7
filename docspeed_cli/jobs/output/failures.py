"""Write the inputs of a run that failed to a list, fit for `--from`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.files import write_whole
from docspeed_cli.core.models import Source
from docspeed_cli.core.urls import is_url, url_secrets
from docspeed_cli.jobs.documents.named_documents import may_be_id

_LINE_BREAK = re.compile(rb"[\r\n]")


class FailuresFile:
    """The inputs of a run that have no result, in their order; written when the run ends.

    Those that were not tried, because the run stopped early, are among them: the list finishes the run.
    """

    def __init__(self, path: Path, known: Iterable[Source] = ()) -> None:
        self.path = path
        self._left: dict[int, bytes] = {}
        """Inputs that have no result, by position."""
        for source in known:
            self.begin(source)

    # One thread reads inputs while another handles outcomes; no lock, as each method is one dict operation.

    def begin(self, source: Source) -> None:
        """Note that an input has no result yet."""
        name = _listed_name(source)
        if name is not None:
            self._left[source.position] = name

    def succeed(self, source: Source) -> None:
        """Note that an input has its result."""
        self._left.pop(source.position, None)

    def write(self) -> tuple[int, bool]:
        """Write the list; returns its length, and whether each input ends with NUL. DocspeedError."""
        names = [name for _, name in sorted(self._left.items())]
        # A name with a line break takes one line only where lines end with NUL.
        by_nul = any(map(_LINE_BREAK.search, names))
        end = b"\0" if by_nul else b"\n"
        try:
            # URLs are written whole, so that `--from` can use the list; they may hold passwords.
            write_whole(self.path, (name + end for name in names), private=any(map(_is_secret, names)))
        except OSError as error:
            message = f"--failures: can't write {self.path}: {error.strerror or error}"
            raise DocspeedError(message, code="write_failed") from None
        return len(names), by_nul


def _is_secret(name: bytes) -> bool:
    text = os.fsdecode(name)
    return is_url(text) and bool(url_secrets(text))


def _listed_name(source: Source) -> bytes | None:
    """The input as a list names it; None for a document that can be read only once."""
    if source.url is not None:
        return os.fsencode(source.url)
    if source.temporary or source.label == "-":
        return None
    if source.path is None:
        return str(source.file_id).encode()
    # Once the file is gone, such a name could be taken for the id of a stored one.
    like_id = may_be_id(str(source.path))
    return os.fsencode(f"./{source.path}" if like_id else source.path)
