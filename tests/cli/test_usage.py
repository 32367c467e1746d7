"""A command line that makes no sense is told in our words, with what was probably meant."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import Service
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
        ("parse x --table", "no such option: --table", "docspeed parse --help"),
        ("list", "no such command 'list'", "did you mean docspeed jobs list? docspeed --help"),
        ("watch", "no such command 'watch'", "did you mean docspeed jobs watch?"),
        ("wait", "no such command 'wait'", "did you mean docspeed jobs wait?"),
        ("result", "no such command 'result'", "did you mean docspeed jobs result?"),
        ("status", "no such command 'status'", "did you mean docspeed jobs status?"),
        ("login", "no such command 'login'", "did you mean docspeed auth login?"),
        ("Login", "no such command 'Login'", "did you mean docspeed auth login?"),
        ("serve", "no such command 'serve'", "did you mean docspeed sandbox serve?"),
        ("ask", "no such command 'ask'", "did you mean docspeed chat?"),
        ("version", "no such command 'version'", "did you mean docspeed --version?"),
        ("ls", "no such command 'ls'", "did you mean docspeed jobs list?"),
        ("jobs ls", "no such command 'ls'", "did you mean docspeed jobs list? docspeed jobs --help"),
        ("jobs login", "no such command 'login'", "did you mean docspeed auth login?"),
        ("config list", "no such command 'list'", "did you mean docspeed config show?"),
        ("comp bash", "no such command 'comp'", "did you mean docspeed completion?"),
        ("exit-codes", "no such command 'exit-codes'", "did you mean docspeed help exit-codes?"),
        ("environ", "no such command 'environ'", "did you mean docspeed help environment?"),
        ("invoice.pdf", "no such command 'invoice.pdf'", "docspeed --help"),
        ("jobs result --al", "no such option: --al", "did you mean --all-finished? docspeed jobs result --h"),
        ("jobs list --colour", "no such option: --colour", "docspeed jobs list --help"),
        ("auth login foo", "unexpected argument: foo", "docspeed auth login --help"),
        ("--wait parse x", "no such option: --wait", "flags come after the command: docspeed parse --wait"),
        ("-q jobs list", "no such option: -q", "flags come after the command: docspeed jobs list -q"),
        ("jobs -q list", "no such option: -q", "flags come after the command: docspeed jobs list -q"),
        ("jobs -q", "no such option: -q", "flags come after the command: docspeed jobs COMMAND -q"),
        (
            "--profile x parse a",
            "no such option: --profile",
            "flags come after the command: docspeed parse --p",
        ),
        ("parse x -r", "no such option: -r", "did you mean --recursive? docspeed parse --help"),
        ("-v", "no such option: -v", "flags come after the command: docspeed COMMAND -v; docspeed --version"),
        ("--versoin", "no such option: --versoin", "did you mean --version? docspeed --help"),
        ("--wiat parse x", "no such option: --wiat", "flags come after the command: docspeed parse --wait"),
        ("--colour parse x", "no such option: --colour", "docspeed parse --help"),
        ("help outptu", "no such topic: outptu", "did you mean `docspeed help output`?"),
        ("help exitcodes", "no such topic: exitcodes", "did you mean `docspeed help exit-codes`?"),
        ("help env", "no such topic: env", "did you mean `docspeed help environment`?"),
        ("help parze", "no such topic: parze", "did you mean `docspeed help parse`?"),
        ("help list", "no such topic: list", "did you mean `docspeed help jobs list`?"),
        ("help varables", "no such topic: varables", "did you mean `docspeed help environment`?"),
        ("help sunshine", "no such topic: sunshine", "the topics are output, "),
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


@pytest.mark.parametrize(("line", "right"), [("--json", "COMMAND"), ("--json jobs list", "jobs list")])
def test_json_that_stands_before_the_command(stage: Stage, line: str, right: str) -> None:
    ran = stage.run(*line.split())
    hint = json.loads(ran.err)["error"]["hint"]
    assert (ran.code, hint) == (2, f"flags come after the command: docspeed {right} --json")


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


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("parse f -o", "-o"),
        ("parse f --output", "-o"),
        ("extract f --schema", "--schema"),
        ("extract f --schema {} --table", "--table"),
        ("extract f --schema {} --require a --require", "--require"),
        ("parse f --base-url", "--base-url"),
        ("parse --file-id a --file-id", "--file-id"),
        ("parse --from", "--from"),
        ("jobs list --batch", "--batch"),
        ("chat f.pdf --session-id", "--session-id"),
        ("chat", "QUESTION"),
        ("help", "TOPIC"),
    ],
)
@pytest.mark.parametrize("value", ["", " "], ids=["empty", "blank"])
def test_a_value_that_a_variable_was_to_give(
    stage: Stage, service: Service, line: str, named: str, value: str
) -> None:
    ran = stage.run(*line.split(), value)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err.startswith(f"error: {named} is empty: an unset variable?\n")


def test_several_such_values_are_told_together(stage: Stage) -> None:
    ran = stage.run("parse", "f", "-o", "", "--filename", "")
    told = {"-o is empty: an unset variable?", "--filename is empty: an unset variable?"}
    assert {line.removeprefix("error: ").strip() for line in ran.err.splitlines()} >= told


@pytest.mark.parametrize("flags", [("-o", "x.json"), ("--format", "markdown")], ids=" ".join)
def test_a_chat_that_nobody_waits_for_has_no_result(
    stage: Stage, service: Service, flags: tuple[str, ...]
) -> None:
    ran = stage.run("chat", "hi", stage.document("a.pdf"), "--no-wait", *flags)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert "take out --no-wait" in ran.err
