"""A command line that makes no sense is told in our words, with what was probably meant."""

from __future__ import annotations

import json

import pytest

from tests.service import Service
from tests.stage import Stage


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("parze x.pdf", "no such command 'parze'", "did you mean docspeed parse? docspeed --help"),
        ("jobs lst", "no such command 'lst'", "did you mean docspeed jobs list? docspeed jobs --help"),
        ("qqqq", "no such command 'qqqq'", "docspeed --help"),
        ("parse x.pdf --waitt", "no such option: --waitt", "did you mean --wait? docspeed parse --help"),
        ("parse x --recursiv", "no such option: --recursiv", "did you mean --recursive? docspeed parse"),
        ("jobs list --limit x", "--limit: 'x' is not a whole number", "docspeed jobs list --help"),
        ("parse x --limit 0", "--limit: 0 is less than 1", "docspeed parse --help"),
        (
            "sandbox serve --port 99999",
            "--port: 99999 is not from 0 to 65535",
            "docspeed sandbox serve --help",
        ),
        ("parse x --table", "no such option: --table", "did you mean --"),
        ("auth login foo", "unexpected argument: foo", "docspeed auth login --help"),
        ("--wait parse x.pdf", "no such option: --wait", "flags come after the command"),
    ],
)
def test_what_was_probably_meant(stage: Stage, service: Service, line: str, error: str, hint: str) -> None:
    ran = stage.run(*line.split())
    first, second = ran.err.splitlines()
    assert (ran.code, ran.out, first) == (2, "", f"error: {error}")
    assert second.startswith(f"hint: {hint}")
    as_json = json.loads(stage.run(*line.split(), "--json").err)["error"]
    assert (as_json["code"], as_json["message"]) == ("usage", error)
    assert service.calls == []


def test_a_flag_without_its_value(stage: Stage) -> None:
    ran = stage.run("parse", "--file-id")
    said = "error: option '--file-id' requires an argument\nhint: docspeed parse --help\n"
    assert (ran.code, ran.err) == (2, said)


def test_a_folder_with_a_bad_file_has_a_way_round(stage: Stage, service: Service) -> None:
    good = stage.document("a folder/good.pdf")
    (stage.folder / "a folder" / "bad.pdf").write_bytes(b"")
    folder = str(stage.folder / "a folder")
    ran = stage.run("parse", folder, "--recursive")
    assert ran.code == 2
    assert f"find '{folder}' -name '*.pdf', and --from - in place of the folder" in ran.err
    listed = f"{good}\n{folder}/bad.pdf\n".encode()
    ran = stage.run("parse", "--from", "-", "--wait", stdin=listed)
    assert (ran.code, sorted(json.loads(line)["status"] for line in ran.out.splitlines())) == (
        2,
        ["completed", "failed"],
    )
