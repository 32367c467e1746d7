"""State shared by processes and threads."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path

import httpx
import pytest

from docspeed_cli.sandbox import create_app, reset
from tests.sandbox import papers
from tests.sandbox.conftest import Sandbox

DOC = papers.lines_pdf(["Total: 5.00"])
SUBMIT = """
import sys
from pathlib import Path
from werkzeug.test import Client
from docspeed_cli.sandbox import create_app
client = Client(create_app(Path(sys.argv[1])))
body = {"input": {"file_id": sys.argv[2]}, "execution_mode": "async"}
for _ in range(100):
    print(client.post("/api/v1/parse", json=body).get_json()["job_id"])
"""


def test_store_is_shared_between_processes(make_sandbox: Callable[..., Sandbox]) -> None:
    first = make_sandbox()
    job = first.submit("/api/v1/parse", DOC)
    second = make_sandbox()
    first.clock.at = second.clock.at = first.clock.at + 10
    assert second.json(second.get(f"/v1/jobs/{job}"))["status"] == "completed"
    result = second.get(f"/v1/jobs/{job}/result").data
    assert result == first.get(f"/v1/jobs/{job}/result").data


def test_store_concurrent_processes_lose_nothing(sandbox: Sandbox) -> None:
    file_id = sandbox.file_id(DOC)
    command = [sys.executable, "-c", SUBMIT, str(sandbox.folder), file_id]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    jobs = [line for process in running for line in process.communicate()[0].split()]
    assert len(set(jobs)) == 300
    sandbox.clock.at = 1e11
    assert all(sandbox.get(f"/v1/jobs/{job}").status_code == 200 for job in jobs)


def test_store_concurrent_threads_share_an_app(tmp_path: Path) -> None:
    app = create_app(tmp_path, now=count(0, 10).__next__)
    http = httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://sandbox")

    def whole(number: int) -> str:
        document = papers.lines_pdf([f"Total: {number}.00"])
        item = {
            "file_id": http.post("/api/v1/upload", files={"files": ("a.pdf", document)}).json()["file_id"]
        }
        job = http.post("/api/v1/parse", json={"input": item, "execution_mode": "async"}).json()["job_id"]
        return str(http.get(f"/v1/jobs/{job}/result").json()["pages"][0]["text"])

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(whole, range(96))) == [f"Total: {number}.00" for number in range(96)]


def test_store_damaged_error_names_reset_which_fixes_it(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite3").write_bytes(b"no database " * 1000)
    with pytest.raises(OSError, match="docspeed sandbox reset"):
        create_app(tmp_path)
    assert reset(tmp_path) == 0
    create_app(tmp_path)


def test_store_damaged_while_it_works_is_an_error_of_the_disk(sandbox: Sandbox) -> None:
    (sandbox.folder / "sandbox.sqlite3").write_bytes(b"no database " * 1000)
    with pytest.raises(OSError, match="sandbox reset"):
        sandbox.upload(DOC)


def test_split_too_many_pages_returns_422(sandbox: Sandbox) -> None:
    document = papers.lines_pdf(*[[]] * 501)
    item = {"input": {"file_id": sandbox.file_id(document)}}
    assert sandbox.json(sandbox.post("/v1/split", item), 422)["detail"]["code"] == "document_too_large"


def test_reset_deletes_what_an_older_version_stored(sandbox: Sandbox) -> None:
    database = sandbox.folder / "sandbox.sqlite3"
    with closing(sqlite3.connect(database, isolation_level=None)) as older:
        older.execute("CREATE TABLE jobs (result TEXT)")
        older.execute("INSERT INTO jobs VALUES ('a private total')")
    reset(sandbox.folder)
    assert b"private" not in database.read_bytes()
