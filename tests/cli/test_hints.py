"""Every hint that the program can print is followed: none pays again, and none is a usage error."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from docspeed_cli.core.errors import Interrupted
from docspeed_cli.service.retry import MAX_TRIES
from tests.cli.hints import Walker, pattern_of, templates
from tests.fake_service import REFUSED, RESET_AFTER, RESULT, SUBMIT, UPLOAD, Call, Reply

NO_KEY = {"DOCSPEED_API_KEY": ""}
SCHEMA = json.dumps({"fields": [{"key": "total"}, {"key": "date"}]})

NOT_WALKED = {
    "docspeed parse FILE --wait --base-url \0": "`sandbox serve` listens on a socket; see tests/real",
    "docspeed sandbox serve --port 0": "the same",
    "name the columns that you need with `--columns`": "a sheet has room for 16,384 columns",
    "set TMPDIR to a folder with more room, and run the same command again": "it takes a full disk",
    "use `--json` or `-o FILE` to get it unchanged": "it takes a result of more than 64 MB",
    "run the same command again later, or with a longer `--timeout`": "another process has to work on it",
}

Scenario = Callable[[Walker], None]
SCENARIOS: list[Scenario] = []


def scenario(play: Scenario) -> Scenario:
    SCENARIOS.append(play)
    return play


def lines(text: str, **options: Any) -> None:
    """Add a scenario for each line, a command line of words without blanks."""
    for line in text.strip().splitlines():
        words = line.split()

        def play(walker: Walker, words: Sequence[str] = words) -> None:
            walker.play(*words, **options)

        play.__name__ = line.strip()
        scenario(play)


lines(
    """
    parse
    parse --file-id f -o x.md
    parse --file-id f --no-wait -o x.json
    parse --file-id f --wait -o no/such/folder/x.json
    parse --file-id f --file-id g --wait -o x.json
    parse in --recursive --wait
    parse a.pdf --table x --format json
    parze
    parse a.pdf --waitt
    --wait parse a.pdf
    --api-key x parse
    parse --api-key x
    help exitcodes
    extract a.pdf
    tables --file-id f --wait --table 1
    schema
    upload
    chat
    chat what?
    chat a.pdf what? --format json
    chat what? a.pdf --continue
    chat what? a.pdf
    api GET /v1/x --set a=1
    jobs wait
    jobs wait @last
    jobs wait @7
    jobs wait @x
    jobs forget job_unknown
    jobs result job_unknown
    jobs watch
    jobs list --operation prase
    runs show march
    parse a.pdf --name march --wait
    parse a.pdf b.pdf --max-files 1
    parse a.pdf --max-pages 1
    parse a.pdf --dry-run --format curl --sandbox
    auth login --sandbox
    """
)
lines(
    """
    config set
    config set timeot 9
    config set wait maybe
    config set api_key x
    config set --env a/b wait true
    config get timeot
    parse a.pdf --env nowhere
    completion
    completion --install
    completion --install powershell
    """
)
lines("jobs list\njobs watch\nchat what? a.pdf", terminal=True)
lines("parse a.pdf --wait\nauth status", env=NO_KEY)
lines("parse a.pdf --wait\nauth status\ndoctor", env={"DOCSPEED_API_KEY": "ds_refused_key_0000"})
lines("parse a.pdf --wait", env={"DOCSPEED_API_KEY": "two words"})


@scenario
def file_like_a_flag(walker: Walker) -> None:
    walker.stage.document("-dash.pdf")
    walker.play("parse", "-dash.pdf")


@scenario
def environments(walker: Walker) -> None:
    walker.stage.configure('[env.staging]\nbase_url = "https://staging.example"\n')
    walker.play("parse", "a.pdf", "--env", "stagng")
    walker.play("parse", "a.pdf", "--env", "other")


@scenario
def conversation_left(walker: Walker) -> None:
    walker.service.payload = lambda operation, body: b'{"answer": "7", "citations": [], "session_id": "s"}'
    typed = b"why?\n/nope\n/save\n/add\nexit\n"
    walker.play("chat", "a.pdf", terminal=True, typing=True, stdin=typed)


@scenario
def api_key_in_the_config_file(walker: Walker) -> None:
    walker.stage.configure('api_key = "x"\n')
    walker.play("parse", "a.pdf")
    walker.play("doctor")
    walker.stage.configure("")


@scenario
def damaged_credentials(walker: Walker) -> None:
    path = walker.stage.configure("").with_name("credentials.json")
    path.write_text("{bad")
    walker.play("parse", "a.pdf", env=NO_KEY)
    path.unlink()


@scenario
def shared_ledger_away(walker: Walker) -> None:
    walker.play("parse", "a.pdf", env={"DOCSPEED_LEDGER": "postgresql://127.0.0.1:1/x"})


@scenario
def bad_settings(walker: Walker) -> None:
    walker.stage.configure("timeout = [1]\n")
    walker.play("doctor")
    walker.stage.configure("timeout = 5m\n")
    walker.play("parse", "a.pdf")
    walker.stage.configure("")


@scenario
def jobs_at_a_terminal(walker: Walker) -> None:
    walker.stage.submit(31)
    walker.play("jobs", "list", terminal=True)
    walker.play("jobs", "wait", "job_1", "job_2", terminal=True)
    walker.play("jobs", "list", "--status", "failed", terminal=True)
    walker.play("jobs", "result", "job_1", terminal=True)
    walker.play("parse", "--file-id", "f3", terminal=True)
    walker.play("parse", "--file-id", "f3", "--wait", terminal=True)


@scenario
def conversation_over_a_forgotten_file(walker: Walker) -> None:
    walker.play("chat", "what?", "--continue")
    walker.service.payload = lambda operation, body: b'{"answer": "this", "session_id": "s1"}'
    walker.play("chat", "what?", "a.pdf")
    walker.service.then(SUBMIT, Reply.of(404, {"detail": "there is no such file"}))
    walker.play("chat", "what?", "--continue")
    walker.service.then(SUBMIT, Reply.of(404, {"detail": "no such session"}))
    walker.play("chat", "what?", "a.pdf", "--session-id", "s2")


@scenario
def jobs_elsewhere(walker: Walker) -> None:
    walker.stage.submit(1)
    walker.play("jobs", "watch", "--base-url", "https://eu.docspeed.example", terminal=True)
    walker.play("jobs", "wait", "job_1", "--base-url", "https://eu.docspeed.example")
    env = {"DOCSPEED_BASE_URL": "https://eu.docspeed.example"}
    walker.play("jobs", "list", terminal=True, env=env)
    walker.play("jobs", "status", "@last", env=env)


@scenario
def wait_that_times_out(walker: Walker) -> None:
    walker.service.polls = 10**9
    for flags in ((), ("--fresh",)):
        walker.play("parse", "a.pdf", "--wait", "--timeout", "5", *flags)
    walker.play("parse", "a.pdf", "b.pdf", "--wait", "--timeout", "30")
    walker.play("jobs", "result", "job_1")


@scenario
def time_that_runs_out_during_an_exchange(walker: Walker) -> None:
    behave = walker.service.handle

    def handle(call: Call) -> Reply:
        if call.kind == RESULT:
            walker.clock.time += 100
        return behave(call)

    walker.service.handle = handle  # type: ignore[method-assign]
    walker.play("parse", "a.pdf", "--wait", "--timeout", "5", "--fresh")
    walker.service.handle = behave  # type: ignore[method-assign]


@scenario
def fresh_run_over_many(walker: Walker) -> None:
    argv = ("parse", "a.pdf", "b.pdf", "c.pdf", "--wait")
    walker.play(*argv)
    walker.service.final = "failed"
    walker.play(*argv, "--fresh")
    walker.service.final = "completed"
    walker.play(*argv, "--fresh", terminal=True)
    walker.play("parse", "a.pdf", "b.pdf", "--fresh")


@scenario
def list_from_a_pipe(walker: Walker) -> None:
    named = b"a.pdf\nb.pdf\nnone.pdf\n"
    for argv in (("parse", "--from", "-", "--wait"), ("parse", "--from=-", "--fresh")):
        walker.play(*argv, stdin=named)


@scenario
def rules_without_a_rule_and_rows_of_two_operations(walker: Walker) -> None:
    Path("empty.toml").touch()
    walker.play("check", "in", "--rules", "empty.toml")
    assert walker.play("parse", "a.pdf", "--wait").code == walker.play("split", "a.pdf", "--wait").code == 0
    walker.play("jobs", "result", "job_1", "job_2", "--format", "csv")


@scenario
def names_of_another_kind(walker: Walker) -> None:
    assert walker.play("parse", "a.pdf", "--wait", "--name", "march", "-o", "out/").code == 0
    walker.play("jobs", "status", "out/a.json")
    walker.play("jobs", "status", "a.pdf")
    walker.play("jobs", "status", "file_1")
    walker.play("parse", "--file-id", "job_1")
    walker.play("runs", "show", "job_1")
    walker.play("parse", "job_1")
    walker.play("runs", "show", "mach")
    walker.play("api", "GET", "/jobs/job_1")
    walker.play("api", "GET", "C:/Program Files/Git/v1/jobs/job_1")


@scenario
def document_from_the_web(walker: Walker) -> None:
    walker.stage.configure('download_limit = "1 kB"')
    walker.service.at("/web.pdf", Reply(200, b"%PDF" + b" " * 2000))
    walker.play("parse", "https://files.example/web.pdf")


@scenario
def document_from_a_pipe(walker: Walker) -> None:
    walker.service.final = "failed"
    walker.play("parse", "-", "--wait", stdin=b"%PDF-1.4 piped %%EOF\n")
    walker.play("extract", "a.pdf", "--schema", "-", "--wait", stdin=SCHEMA.encode())


@scenario
def failed_job(walker: Walker) -> None:
    walker.service.final = "failed"
    walker.play("parse", "a.pdf", "--wait")
    walker.play("parse", "a.pdf", "--wait", "--fresh", "--json")
    walker.service.has("job_9", "failed")
    walker.service.at("/v1/x", Reply.of(200, {"job_id": "job_9", "status": "queued"}))
    walker.play("api", "GET", "/v1/jobs/job_9", "--wait")


@scenario
def no_credits(walker: Walker) -> None:
    walker.play("parse", "a.pdf", "--wait")
    walker.service.always(SUBMIT, Reply.of(402, {"detail": "none left"}))
    walker.play("parse", "a.pdf", "--wait", "--fresh")
    walker.play("parse", "a.pdf", "b.pdf", "--wait", "--fresh")
    walker.play("parse", "-", "--wait", stdin=b"%PDF-1.4 more %%EOF\n")


@scenario
def several_questions(walker: Walker) -> None:
    behave, count = walker.service.handle, [0]

    def handle(call: Call) -> Reply:
        count[0] += call.kind == SUBMIT
        return Reply.of(402, {"detail": "none left"}) if count[0] == 2 else behave(call)

    walker.service.handle = handle  # type: ignore[method-assign]
    ran = walker.play("chat", "-", "a.pdf", stdin=b"one?\ntwo?\n")
    assert "hint: add credits, then pipe in only the questions that were not answered;" in ran.err
    count[0] = 9
    walker.service.handle = behave  # type: ignore[method-assign]


@scenario
def conversation(walker: Walker) -> None:
    walker.service.payload = lambda operation, body: b'{"session_id": "s", "answer": "42"}'
    walker.play("chat", "what?", "a.pdf", terminal=True)


@scenario
def outcome_unknown(walker: Walker) -> None:
    for argv in (("parse", "a.pdf", "--wait"), ("chat", "what?", "a.pdf"), ("parse", "b.pdf", "--fresh")):
        walker.service.then(SUBMIT, RESET_AFTER)
        walker.play(*argv)
    walker.play("jobs", "wait", "@1")


@scenario
def server_in_trouble(walker: Walker) -> None:
    for reply in (
        REFUSED,
        Reply.of(503, {}),
        Reply.of(429, {}, Retry_After="99999"),
        Reply(302, b"", {"Location": "https://portal.example"}),
    ):
        walker.service.always(SUBMIT, reply)
        walker.play("parse", "a.pdf", "--wait", "--fresh")
        walker.play("parse", "a.pdf", "b.pdf", "--wait")


@scenario
def document_that_changes(walker: Walker) -> None:
    behave = walker.service.handle

    def handle(call: Call) -> Reply:
        if call.kind == UPLOAD and not walker.service.files:
            walker.stage.document("a.pdf", "changed")
        return behave(call)

    walker.service.handle = handle  # type: ignore[method-assign]
    walker.play("parse", "a.pdf", "--wait")


@scenario
def files_in_the_way(walker: Walker) -> None:
    (walker.stage.folder / "out").mkdir()
    (walker.stage.folder / "out" / "a.json").write_text("my notes")
    walker.play("parse", "a.pdf", "--wait", "-o", "out")
    walker.play("parse", "b.pdf", "--wait", "-o", "/dev/full")


@scenario
def result_that_cannot_be_converted(walker: Walker) -> None:
    walker.play("parse", "a.pdf", "--wait")
    walker.service.payload = lambda operation, body: b'{"tables": [{"name": "pages", "rows": [{"a": 1}]}]}'
    walker.play("tables", "a.pdf", "--wait", "--format", "csv", "--table", "none")
    walker.service.payload = lambda operation, body: b"[1]"
    walker.play("extract", "a.pdf", "--schema", SCHEMA, "--wait", "--format", "csv")


@scenario
def runs(walker: Walker) -> None:
    walker.service.final = "failed"
    names = [word for number in range(12) for word in ("--file-id", f"f{number}")]
    for number in (12, 2):
        walker.play("parse", *names[: 2 * number], "--wait", "--name", "march")
        walker.play("runs", "show", terminal=True)
    walker.play("runs", "list", terminal=True)


@scenario
def base_url_with_a_path(walker: Walker) -> None:
    walker.service.at("/v1/api/v1/parse", Reply.of(404, {"detail": "Not Found"}))
    env = {"DOCSPEED_BASE_URL": "https://api.docspeed.ai/v1"}
    walker.play("parse", "--file-id", "f", env=env)


@scenario
def workbooks(walker: Walker) -> None:
    argv = ("extract", "a.pdf", "--schema", SCHEMA, "--wait", "--format", "xlsx")
    walker.service.payload = lambda operation, body: b'{"fields": {"total": "1"}}'
    walker.play(*argv, terminal=True)
    walker.play(*argv, "-o", "in")
    walker.play(*argv, "-o", "rows", "--table", "fields")
    walker.play(*argv[:-2], "-o", "rows.xlsx")
    off = {"DOCSPEED_KEEP_RESULTS": "false"}
    walker.play("extract", "a.pdf", "b.pdf", "--schema", SCHEMA, "--wait", "--fresh", env=off)
    walker.play("runs", "show", "-o", "rows.xlsx")
    walker.play("runs", "show", "--format", "xlsx", "-o", "rows.xlsx")


@scenario
def pages_of_results(walker: Walker) -> None:
    walker.stage.submit(1)
    walker.play("view", "job_1")
    walker.play("view", "no-such-job")
    (walker.stage.folder / "x.json").write_text('{"fields": {"total": {"value": 1}}}')
    walker.play("view", "x.json", "-o", "/dev/full")
    walker.play("crop", "x.json", "--field", "total", terminal=True)
    walker.play("crop", "x.json", "--field", "totl", "-o", "x.png")
    walker.play("review", "x.json", "--port", "99999", "--no-open")


@scenario
def required_value_that_is_missing(walker: Walker) -> None:
    argv = ("extract", "a.pdf", "b.pdf", "--schema", SCHEMA, "--wait", "--require", "total")
    walker.service.payload = lambda operation, body: b'{"fields": {"total": null}}'
    walker.play(*argv)
    walker.play(*argv, "--fresh")


@scenario
def sandbox_without_its_folder(walker: Walker) -> None:
    folder = walker.stage.folder / "state"
    folder.mkdir()
    (folder / "sandbox").write_text("a file")
    walker.play("parse", "a.pdf", "--sandbox")
    (folder / "sandbox").unlink()


@scenario
def ctrl_c_while_waiting(walker: Walker) -> None:
    walker.service.polls = 10**9
    walker.clock.interrupts = True
    for argv in (
        ("parse", "a.pdf", "--wait"),
        ("parse", "a.pdf", "--wait", "--fresh"),
        ("parse", "b.pdf", "--wait", "-o", "b.json"),
        ("parse", "b.pdf", "c.pdf", "--wait", "--fresh"),
        ("chat", "what?", "a.pdf"),
        ("jobs", "wait", "@last"),
    ):
        assert walker.play(*argv).code == 130
    assert walker.play("jobs", "wait", "-", stdin=b"job_1\njob_2\n").code == 130
    assert walker.play("jobs", "watch", terminal=True).code == 0


@scenario
def long_run_and_jobs_that_fail(walker: Walker) -> None:
    walker.service.final = "failed"
    walker.stage.submit(1)
    walker.play("jobs", "watch", terminal=True)
    listed = "\n".join(f"f{number}" for number in range(25))
    walker.play("parse", "--from", "-", "--wait", stdin=listed.encode(), terminal=True)


@scenario
def results_that_are_checked_and_compared(walker: Walker) -> None:
    Path("r.toml").write_text('[[rule]]\nname = "x"\ncheck = "total > 1"\n')
    Path("odd.json").write_text('{"fields": {"total": "number"}}')
    Path("e.json").write_text('{"fields": {"total": {"value": 1}}}')
    assert walker.play("check").code == 2
    assert walker.play("check", "--draft", "odd.json").code == 2
    assert walker.play("check", "nowhere", "--rules", "r.toml").code == 6
    assert walker.play("parse", "a.pdf").code == 0
    assert walker.play("check", "@1", "--rules", "r.toml").code == 10
    assert walker.play("check", "@1", "--rules", "r.toml", terminal=True).code == 10
    assert walker.play("diff", "e.json", "e.json", "--update").code == 2
    Path("today").mkdir()
    Path("today", "e.json").write_text(Path("e.json").read_text())
    assert walker.play("diff", "goldens", "today").code == 2


@scenario
def server_of_a_url_that_fails(walker: Walker) -> None:
    url = "https://files.example/in/march.pdf"
    walker.service.at("/in/march.pdf", Reply(200, b"%PDF-1.4 a %%EOF\n"), *[Reply(503, b"")] * MAX_TRIES)
    assert [walker.play("parse", url, "--wait").code for _ in range(2)] == [0, 9]
    walker.service.at("/in/april.pdf", *[Reply(503, b"")] * MAX_TRIES)
    walker.service.at("/in/may.pdf", *[Reply(503, b"")] * MAX_TRIES)
    played = walker.play("parse", *(f"https://files.example/in/{month}.pdf" for month in ("april", "may")))
    assert played.code == 9 and "hint: run the same command again, or" in played.err


@scenario
def ctrl_c_while_sending(walker: Walker) -> None:
    behave, armed = walker.service.handle, [True]

    def handle(call: Call) -> Reply:
        if call.kind == SUBMIT and armed[0]:
            raise Interrupted(2)
        return behave(call)

    walker.service.handle = handle  # type: ignore[method-assign]
    assert walker.play("parse", "a.pdf", "--wait", "--fresh").code == 130
    assert walker.play("parse", "-", "--wait", stdin=b"%PDF-1.4 piped %%EOF\n").code == 130
    assert walker.play("parse", "a.pdf", "--wait", "-o", "-").code == 130
    armed[0] = False


def test_hint_that_is_printed_never_pays_again_and_is_no_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, wrong = [], []
    for number, play in enumerate(SCENARIOS):
        walker = Walker.at(tmp_path / str(number))
        monkeypatch.chdir(walker.stage.folder)
        for name in ("a.pdf", "b.pdf", "c.pdf", "invoice.pdf", "in/a.pdf"):
            walker.stage.document(name)
        Path("in/b.pdf").touch()
        play(walker)
        for played in walker.played:
            said += [line.replace("`", "") for line in played.lines]
        wrong += [f"{play.__name__}: {problem}" for problem in walker.follow()]
    assert not wrong, "\n".join(wrong)
    text = "\n".join(said)
    never = {
        f"{where}: {template!r}"
        for template, where in templates().items()
        if template not in NOT_WALKED and not pattern_of(template).search(text)
    }
    assert not never, "no scenario prints these:\n" + "\n".join(sorted(never))
