"""The command `docspeed review`: a queue of results in the browser, to be accepted or corrected."""

from __future__ import annotations

import html
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from docspeed_cli.cli.commands.common import checked_schema, read_rules
from docspeed_cli.cli.flags import NOTHING, Argument, Files, Text, Texts, flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import ServerOptions
from docspeed_cli.cli.run_names import schema_of_run
from docspeed_cli.core.errors import DocspeedError, Interrupted, NotFound
from docspeed_cli.core.timefmt import counted, rfc3339
from docspeed_cli.jobs.context import Context

if TYPE_CHECKING:
    from docspeed_cli.review.server import ReviewServer
    from docspeed_cli.review.session import Session


class ReviewOptions(ServerOptions):
    """The options of `review`."""

    check: Annotated[
        Text,
        flag(
            "--check",
            "put results that fail these rules first (TOML)",
            "FILE",
            Files((".toml",)),
            panel="Review",
        ),
    ] = None
    schema: Annotated[
        Text,
        flag(
            "--schema",
            "schema with the types of corrected values (default: the run's)",
            "FILE",
            Files((".json",)),
            topics=("schemas",),
            panel="Review",
        ),
    ] = None
    reviewer: Annotated[
        Text,
        flag(
            "--reviewer",
            "name that is saved with each decision (default: your user name)",
            "NAME",
            NOTHING,
            panel="Review",
        ),
    ] = None
    port: Annotated[
        int,
        flag("--port", "port on 127.0.0.1 (default: any free one)", "N", NOTHING, panel="Review", minimum=0),
    ] = 0
    open_: Annotated[
        bool | None,
        flag("--open/--no-open", "open the page in the browser (the default at a terminal)", panel="Review"),
    ] = None


@guide("docspeed review results/", "docspeed review march --check rules.toml --schema invoice.schema.json")
def review(
    options: ReviewOptions,
    results: Annotated[
        Texts,
        Argument(
            "[RESULT]...",
            "folders of results, runs, result files or job ids; @last (the default) is the newest",
            "results",
        ),
    ] = None,
) -> Action:
    """Review results beside their documents, by keyboard.

    Serves a page on 127.0.0.1 where you accept or correct values, add notes, and reject documents. First come
    values that failed a rule, are missing, or have no evidence. Each decision is saved at once beside its
    result, in NAME.corrections.json. No request is sent. Ctrl-C ends it.
    """

    def action(context: Context) -> int:
        from docspeed_cli.review.documents import check_installed

        check_installed()
        with closing(_session(context, options, results or ["@last"])) as session:
            server = _server(session, options.port)
            with server, _address_shown(context, options, server):
                try:
                    server.serve()
                except Interrupted as interrupted:
                    if not context.environment.interrupts.forgive(interrupted):
                        raise
                finally:
                    _report(context, session)
        return 0

    return action


def _session(context: Context, options: ReviewOptions, names: list[str]) -> Session:
    from docspeed_cli.jobs.stored.review_queue import reviewables
    from docspeed_cli.review.session import Session

    schema = checked_schema(context, options.schema) if options.schema is not None else None
    rules = read_rules(context, options.check, "--check", schema) if options.check is not None else None

    @cache
    def schema_of(run: str | None) -> Any:
        found = context.ledger.runs.find(run) if schema is None and run is not None else None
        return schema if schema is not None else schema_of_run(found)

    items = list(reviewables(context, names, rules, schema_of))
    if not items:
        raise NotFound("there is no result to review")
    environment = context.environment
    env = environment.env
    reviewer = options.reviewer or next(filter(None, map(env.get, ("USER", "LOGNAME", "USERNAME"))), None)
    return Session(items, reviewer, lambda: str(rfc3339(environment.now())))


def _server(session: Session, port: int) -> ReviewServer:
    from docspeed_cli.review.server import ReviewServer

    try:
        return ReviewServer(session, port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DocspeedError(
            f"can't listen on 127.0.0.1:{port}: {reason}", hint="without --port, any free one is taken"
        ) from None


@contextmanager
def _address_shown(context: Context, options: ReviewOptions, server: ReviewServer) -> Iterator[None]:
    """Print the address, and open it in the browser."""
    import sys

    from docspeed_cli.cli.commands.view import open_in_browser, opens_browser
    from docspeed_cli.core.files import write_whole
    from docspeed_cli.jobs.output.target import make_folder

    progress = server.session.progress
    context.output.value({"url": server.url}) if options.json else context.output.text(server.url)
    context.output.note(f"{counted(progress.left, 'result')} of {progress.total} to review; Ctrl-C ends it")
    environment = context.environment
    if not opens_browser(options.open_, environment.env, environment.stdout.isatty(), sys.platform):
        yield
        return
    # The address of a browser is in the list of processes, which others may read; that of this file is not
    # enough to get at the review.
    folder = context.settings.state_dir / "views"
    make_folder(
        folder, "review", "add `--no-open`, or set DOCSPEED_STATE_DIR to a folder that you can write to"
    )
    page = folder / f"review-{server.server_port}.html"
    to = html.escape(server.url)
    write_whole(page, [f'<meta http-equiv="refresh" content="0; url={to}">\n'.encode()], private=True)
    try:
        open_in_browser(context, page)
        yield
    finally:
        page.unlink(missing_ok=True)


def _report(context: Context, session: Session) -> None:
    """Say what is left, and which command goes on."""
    progress = session.progress
    if not progress.left:
        context.output.note(f"all of {counted(progress.total, 'result')} reviewed")
        return
    context.output.note(
        f"{counted(progress.left, 'result')} of {progress.total} left; your decisions are saved"
    )
    context.output.hint(context.output.again().hint)
