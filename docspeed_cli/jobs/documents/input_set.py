"""The documents of a command as they were found, and the errors for those that can't be used."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.files import display_path
from docspeed_cli.core.models import Inputs, Source
from docspeed_cli.core.urls import is_url

_MAX_PROBLEMS = 20
"""Most problems that one message lists."""


class Shard(NamedTuple):
    """One of several parts of equal size into which runs on several machines divide their documents."""

    part: int
    """Counted from 1."""
    parts: int

    def takes(self, source: Source) -> bool:
        """Whether a document belongs to this part.

        Only its path decides: below the searched folder, or else as it was named; or its URL. `a.pdf` and
        `A.png` in one folder are in one part, which gives their results different names.
        """
        from docspeed_cli.jobs.filenames import comparable

        name = source.url or source.label
        if source.path is not None and not source.temporary:
            named = source.path if source.below is None else source.path.relative_to(source.below)
            stem = comparable(Path(os.path.normpath(named)).with_suffix(""))
            name = display_path(stem).replace(os.sep, "/")
        # All machines must divide alike; Python's `hash` differs from process to process.
        digest = hashlib.sha256(name.encode()).digest()
        return int.from_bytes(digest[:8]) % self.parts == self.part - 1


def parse_shard(text: str) -> Shard:
    """Parse `3/10`. UsageError for anything else."""
    found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard {text}: it is not a part like 3/10, from 1/10 to 10/10")
    return Shard(int(found[1]), int(found[2]))


class InputSet(NamedTuple):
    """A command's documents: those that are checked, and those that standard input will name.

    One that can't be used is among them only if the run goes on without it: with `--skip-invalid`, or in a
    list that is read during the run.
    """

    checked: tuple[Source, ...] = ()
    skipped: tuple[Path, ...] = ()
    """Files in a searched folder that are left out: see `why_skipped`."""
    streamed: Iterable[Source] = ()
    shard: Shard | None = None

    def documents(self, limit: int | None = None) -> Iterator[Source]:
        """Every document in the order given, with its position; no more than `limit`."""
        streamed = self.streamed if self.shard is None else filter(self.shard.takes, self.streamed)
        # `islice` refuses larger numbers.
        most = None if limit is None else min(limit, sys.maxsize)
        named = itertools.islice(itertools.chain(self.checked, streamed), most)
        return (source._replace(position=position) for position, source in enumerate(named))


class Limits(NamedTuple):
    """How many documents a command takes: the first `limit`; it fails if it finds more files or pages."""

    limit: int | None = None
    max_files: int | None = None
    max_pages: int | None = None


def usable(source: Source) -> Source:
    """The document. UsageError if it can't be used."""
    if source.problem is not None:
        raise invalid_input(source)
    return source


def invalid_input(source: Source) -> UsageError:
    """The error for a document that can't be used."""
    return UsageError(f"{source.label}: {source.problem}", code="invalid_input", reason=source.problem)


def is_wildcard(text: str) -> bool:
    """Whether a path is a wildcard that the shell has left as it is; a file of that very name is not."""
    return any(sign in text for sign in "*?[") and not os.path.lexists(text) and not is_url(text)


def input_error(problems: list[str], unusable: list[str], inputs: Inputs) -> UsageError:
    """One error for all: problems that concern no document, and documents that can't be used."""
    every = [*problems, *unusable]
    named = len(inputs.files) + len(inputs.file_ids) > 1 or any(map(is_wildcard, inputs.files))
    several = named or inputs.recursive or inputs.listed is not None
    hint = None
    if several and not problems and inputs.skip_invalid is not None:
        hint = "replace what can't be used; or add `--skip-invalid`, and only these inputs fail"
    if len(every) == 1:
        return UsageError(every[0], hint=hint)
    shown = "".join(f"\n  {problem}" for problem in every[:_MAX_PROBLEMS])
    hidden = len(every) - _MAX_PROBLEMS
    more = f"\n  and {hidden} more" if hidden > 0 else ""
    message = f"{len(every)} inputs can't be used:{shown}{more}"
    return UsageError(message, hint=hint, details=every)


def discard(sources: Iterable[Source]) -> None:
    """Delete the copies of documents that could be read only once."""
    for source in sources:
        if source.path is not None and source.temporary:
            source.path.unlink(missing_ok=True)
