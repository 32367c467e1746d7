"""The commands `docspeed sandbox serve` and `docspeed sandbox reset`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from docspeed_cli.cli.commands.auth import print_outcome
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Options, flag
from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.operations import SANDBOX
from docspeed_cli.core.settings import duration
from docspeed_cli.jobs.context import Context, installed_sandbox


@guide("docspeed sandbox serve", "docspeed sandbox serve --fail 429=0.1 --fail reset=0.05 --latency 200ms")
def serve(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="port (8787; 0: any free one)", show_default=False)
    ] = 8787,
    require_key: Annotated[
        bool,
        flag(
            "--require-key",
            about="answer 401 without a key (keys that begin with bad always get 401, with broke 402)",
            panel="Faults",
        ),
    ] = False,
    latency: Annotated[
        str | None,
        flag("--latency", about="extra time for each response", panel="Faults", metavar="DURATION"),
    ] = None,
    fail: Annotated[
        list[str] | None,
        flag(
            "--fail",
            about="share of requests that fail: 429=0.1, another status, reset, timeout, cut, html",
            panel="Faults",
            metavar="KIND=SHARE",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            help="random seed, for the same faults each time",
            rich_help_panel="Faults",
            show_default=False,
        ),
    ] = None,
    *,
    options: Options,
) -> Action:
    """Serve the sandbox on 127.0.0.1 for curl, other clients and tests."""

    def action(context: Context) -> int:
        sandbox = installed_sandbox()
        # The same folder as that of --sandbox: a job submitted there is found here too.
        app = sandbox.create_app(
            context.settings.state_dir / "sandbox",
            require_key=require_key,
            faults=_read_faults(sandbox, latency, fail or (), seed),
        )
        try:
            server = sandbox.make_server(
                app, port, context.output.progress if context.output.style.verbose else None
            )
        except OSError as error:
            raise DocspeedError(
                f"can't listen on 127.0.0.1:{port}: {error.strerror or error}",
                hint="docspeed sandbox serve --port 0",
            ) from None
        url = f"http://127.0.0.1:{server.server_port}"
        print_outcome(context, {"url": url}, f"the sandbox is at {url}; Ctrl-C stops it")
        context.output.hint(f"docspeed parse FILE --wait --base-url {url}")
        server.serve_forever()
        return 0

    return action


def _read_faults(sandbox: Any, latency: str | None, fail: Sequence[str], seed: int | None) -> Any:
    """Read the fault flags into the sandbox's `Faults`. UsageError names the flag with the bad value."""
    flag_name = "--latency"
    try:
        seconds = duration(latency) if latency else 0.0
        flag_name = "--fail"
        return sandbox.Faults(seconds, tuple(map(sandbox.parse_fail, fail)), seed)
    except ValueError as error:
        raise UsageError(f"{flag_name}: {error}") from None


@guide("docspeed sandbox reset")
def reset(options: Options) -> Action:
    """Delete everything that the sandbox has stored."""

    def action(context: Context) -> int:
        count = installed_sandbox().reset(context.settings.state_dir / "sandbox")
        # Otherwise the ledger would reuse results that no longer exist.
        context.ledger.forget_server(SANDBOX)
        print_outcome(context, {"removed": count}, f"removed {count} files and jobs from the sandbox")
        return 0

    return action
