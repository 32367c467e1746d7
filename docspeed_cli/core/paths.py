"""Find the file that a user means by a path that no file has to the letter."""

from __future__ import annotations

import os.path


def path_on_disk(path: str) -> str:
    """The path with the home folder for a `~`, and with its accents in the form in which there is a file.

    A shell leaves `~` as it is in quotes, after `--schema=` and `@`, and always on Windows. An accent is one
    character or two: lists have the one form, and the files of a zip from a Mac the other.
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
