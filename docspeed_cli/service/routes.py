"""Chooses the way to one URL from the environment, as curl does: the proxy, and the certificates to trust."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from urllib.parse import urlsplit

from docspeed_cli.core.errors import DocspeedError, Unavailable

CA_VARIABLES = (("SSL_CERT_FILE", "SSL_CERT_DIR"), ("REQUESTS_CA_BUNDLE",), ("CURL_CA_BUNDLE",))
"""Variables that name certificates to trust besides the system's; the first group that is set wins."""

_SCHEMES = ("http", "https", "socks5", "socks5h")
_PORTS = {"https": 443}
_USUAL_PORT = 1080
"""Port of a proxy whose variable names none, as curl has it."""

_BRACKETED = r"\[(?P<host>[^\]]*)\](?P<bits>/\d+)?(?::(?P<port>\d+))?"
_WITH_PORT = r"(?P<host>[^:]*):(?P<port>\d+)"


class Route(NamedTuple):
    """How a URL is reached: through the proxy that a variable names, or directly."""

    variable: str = ""
    """Variable that names a proxy; empty if none applies to this URL's scheme."""
    value: str = ""
    """Its value, which may hold a password."""
    exception: str = ""
    """Variable and entry that exempt the URL from the proxy; empty if none does."""

    @property
    def is_direct(self) -> bool:
        """Whether no proxy is used."""
        return not self.variable or bool(self.exception)

    @property
    def proxy(self) -> str:
        """The proxy's URL with its port, user and password. Unavailable if the variable has another form."""
        text = self.value if "://" in self.value else f"http://{self.value}"
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
            host.encode("idna")
        except ValueError:
            host, port = "", None
        if not host or re.search(r"[\s\x00-\x1f]", text):
            raise self.failed("is not a URL like http://proxy.example:3128")
        if parts.scheme not in _SCHEMES:
            raise self.failed(f"names a proxy of the kind {parts.scheme}; only {', '.join(_SCHEMES)} work")
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        host = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{user}{host}:{port or _PORTS.get(parts.scheme, _USUAL_PORT)}"

    @property
    def shown(self) -> str:
        """The proxy's URL for people, without user and password."""
        scheme, _, rest = self.proxy.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2]}"

    def failed(self, what: str, *, hint: str = "", retryable: bool = False) -> DocspeedError:
        """The error for a proxy that does not work; it names the variable and never a password."""
        hint = hint or f"fix {self.variable}, or name the server in NO_PROXY to go around the proxy"
        return Unavailable(f"{self.variable} {what}", code="network", retryable=retryable, hint=hint)


def route_to(url: str, env: Mapping[str, str]) -> Route:
    """The route to the service. Plain http is for this machine only, so it never uses a proxy."""
    return route_on_web(url, env) if urlsplit(url).scheme == "https" else Route()


def route_on_web(url: str, env: Mapping[str, str]) -> Route:
    """The route to any URL."""
    # As in curl, HTTP_PROXY is ignored: in a CGI program, any visitor sets it with the header `Proxy`.
    own = ("https_proxy", "HTTPS_PROXY") if urlsplit(url).scheme == "https" else ("http_proxy",)
    names = (*own, "all_proxy", "ALL_PROXY")
    variable = next((name for name in names if env.get(name, "").strip()), "")
    if not variable:
        return Route()
    return Route(variable, env[variable].strip(), _exception(url, env))


def ca_variables(env: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Variables that name the certificates to trust besides the system's, and those that are ignored."""
    groups = [[name for name in group if env.get(name)] for group in CA_VARIABLES]
    winners, *others = [group for group in groups if group] or [[]]
    return winners, [name for group in others for name in group]


def _exception(url: str, env: Mapping[str, str]) -> str:
    """Variable and entry that exempt the URL from every proxy; empty if none does."""
    variable = next((name for name in ("no_proxy", "NO_PROXY") if env.get(name)), "")
    for entry in re.split(r"[,\s]+", env.get(variable, "")):
        if entry == "*" or (entry and _no_proxy_matches(entry.lower(), url)):
            return f"{variable} ({entry})"
    return ""


def _no_proxy_matches(entry: str, url: str) -> bool:
    """Whether an entry of NO_PROXY names the URL's host: an address, a range or a domain, with any port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    found = re.fullmatch(_BRACKETED, entry) or re.fullmatch(_WITH_PORT, entry)
    if found:
        if found["port"] and int(found["port"]) != (parts.port or (443 if parts.scheme == "https" else 80)):
            return False
        entry = found["host"] + (found.groupdict().get("bits") or "")
    try:
        address = ip_address(host)
    except ValueError:
        domain = entry.removeprefix("*").strip(".")
        return bool(domain) and f".{host}".endswith(f".{domain}")
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False
