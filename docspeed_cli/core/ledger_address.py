"""The address of a shared ledger, which may hold a password that nothing prints."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlencode

_SCHEMES = ("postgresql", "postgres")
_SHOWN = ("host", "hostaddr", "port", "dbname", "user", "service", "sslmode")
"""Parameters that are printed; any other may be secret."""
_EXAMPLE = "a URL like postgresql://user@host/database or postgresql:///?service=name"


class LedgerAddress(str):
    """An address as it may be printed."""

    url: str
    """The address with everything in it."""
    secrets: frozenset[str]
    """What must not be printed: the password, as it is written and decoded."""

    def __new__(cls, shown: str, url: str, secrets: frozenset[str]) -> LedgerAddress:
        self = super().__new__(cls, shown)
        self.url = url
        self.secrets = secrets
        return self


def ledger_address(text: str) -> LedgerAddress | None:
    """Parse the URL of a PostgreSQL database; None for `local`. ValueError, without the text, for others."""
    text = text.strip()
    if text == "local":
        return None
    scheme, colon, rest = text.partition("://")
    if scheme not in _SCHEMES or not colon:
        raise ValueError(f"the ledger is neither `local` nor {_EXAMPLE}")
    place, _, query = rest.partition("?")
    authority, slash, database = place.partition("/")
    userinfo, at, hosts = authority.rpartition("@")
    # A password would end at one of these, and the rest would be printed as a host or a database.
    ports = [host.rpartition("]")[2].rpartition(":")[2] for host in hosts.split(",") if ":" in host]
    if "@" in userinfo + database + query or any(port and not port.isdecimal() for port in ports):
        raise ValueError("write `@` as %40, `/` as %2F, `?` as %3F and `#` as %23 in the ledger's URL")
    user, _, password = userinfo.partition(":")
    parameters = parse_qsl(query)
    shown = urlencode([(name, value) for name, value in parameters if name in _SHOWN], safe="/,:")
    shown = f"postgresql://{user}{at}{hosts}{slash}{database}{'?' if shown else ''}{shown}"
    hidden = [value for name, value in parameters if "password" in name]
    return LedgerAddress(shown, text, frozenset(filter(None, (password, unquote(password), *hidden))))
