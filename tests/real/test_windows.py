"""The branches for Windows, run here: its platform name, `msvcrt` in place of `fcntl`, and no `resource`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.fake_service import SUBMIT, UPLOAD, Service
from tests.real.machine import Machine

EXAMPLES = Path(__file__).parents[2] / "examples"

# Libraries are loaded first: they would look for other modules of Windows.
_LIKE_WINDOWS = """
import fcntl, os, signal, sys, types
import PIL.Image, httpx, platformdirs, pypdfium2, rich.console, rich.live, sqlite3, ssl, truststore
import typer, werkzeug

def locking(descriptor, mode, size):
    how = {0: fcntl.LOCK_UN, 1: fcntl.LOCK_EX}.get(mode, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.lockf(descriptor, how, size, os.lseek(descriptor, 0, os.SEEK_CUR))

msvcrt = types.ModuleType("msvcrt")
msvcrt.LK_UNLCK, msvcrt.LK_LOCK, msvcrt.LK_NBLCK, msvcrt.locking = 0, 1, 2, locking
sys.modules.update(msvcrt=msvcrt, fcntl=None, resource=None, readline=None)
for name in ("SIGHUP", "SIGTSTP", "SIGALRM", "setitimer"):
    delattr(signal, name)
sys.platform = "win32"
sys.argv[0] = "docspeed"
from docspeed_cli.cli.main import run
run()
"""


def start(machine: Machine, *argv: str) -> subprocess.Popen[str]:
    """Start the program as if on Windows."""
    command = [sys.executable, "-c", _LIKE_WINDOWS, *argv]
    return subprocess.Popen(
        command,
        env=machine.env(),
        cwd=machine.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_windows_batch_waits_and_resume_reuses_its_jobs(machine: Machine, service: Service) -> None:
    for name in ("a.pdf", "b.pdf"):
        (machine.folder / name).write_bytes(b"%PDF-1.4\n" + name.encode())
    for _ in range(2):
        process = start(machine, "parse", "a.pdf", "b.pdf", "--wait", "-o", "out/")
        _, err = process.communicate()
        assert process.returncode == 0, err
        assert "warning" not in err
    assert sorted(path.name for path in Path(machine.folder / "out").iterdir()) == ["a.json", "b.json"]
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (2, 2)


def test_windows_processes_with_same_request_submit_one_job(machine: Machine, service: Service) -> None:
    held = service.hold(SUBMIT)
    processes = [start(machine, "parse", "--file-id", "f") for _ in range(3)]
    held.wait()
    held.release.set()
    printed = [process.communicate()[0] for process in processes]
    assert {json.loads(out)["job_id"] for out in printed} == {"job_1"}
    assert service.count(SUBMIT) == 1


def test_windows_commands_without_a_service_start_and_end_well(machine: Machine) -> None:
    shutil.copy(EXAMPLES / "invoice.pdf", machine.folder / "a.pdf")
    for argv in (
        ("config", "set", "timeout", "30m"),
        ("config", "show"),
        ("tables", "a.pdf", "--sandbox", "--wait", "--format", "xlsx", "-o", "book.xlsx"),
        ("tables", "a.pdf", "--sandbox", "--wait", "-o", "out/"),
        ("runs", "show", "--format", "markdown", "--sandbox"),
        ("view", "@last", "--sandbox", "-o", "page.html"),
        ("jobs", "forget", "@last", "--yes", "--sandbox"),
        ("doctor", "--sandbox"),
    ):
        _, err = (process := start(machine, *argv)).communicate()
        assert process.returncode == 0 and "warning" not in err, (argv, err)
