"""Local stand-in for the Docspeed service: a WSGI app that reads real documents by simple rules.

It imports nothing from the client. `create_app` makes the app, `make_server` serves it on loopback, and
`reset` deletes everything that it stored.
"""

from __future__ import annotations

from docspeed_cli.sandbox.app import create_app
from docspeed_cli.sandbox.faults import Faults, parse_fail
from docspeed_cli.sandbox.serve import make_server
from docspeed_cli.sandbox.store import reset

__all__ = ["Faults", "create_app", "make_server", "parse_fail", "reset"]
