"""The commands `docspeed sandbox serve` and `docspeed sandbox reset`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from docspeed_cli.cli.flags import NOTHING, Count, Flag, Text, Texts, flag
from docspeed_cli.cli.framework import Action, guide
from docspeed_cli.cli.options import Options
from docspeed_cli.core.errors import DocspeedError, UsageError
from docspeed_cli.core.operations import SANDBOX
from docspeed_cli.core.settings import duration
from docspeed_cli.jobs.context import Context, installed_sandbox

_fault_flag = partial(flag, panel="Faults")


class ServeOptions(Options):
    """The options of `sandbox serve`."""

    port: Annotated[
        int,
        Flag(
            ("--port",),
            "port (default 8787; 0 takes any free one)",
            minimum=0,
            maximum=65535,
            completes=NOTHING,
        ),
    ] = 8787
    require_key: Annotated[
        bool,
        _fault_flag(
            "--require-key",
            "answer 401 without a key (keys that begin with bad always get 401, with broke 402)",
        ),
    ] = False
    latency: Annotated[
        Text, _fault_flag("--latency", "extra time for each response", "DURATION", NOTHING)
    ] = None
    fail: Annotated[
        Texts,
        _fault_flag(
            "--fail",
            "share of requests that fail: 429=0.1, another status, reset, timeout, cut, html",
            "KIND=SHARE",
            NOTHING,
        ),
    ] = None
    seed: Annotated[
        Count, _fault_flag("--seed", "random seed, for the same faults each time", None, NOTHING)
    ] = None


@guide("docspeed sandbox serve", "docspeed sandbox serve --fail 429=0.1 --fail reset=0.05 --latency 200ms")
def serve(options: ServeOptions) -> Action:
    """Serve the sandbox on 127.0.0.1 for curl, other clients and tests."""

    def action(context: Context) -> int:
        sandbox = installed_sandbox()
        # The same folder as that of --sandbox: a job submitted there is found here too.
        folder = context.settings.state_dir / "sandbox"
        try:
            latency = duration(options.latency) if options.latency else 0.0
            faults = sandbox.Faults(latency, tuple(map(sandbox.parse_fail, options.fail or ())), options.seed)
        except ValueError as error:
            raise UsageError(str(error)) from None
        app = sandbox.create_app(folder, require_key=options.require_key, faults=faults)
        try:
            log = context.output.progress if options.verbose else None
            server = sandbox.make_server(app, options.port, log)
        except OSError as error:
            raise DocspeedError(
                f"can't listen on 127.0.0.1:{options.port}: {error.strerror or error}",
                hint="docspeed sandbox serve --port 0",
            ) from None
        url = f"http://127.0.0.1:{server.port}"
        context.output.text_or_json({"url": url}, f"the sandbox is at {url}; Ctrl-C stops it")
        context.output.hint(f"docspeed parse FILE --wait --base-url {url}")
        server.serve_forever()
        return 0

    return action


@guide("docspeed sandbox reset")
def reset(options: Options) -> Action:
    """Delete everything that the sandbox has stored."""

    def action(context: Context) -> int:
        count = installed_sandbox().reset(context.settings.state_dir / "sandbox")
        # Otherwise the ledger would ask for jobs that no longer exist. What is kept costs nothing again.
        context.ledger.reset_server(SANDBOX)
        context.output.text_or_json({"removed": count}, f"removed {count} files and jobs from the sandbox")
        return 0

    return action
