"""The Dockerfile copies only the files that make up the wheel, and the image does not run as root."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

TOP = Path(__file__).parents[2]
DOCKERFILE = (TOP / "Dockerfile").read_text("utf-8")
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of this name."""
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)


def copied() -> set[str]:
    """What is copied from the checkout."""
    return {
        source
        for line in instructions("COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    }


def test_dockerfile_copies_every_file_of_the_wheel() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    files = [*wheel["packages"], *wheel["force-include"], *wheel["shared-data"]]
    about = ["pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]]
    assert copied() == {*about, *(Path(file).parts[0] for file in files)}
    assert all((TOP / source).exists() for source in copied())


def test_dockerfile_context_holds_only_what_is_copied() -> None:
    patterns = [
        line for line in (TOP / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    assert patterns[0] == "*" and patterns[-1] == "**/__pycache__"
    assert {pattern.removeprefix("!") for pattern in patterns[1:-1]} == copied()


def test_dockerfile_image_has_every_extra_and_does_not_run_as_root() -> None:
    assert re.findall(r"\.whl\)\[([\w,]+)\]", DOCKERFILE) == ["all"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", instructions("USER")[-1])
    assert instructions("VOLUME") == ["/state"] and not instructions("ARG")
