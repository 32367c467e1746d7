"""Documents named by URL: downloaded first, without the key, once, and never with their secrets shown."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from docspeed_cli.service.retry import MAX_TRIES
from tests.fake_service import KEY, Reply, Service
from tests.stage import Stage, by_input, lines

PDF = b"%PDF-1.4\nfrom the web\n%%EOF\n"
URL = "https://files.example/in/march.pdf"


def fetched(service: Service) -> list[str]:
    """Return the paths that were downloaded, in order."""
    return [call.path for call in service.calls if call.host == "files.example"]


def test_url_is_downloaded_without_key_and_submitted_like_a_file(stage: Stage, service: Service) -> None:
    service.at("/in/march.pdf", Reply(200, PDF))
    ran = stage.run("parse", URL, "--wait", "-o", f"{stage.folder}/out/")
    assert ran.code == 0, ran.err
    assert list(service.files.values()) == [PDF]
    assert json.loads(ran.out)["input"] == URL
    assert Path(stage.folder, "out", "march.json").exists()
    (download,) = [call for call in service.calls if call.host == "files.example"]
    assert "authorization" not in download.headers and KEY not in str(download.headers)
    assert "idempotency-key" not in download.headers


def test_url_again_asks_conditionally_and_reuses_the_upload_and_the_job(
    stage: Stage, service: Service
) -> None:
    validators = {"ETag": '"v1"', "Last-Modified": "Mon, 02 Mar 2026 10:00:00 GMT"}
    service.at("/in/march.pdf", Reply(200, PDF, validators), Reply(304, b""))
    assert stage.run("parse", URL, "--wait").code == 0
    ran = stage.run("parse", URL, "--wait")
    assert ran.code == 0, ran.err
    assert "reusing parse job job_1" in ran.err
    assert len(service.files) == 1 and len(service.accepted) == 1
    last = [call for call in service.calls if call.host == "files.example"][-1]
    assert last.headers["if-none-match"] == '"v1"'
    assert last.headers["if-modified-since"] == validators["Last-Modified"]


def test_url_with_new_content_is_another_request(stage: Stage, service: Service) -> None:
    service.at("/in/march.pdf", Reply(200, PDF, {"ETag": "1"}), Reply(200, PDF + b"\n", {"ETag": "2"}))
    assert stage.run("parse", URL).code == stage.run("parse", URL).code == 0
    assert len(service.accepted) == 2


def test_url_whose_kept_download_is_damaged_is_downloaded_unconditionally(
    stage: Stage, service: Service
) -> None:
    service.at("/in/march.pdf", *[Reply(200, PDF, {"ETag": "1"})] * 2)
    assert stage.run("parse", URL).code == 0
    for path in Path(stage.folder, "state", "downloads").iterdir():
        if path.suffix != ".json":
            path.write_bytes(b"%PDF-1.4\nanother")
    assert stage.run("parse", URL).code == 0
    assert "if-none-match" not in service.calls[-1].headers and list(service.files.values()) == [PDF]


def test_url_named_often_in_a_run_is_downloaded_once(stage: Stage, service: Service) -> None:
    service.at("/in/march.pdf", Reply(200, PDF))
    listed = f"{URL}\n{URL}\n{URL}\n"
    ran = stage.run("parse", "--from", "-", "--wait", stdin=listed.encode())
    assert ran.code == 0, ran.err
    assert len(lines(ran.out)) == 3 and fetched(service) == ["/in/march.pdf"]
    assert len(service.accepted) == 1


def test_url_secrets_are_never_shown_or_stored(stage: Stage, service: Service) -> None:
    url = "https://ann:hunter22@files.example/in/march.pdf?token=s3cr3t#p=1"
    service.at("/in/march.pdf", Reply(200, PDF), Reply(404, b"gone"))
    ran = stage.run("parse", url, "--verbose", "--wait")
    assert ran.code == 0, ran.err
    assert service.calls[0].headers["authorization"] == "Basic YW5uOmh1bnRlcjIy"
    assert service.calls[0].query == "token=s3cr3t"
    missing = stage.run("parse", url)
    assert missing.code == 2
    assert missing.err == f"downloading {URL}\nerror: {URL}: the server answered 404 Not Found\n"
    usage = stage.run("parse", url, "--nonsense", url)
    stored = b"".join(path.read_bytes() for path in Path(stage.folder).rglob("*") if path.is_file())
    for text in (ran.out + ran.err + usage.out + usage.err + missing.out, stored.decode("latin-1")):
        assert "hunter22" not in text and "s3cr3t" not in text and "ann:" not in text


def test_interrupted_command_with_a_url_secret_is_not_printed_as_a_hint(
    stage: Stage, service: Service
) -> None:
    service.at("/in/march.pdf", Reply(200, PDF))
    service.polls = 10**6
    ran = stage.run("parse", f"{URL}?sig=abc123", "--wait", "--timeout", "5")
    assert ran.code == 8 and "abc123" not in ran.err


@pytest.mark.parametrize("command", ["parse", "upload"])
@pytest.mark.parametrize(
    ("env", "kept"),
    [({}, "; complete downloads are kept"), ({"DOCSPEED_KEEP_RESULTS": "false"}, "")],
)
def test_interrupted_download_says_that_nothing_was_sent_and_how_to_go_on(
    stage: Stage,
    interrupted_service: Service,
    command: str,
    env: dict[str, str],
    kept: str,
) -> None:
    ran = stage.run(command, URL, env=env)
    assert (ran.code, ran.out) == (130, "")
    said = f"stopped while downloading; nothing was sent to the service{kept}"
    assert ran.err.splitlines()[1:] == [said, f"hint: docspeed {command} {URL}"]
    secret = stage.run(command, f"{URL}?sig=abc123", "--json", env=env)
    (error,) = [json.loads(line)["error"] for line in lines(secret.err)]
    assert error["message"] == said and error["hint"] == "run the same command again"


@pytest.mark.parametrize("failure", [Reply(fault="refused"), Reply(503, b"")])
def test_url_whose_server_fails_names_the_next_step(stage: Stage, service: Service, failure: Reply) -> None:
    service.at("/in/march.pdf", *[failure] * MAX_TRIES, Reply(200, PDF), *[failure] * MAX_TRIES)
    ran = stage.run("parse", f"{URL}?sig=abc123", "--wait")
    assert (ran.code, ran.err.splitlines()[-1]) == (9, "hint: run the same command again")
    assert stage.run("parse", f"{URL}?sig=abc123", "--wait").code == 0
    ran = stage.run("parse", f"{URL}?sig=abc123", "--wait")
    assert ran.code == 9, ran.err
    hint = ran.err.splitlines()[-1]
    assert hint == f"hint: it was downloaded before; its jobs: `docspeed jobs list --input {URL}`"
    listed = stage.run("jobs", "list", "--input", URL)
    assert json.loads(listed.out)["job_id"] == "job_1"


@pytest.mark.parametrize(
    ("reply", "code", "message"),
    [
        (Reply(404, b"no"), 2, "the server answered 404 Not Found"),
        (
            Reply(403, b"no"),
            2,
            "the server answered 403 Forbidden; does the URL need a login, or has it expired?",
        ),
        (Reply(200, b"<!DOCTYPE html><p>Sign in"), 2, "the server sent a web page, not a document"),
        (Reply(200, b""), 2, "it is empty"),
        (Reply(200, b"%PDF" + b"x" * 3000), 2, "it is larger than 2 kB, the limit for downloads"),
        (
            Reply(302, b"", {"Location": "file:///etc/passwd"}),
            2,
            "the server redirects to a file URL, which is not",
        ),
        (
            Reply(302, b"", {"Location": "http://files.example/a"}),
            2,
            "redirects to http://files.example/a, which is not",
        ),
        (Reply(302, b"", {"Location": URL}), 2, "the server redirects more than 10 times"),
        (Reply(200, PDF, {"Content-Length": "99999"}), 2, "it is larger than"),
        (Reply(200, PDF, {"Content-Length": "1999"}), 9, "bytes arrived"),
        (Reply(503, b""), 9, "the server answered 503"),
        (Reply(fault="refused"), 9, "can't reach files.example"),
    ],
)
def test_url_that_brings_no_document_is_an_error_before_anything_is_sent(
    stage: Stage, service: Service, reply: Reply, code: int, message: str
) -> None:
    service.at("/in/march.pdf", *[reply] * 20)
    ran = stage.run("parse", URL, env={"DOCSPEED_DOWNLOAD_LIMIT": "2kB"})
    assert ran.code == code, ran.err
    assert URL in ran.err and message in ran.err and "doctor" not in ran.err
    assert not service.files and not service.accepted


def test_url_that_fails_for_a_moment_is_tried_again(stage: Stage, service: Service) -> None:
    service.at(
        "/in/march.pdf", Reply(503, b""), Reply(200, b"%PDF", {"Content-Length": "99"}), Reply(200, PDF)
    )
    ran = stage.run("parse", URL)
    assert ran.code == 0 and ran.err.count(f"{URL}: ") == ran.err.count("; trying again in ") == 2
    assert list(service.files.values()) == [PDF]


@pytest.mark.parametrize("label", ["gzip", "deflate", "br", "none", "utf-8"])
@pytest.mark.parametrize("content", [PDF, gzip.compress(PDF)], ids=["plain", "packed"])
def test_url_with_a_wrong_content_encoding_brings_the_document(
    stage: Stage, service: Service, label: str, content: bytes
) -> None:
    service.at("/in/march.pdf", Reply(200, content, {"Content-Encoding": label}))
    ran = stage.run("parse", URL)
    assert ran.code == 0, ran.err
    assert list(service.files.values()) == [PDF]


def test_redirect_with_a_blank_is_followed(stage: Stage, service: Service) -> None:
    service.at("/in/march.pdf", Reply(302, b"", {"Location": "/in/april (1).pdf"}))
    service.at("/in/april%20(1).pdf", Reply(200, PDF))
    ran = stage.run("parse", URL)
    assert ran.code == 0, ran.err


def test_redirect_is_followed_without_the_login_of_another_server(stage: Stage, service: Service) -> None:
    there = "https://store.example/x?sig=1"
    service.at("/in/march.pdf", Reply(302, b"", {"Location": "/in/other"}))
    service.at("/in/other", Reply(307, b"", {"Location": there}))
    service.at("/x", Reply(200, PDF, {"Content-Disposition": 'attachment; filename="..\\\\../r\'1.pdf"'}))
    ran = stage.run("parse", URL.replace("//", "//ann:pw123456@"))
    assert ran.code == 0, ran.err
    assert [("authorization" in call.headers) for call in service.calls[:3]] == [True, True, False]


def test_redirect_to_http_is_refused_however_the_schemes_are_written(stage: Stage, service: Service) -> None:
    service.at("/in/march.pdf", Reply(302, b"", {"Location": "HTTP://files.example/in/march.pdf"}))
    ran = stage.run("parse", URL.replace("https", "HTTPS"))
    assert ran.code == 2 and "which is not encrypted" in ran.err


def test_skip_invalid_makes_a_failed_download_a_line_and_a_listed_failure(
    stage: Stage, service: Service
) -> None:
    service.at("/in/march.pdf", Reply(200, PDF))
    service.at("/gone.pdf", Reply(404, b""))
    gone, down = "https://files.example/gone.pdf", "https://files.example/down.pdf"
    downs = [f"{down}?{n}" for n in range(3)]
    service.at("/down.pdf", *[Reply(500, b"")] * 3 * MAX_TRIES)
    urls = Path(stage.folder, "urls.txt")
    urls.write_text("\n".join([*downs, f"{gone}?b=2", f"{URL}?a=1"]))
    stopped = stage.run("parse", "--from", str(urls), "--wait")
    assert stopped.code == 2 and f"  {gone}: the server answered 404 Not Found" in stopped.err
    assert not service.accepted

    service.at("/in/march.pdf", Reply(200, PDF))
    service.at("/gone.pdf", Reply(404, b""))
    service.at("/down.pdf", *[Reply(500, b"")] * 3 * MAX_TRIES)
    failures = Path(stage.folder, "failed.txt")
    ran = stage.run("parse", "--from", str(urls), "--wait", "--skip-invalid", "--failures", str(failures))
    assert "  3 × the server answered 500 Internal Server Error\n" in ran.err
    found = by_input(ran)
    assert found[URL]["status"] == "completed"
    assert found[gone]["error"]["code"] == "invalid_input"
    assert found[down]["error"]["code"] == "download_failed" and found[down]["error"]["status"] == 500
    assert failures.read_text().splitlines() == [*downs, f"{gone}?b=2"]
    assert failures.stat().st_mode & 0o077 == 0


def test_dry_run_downloads_nothing_and_says_so(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", f"{URL}?t=secret1", "--dry-run")
    assert ran.code == 0 and json.loads(ran.out)["downloads"] == [URL]
    assert "a dry run downloads nothing" in ran.err and "secret1" not in ran.out + ran.err
    ran = stage.run("parse", URL, stage.document("a.pdf"), "--dry-run")
    assert json.loads(lines(ran.out)[0])["action"] == "download, upload and submit"
    assert not service.calls


def test_schema_chat_upload_and_view_take_urls(stage: Stage, service: Service) -> None:
    service.at("/in/march.pdf", *[Reply(200, PDF)] * 4)
    assert stage.run("schema", URL, stage.document("a.pdf"), "--wait").code == 0
    assert stage.run("chat", URL, "what is it?").code == 2
    ran = stage.run("chat", "what is it?", URL)
    assert ran.code == 0, ran.err
    ran = stage.run("upload", URL)
    assert json.loads(ran.out)["input"] == URL and json.loads(ran.out)["filename"] == "march.pdf"
    assert len(service.files) == 2


def test_exclude_and_shard_apply_to_urls(stage: Stage, service: Service) -> None:
    service.at("/b.pdf", Reply(200, PDF))
    ran = stage.run("parse", URL, "https://files.example/b.pdf", "--exclude", "march*")
    assert ran.code == 0 and fetched(service) == ["/b.pdf"]


def test_downloads_with_keep_results_false_are_not_kept(stage: Stage, service: Service) -> None:
    service.at("/in/march.pdf", Reply(200, PDF))
    assert stage.run("parse", URL, env={"DOCSPEED_KEEP_RESULTS": "false"}).code == 0
    assert not Path(stage.folder, "state", "downloads").exists()


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="march 1.pdf"', "march 1.pdf"),
        ('attachment; filename="..\\\\..\\\\a/../bad:name.pdf"', "bad_name.pdf"),
        ("inline; filename=x.tif; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf", "résumé.pdf"),
        ("attachment; filename*=nonsense''%FF; filename=plain.pdf", "plain.pdf"),
        ('attachment; filename="report"', "report.pdf"),
        ("", "get.pdf"),
    ],
)
def test_document_without_a_suffix_in_its_url_has_the_servers_name(
    stage: Stage, service: Service, disposition: str, name: str
) -> None:
    service.at("/get", Reply(200, PDF, {"Content-Disposition": disposition}))
    assert json.loads(stage.run("upload", "https://files.example/get?id=1").out)["filename"] == name


def test_url_with_blanks_or_another_scheme_says_what_to_write(stage: Stage) -> None:
    assert (
        "a URL can't contain blanks; write each as %20" in stage.run("parse", "https://x.example/a b.pdf").err
    )
    assert "only http and https URLs are downloaded" in stage.run("parse", "s3://bucket/a.pdf").err


def test_conversation_takes_a_url_as_another_document(stage: Stage, service: Service) -> None:
    service.at("/in/march.pdf", Reply(200, PDF))
    typed = f"/add {URL}?key=hidden1\n/documents\nwhat?\n/add https://files.example/none\n/quit\n"
    ran = stage.run("chat", stage.document("a.pdf"), terminal=True, typing=True, stdin=typed.encode())
    assert ran.code == 0, ran.err
    assert f"2. {URL}" in ran.out and "hidden1" not in ran.out + ran.err
    assert len(service.bodies()[-1]["inputs"]) == 2 and PDF in service.files.values()
    assert "https://files.example/none: the server answered 401" in ran.err


def test_url_without_a_folder_for_downloads_is_downloaded_for_this_command(
    new_stage: Stage, service: Service
) -> None:
    service.at("/in/march.pdf", Reply(200, PDF))
    state = new_stage.folder / "state"
    state.mkdir()
    (state / "downloads").touch()
    ran = new_stage.run("parse", URL, "--wait")
    assert ran.code == 0, ran.err
    assert list(service.files.values()) == [PDF]


def test_url_beside_a_wrong_flag_is_not_downloaded(stage: Stage, service: Service) -> None:
    ran = stage.run("parse", URL, "--timeout", "5")
    assert ran.code == 2 and "--timeout needs `--wait`" in ran.err
    ran = stage.run("extract", URL, "--schema", "{}", "--set", "nonsense")
    assert ran.code == 2 and "it has neither fields nor tables" in ran.err and "--set" in ran.err
    assert fetched(service) == []


@pytest.mark.parametrize(
    "flags",
    [
        ("--set", "callback=https://user:s3cret@h/done"),
        ("--set", 'hooks=["https://h?t=s3cret"]'),
        ("--set", "callback.token=s3cret"),
        ("--set", 'input={"password": "s3cret"}'),
        ("--notify", "curl -H 'Authorization: Bearer s3cret' h", "--wait"),
    ],
    ids=" ".join,
)
def test_secret_in_a_flags_value_is_in_no_hint(
    stage: Stage, interrupted_service: Service, flags: tuple[str, ...]
) -> None:
    ran = stage.run("parse", "--file-id", "f", *flags)
    assert (ran.code, ran.err.splitlines()[-1]) == (130, "hint: run the same command again")
    assert "s3cret" not in ran.err


def test_document_that_is_called_like_a_secret_is_in_the_hint(
    stage: Stage, interrupted_service: Service
) -> None:
    ran = stage.run("parse", stage.document("prior-authorization.pdf"), "--set", "a=1")
    assert ran.err.splitlines()[-1].endswith("prior-authorization.pdf --set a=1")


@pytest.mark.parametrize(
    "argv",
    [
        ("--set", "=https://u:secret1@h/"),
        ("--set", "a=1", "--set", "a.b=https://u:secret1@h/"),
        ("--from=https://u:secret1@h/list",),
    ],
    ids=" ".join,
)
def test_url_with_a_secret_in_a_flags_value_is_in_no_error(stage: Stage, argv: tuple[str, ...]) -> None:
    ran = stage.run("parse", "a.pdf", *argv)
    assert (ran.code, "h/" in ran.err, "secret1" in ran.out + ran.err) == (2, True, False), ran.err
