"""Find the file that a user means where no file has exactly the given path."""

from __future__ import annotations

import os.path


def path_on_disk(path: str) -> str:
    """The path with the home folder in place of `~`, and with accents written as in the file's name.

    Shells do not replace `~` in quotes, after `--schema=` or after `@`, and on Windows not at all. A letter
    with an accent is one character in most lists, but two in the names of files from a Mac's zip.
    """
    if os.path.lexists(path):
        return path
    if path.startswith(("~/", "~\\")):
        # Unlike pathlib's method, it leaves the text unchanged if the user has no home.
        path = os.path.expanduser(path)  # noqa: PTH111
    if path.isascii():
        return path
    import unicodedata

    forms = (unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
    return next(filter(os.path.lexists, forms), path)
