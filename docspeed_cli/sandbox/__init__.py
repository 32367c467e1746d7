"""A local stand-in for the Docspeed service: a WSGI app that does honest work on the bytes it is given.

It imports nothing of the client, and its own libraries only where they are used, so a look at this
package costs nothing. `create_app` is the service, `make_server` puts it on loopback, `reset` forgets all.
"""

from __future__ import annotations

from docspeed_cli.sandbox.app import create_app
from docspeed_cli.sandbox.faults import Faults, parse_fail
from docspeed_cli.sandbox.serve import make_server
from docspeed_cli.sandbox.store import reset

__all__ = ["Faults", "create_app", "make_server", "parse_fail", "reset"]
