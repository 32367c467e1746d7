"""argv to exit code. `--version` is answered before anything else is loaded."""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # until our signal handlers are installed, each import widens the gap for a Ctrl-C
if TYPE_CHECKING:
    from collections.abc import Sequence

    from docspeed_cli.cli.framework import Invocation
    from docspeed_cli.core.environment import Environment
    from docspeed_cli.terminal.output import Output

_READER_GONE = 141
"""Exit code if nothing reads stdout any more: 128 and the number of SIGPIPE, as shells have it."""


def run() -> None:
    """Run the console script."""
    if sys.argv[1:] in (["--version"], ["-V"]) and _write_version():
        sys.exit(0)
    import gc

    # Collection takes a sixth of a short command's time; a run over many documents turns it on again.
    gc.disable()
    _exit_at_signals()
    from docspeed_cli.core.environment import Environment
    from docspeed_cli.core.errors import Interrupted

    try:
        environment = Environment.real()
        code = main(sys.argv[1:], environment)
        # Nothing is left to save: while a slow reader holds up the flush, a signal may just end the program.
        environment.interrupts.uninstall()
        code = _flush(environment, code)
    except Interrupted as interrupted:
        code = interrupted.exit_code
    # The interpreter collects once more when it ends, but leaves frozen objects alone.
    gc.freeze()
    sys.exit(code)


def _exit_at_signals() -> None:
    """Let a signal end the program without a traceback until our own handlers are installed."""
    import _signal as signal  # type: ignore[import-not-found]  # `signal` itself would load enum first
    import os

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        # Without a handler, a signal does not end the first process of a container.
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda signum, frame: os._exit(128 + signum))


def _write_version() -> bool:
    """Write the version without loading anything; returns whether that worked."""
    import os

    from docspeed_cli import __version__

    try:
        return os.write(1, f"docspeed {__version__}\n".encode()) > 0
    except OSError:
        return False


def _flush(environment: Environment, code: int) -> int:
    """Write what is buffered; returns the exit code."""
    import os

    try:
        environment.stdout.flush()
    except (ValueError, OSError) as error:
        # The interpreter flushes stdout again when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), environment.stdout.fileno())
        return code or (_READER_GONE if isinstance(error, BrokenPipeError) else 1)
    return code


def main(argv: Sequence[str], environment: Environment) -> int:
    """Do what the command line says; returns the exit code, whatever happens."""
    if environment.env.get("_DOCSPEED_COMPLETE"):
        return _complete(argv, environment)
    from docspeed_cli.core.errors import DocspeedError, Interrupted, ReaderGone
    from docspeed_cli.terminal.output import Output
    from docspeed_cli.terminal.streams import Style

    if argv[:1] == ["help"] and "--json" not in argv and (len(argv) == 1 or _is_command(argv[1])):
        argv = [*argv[1:], "--help"]
    # A command line that can't be parsed must have its error in JSON too.
    plain = Output(environment, Style(json_errors="--json" in argv))
    # Before anything is printed: a message may repeat a URL with its password.
    if any("://" in word for word in argv):
        from docspeed_cli.core.urls import url_secrets, urls_in

        plain.secrets.update(*(url_secrets(url) for word in argv for url in urls_in(word)))
    try:
        understood = _understand(argv, plain)
        if isinstance(understood, int):
            return understood
        from docspeed_cli.cli.again import again
        from docspeed_cli.cli.perform import perform

        return perform(understood, plain, lambda: again(argv))
    except DocspeedError as error:
        plain.error(error)
        return error.exit_code
    except Interrupted as interrupted:
        return interrupted.exit_code
    except (BrokenPipeError, ReaderGone):
        return _READER_GONE
    except Exception as error:  # noqa: BLE001 - a bug is reported, not shown as a traceback
        plain.error(plain.unexpected(error))
        return 1


def _complete(argv: Sequence[str], environment: Environment) -> int:
    """Answer a shell that completes a command line; an error must not be printed between its prompts."""
    from docspeed_cli.core.errors import Interrupted

    try:
        from docspeed_cli.cli.completion import reply_to_shell

        return reply_to_shell(argv, environment)
    except (Exception, Interrupted):  # noqa: BLE001
        return 1


def _understand(argv: Sequence[str], plain: Output) -> Invocation | int:
    """The command that the command line names; an exit code if help was all it asked for."""
    from docspeed_cli.cli.commands import PROGRAM
    from docspeed_cli.cli.groups import find

    called = find(argv, PROGRAM)
    if called.entry.entries:
        from docspeed_cli.cli.group_help import answer

        plain.text(answer(called, PROGRAM))
        return 0
    from docspeed_cli.cli.framework import describe
    from docspeed_cli.cli.quick_parse import check_values, quick_parse, readable_values

    description = describe(called.entry)
    check_values(description, called.rest)
    values = quick_parse(description, called.rest)
    if values is not None:
        return description.invocation(values)
    from docspeed_cli.cli.typer_command import parse_command_line
    from docspeed_cli.core.errors import UsageError

    try:
        found = parse_command_line(called, plain.environment.stderr)
    except UsageError as error:
        from docspeed_cli.cli.options import input_problems
        from docspeed_cli.core.errors import combine_errors

        options = description.options_of(readable_values(description, called.rest))
        # Searching a large folder would delay the message about a misspelt flag.
        recursive = getattr(options, "recursive", False)
        others = [] if recursive else input_problems(options, plain.environment)
        raise combine_errors([error, *others]) from None
    if isinstance(found, str):
        plain.text(found)
        return 0
    return found


def _is_command(word: str) -> bool:
    from docspeed_cli.cli.commands import COMMANDS

    return any(entry.name == word for entry in COMMANDS)
