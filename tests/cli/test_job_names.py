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


@HOW
def test_job_last_is_of_the_server_however_it_is_named(servers: Stage, how: str) -> None:
    flags, env = named(servers, how)
    assert meant(servers, "@last", flags, env) == {"mine"}
    listed = servers.run("jobs", "list", *flags, env=env)
    assert [json.loads(line)["file_id"] for line in listed.out.splitlines()] == ["mine"]


@HOW
def test_job_id_on_two_servers_is_of_the_named_one(stage: Stage, service: Service, how: str) -> None:
    for server, file_id in ((NAMED, "mine"), (OTHER, "theirs")):
        service.then(SUBMIT, Reply.of(200, {"job_id": "job_same", "status": "done"}))
        service.has("job_same", "done", result=payload("", {"input": {"file_id": file_id}}))
        assert stage.run(*EXTRACT, "--file-id", file_id, "--base-url", server).code == 0
        stage.clock.time += 60
    assert meant(stage, "job_same", *named(stage, how)) == {"mine"}


def test_job_last_without_a_named_server_is_the_newest_of_all(servers: Stage) -> None:
    for ran in (servers.run("jobs", "list", "--limit", "1"), servers.run("crop", "@last", "--field", "x")):
        assert set(re.findall("mine|theirs", ran.out + ran.err)) == {"theirs"}
    refused = servers.run("jobs", "status", "@last")
    assert (refused.code, f"`--base-url {OTHER}`" in refused.err) == (2, True)


@HOW
def test_job_last_of_a_server_without_jobs_exits_6_everywhere(servers: Stage, how: str) -> None:
    flags, env = named(servers, how, "https://third.example")
    for command in ("jobs status", "jobs result", "jobs forget --yes", "view", "crop --field x"):
        ran = servers.run(*command.split(), "@last", *flags, env=env)
        assert (ran.code, ran.out) == (6, ""), command
    assert "no job of https://third.example" in servers.run("jobs", "status", "@last", *flags, env=env).err


@pytest.mark.parametrize("command", ["jobs status", "view", "crop --field x"])
def test_job_row_that_cannot_be_one_is_no_crash(servers: Stage, command: str) -> None:
    assert servers.run(*command.split(), f"@{10**22}").code in (2, 6)


@pytest.mark.parametrize("how", ["variable", "config"])
def test_jobs_list_says_that_it_leaves_out_other_servers(servers: Stage, how: str) -> None:
    flags, env = named(servers, how)
    ran = servers.run("jobs", "list", *flags, env=env, terminal=True)
    assert ("theirs" in ran.out, f"docspeed jobs list --base-url {OTHER}" in ran.err) == (False, True)


@HOW
def test_run_last_is_of_the_server_however_it_is_named(stage: Stage, how: str) -> None:
    for server, name in ((NAMED, "mine"), (OTHER, "theirs")):
        ran = stage.run("parse", "--file-id", "a", "--file-id", "b", "--name", name, "--base-url", server)
        assert ran.code == 0, ran.err
        stage.clock.time += 60
    flags, env = named(stage, how)
    for command in (("runs", "show"), ("runs", "list")):
        assert set(re.findall("mine|theirs", stage.run(*command, *flags, env=env).out)) == {"mine"}
