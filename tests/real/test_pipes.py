"""docspeed in shell pipelines: jq, curl and sh, closed and broken pipes, full disks, empty input."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from tests.fake_service import CUT, KEY, POLL, RESULT, SUBMIT, UPLOAD, Reply, Service
from tests.real.machine import Machine

BIG = json.dumps({"pages": [{"page_index": 0, "text": "x" * 1_000_000}]}).encode()


def test_pipe_submit_wait_and_jq_print_the_status(machine: Machine, service: Service) -> None:
    service.polls = 2
    done = machine.bash(
        "set -o pipefail; docspeed parse --file-id f | jq -r .job_id | docspeed jobs wait - | jq -r .status"
    )
    assert (done.code, done.out) == (0, b"completed\n"), done.err


def test_pipe_job_lines_are_accepted_by_jobs_wait(machine: Machine, service: Service) -> None:
    done = machine.bash("set -o pipefail; docspeed parse --file-id f --file-id g | docspeed jobs wait -")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 2


def test_pipe_failed_job_exits_5_with_pipefail(machine: Machine, service: Service) -> None:
    service.final = "failed"
    assert machine.bash("set -o pipefail; docspeed parse --file-id f --wait | cat").code == 5


def test_curl_command_submits_the_request(machine: Machine, service: Service) -> None:
    flags = '--file-id f --set note="it\'s \\$HOME" --profile grounded'
    done = machine.bash(f"set -o pipefail; docspeed parse {flags} --dry-run --format curl | sh")
    assert done.code == 0, done.err
    assert json.loads(done.out)["job_id"] == "job_1"
    (call,) = service.calls
    assert call.headers["authorization"] == f"Bearer {KEY}"
    assert service.bodies() == [
        {
            "input": {"file_id": "f"},
            "execution_mode": "async",
            "profile": "grounded",
            "note": "it's $HOME",
        }
    ]


@pytest.mark.parametrize("name", ["a.pdf", 'it\'s "a" paper; $HOME `id`.pdf', "naïve ₹,x=y.pdf"])
def test_curl_command_uploads_the_document(machine: Machine, service: Service, name: str) -> None:
    content = b"%PDF-1.4\n" + bytes(range(256)) + b"\n%%EOF\n"
    (machine.folder / name).write_bytes(content)
    script = f"set -o pipefail; docspeed parse {shlex.quote(name)} --dry-run --format curl | sh"
    done = machine.bash(script)
    assert done.code == 0, done.err
    assert json.loads(done.out)["job_id"] == "job_1"
    assert service.files == {"file_1": content}
    assert service.bodies()[0]["input"] == {"file_id": "file_1"}


def test_pipe_reader_gone_prints_no_error(machine: Machine, service: Service) -> None:
    service.payload = lambda operation, body: BIG
    done = machine.bash("docspeed parse --file-id f --wait --quiet | head -c 10; echo; echo ${PIPESTATUS[0]}")
    first, code = done.out.splitlines()
    assert first == BIG[:10]
    assert (done.err, int(code) in (0, 1, 141)) == ("", True)
    done = machine.bash("docspeed parse --help | head -c 10; docspeed jobs list --json | true")
    assert done.err == ""


@pytest.mark.parametrize("stdin", ["</dev/null", "<&-"])
def test_stdin_closed_or_null_is_not_needed(machine: Machine, service: Service, stdin: str) -> None:
    done = machine.bash(f"docspeed parse --file-id f --wait --quiet {stdin}")
    assert (done.code, done.err) == (0, "")
    done = machine.bash(f"docspeed jobs list --json {stdin}")
    assert (done.code, done.err) == (0, "")


def test_stdin_empty_is_a_usage_error(machine: Machine, service: Service) -> None:
    done = machine.bash("docspeed parse - </dev/null")
    assert (done.code, done.out) == (2, b"")
    assert "empty" in done.err
    done = machine.bash("docspeed jobs wait - </dev/null; docspeed parse --from - --wait </dev/null")
    assert done.out == b""
    assert "Traceback" not in done.err
    assert service.calls == []


@pytest.mark.parametrize("where", ["-o /dev/full", "> /dev/full"])
@pytest.mark.parametrize("size", ["small", "large"])
def test_disk_full_is_reported_in_one_line(machine: Machine, service: Service, where: str, size: str) -> None:
    if size == "large":
        service.payload = lambda operation, body: BIG
    done = machine.bash(f"docspeed parse --file-id f --wait --quiet {where}")
    assert done.code == 1
    errors = [line for line in done.err.splitlines() if not line.startswith("hint: ")]
    assert len(errors) == 1, done.err
    assert errors[0].startswith("error: ")
    assert "No space left" in errors[0]
    assert "unexpected" not in errors[0] and "report" not in done.err, "a full disk is not reported as a bug"
    assert machine.here("jobs", "result", "@last").out == service.results["job_1"] + b"\n"


def test_output_to_named_pipe_and_dev_stdout_is_written(machine: Machine, service: Service) -> None:
    done = machine.bash("docspeed parse --file-id f --wait -o /dev/stdout | cat")
    assert done.out == service.results["job_1"] + b"\n", done.err
    done = machine.bash("mkfifo p; cat p & docspeed parse --file-id f --wait -o p; wait")
    assert done.out == service.results["job_1"] + b"\n", done.err


def test_stdin_document_is_uploaded_without_temporary_file(machine: Machine, service: Service) -> None:
    content = b"%PDF-1.4\n" + os.urandom(3_000_000)
    done = machine.run("parse", "-", "--filename", "scan.pdf", "--wait", stdin=content)
    assert done.code == 0, done.err
    assert service.files == {"file_1": content}
    temporary = [path.name for path in machine.folder.rglob("docspeed-*")]
    assert temporary == []


def test_output_in_any_locale_is_utf8(machine: Machine, service: Service) -> None:
    name = "Übersicht ₹.pdf"
    (machine.folder / name).write_bytes(b"%PDF-1.4\nx")
    for locale in ("C", "POSIX", "C.UTF-8"):
        env = {"LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "", "PYTHONIOENCODING": ""}
        done = machine.run("parse", name, "--wait", "--verbose", env=env)
        assert done.code == 0, done.err
        assert done.out == service.results["job_1"] + b"\n"
        done = machine.run("parse", name, env=env)
        assert json.loads(done.out)["input"] == name
        assert machine.run("parse", "fehlt ₹.pdf", env=env).code == 2


# -- broken connections (the whole table is in test_faults.py)


def test_connection_refused_at_first_is_retried(tmp_path: Path, service: Service) -> None:
    with Service().listening() as base_url:
        port = int(base_url.rsplit(":", 1)[1])
    machine = Machine(tmp_path, base_url)
    with machine.start("parse", "--file-id", "f", "--wait") as running:
        running.line_with("trying again")
        with service.listening(port):
            done = running.end()
    assert done.code == 0, done.err
    assert (done.out, service.count(SUBMIT)) == (service.results["job_1"] + b"\n", 1)


@pytest.mark.parametrize("kind", [UPLOAD, POLL, RESULT])
@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "cut"])
def test_connection_broken_in_free_request_is_retried(
    machine: Machine, service: Service, kind: str, fault: str
) -> None:
    (machine.folder / "a.pdf").write_bytes(b"%PDF-1.4\nx")
    service.then(kind, Reply(fault=fault))
    done = machine.run("parse", "a.pdf", "--wait")
    assert done.code == 0, done.err
    assert done.out == service.results["job_1"] + b"\n"
    assert (service.count(kind), service.count(SUBMIT)) == (2, 1)


@pytest.mark.parametrize("fault", ["reset_before", "reset_after", "cut"])
def test_connection_broken_in_submission_is_an_unknown_outcome(
    machine: Machine, service: Service, fault: str
) -> None:
    service.then(SUBMIT, Reply(fault=fault))
    done = machine.run("parse", "--file-id", "f", "--wait")
    assert (done.code, done.out) == (9, b"")
    assert service.count(SUBMIT) == 1
    (row,) = [json.loads(line) for line in machine.here("jobs", "list", "--json").out.splitlines()]
    assert (row["state"], row["job_id"]) == ("unknown", None)
    again = machine.here("parse", "--file-id", "f", "--wait")
    assert again.code == 0 and "unknown outcome" in again.err


def test_result_large_and_cut_is_fetched_again(machine: Machine, service: Service) -> None:
    service.payload = lambda operation, body: BIG
    service.then(RESULT, CUT)
    done = machine.run("parse", "--file-id", "f", "--wait", "-o", "r.json")
    assert done.code == 0, done.err
    assert (machine.folder / "r.json").read_bytes() == BIG + b"\n"
    assert [path.name for path in machine.folder.iterdir() if path.name.endswith(".part")] == []


def test_pipe_reader_gone_in_mid_result_fetches_once(machine: Machine, service: Service) -> None:
    content = json.dumps({"pages": [{"page_index": 0, "text": "x" * 20_000_000}]}).encode()
    service.payload = lambda operation, body: content
    script = "docspeed parse --file-id f --wait --quiet | head -c 6000000 | wc -c; echo ${PIPESTATUS[0]}"
    done = machine.bash(script)
    counted, code = done.out.split()
    assert (int(counted), done.err) == (6_000_000, "")
    assert int(code) in (1, 141)
    assert service.count(RESULT) == 1


def test_notify_command_reads_the_summary_and_leaves_stdout_alone(machine: Machine, service: Service) -> None:
    command = "cat > summary.json; echo told | tee out.txt; exit 3"
    done = machine.run("parse", "--file-id", "f", "--wait", "--notify", command)
    assert (done.code, done.out) == (0, service.results["job_1"] + b"\n")
    assert "told\n" in done.err and "ended with exit code 3" in done.err
    assert json.loads((machine.folder / "summary.json").read_bytes())["exit"] == "ok"
