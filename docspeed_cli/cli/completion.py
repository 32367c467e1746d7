"""Shell completion: finds the words that fit at the cursor, from the commands and the local ledger.

The scripts in `completions/` set `_DOCSPEED_COMPLETE` and pass the number of the word at the cursor, then
the words up to it (some shells leave out an empty last word). Completion sends no request.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from docspeed_cli.cli.commands import PROGRAM
from docspeed_cli.cli.completion_reply import Candidate, Completion, described, to_lines
from docspeed_cli.cli.groups import find

if TYPE_CHECKING:
    from docspeed_cli.core.environment import Environment


def complete(words: Sequence[str], incomplete: str, environment: Environment) -> Completion:
    """Find what fits in place of `incomplete`, after these words of the command line."""
    called = find(words, PROGRAM, past_flags=True)
    if not called.entry.entries:
        from docspeed_cli.cli.completion_values import complete_parameter

        return complete_parameter(called, incomplete, environment)
    if any(not word.startswith("-") for word in called.rest):
        return Completion()
    if not incomplete.startswith("-"):
        return Completion(described(called.entry.entries))
    flags = (Candidate(name, about) for names, about in called.flags for name in names[::-1])
    return Completion(tuple(flags))


def reply_to_shell(argv: Sequence[str], environment: Environment) -> int:
    """Print what fits at the cursor, for a shell's completion script."""
    from docspeed_cli.terminal.output import Output
    from docspeed_cli.terminal.streams import Style

    number, *words = argv
    at = int(number) - 1
    incomplete = words[at] if at < len(words) else ""
    text = to_lines(complete(words[:at], incomplete, environment), incomplete)
    # A word whose bytes are not UTF-8 came as surrogates, and must go back as the same bytes.
    Output(environment, Style()).chunks([text.encode("utf-8", "surrogateescape")])
    return 0
