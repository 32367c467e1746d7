"""`docspeed sandbox serve`: the sandbox on a port, for curl and other clients."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.machine import Machine, Running

INVOICE = Path(__file__).parents[2] / "examples" / "invoice.pdf"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without a server."""
    return Machine(tmp_path)


@contextmanager
def serving(machine: Machine, *flags: str) -> Iterator[tuple[str, Running]]:
    """`sandbox serve` on a free port: its URL, and the process."""
    with machine.start("sandbox", "serve", "--port", "0", *flags) as running:
        yield json.loads(running.out_line())["url"], running


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_sandbox_serve_runs_until_a_signal(machine: Machine, number: signal.Signals, code: int) -> None:
    with serving(machine) as (url, running):
        assert url.startswith("http://127.0.0.1:")
        done = machine.bash(f"curl -sS -o /dev/null -w '%{{http_code}}' {url}/v1/jobs/nothing")
        assert done.out == b"404"
        running.send(number)
        ended = running.end()
    assert ended.code in (0, code)
    assert "Traceback" not in ended.err
    assert machine.bash(f"curl -sS {url}/v1/jobs/nothing").code == 7, "the port is closed"


def test_sandbox_serve_answers_curl(machine: Machine) -> None:
    script = f"""
        set -eo pipefail
        file_id=$(curl -sSf -F 'files=@"{INVOICE}"' "$URL/api/v1/upload" | jq -er '.files[0].file_id')
        body=$(jq -nc --arg id "$file_id" '{{input: {{file_id: $id}}, execution_mode: "async"}}')
        job=$(curl -sSf -H 'Content-Type: application/json' -d "$body" "$URL/api/v1/parse" | jq -er .job_id)
        for _ in $(seq 1 200); do
          status=$(curl -sSf "$URL/v1/jobs/$job" | jq -er .status)
          [ "$status" = completed ] && break
        done
        curl -sSf "$URL/v1/jobs/$job/result" | jq -e '.pages | length'
    """
    with serving(machine) as (url, _):
        done = machine.bash(f"URL={url}\n{script}")
    assert (done.code, done.out) == (0, b"2\n"), done.err


def test_sandbox_serve_answers_docspeed(machine: Machine) -> None:
    with serving(machine) as (url, _):
        done = machine.run("parse", str(INVOICE), "--wait", "--base-url", url)
        assert done.code == 0, done.err
        assert len(json.loads(done.out)["pages"]) == 2
        script = (
            f"docspeed parse {INVOICE} --dry-run --format curl --fresh --base-url {url} | sh | jq -er .job_id"
        )
        assert machine.bash(f"set -o pipefail; {script}").code == 0


def test_sandbox_serve_with_require_key_answers_401_without_one(machine: Machine) -> None:
    with serving(machine, "--require-key") as (url, _):
        script = f"curl -sS -o /dev/null -w '%{{http_code}} ' {url}/v1/jobs/nothing"
        done = machine.bash(f"{script}; {script} -H 'Authorization: Bearer x'")
    assert done.out.split() == [b"401", b"404"]


def test_sandbox_serve_with_fail_is_retried(machine: Machine) -> None:
    flags = ("--fail", "429=0.1", "--fail", "503=0.05", "--seed", "7")
    paths = []
    for n in range(3):
        path = machine.folder / f"{n}.pdf"
        path.write_bytes(INVOICE.read_bytes() + b"\n%" + str(n).encode())
        paths.append(str(path))
    with serving(machine, *flags) as (url, _):
        done = machine.run("parse", *paths, "--wait", "-o", "out", "--base-url", url)
    assert done.code == 0, done.err
    assert len(list((machine.folder / "out").iterdir())) == 3


def test_sandbox_serve_port_in_use_exits_1(machine: Machine) -> None:
    with serving(machine) as (url, _):
        port = url.rsplit(":", 1)[1]
        done = machine.run("sandbox", "serve", "--port", port)
    assert (done.code, done.out) == (1, b"")
    assert port in done.err and "Traceback" not in done.err


def test_sandbox_in_process_keeps_jobs_between_commands(machine: Machine) -> None:
    script = f"""
        set -eo pipefail
        docspeed parse {INVOICE} --sandbox | jq -r .job_id | docspeed jobs wait - | jq -er .status
        docspeed jobs result @last | jq -e '.pages | length'
    """
    done = machine.bash(script, env={"DOCSPEED_API_KEY": ""})
    assert (done.code, done.out) == (0, b"completed\n2\n"), done.err
