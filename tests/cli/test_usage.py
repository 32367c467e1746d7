"""Usage errors: exit 2 before any request, with the mistake and the nearest correct spelling."""

from __future__ import annotations

import json

import pytest

from tests.fake_service import Service
from tests.stage import Stage


@pytest.mark.parametrize(
    ("line", "error", "hint"),
    [
        ("parze x.pdf", "no such command 'parze'", "did you mean `docspeed parse`? `docspeed --help`"),
        ("jobs lst", "no such command 'lst'", "did you mean `docspeed jobs list`? `docspeed jobs --help`"),
        ("qqqq", "no such command 'qqqq'", "docspeed --help"),
        ("list", "no such command 'list'", "did you mean `docspeed jobs list`? `docspeed --help`"),
        ("status", "no such command 'status'", "did you mean `docspeed jobs status`?"),
        ("auth stauts", "no such command 'stauts'", "did you mean `docspeed auth status`?"),
        ("Login", "no such command 'Login'", "did you mean `docspeed auth login`?"),
        ("jobs login", "no such command 'login'", "did you mean `docspeed auth login`?"),
        ("jobs logs", "no such command 'logs'", "did you mean `docspeed jobs watch`?"),
        ("logs", "no such command 'logs'", "did you mean `docspeed jobs watch`?"),
        ("jobs ls", "no such command 'ls'", "did you mean `docspeed jobs list`?"),
        ("config list", "no such command 'list'", "did you mean `docspeed config show`?"),
        ("jobs lgin", "no such command 'lgin'", "docspeed jobs --help"),
        ("jobs pars", "no such command 'pars'", "did you mean `docspeed parse`?"),
        ("comp bash", "no such command 'comp'", "did you mean `docspeed completion`?"),
        ("invoice.pdf", "no such command 'invoice.pdf'", "docspeed --help"),
        ("parse --file-id f --waitt", "no such option: --waitt", "did you mean `--wait`? `docspeed"),
        ("parse --file-id x --recursiv", "no such option: --recursiv", "did you mean `--recursive`?"),
        ("--versoin", "no such option: --versoin", "did you mean `--version`? `docspeed --help`"),
        (
            "parse --file-id x --table",
            "no such option: --table",
            "--table is a flag of extract, tables and jobs result",
        ),
        ("jobs list --colour", "no such option: --colour", "docspeed jobs list --help"),
        ("parse x -r", "no such option: -r", "docspeed parse --help"),
        ("--wait parse x", "no such option: --wait", "flags come after the command; `docspeed parse --help`"),
        ("--verbose parse x", "no such option: --verbose", "flags come after the command; `docspeed parse"),
        ("-q jobs list", "no such option: -q", "flags come after the command; `docspeed jobs list --help`"),
        ("jobs -q list", "no such option: -q", "flags come after the command; `docspeed jobs list --help`"),
        ("jobs -q", "no such option: -q", "flags come after the command; `docspeed jobs --help`"),
        ("jobs list --limit x", "--limit: 'x' is not a whole number", "docspeed jobs list --help"),
        ("parse --file-id x --limit 0", "--limit: 0 is less than 1", "docspeed parse --help"),
        (
            "sandbox serve --port 99999",
            "--port: 99999 is not from 0 to 65535",
            "docspeed sandbox serve --help",
        ),
        ("auth login foo", "unexpected argument: foo", "docspeed auth login --help"),
        ("help outptu", "no such topic: outptu", "did you mean `docspeed help output`?"),
        ("help exitcodes", "no such topic: exitcodes", "did you mean `docspeed help exit-codes`?"),
        ("help env", "no such topic: env", "did you mean `docspeed help environment`?"),
        ("help parze", "no such topic: parze", "did you mean `docspeed help parse`?"),
        ("help sunshine", "no such topic: sunshine", "the topics are output, "),
    ],
)
def test_usage_error_names_the_mistake_and_the_next_step(
    stage: Stage, service: Service, line: str, error: str, hint: str
) -> None:
    ran = stage.run(*line.split())
    first, second = ran.err.splitlines()
    assert (ran.code, ran.out, first) == (2, "", f"error: {error}")
    assert second.startswith(f"hint: {hint}")
    as_json = json.loads(stage.run(*line.split(), "--json").err)["error"]
    assert (as_json["code"], as_json["message"]) == ("usage", error)
    assert service.calls == []


def test_usage_error_with_json_before_the_command_is_json(stage: Stage) -> None:
    ran = stage.run("--json", "jobs", "list")
    hint = json.loads(ran.err)["error"]["hint"]
    assert (ran.code, hint) == (
        2,
        "flags come after the command; `docspeed jobs list --help` lists them",
    )


def test_usage_error_for_flag_without_value_names_the_help(stage: Stage) -> None:
    ran = stage.run("parse", "--file-id")
    said = "error: option '--file-id' requires an argument\nhint: docspeed parse --help\n"
    assert (ran.code, ran.err) == (2, said)


def test_folder_with_invalid_file_names_a_workaround(stage: Stage, service: Service) -> None:
    good = stage.document("a folder/good.pdf")
    (stage.folder / "a folder" / "bad.pdf").write_bytes(b"")
    folder = str(stage.folder / "a folder")
    ran = stage.run("parse", folder, "--recursive")
    assert ran.code == 2
    assert "`--skip-invalid`" in ran.err
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
        ("jobs list --run", "--run"),
        ("chat f.pdf --session-id", "--session-id"),
        ("chat", "QUESTION"),
        ("help", "TOPIC"),
    ],
)
@pytest.mark.parametrize("value", ["", " "], ids=["empty", "blank"])
def test_usage_error_for_empty_value_names_the_flag(
    stage: Stage, service: Service, line: str, named: str, value: str
) -> None:
    ran = stage.run(*line.split(), value)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert ran.err.startswith(f"error: {named} is empty; is a variable unset?\n")


def test_usage_error_for_several_empty_values_names_all(stage: Stage) -> None:
    ran = stage.run("parse", "f", "-o", "", "--filename", "")
    told = {"-o is empty; is a variable unset?", "--filename is empty; is a variable unset?"}
    assert {line.removeprefix("error: ").strip() for line in ran.err.splitlines()} >= told


@pytest.mark.parametrize("flags", [("-o", "x.json"), ("--format", "markdown")], ids=" ".join)
def test_chat_no_wait_with_output_fails(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    ran = stage.run("chat", "hi", stage.document("a.pdf"), "--no-wait", *flags)
    assert (ran.code, ran.out, service.calls) == (2, "", [])
    assert "write `--wait` in place of `--no-wait`" in ran.err
