"""Tells in one line of what nobody foresaw, and keeps the details where only this user can read them."""

from __future__ import annotations

import contextlib
import platform
import traceback
from pathlib import Path

from docspeed_cli import __version__
from docspeed_cli.core.environment import Environment
from docspeed_cli.core.errors import DocspeedError
from docspeed_cli.core.settings import state_dir
from docspeed_cli.core.timefmt import rfc3339
from docspeed_cli.service.body import write_whole
from docspeed_cli.terminal.output import Output


def explained(error: Exception, world: Environment, output: Output) -> DocspeedError:
    """The one line. The traceback goes into a file, and to stderr where tracebacks are wanted."""
    details = output.discreet("".join(traceback.format_exception(error)))
    if world.debug:
        world.stderr.write(details)
    kept = _kept(details, world)
    where = f"the details are in {kept}" if kept else "DOCSPEED_DEBUG=1 shows the details"
    return DocspeedError(
        output.discreet(f"unexpected {type(error).__name__}: {error}"),
        code="bug",
        hint=f"{where}; please report it with them",
    )


def _kept(details: str, world: Environment) -> Path | None:
    """Where the details of the last mishap are; the one before is not kept."""
    system = f"docspeed {__version__}, Python {platform.python_version()}, {platform.platform()}"
    text = f"{rfc3339(world.now())}\n{system}\n\n{details}"
    with contextlib.suppress(Exception):  # nothing may stand between the user and the line
        folder = state_dir(world.env)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "last-crash.txt"
        write_whole(path, [text.encode("utf-8", "backslashreplace")], private=True)
        return path
    return None
