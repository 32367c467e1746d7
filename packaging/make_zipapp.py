"""Build docspeed as one file for any Python 3.11 or newer: `python packaging/make_zipapp.py docspeed.pyz`.

It holds the client with its extras `xlsx` and `socks`. The libraries of the other extras are compiled, and
Python can't load such libraries from a zip file.
"""

from __future__ import annotations

import compileall
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipapp
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
EXTRAS = "xlsx,socks"


def make(target: Path, source: str) -> None:
    """Install a requirement's package with the extras into a folder, and zip that folder."""
    with tempfile.TemporaryDirectory() as folder:
        libraries = Path(folder, "libraries")
        install = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "--target",
            str(libraries),
        ]
        subprocess.run([*install, f"{source}[{EXTRAS}]"], check=True)
        for left_out in ("bin", "share"):
            shutil.rmtree(libraries / left_out, ignore_errors=True)
        compiled = [path.name for path in libraries.rglob("*") if path.suffix in (".so", ".pyd", ".dylib")]
        if compiled:
            sys.exit(f"these can't be loaded from a zip file: {', '.join(compiled)}")
        # Another version of Python ignores the bytecode and compiles the sources beside it: a slower start.
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(libraries, quiet=1, legacy=True, invalidation_mode=unchecked, stripdir=folder)
        zipapp.create_archive(
            libraries, target, "/usr/bin/env python3", "docspeed_cli.cli.main:run", compressed=True
        )


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python packaging/make_zipapp.py TARGET [WHEEL]")
    make(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) == 3 else str(CHECKOUT))
