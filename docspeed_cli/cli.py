"""argv to exit code; `--version` is answered before anything else is loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docspeed_cli.errors import Interrupted
    from docspeed_cli.framework import Invocation
    from docspeed_cli.output import Output
    from docspeed_cli.session import Session
    from docspeed_cli.world import World


_NOBODY_READS = 141
"""What a shell says of a program whose reader has gone: 128 and the number of SIGPIPE."""


def run() -> None:
    """The console script."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from docspeed_cli import __version__

        print(f"docspeed {__version__}")  # noqa: T201
        sys.exit(0)
    import gc

    gc.disable()  # a sixth of a short command's time; a run over many inputs turns it on again
    from docspeed_cli.world import World

    world = World.real()
    code = _flushed(world, main(sys.argv[1:], world))
    gc.freeze()
    sys.exit(code)


def _flushed(world: World, code: int) -> int:
    """The exit code once everything is written; a reader that has gone away is met with silence."""
    import os

    try:
        world.stdout.flush()
    except (ValueError, OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), world.stdout.fileno())
        return code or _NOBODY_READS
    return code


def main(argv: Sequence[str], world: World) -> int:
    """Do what the command line says in this world; the exit code, whatever happens."""
    if world.env.get("_DOCSPEED_COMPLETE"):
        return _complete(argv, world)
    from docspeed_cli.errors import DocspeedError, Interrupted, ReaderGone
    from docspeed_cli.models import Style
    from docspeed_cli.output import Output

    if argv[:1] == ["help"] and (len(argv) == 1 or _is_command(argv[1])):
        argv = [*argv[1:], "--help"]
    plain = Output(world, Style(json_errors="--json" in argv))
    try:
        understood = _understand(argv, world)
        return understood if isinstance(understood, int) else _perform(understood, argv, plain)
    except DocspeedError as error:
        plain.error(error)
        return error.exit_code
    except Interrupted as interrupted:
        return interrupted.exit_code
    except (BrokenPipeError, ReaderGone):
        return _NOBODY_READS
    except Exception as error:  # noqa: BLE001
        from docspeed_cli.mishap import explained

        plain.error(explained(error, world, plain))
        return 1


def _complete(argv: Sequence[str], world: World) -> int:
    """Answer a shell that completes a line; whatever goes wrong, nothing is said between its prompts."""
    from docspeed_cli.errors import Interrupted

    try:
        from docspeed_cli.commands import COMMANDS
        from docspeed_cli.completion import answer

        return answer(COMMANDS, argv, world)
    except (Exception, Interrupted):  # noqa: BLE001
        return 1


def _understand(argv: Sequence[str], world: World) -> Invocation | int:
    """What the command line asks for; an exit code where help was all it asked for."""
    from contextlib import redirect_stderr, redirect_stdout

    import typer

    from docspeed_cli.commands import COMMANDS
    from docspeed_cli.errors import UsageError
    from docspeed_cli.framework import Invocation, group, root

    with redirect_stdout(world.stdout), redirect_stderr(world.stderr):
        program = group("docspeed", _ABOUT, COMMANDS, root)
        try:
            found = program.main(args=list(argv), prog_name="docspeed", standalone_mode=False)
        except typer.TyperException as error:
            from docspeed_cli.usage import misunderstood

            raise misunderstood(error.format_message(), argv, COMMANDS) from None
        except typer.Abort:
            raise UsageError("nothing was entered") from None
    if isinstance(found, Invocation):
        return found
    return found if isinstance(found, int) else 0


_ABOUT = """Documents in, grounded JSON out: the command line for the Docspeed document API.

No key yet? Add --sandbox to any command, and it runs on this machine.
"""


def _is_command(word: str) -> bool:
    from docspeed_cli.commands import COMMANDS

    return any(entry.name == word for entry in COMMANDS)


def _perform(invocation: Invocation, argv: Sequence[str], plain: Output) -> int:
    """The action, in a session of its own."""
    from docspeed_cli.errors import DocspeedError, Interrupted, UsageError, all_together
    from docspeed_cli.output import Output
    from docspeed_cli.session import Session
    from docspeed_cli.settings import resolve

    world = plain.world
    try:
        settings = resolve(invocation.settings, world.env)
        output = Output(world, invocation.style(settings), plain.secrets)
    except UsageError as error:
        raise all_together([error, *invocation.faults(world)]) from None
    session = Session(world, settings, output, _again(argv))
    try:
        return invocation.action(session)
    except DocspeedError as error:
        output.error(error)
        return error.exit_code
    except Interrupted as interrupted:
        return _interrupted(interrupted, session, output)
    finally:
        session.close()


def _again(argv: Sequence[str]) -> str:
    """The command that goes on where this one is broken off; what was submitted is not paid again."""
    import shlex

    return shlex.join(["docspeed", *(word for word in argv if word != "--fresh")])


def _interrupted(interrupted: Interrupted, session: Session, output: Output) -> int:
    jobs = list(session.waited_for.values())
    if session.batch:
        output.progress(f"stopped; {len(jobs)} job{'' if len(jobs) == 1 else 's'} of this run go on")
        output.hint(session.command)
    elif jobs:
        what = f"job {jobs[0].handle} goes on" if len(jobs) == 1 else f"{len(jobs)} jobs go on"
        output.progress(f"stopped waiting; {what}")
        if session.result_flags is not None:
            result = f"docspeed jobs result {jobs[0].handle}{session.flags}{session.result_flags}"
            output.progress(f"its result, when it has ended: {result}")
        output.hint(session.take_up(jobs[:20]))
    else:
        output.progress("stopped")
    return interrupted.exit_code
