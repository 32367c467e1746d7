"""The optional libraries, and the command that adds them to this installation."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from docspeed_cli.core.errors import DocspeedError

EXTRAS = {
    "sandbox": ("werkzeug", "pypdfium2", "PIL"),
    "xlsx": ("xlsxwriter",),
    "review": ("pypdfium2", "PIL"),
    "postgres": ("psycopg",),
    "socks": ("socksio",),
}
"""Extras of the package, with the modules that each needs."""


class Installation(NamedTuple):
    """Facts about how docspeed was installed."""

    prefix: Path
    """Folder of the Python environment."""
    marks: frozenset[str] = frozenset()
    """Names of the files in that folder."""
    python: str = ""
    pip: str | None = None
    """Path of the `pip` that a shell would run."""
    installer: str = ""
    """The installer, as the package's file INSTALLER names it, such as `pip` or `uv`."""
    source: str | None = None
    """Path or URL that docspeed was installed from; None for the package index."""
    is_editable: bool = False
    is_zipapp: bool = False
    is_windows: bool = False


def is_installed(extra: str) -> bool:
    """Whether all modules of an extra can be imported."""
    import importlib.util

    return all(importlib.util.find_spec(module) for module in EXTRAS[extra])


def check_extra(extra: str, problem: str, *, code: str, otherwise: str = "") -> None:
    """Check that an extra is installed. DocspeedError with the command that installs it, if not."""
    if not is_installed(extra):
        raise DocspeedError(problem, code=code, hint=install_hint(extra) + otherwise)


def install_hint(extra: str) -> str:
    """Say how to add an extra to this installation."""
    return way_to_add(extra, _this_installation(), filter(is_installed, EXTRAS))


def way_to_add(extra: str, installation: Installation, present: Iterable[str] = ()) -> str:
    """Say how to add an extra to an installation, keeping the extras that are present."""
    quote = '"' if installation.is_windows else "'"
    one = f"{quote}{_requirement(installation.source, [extra])}{quote}"
    if installation.is_zipapp:
        return f"`pipx install {one}`; a zipapp holds no compiled libraries"
    # pipx and uv build the environment again from this requirement, so it names every extra.
    every = f"{quote}{_requirement(installation.source, sorted({*present, extra}))}{quote}"
    above = installation.prefix.parent.name
    if "pipx_metadata.json" in installation.marks:
        # `pipx run` makes its environment in a cache, where an installation would be lost.
        if above == ".cache":
            return f"run it as `pipx run --spec {every} docspeed`"
        return f"`pipx install --force {every}`"
    if "uv-receipt.toml" in installation.marks:
        return f"`uv tool install {every}`"
    # An environment of `uvx` is in uv's cache as well, in a folder such as archive-v0.
    if above.startswith("archive-v"):
        return f"run it as `uvx --from {every} docspeed`"
    editable = "-e " if installation.is_editable else ""
    return f"`{_install_command(installation, quote)} {editable}{one}`"


def requirement_source(
    origin: Mapping[str, Any], exists: Callable[[str], bool], *, is_windows: bool = False
) -> str | None:
    """Read the source from a package's direct_url.json; None if it can't be used again."""
    from urllib.parse import unquote, urlsplit

    address: str = origin.get("url", "")
    url = urlsplit(address)
    if url.scheme == "file" and "vcs_info" not in origin:
        path = unquote(url.path)
        path = path.lstrip("/").replace("/", "\\") if is_windows else path
        return path if exists(path) else None
    if not address or url.username not in (None, "git") or url.password:  # never print a password
        return None
    if "vcs_info" not in origin:
        return address
    vcs = origin["vcs_info"]
    return f"{vcs['vcs']}+{address}@{vcs.get('requested_revision') or vcs['commit_id']}"


def _install_command(installation: Installation, quote: str) -> str:
    """The command that installs into this environment, whichever environment is active."""
    python = installation.python
    if installation.pip and Path(installation.pip).parent == Path(python).parent:
        return "pip install"
    python = f"{quote}{python}{quote}" if " " in python else python
    if installation.installer == "uv":
        return f"uv pip install --python {python}"
    return f"{python} -m pip install"


def _requirement(source: str | None, extras: list[str]) -> str:
    listed = f"[{','.join(extras)}]"
    if source is None or "://" in source:
        return f"docspeed-cli{listed}" + (f" @ {source}" if source else "")
    return source + listed


def _this_installation() -> Installation:
    import shutil
    import zipimport
    from importlib import metadata

    import docspeed_cli
    from docspeed_cli.core.json_text import read_json

    prefix = Path(sys.prefix)
    found = Installation(
        prefix,
        frozenset(path.name for path in prefix.iterdir()),
        sys.executable,
        shutil.which("pip"),
        is_zipapp=isinstance(docspeed_cli.__loader__, zipimport.zipimporter),
        is_windows=sys.platform == "win32",
    )
    try:
        package = metadata.distribution("docspeed-cli")
    except metadata.PackageNotFoundError:  # a source tree on the path
        return found
    origin = read_json(package.read_text("direct_url.json") or "{}")
    return found._replace(
        installer=(package.read_text("INSTALLER") or "").strip(),
        source=requirement_source(origin, os.path.exists, is_windows=found.is_windows),
        is_editable=bool(origin.get("dir_info", {}).get("editable")),
    )
