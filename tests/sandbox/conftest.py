"""A sandbox in process, with a clock that tests move."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from docspeed_cli.sandbox import create_app

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass
class Clock:
    """Clock that moves only when a test moves it."""

    at: float = 1_000_000.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Sandbox:
    """The app over a folder, with a clock."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.client = Client(create_app(self.folder, now=self.clock, **self.options))

    def upload(self, *documents: bytes, name: str = "a.pdf") -> TestResponse:
        """Upload documents, each in a part named `files`."""
        parts = [(io.BytesIO(document), name) for document in documents]
        return self.client.post("/api/v1/upload", data={"files": parts})

    def file_id(self, document: bytes) -> str:
        """Upload a document and return its id."""
        return str(self.json(self.upload(document))["file_id"])

    def post(self, path: str, body: object, token: str = "") -> TestResponse:
        """POST a JSON body."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.post(path, json=body, headers=headers)

    def ask(self, path: str, document: bytes, **body: object) -> dict[str, Any]:
        """Payload of a synchronous request over one document."""
        item = {"file_id": self.file_id(document)}
        where = {"inputs": [item]} if path in ("/api/v1/ask", "/v1/schema/auto") else {"input": item}
        return self.json(self.post(path, {**where, **body}))

    def submit(self, path: str, document: bytes, **body: object) -> str:
        """Submit an asynchronous job over one document and return its id."""
        request = {"input": {"file_id": self.file_id(document)}, "execution_mode": "async", **body}
        response = self.post(path, request)
        assert response.status_code == 202
        return str(self.json(response, 202)["job_id"])

    def get(self, path: str) -> TestResponse:
        """GET a path."""
        return self.client.get(path)

    @staticmethod
    def json(response: TestResponse, status: int = 200) -> dict[str, Any]:
        """Body of a response, whose status is asserted."""
        assert response.status_code == status, response.text
        body = response.get_json()
        assert isinstance(body, dict)
        return body


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "sandbox")


@pytest.fixture
def make_sandbox(tmp_path: Path) -> Callable[..., Sandbox]:
    """Factory of sandboxes that share a folder."""
    return lambda **options: Sandbox(tmp_path / "sandbox", options=options)


@pytest.fixture(scope="session")
def invoice() -> bytes:
    return (EXAMPLES / "invoice.pdf").read_bytes()


@pytest.fixture(scope="session")
def packet() -> bytes:
    return (EXAMPLES / "packet.pdf").read_bytes()
