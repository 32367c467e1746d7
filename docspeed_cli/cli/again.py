"""Word the hints to run a command again, which must never pay again or wait for the keyboard."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from docspeed_cli.core.errors import SAME_AGAIN
from docspeed_cli.terminal.streams import Again

_PIPE = re.compile(r"@?(-|/dev/stdin|/dev/fd/\d+|/proc/self/fd/\d+)")
"""Words that name standard input, or what a shell puts in place of `<(command)`."""

_SECRET_NAME = re.compile(r"(?i)token|secret|passw|api[-_ ]?key|authorization|bearer|credential")
"""What a secret is called in a value of `_FLAGS_WITH_SECRETS`."""
_FLAGS_WITH_SECRETS = ("--set", "--notify")


def again(argv: Sequence[str]) -> Again:
    """How to propose this command line again."""
    words = [word for word in argv if word != "--fresh"]
    without = "" if len(words) == len(argv) else " without `--fresh`"
    if any(map(_PIPE.fullmatch, _read_values(argv))):
        phrase = f"the whole pipeline again{without}"
        return Again(f"run {phrase}", phrase)
    if any(map(_has_secret, words, ["", *words])):
        return Again(f"run {SAME_AGAIN}{without}", SAME_AGAIN + without)
    return Again(f"`{shlex.join(['docspeed', *words])}`", SAME_AGAIN + without)


def _has_secret(word: str, before: str) -> bool:
    # Only in these flags: a document may well be called authorization.pdf.
    is_value = before in _FLAGS_WITH_SECRETS or word.partition("=")[0] in _FLAGS_WITH_SECRETS
    if is_value and _SECRET_NAME.search(word):
        return True
    if "://" not in word:
        return False
    from docspeed_cli.core.urls import url_secrets, urls_in

    # A field's value, too, may hold a URL with a secret.
    return any(map(url_secrets, urls_in(word)))


def _read_values(argv: Sequence[str]) -> Iterator[str]:
    """Yield the words that may name an input: all but the output's path."""
    before = ""
    for word in argv:
        flag, equals, value = word.partition("=")
        if "--output" not in (before, flag) and before != "-o":
            yield value if equals and flag.startswith("--") else word
        before = word
