"""The groups of flags that commands share; each is declared once, here."""

import json
from typing import Annotated, Any, NamedTuple

import typer

from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Inputs
from docspeed_cli.core.operations import SANDBOX


def flag(
    *names: str,
    about: str,
    panel: str,
    metavar: str | None = None,
) -> Any:
    """A flag in a panel of the help."""
    return typer.Option(
        *names,
        help=about,
        rich_help_panel=panel,
        metavar=metavar,
        show_default=False,
    )


Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID...",
        help="job ids; @last is the newest, @7 row 7 of the ledger, - reads ids from standard input",
        show_default=False,
    ),
]


class InputFlags(NamedTuple):
    """Which documents."""

    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...", help="documents: paths, or - for one on standard input", show_default=False
        ),
    ] = None
    file_id: Annotated[
        list[str] | None,
        flag("--file-id", about="a file that is stored already (repeatable)", panel="Input", metavar="ID"),
    ] = None
    from_: Annotated[
        str | None,
        flag(
            "--from",
            about="a list of paths or ids, one a line (- is standard input)",
            panel="Input",
            metavar="LIST",
        ),
    ] = None
    recursive: Annotated[
        bool, flag("--recursive", about="take the documents below a folder", panel="Input")
    ] = False
    filename: Annotated[
        str | None,
        flag("--filename", about="the name of the document on standard input", panel="Input", metavar="NAME"),
    ] = None

    @property
    def inputs(self) -> Inputs:
        """What was named."""
        return Inputs(self.files or (), self.file_id or (), self.from_, self.recursive, self.filename)


class RequestFlags(NamedTuple):
    """What is asked of the service."""

    set_: Annotated[
        list[str] | None,
        flag(
            "--set",
            about="any field of the request: a.b=1 nests, the value is JSON if it parses",
            panel="Request",
            metavar="KEY=VALUE",
        ),
    ] = None
    dry_run: Annotated[
        bool,
        flag(
            "--dry-run",
            about="print the request and send nothing (--format curl: as a command)",
            panel="Request",
        ),
    ] = False


class ModeFlags(NamedTuple):
    """How the request is submitted."""

    sync: Annotated[
        bool, flag("--sync", about="ask for the result in the answer instead of a job", panel="Request")
    ] = False
    fresh: Annotated[
        bool,
        flag("--fresh", about="submit even what was submitted before; it is paid again", panel="Request"),
    ] = False


class WaitFlags(NamedTuple):
    """Whether to wait for a job's end."""

    wait: Annotated[
        bool | None,
        flag(
            "--wait/--no-wait",
            about="follow the job and print its result; or submit only, and print the job",
            panel="Waiting",
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """The settings that these flags override."""
        return {"wait": self.wait}


class PollFlags(NamedTuple):
    """How long to wait, and how often to look."""

    timeout: Annotated[
        str | None,
        flag(
            "--timeout",
            about="wait no longer than this, in all: 90, 90s, 30m, 2h",
            panel="Waiting",
            metavar="DURATION",
        ),
    ] = None
    poll_interval: Annotated[
        str | None,
        flag(
            "--poll-interval", about="the least time between two looks", panel="Waiting", metavar="DURATION"
        ),
    ] = None

    bell: Annotated[bool, flag("--bell", about="ring when it ends", panel="Waiting")] = False

    def settings(self) -> dict[str, Any]:
        """The settings that these flags override."""
        return {"timeout": self.timeout, "poll_interval": self.poll_interval}


class ManyFlags(NamedTuple):
    """How many inputs are worked through."""

    concurrency: Annotated[
        str | None, flag("--concurrency", about="requests at a time (8)", panel="Many inputs", metavar="N")
    ] = None

    def settings(self) -> dict[str, Any]:
        """The settings that these flags override."""
        return {"concurrency": self.concurrency}


class BatchFlags(NamedTuple):
    """How far a run over many inputs goes, and what its files are called."""

    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=1,
            help="only the first N",
            metavar="N",
            show_default=False,
            rich_help_panel="Many inputs",
        ),
    ] = None
    max_failures: Annotated[
        int | None,
        typer.Option(
            "--max-failures",
            min=1,
            help="stop when N have failed; no more than N are under way, or --concurrency",
            metavar="N",
            show_default=False,
            rich_help_panel="Many inputs",
        ),
    ] = None
    output_name: Annotated[
        str | None,
        flag(
            "--output-name",
            about="names of the files in -o DIR: {stem}, {name}, {operation}, {ext}",
            panel="Many inputs",
            metavar="PATTERN",
        ),
    ] = None


class ResultFlags(NamedTuple):
    """What results look like and where they go."""

    format: Annotated[
        str | None,
        flag(
            "--format",
            about="json, markdown, text, csv or id",
            panel="Output",
            metavar="FORMAT",
        ),
    ] = None
    output: Annotated[
        str | None,
        flag(
            "-o",
            "--output",
            about="write the result to this file, or each to a file of its own in this folder",
            panel="Output",
            metavar="PATH",
        ),
    ] = None


class FormatFlags(NamedTuple):
    """What a list looks like."""

    format: Annotated[
        str | None, flag("--format", about="the output's format", panel="Output", metavar="FORMAT")
    ] = None


Json = Annotated[
    bool, flag("--json", about="JSON on stdout, errors as one JSON line on stderr", panel="Output")
]
Quiet = Annotated[bool, flag("-q", "--quiet", about="no notes, no progress", panel="Output")]
Verbose = Annotated[
    bool, flag("-v", "--verbose", about="a line on stderr for each HTTP exchange", panel="Output")
]


class LocalFlags(NamedTuple):
    """What a command has that asks no server; to name one is no mistake, and changes nothing."""

    json: Json = False
    quiet: Quiet = False
    verbose: Verbose = False
    sandbox: Annotated[bool, typer.Option("--sandbox", hidden=True)] = False
    base_url: Annotated[str | None, typer.Option("--base-url", hidden=True)] = None


class CommonFlags(NamedTuple):
    """What every command has that may ask a server."""

    json: Json = False
    quiet: Quiet = False
    verbose: Verbose = False
    sandbox: Annotated[
        bool, flag("--sandbox", about="use the stand-in on this machine: no key, no network", panel="Server")
    ] = False
    base_url: Annotated[
        str | None, flag("--base-url", about="the server to talk to", panel="Server", metavar="URL")
    ] = None

    def settings(self) -> dict[str, Any]:
        """The settings that these flags override."""
        if self.sandbox and self.base_url not in (None, SANDBOX):
            raise UsageError("--sandbox and --base-url name two servers; give one of them")
        return {"base_url": SANDBOX if self.sandbox else self.base_url, SANDBOX: self.sandbox}


_DEEPEST = 50


def fields_of(assignments: list[str] | None) -> dict[str, Any]:
    """The fields that `--set` names. UsageError for what is no assignment, or contradicts another."""
    result: dict[str, Any] = {}
    for text in assignments or ():
        name, equals, value = text.partition("=")
        path = name.split(".")
        if len(path) > _DEEPEST:
            raise UsageError(f"--set {text[:40]}…: no field is {len(path)} deep")
        if not equals or not all(path):
            raise UsageError(f"--set {text}: write KEY=VALUE, or a.b=VALUE for a field within a field")
        _put(result, path, _value(value), text)
    return result


def _put(result: dict[str, Any], path: list[str], value: Any, text: str) -> None:
    *outer, last = path
    for name in outer:
        result = result.setdefault(name, {})
        if not isinstance(result, dict):
            raise UsageError(f"--set {text}: {name} was set to a plain value before")
    if isinstance(result.get(last), dict) and isinstance(value, dict):
        result[last] = merged(result[last], value)
    elif isinstance(result.get(last), dict):
        raise UsageError(f"--set {text}: {last} has fields that were set before")
    else:
        result[last] = value


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _no_number(name: str) -> Any:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


def merged(body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """The body with these fields; a field within a field is added to what is there."""
    result = dict(body)
    for name, value in extra.items():
        there = result.get(name)
        if isinstance(there, dict) and isinstance(value, dict):
            result[name] = merged(there, value)
        else:
            result[name] = value
    return result
