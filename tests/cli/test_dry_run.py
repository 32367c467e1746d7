"""`--dry-run` prints the request, as JSON or as a curl command, and sends nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fake_service import KEY, Service
from tests.stage import Stage, lines


def test_dry_run_prints_the_request_and_sends_nothing(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    ran = stage.run("parse", path, "--dry-run", "--wait")
    assert ran.code == 0
    request = json.loads(ran.out)
    assert request["method"] == "POST"
    assert request["url"] == "https://api.docspeed.ai/api/v1/parse"
    assert request["body"]["execution_mode"] == "async"
    assert path in json.dumps(request["uploads"])
    assert service.calls == []
    assert stage.rows() == []


def test_dry_run_uploaded_document_has_its_file_id(stage: Stage, service: Service) -> None:
    path = stage.document("a.pdf")
    stage.run("parse", path)
    before = len(service.calls)
    request = json.loads(stage.run("parse", path, "--dry-run").out)
    assert request["body"]["input"] == {"file_id": "file_1"}
    assert "uploads" not in request
    assert len(service.calls) == before


@pytest.mark.parametrize("flags", [(), ("--format", "curl")])
def test_dry_run_needs_no_key(stage: Stage, service: Service, flags: tuple[str, ...]) -> None:
    path = stage.document("a.pdf")
    for argv in (("--file-id", "f"), (path,)):
        ran = stage.run("parse", *argv, "--dry-run", *flags, env={"DOCSPEED_API_KEY": ""})
        assert ran.code == 0, ran.err
    assert service.calls == []


def test_dry_run_of_many_prints_a_line_each(stage: Stage, service: Service) -> None:
    paths = [stage.document(f"{n}.pdf") for n in range(3)]
    ran = stage.run("parse", *paths, "--dry-run")
    assert ran.code == 0
    assert len([json.loads(line) for line in lines(ran.out)]) == 3
    assert service.calls == []


def test_dry_run_invalid_input_is_a_usage_error(stage: Stage) -> None:
    assert stage.run("parse", "missing.pdf", "--dry-run").code == 2


def test_dry_run_names_a_job_that_would_be_reused(stage: Stage, service: Service) -> None:
    stage.run("parse", "--file-id", "f")
    ran = stage.run("parse", "--file-id", "f", "--dry-run")
    assert "without --dry-run, job job_1 would be reused" in ran.err
    assert "not sent" not in stage.run("parse", "--file-id", "f", "--dry-run", "--fresh").err


def test_dry_run_in_sandbox_shows_a_url(stage: Stage) -> None:
    ran = stage.run("parse", stage.document("a.pdf"), "--dry-run", "--sandbox")
    assert json.loads(ran.out)["url"] == "http://sandbox.localhost/api/v1/parse"


def test_dry_run_curl_has_the_variable_in_place_of_the_key(stage: Stage, service: Service) -> None:
    path = stage.document("it's a.pdf")
    ran = stage.run("parse", path, "--set", "note=it's $HOME `id`", "--dry-run", "--format", "curl")
    assert ran.code == 0
    assert "$DOCSPEED_API_KEY" in ran.out
    assert KEY not in ran.out
    assert "https://api.docspeed.ai/api/v1/parse" in ran.out
    assert service.calls == []


def test_dry_run_curl_of_stdin_names_an_existing_file(stage: Stage) -> None:
    ran = stage.run("parse", "-", "--dry-run", "--format", "curl", stdin=b"%PDF-1.4\nx")
    if ran.code == 0:
        named = ran.out.split('files=@"')[1].split('"')[0]
        assert named == "-" or Path(named).exists(), "the command can't work"
    else:
        assert ran.code == 2


def test_dry_run_curl_without_the_variable_warns(stage: Stage) -> None:
    argv = ("parse", "--file-id", "f", "--dry-run", "--format", "curl")
    assert "$DOCSPEED_API_KEY, which is not set" not in stage.run(*argv).err
    stage.run("auth", "login", stdin=KEY.encode())
    assert "$DOCSPEED_API_KEY, which is not set" in stage.run(*argv, env={"DOCSPEED_API_KEY": ""}).err
