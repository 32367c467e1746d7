"""Options that commands share, each declared once.

A command takes one value of a class made from these; the framework turns each annotated attribute into a
flag, and the rest of the program reads the attributes.
"""

# Without `from __future__ import annotations`: the framework reads these annotations at every start, and
# strings would have to be compiled first.

from functools import cached_property
from typing import Annotated, Any

from docspeed_cli.cli.flags import (
    NOTHING,
    Argument,
    Count,
    Files,
    Text,
    Texts,
    hidden_flag,
    input_flag,
    many_flag,
    output_flag,
    request_flag,
    server_flag,
    waiting_flag,
)
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import UsageError
from docspeed_cli.core.models import Inputs
from docspeed_cli.core.operations import SANDBOX

JOB_IDS = Argument(
    "ID...",
    "job ids; @last is the newest, @7 row 7 of the ledger, - reads ids from standard input",
    "jobs",
    topics=("scripting", "exit-codes"),
)
Ids = Annotated[Texts, JOB_IDS]

Bom = Annotated[bool, output_flag("--bom", "for csv: a byte order mark first, for Excel")]


class Options:
    """The options of a command that never contacts a server.

    `--base-url`, `--sandbox` and `--env` are accepted and ignored.
    """

    json: Annotated[bool, output_flag("--json", "JSON on stdout, errors as one JSON line on stderr")] = False
    quiet: Annotated[bool, output_flag("-q --quiet", "no notes, no progress")] = False
    verbose: Annotated[bool, output_flag("-v --verbose", "a line on stderr for each HTTP exchange")] = False
    sandbox: Annotated[bool, hidden_flag("--sandbox")] = False
    base_url: Annotated[Text, hidden_flag("--base-url", "servers")] = None
    env: Annotated[Text, hidden_flag("--env", "environments")] = None

    # The framework reads these of every command; the defaults are for commands without such a flag.
    format: str | None = None
    wait: bool | None = None
    timeout: str | None = None
    poll_interval: str | None = None
    concurrency: str | None = None
    bell: bool = False
    notify: str | None = None
    dry_run: bool = False
    checks_settings: bool = False
    """Whether the command itself reports wrong settings, together with all other problems."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def settings(self) -> dict[str, Any]:
        """The settings that these options override; None for those that they leave alone."""
        return {}


class ServerOptions(Options):
    """The options of a command that may ask a server."""

    sandbox: Annotated[bool, server_flag("--sandbox", "use the local sandbox: no key, no network")] = False
    base_url: Annotated[Text, server_flag("--base-url", "URL of the server", "URL", "servers")] = None
    env: Annotated[
        Text,
        server_flag(
            "--env", "use the settings of this environment in the config file", "NAME", "environments"
        ),
    ] = None
    local_ledger: Annotated[
        bool, server_flag("--local-ledger", "use this machine's ledger, not the shared one")
    ] = False

    def settings(self) -> dict[str, Any]:
        """The settings that these options override. UsageError if two servers are named."""
        if self.sandbox and self.base_url not in (None, SANDBOX):
            raise UsageError("--sandbox and --base-url name two servers; give one of them")
        server = SANDBOX if self.sandbox else self.base_url
        ledger = "local" if self.local_ledger else None
        return {
            "base_url": server,
            SANDBOX: self.sandbox,
            "ledger": ledger,
            "env": self.env,
            "wait": self.wait,
            "timeout": self.timeout,
            "poll_interval": self.poll_interval,
            "concurrency": self.concurrency,
        }


class FormatOptions(Options):
    """The format of what is printed."""

    format: Annotated[
        Text, output_flag("--format", "the output's format", "FORMAT", "formats", topics=("output",))
    ] = None


class ResultOptions(FormatOptions):
    """The format of results, and where they go."""

    output: Annotated[Text, output_flag("-o --output", "write the result to this file", "PATH", Files())] = (
        None
    )


class InputOptions(Options):
    """The documents that a command reads."""

    files: Annotated[
        Texts, Argument("[FILE]...", "documents: paths, URLs, or - for standard input", "documents")
    ] = None
    file_id: Annotated[
        Texts, input_flag("--file-id", "id of an uploaded file (repeatable)", "ID", "uploads")
    ] = None
    from_: Annotated[
        Text,
        input_flag(
            "--from", "file with a path, URL or file id on each line (- is standard input)", "LIST", Files()
        ),
    ] = None
    null: Annotated[bool, input_flag("-0 --null", "inputs in the list end with NUL (`find -print0`)")] = False
    recursive: Annotated[
        bool, input_flag("--recursive", "take all documents in a folder and its subfolders")
    ] = False
    exclude: Annotated[
        Texts,
        input_flag(
            "--exclude", "leave out the paths and names that this matches (repeatable)", "GLOB", NOTHING
        ),
    ] = None
    filename: Annotated[
        Text, input_flag("--filename", "name for the document on standard input", "NAME", NOTHING)
    ] = None

    # The values where the flags of `BatchOptions` are absent.
    skip_invalid: bool | None = None
    shard: str | None = None

    @cached_property
    def inputs(self) -> Inputs:
        """The documents as they were named."""
        named = (self.files or (), self.file_id or (), self.from_)
        inputs = Inputs(*named, self.recursive, self.filename, self.null, self.exclude or ())
        return inputs._replace(skip_invalid=self.skip_invalid, shard=self.shard)


def input_problems(options: Options, environment: Environment) -> list[UsageError]:
    """The problems of the documents, to be printed together with that of an option's value."""
    # Standard input is left alone: it can be read once only, and the command won't run.
    if not isinstance(options, InputOptions) or "-" in (*options.inputs.files, options.from_):
        return []
    from docspeed_cli.jobs.documents.input_set import discard
    from docspeed_cli.jobs.sources import collect

    try:
        discard(collect(options.inputs, environment).checked)
    except UsageError as error:
        return [error]
    return []


class RequestOptions(Options):
    """The body of the request."""

    set_: Annotated[
        Texts,
        request_flag(
            "--set",
            "set any field of the request; a.b=1 nests, VALUE is JSON if it parses",
            "KEY=VALUE",
            NOTHING,
        ),
    ] = None
    dry_run: Annotated[
        bool, request_flag("--dry-run", "print the request and send nothing (--format curl: as a command)")
    ] = False


class SubmitOptions(Options):
    """How the request is submitted; `api` and `chat` have only some of these flags."""

    sync: Annotated[bool, request_flag("--sync", "ask for the result at once instead of a job")] = False
    fresh: Annotated[
        bool, request_flag("--fresh", "submit again even if the result is known; it is paid for again")
    ] = False
    no_resubmit: Annotated[
        bool, request_flag("--no-resubmit", "fail instead of paying again for a result that is lost")
    ] = False


class WaitFlagOptions(Options):
    """Whether to wait for a job's end."""

    wait: Annotated[
        bool | None,
        waiting_flag(
            "--wait/--no-wait",
            "wait for the job and print its result; or submit and print the job",
            topics=("scripting",),
        ),
    ] = None


class PollOptions(Options):
    """How long to wait, and how often to look."""

    timeout: Annotated[
        Text,
        waiting_flag(
            "--timeout",
            "longest total wait: 90, 90s, 30min, 1h 30m",
            "DURATION",
            NOTHING,
            topics=("exit-codes",),
        ),
    ] = None
    poll_interval: Annotated[
        Text,
        waiting_flag("--poll-interval", "shortest time between two status requests", "DURATION", NOTHING),
    ] = None
    bell: Annotated[bool, waiting_flag("--bell", "ring the terminal's bell at the end")] = False
    notify: Annotated[
        Text,
        waiting_flag(
            "--notify",
            "run this at the end of the wait, with a summary in JSON on its standard input",
            "COMMAND",
            NOTHING,
        ),
    ] = None


class ConcurrencyOptions(Options):
    """How many requests are under way at a time."""

    concurrency: Annotated[
        Text, many_flag("--concurrency", "requests at a time (default 8)", "N", NOTHING)
    ] = None


class OutputOptions(ResultOptions):
    """Where the results of one job or of several go."""

    output: Annotated[
        Text,
        output_flag(
            "-o --output",
            "a file for one result, a folder with a file for each of several; PATH/ is always a folder",
            "PATH",
            Files(),
        ),
    ] = None
    overwrite: Annotated[
        bool,
        output_flag(
            "--overwrite", "replace files in the folder that were changed, or not written by docspeed"
        ),
    ] = False


class BatchOptions(OutputOptions):
    """How far a run over many inputs goes, and what its files are called."""

    name: Annotated[
        Text,
        many_flag("--name", "name of the run, for `runs show` and `jobs list --run`", "NAME", "run names"),
    ] = None
    shard: Annotated[
        Text,
        many_flag(
            "--shard", "process only the third tenth of the inputs, chosen by their paths", "3/10", NOTHING
        ),
    ] = None
    limit: Annotated[
        Count, many_flag("--limit", "process only the first N inputs", "N", NOTHING, minimum=1)
    ] = None
    max_files: Annotated[
        Count,
        many_flag("--max-files", "send nothing if there are more documents than N", "N", NOTHING, minimum=1),
    ] = None
    max_pages: Annotated[
        Count,
        many_flag(
            "--max-pages", "send nothing if the documents have more pages than N", "N", NOTHING, minimum=1
        ),
    ] = None
    max_failures: Annotated[
        Count,
        many_flag(
            "--max-failures",
            "stop after N failures; at most N jobs run at a time, or --concurrency if that is more",
            "N",
            NOTHING,
            minimum=1,
        ),
    ] = None
    skip_invalid: Annotated[
        bool | None,
        many_flag("--skip-invalid", "report unusable documents as failed, and process the others"),
    ] = False
    failures: Annotated[
        Text,
        many_flag(
            "--failures", "write the inputs without a result to this file, a list for --from", "FILE", Files()
        ),
    ] = None
    ordered: Annotated[bool, many_flag("--ordered", "print the results in the order of the inputs")] = False
    output_name: Annotated[
        Text,
        many_flag(
            "--output-name",
            "names of the files in -o DIR: {stem}, {name}, {operation}, {ext}",
            "PATTERN",
            NOTHING,
        ),
    ] = None


class CombineOptions(
    InputOptions, RequestOptions, SubmitOptions, WaitFlagOptions, PollOptions, ResultOptions, ServerOptions
):
    """The options of an operation that makes one job of all its documents."""

    checks_settings = True
    # The values where the flags of `BatchOptions` are absent.
    name: str | None = None
    failures: str | None = None
    ordered: bool = False
    limit: int | None = None
    max_files: int | None = None
    max_pages: int | None = None
    max_failures: int | None = None
    output_name: str | None = None
    overwrite: bool = False


class DocumentOptions(BatchOptions, ConcurrencyOptions, CombineOptions):
    """The options of an operation that makes a job of each document."""
