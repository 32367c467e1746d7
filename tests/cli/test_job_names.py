"""Every command means the same job by `@last`, a row or an id, whichever server the job is on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.fake_service import SUBMIT, Reply, Service
from tests.stage import Stage

NAMED, OTHER = "https://named.example", "https://other.example"
EXTRACT = ("extract", "--schema", '{"fields": [{"key": "x"}]}', "--wait")
HOW = pytest.mark.parametrize("how", ["flag", "variable", "config"])


def payload(_: str, body: Mapping[str, Any]) -> bytes:
    return json.dumps({"fields": {body["input"]["file_id"]: {"value": 1}}}).encode()


@pytest.fixture
def servers(stage: Stage, service: Service) -> Stage:
    """A user with a result from each of two servers; the other one's is the newest."""
    service.payload = payload
    for server, file_id in ((NAMED, "mine"), (OTHER, "theirs")):
        ran = stage.run(*EXTRACT, "--file-id", file_id, "--base-url", server)
        assert ran.code == 0, ran.err
        stage.clock.time += 60
    return stage


def named(stage: Stage, how: str, server: str = NAMED) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the flags and variables that name a server; the config file is written."""
    if how == "config":
        stage.configure(f'base_url = "{server}"')
    return (
        ("--base-url", server) if how == "flag" else (),
        {"DOCSPEED_BASE_URL": server} if how == "variable" else {},
    )


def meant(
    stage: Stage, name: str, flags: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> set[str]:
    """Return the stored files of the jobs that the commands mean by this name."""
    done = {
        command: stage.run(*command.split(), name, *flags, env=env)
        for command in ("jobs status", "jobs result", "view", "crop --field nope")
    }
    texts = [ran.out + ran.err for ran in done.values()] + [Path(done["view"].out.strip()).read_text()]
    return {word for text in texts for word in re.findall("mine|theirs", text)}


def test_job_last_is_of_the_server_that_a_flag_names(servers: Stage) -> None:
    flags, _ = named(servers, "flag")
    assert meant(servers, "@last", flags) == {"mine"}
    listed = servers.run("jobs", "list", *flags)
    assert [json.loads(line)["file_id"] for line in listed.out.splitlines()] == ["mine"]


@HOW
def test_job_id_on_two_servers_is_of_the_named_one(stage: Stage, service: Service, how: str) -> None:
    for server, file_id in ((NAMED, "mine"), (OTHER, "theirs")):
        service.then(SUBMIT, Reply.of(200, {"job_id": "job_same", "status": "done"}))
        service.has("job_same", "done", result=payload("", {"input": {"file_id": file_id}}))
        assert stage.run(*EXTRACT, "--file-id", file_id, "--base-url", server).code == 0
        stage.clock.time += 60
    assert meant(stage, "job_same", *named(stage, how)) == {"mine"}


@pytest.mark.parametrize("how", ["", "variable", "config"])
def test_job_last_without_a_flag_is_the_newest_of_all(servers: Stage, how: str) -> None:
    _, env = named(servers, how)
    for command in ("jobs list --limit 1", "crop @last --field x", "view @last"):
        ran = servers.run(*command.split(), env=env)
        read = Path(ran.out.strip()).read_text() if command.startswith("view") else ran.out + ran.err
        assert set(re.findall("mine|theirs", read)) == {"theirs"}, command
    refused = servers.run("jobs", "status", "@last", env=env)
    assert (refused.code, f"`--base-url {OTHER}`" in refused.err) == (2, True)


@pytest.mark.parametrize("how", ["", "variable", "config"])
def test_job_last_of_the_sandbox_needs_no_flag(servers: Stage, how: str) -> None:
    made = servers.run("schema", "--instructions", "number", "--sandbox", "--wait")
    assert made.code == 0, made.err
    _, env = named(servers, how)
    for command in ("jobs result @last", "jobs wait @last", "jobs status @last --json"):
        assert servers.run(*command.split(), env=env).code == 0, command


def test_job_last_of_a_server_without_jobs_exits_6_everywhere(servers: Stage) -> None:
    flags, _ = named(servers, "flag", "https://third.example")
    for command in ("jobs status", "jobs result", "jobs forget --yes", "view", "crop --field x"):
        ran = servers.run(*command.split(), "@last", *flags)
        assert (ran.code, ran.out) == (6, ""), command
    assert "no job of https://third.example" in servers.run("jobs", "status", "@last", *flags).err


@pytest.mark.parametrize("command", ["jobs status", "view", "crop --field x"])
def test_job_row_that_cannot_be_one_is_no_crash(servers: Stage, command: str) -> None:
    assert servers.run(*command.split(), f"@{10**22}").code in (2, 6)


def test_run_last_is_of_the_server_that_a_flag_names(stage: Stage) -> None:
    for server, name in ((NAMED, "mine"), (OTHER, "theirs")):
        ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--name", name, "--base-url", server)
        assert ran.code == 0, ran.err
        stage.clock.time += 60
    flags, _ = named(stage, "flag")
    for command in (("runs", "show"), ("runs", "list")):
        assert set(re.findall("mine|theirs", stage.run(*command, *flags).out)) == {"mine"}
