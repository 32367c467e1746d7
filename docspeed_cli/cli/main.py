"""argv to exit code; `--version` is answered before anything else is loaded."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # what is loaded here comes before a Ctrl-C can be met without a traceback
if TYPE_CHECKING:
    from collections.abc import Sequence

    from docspeed_cli.cli.framework import Invocation
    from docspeed_cli.core.environment import Environment
    from docspeed_cli.core.errors import Interrupted
    from docspeed_cli.core.settings import Settings
    from docspeed_cli.jobs.context import Session
    from docspeed_cli.terminal.output import Output


_NOBODY_READS = 141
"""What a shell says of a program whose reader has gone: 128 and the number of SIGPIPE."""


def run() -> None:
    """The console script."""
    if sys.argv[1:] in (["--version"], ["-V"]) and _version_told():
        sys.exit(0)
    import gc

    gc.disable()  # a sixth of a short command's time; a run over many inputs turns it on again
    _end_silently()
    from docspeed_cli.core.environment import Environment
    from docspeed_cli.core.errors import Interrupted

    try:
        world = Environment.real()
        code = main(sys.argv[1:], world)
        world.interrupts.uninstall()
        code = _flushed(world, code)
    except Interrupted as interrupted:
        code = interrupted.exit_code
    gc.freeze()
    sys.exit(code)


def _end_silently() -> None:
    """Until it can be said in words, a Ctrl-C ends the program as it ends any other: with no traceback."""
    import _signal as signal  # type: ignore[import-not-found]  # signal itself would load enum first

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _version_told() -> bool:
    """Say the version, with nothing loaded to say it with; False where that can't be written."""
    import os

    from docspeed_cli import __version__

    try:
        return os.write(1, f"docspeed {__version__}\n".encode()) > 0
    except OSError:
        return False


def _flushed(world: Environment, code: int) -> int:
    """The exit code once everything is written; a reader that has gone away is met with silence."""
    import os

    try:
        world.stdout.flush()
    except (ValueError, OSError) as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), world.stdout.fileno())
        return code or (_NOBODY_READS if isinstance(error, BrokenPipeError) else 1)
    return code


def main(argv: Sequence[str], world: Environment) -> int:
    """Do what the command line says in this world; the exit code, whatever happens."""
    if world.env.get("_DOCSPEED_COMPLETE"):
        return _complete(argv, world)
    from docspeed_cli.core.errors import DocspeedError, Interrupted, ReaderGone
    from docspeed_cli.core.models import Style
    from docspeed_cli.terminal.output import Output

    if argv[:1] == ["help"] and (len(argv) == 1 or _is_command(argv[1])):
        argv = [*argv[1:], "--help"]
    plain = Output(world, Style(json_errors="--json" in argv))
    try:
        understood = _understand(argv, plain)
        return understood if isinstance(understood, int) else _perform(understood, argv, plain)
    except DocspeedError as error:
        plain.error(error)
        return error.exit_code
    except Interrupted as interrupted:
        return interrupted.exit_code
    except (BrokenPipeError, ReaderGone):
        return _NOBODY_READS
    except Exception as error:  # noqa: BLE001
        plain.error(plain.unexpected(error))
        return 1


def _complete(argv: Sequence[str], world: Environment) -> int:
    """Answer a shell that completes a line; whatever goes wrong, nothing is said between its prompts."""
    from docspeed_cli.core.errors import Interrupted

    try:
        from docspeed_cli.cli.commands import COMMANDS
        from docspeed_cli.cli.completion import reply_to_shell

        return reply_to_shell(COMMANDS, argv, world)
    except (Exception, Interrupted):  # noqa: BLE001
        return 1


def _understand(argv: Sequence[str], plain: Output) -> Invocation | int:
    """What the command line asks for; an exit code where help was all it asked for."""
    import io
    from contextlib import redirect_stderr, redirect_stdout

    import typer

    from docspeed_cli.cli.commands import COMMANDS
    from docspeed_cli.cli.framework import Invocation, group, root
    from docspeed_cli.core.errors import UsageError

    help_ = io.StringIO()
    with redirect_stdout(help_), redirect_stderr(plain.environment.stderr):
        program = group("docspeed", _ABOUT, COMMANDS, root)
        try:
            found = program.main(args=list(argv), prog_name="docspeed", standalone_mode=False)
        except typer.TyperException as error:
            from docspeed_cli.cli.usage_errors import explain_usage_error

            raise explain_usage_error(error.format_message(), argv, COMMANDS) from None
        except typer.Abort:
            raise UsageError("nothing was entered") from None
    if isinstance(found, Invocation):
        return found
    plain.text(help_.getvalue().removesuffix("\n"))
    return found if isinstance(found, int) else 0


_ABOUT = """Documents in, grounded JSON out: the command line for the Docspeed document API.

No key yet? Add --sandbox to any command, and it runs on this machine.
"""


def _is_command(word: str) -> bool:
    from docspeed_cli.cli.commands import COMMANDS

    return any(entry.name == word for entry in COMMANDS)


def _perform(invocation: Invocation, argv: Sequence[str], plain: Output) -> int:
    """The action, in a session of its own."""
    from docspeed_cli.core.errors import DocspeedError, Interrupted, UsageError, combine_errors
    from docspeed_cli.jobs.context import Session
    from docspeed_cli.terminal.output import Output

    world = plain.environment
    try:
        settings = _settings(invocation, world)
        output = Output(world, invocation.style(settings), plain.secrets)
    except UsageError as error:
        raise combine_errors([error, *invocation.faults(world)]) from None
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


def _settings(invocation: Invocation, world: Environment) -> Settings:
    """Settings of this run. UsageError if they are bad, except for the commands that help to fix them."""
    from docspeed_cli.core.errors import UsageError
    from docspeed_cli.core.settings import default_settings, resolve

    try:
        return resolve(invocation.settings, world.env)
    except UsageError as error:
        if not invocation.guide.works_with_bad_settings:
            raise
        return default_settings(world.env, error)


def _again(argv: Sequence[str]) -> str:
    """The command that goes on where this one is broken off; what was submitted is not paid again."""
    import shlex

    return shlex.join(["docspeed", *(word for word in argv if word != "--fresh")])


def _interrupted(interrupted: Interrupted, session: Session, output: Output) -> int:
    output.stopped(*_left(session))
    return interrupted.exit_code


def _left(session: Session) -> tuple[list[str], str | None, str | None]:
    """What a run leaves that is broken off: in words; the command that takes it up again; a job's id."""
    from docspeed_cli.core.models import State

    known = list(session.waited_for.values())
    jobs = [job for job in known if not job.ended]
    lost = list(session.sending.values())
    if session.batch:
        over = len(known) - len(jobs)
        ended = f", {over} more {'has' if over == 1 else 'have'} ended" if over else ""
        going_on = f", {len(jobs)} job{' goes' if len(jobs) == 1 else 's go'} on" if jobs else ""
        unknown = f"; whether the server took {len(lost)} more is unknown" if lost else ""
        again = session.command if session.ledger.is_persistent or not jobs else session.resume_command(jobs)
        return [f"stopped; {session.so_far()}{ended}{going_on}{unknown}"], again, None
    if lost:
        return [f"stopped; whether the server took {lost[0]} is unknown"], session.command, None
    if len(jobs) > 1:
        return [f"stopped waiting; {len(jobs)} jobs go on"], session.resume_command(jobs[:20]), None
    if not jobs and len(known) != 1:
        return ["stopped"], session.command if known else None, None
    (job,) = jobs or known
    result = f"docspeed jobs result {job.shell_ref}{session.flags}{session.result_flags or ''}"
    if job.ended and job.state is not State.DONE:
        return [f"stopped; job {job.ref} has ended as {job.status}"], None, job.job_id
    if job.ended:
        return [f"stopped; job {job.ref} has ended, and its result is there"], result, job.job_id
    said = [f"stopped waiting; job {job.ref} goes on"]
    if session.result_flags is not None:
        said.append(f"its result, when it has ended: {result}")
    return said, session.resume_command([job]), job.job_id
