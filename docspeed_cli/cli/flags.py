"""How a command declares a flag or an argument: its type, its spelling, its help, and what completes it."""

# Without `from __future__ import annotations`, for the reason in `options`.

from functools import partial
from typing import Literal, NamedTuple

Text = str | None
"""Type of a flag or an argument with a text, None without it."""

Texts = list[str] | None
"""Type of a flag that can be repeated, and of an argument that takes many words."""

Count = int | None
"""Type of a flag with a whole number."""


LookUp = Literal[
    "columns",
    "documents",
    "environments",
    "fields",
    "formats",
    "instructions",
    "jobs",
    "jobs and runs",
    "results",
    "run names",
    "runs",
    "servers",
    "sessions",
    "setting values",
    "settings",
    "tables",
    "topics",
    "uploads",
]
"""What completion looks up when TAB is pressed; `completion_values` has a function for each."""


class Files(NamedTuple):
    """Completion by the names of files with these endings; of all files if there are none."""

    endings: tuple[str, ...] = ()


Completes = LookUp | Files | tuple[str, ...]
"""What completes a value: what is looked up, files, or these words (most flags take others too)."""

NOTHING: tuple[str, ...] = ()
"""For a value that only the user knows, such as a duration."""


class Flag(NamedTuple):
    """How a flag is written, what the help says of it, and what completes its value."""

    names: tuple[str, ...]
    about: str
    panel: str | None = None
    """Where the help shows it."""
    metavar: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    hidden: bool = False
    completes: Completes | None = None
    """None for a switch."""
    topics: tuple[str, ...] = ()
    """Topics of `docspeed help` that explain it."""

    @property
    def spellings(self) -> dict[str, bool]:
        """The ways to write it, each with what it sets a switch to."""
        both = [name.partition("/") for name in self.names]
        return {**{yes: True for yes, _, _ in both}, **{no: False for _, _, no in both if no}}

    def allows(self, number: int) -> bool:
        """Whether a number is neither too small nor too large."""
        return (self.minimum is None or number >= self.minimum) and (
            self.maximum is None or number <= self.maximum
        )


class Argument(NamedTuple):
    """What the help calls an argument, and says of it, and what completes it."""

    metavar: str
    about: str
    completes: Completes
    topics: tuple[str, ...] = ()


def flag(
    names: str,
    about: str,
    metavar: str | None = None,
    completes: Completes | None = None,
    *,
    panel: str,
    minimum: int | None = None,
    topics: tuple[str, ...] = (),
) -> Flag:
    """A flag in a panel of the help; `names` are separated by a space."""
    return Flag(tuple(names.split()), about, panel, metavar, minimum, completes=completes, topics=topics)


def hidden_flag(name: str, completes: Completes | None = None) -> Flag:
    return Flag((name,), "", hidden=True, completes=completes)


input_flag = partial(flag, panel="Input")
request_flag = partial(flag, panel="Request")
waiting_flag = partial(flag, panel="Waiting")
many_flag = partial(flag, panel="Many inputs")
output_flag = partial(flag, panel="Output")
server_flag = partial(flag, panel="Server")
