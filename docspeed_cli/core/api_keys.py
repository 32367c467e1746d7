"""The API keys that `docspeed auth login` saved, and the check whether a text can be one."""

from __future__ import annotations

import re
from pathlib import Path

from docspeed_cli.core.errors import AuthError
from docspeed_cli.core.json_text import read_json
from docspeed_cli.core.text_files import read_text

_QUOTES = tuple("\"'`“”‘’„«»")
_PREFIX = r"(?i)((?:authorization\s*:\s*)?bearer[\s:]+|(?:export\s+)?DOCSPEED_API_KEY\s*=)"
"""Text that is often copied from an example together with a key."""


def sendable(key: str, source: str) -> str:
    """Return the key if it can be one. AuthError, without the key in it, if not."""
    prefix = re.match(_PREFIX, key)
    what = f"begins with {prefix[1].strip()}, which does not belong to it" if prefix else ""
    if key[:1] in _QUOTES or key[-1:] in _QUOTES:
        what = "has quotes around it, which do not belong to it (`docker --env-file` keeps them)"
    elif not prefix and (not key.isascii() or not key.isprintable() or " " in key):
        what = "has characters that no key has (a line break, or one from copying that can't be seen?)"
    if what:
        in_env = source == "DOCSPEED_API_KEY"
        hint = f"set {source} to the key alone" if in_env else "docspeed auth login"
        raise AuthError(f"the key in {source} {what}", hint=hint)
    return key


def origin(url: str) -> str:
    """Scheme, host and port of a URL: a saved key is sent there and nowhere else."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def saved_keys(path: Path) -> dict[str, str]:
    """Saved keys by origin; empty without the file. AuthError if the file can't be read."""
    try:
        keys = read_json(read_text(path))
        return {str(server): str(key) for server, key in keys.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a JSON object of keys by server"
        hint = "fix the file or delete it, then run `docspeed auth login`"
        raise AuthError(f"can't read {path}: {reason}", hint=hint) from None
