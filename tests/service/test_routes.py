"""The proxy for a URL is the one that curl would take; variables that do not apply have no say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docspeed_cli.core.errors import Unavailable
from docspeed_cli.service.routes import ca_variables, route_on_web, route_to

PROXY = "http://proxy.example:3128"


def is_exempt(host: str, no_proxy: str) -> bool:
    return route_to(f"https://{host}", {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}).is_direct


@pytest.mark.parametrize(
    ("host", "no_proxy"),
    [
        ("docs.example", "docs.example"),
        ("DOCS.example.", "docs.EXAMPLE"),
        ("docs.example", "docs.example."),
        ("eu.docs.example", "docs.example"),
        ("eu.docs.example", ".docs.example"),
        ("docs.example", ".docs.example"),
        ("eu.docs.example", "*.docs.example"),
        ("docs.example", "*"),
        ("docs.example", " other.example , docs.example "),
        ("docs.example", "other.example docs.example"),
        ("docs.example", ",, ,docs.example,"),
        ("docs.example", "http://,://x,[,]:,/8,:,%zz,docs.example"),
        ("docs.example", "docs.example:443"),
        ("docs.example:8443", "docs.example:8443"),
        ("docs.example:8443", "docs.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.99/24"),
        ("10.1.2.3:9000", "10.0.0.0/8"),
        ("10.1.2.3:9000", "10.1.2.3:9000"),
        ("192.168.7.7", "0.0.0.0/0"),
        ("[::1]", "::1"),
        ("[::1]", "[::1]"),
        ("[::1]:8443", "[::1]:8443"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("[fe80::17]", "fe80::/10"),
        ("[fd07:b51a:cc66:f0::5]", "localhost,fd07:b51a:cc66:f0::/64"),
        ("[fd07::5]", "[fd07::]/16"),
        ("[2001:db8::5]", "::/0"),
    ],
)
def test_no_proxy_names_the_host(host: str, no_proxy: str) -> None:
    assert is_exempt(host, no_proxy)


@pytest.mark.parametrize(
    ("host", "no_proxy"),
    [
        ("docs.example", ""),
        ("docs.example", " , ,"),
        ("docs.example", "."),
        ("docs.example", "eu.docs.example"),
        ("notdocs.example", "docs.example"),
        ("docs.example", "docs.example:8443"),
        ("docs.example:8443", "docs.example:443"),
        ("docs.example", "docs.example/8"),
        ("docs.example", "https://docs.example"),
        ("docs.example", "10.0.0.0/8,::/0"),
        ("127.0.0.1", "localhost"),
        ("127.0.0.1", "::1"),
        ("11.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.0.0.0/99"),
        ("10.1.2.3", "10.0.0.0/"),
        ("10.1.2.3", ".2.3"),
        ("[::2]", "[::1]"),
        ("[::1]:8443", "[::1]:443"),
        ("[fec0::1]", "fe80::/10"),
    ],
)
def test_no_proxy_names_another_host_or_nothing(host: str, no_proxy: str) -> None:
    assert not is_exempt(host, no_proxy)


@given(st.text(max_size=60))
def test_no_proxy_of_any_text_stops_nothing(no_proxy: str) -> None:
    for host in ("docs.example", "10.1.2.3", "[fe80::1]"):
        assert isinstance(is_exempt(host, no_proxy), bool)


@pytest.mark.parametrize(
    ("env", "variable"),
    [
        ({}, ""),
        ({"HTTP_PROXY": "socks4://127.0.0.1:1", "http_proxy": PROXY}, ""),
        ({"HTTPS_PROXY": "", "https_proxy": " "}, ""),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "nonsense://", "ALL_PROXY": "socks4://x"}, "https_proxy"),
        ({"https_proxy": "", "HTTPS_PROXY": PROXY, "all_proxy": "x"}, "HTTPS_PROXY"),
        ({"all_proxy": PROXY, "ALL_PROXY": "x"}, "all_proxy"),
        ({"ALL_PROXY": PROXY, "HTTP_PROXY": "x"}, "ALL_PROXY"),
    ],
)
def test_proxy_variable_of_https_is_chosen_as_by_curl(env: dict[str, str], variable: str) -> None:
    assert route_to("https://docs.example", env).variable == variable


def test_no_proxy_in_lower_case_wins() -> None:
    env = {"HTTPS_PROXY": PROXY, "no_proxy": "other.example", "NO_PROXY": "*"}
    assert not route_to("https://docs.example", env).is_direct
    assert route_to("https://docs.example", {**env, "no_proxy": ""}).exception == "NO_PROXY (*)"


def test_proxy_is_never_used_for_plain_http() -> None:
    env = {"http_proxy": PROXY, "ALL_PROXY": PROXY}
    assert route_to("http://127.0.0.1:8787", env).is_direct


@pytest.mark.parametrize(
    ("value", "proxy", "shown"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128", "http://proxy.example:3128"),
        ("proxy.example", "http://proxy.example:1080", "http://proxy.example:1080"),
        ("proxy.example:8080/", "http://proxy.example:8080", "http://proxy.example:8080"),
        ("https://proxy.example", "https://proxy.example:443", "https://proxy.example:443"),
        ("ann:p%40ss@10.0.0.1:3128", "http://ann:p%40ss@10.0.0.1:3128", "http://10.0.0.1:3128"),
        ("http://ann:a@b@proxy.example:1", "http://ann:a@b@proxy.example:1", "http://proxy.example:1"),
        ("socks5h://[::1]", "socks5h://[::1]:1080", "socks5h://[::1]:1080"),
        ("SOCKS5://proxy.example:9", "socks5://proxy.example:9", "socks5://proxy.example:9"),
    ],
)
def test_proxy_url_is_read_as_by_curl(value: str, proxy: str, shown: str) -> None:
    route = route_to("https://docs.example", {"HTTPS_PROXY": value})
    assert (route.proxy, route.shown) == (proxy, shown)


@pytest.mark.parametrize(
    "value",
    ["http://", "http://:secret@", "http://ann:secret@proxy:port", "socks4://ann:secret@x", "ftp://secret@x",
     "http://[::1:secret", "http://ann:secret@a b:1", "http://proxy.example:99999999"],
)  # fmt: skip
def test_proxy_that_is_no_url_is_reported_by_its_variable_without_its_value(value: str) -> None:
    with pytest.raises(Unavailable, match=r"^ALL_PROXY ") as caught:
        _ = route_to("https://docs.example", {"ALL_PROXY": value}).proxy
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("given", "winners", "others"),
    [
        ([], [], []),
        (["CURL_CA_BUNDLE"], ["CURL_CA_BUNDLE"], []),
        (["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"], ["REQUESTS_CA_BUNDLE"], ["CURL_CA_BUNDLE"]),
        (["REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"], ["SSL_CERT_DIR"], ["REQUESTS_CA_BUNDLE"]),
        (["CURL_CA_BUNDLE", "SSL_CERT_FILE"], ["SSL_CERT_FILE"], ["CURL_CA_BUNDLE"]),
        (["SSL_CERT_DIR", "SSL_CERT_FILE"], ["SSL_CERT_FILE", "SSL_CERT_DIR"], []),
    ],
)
def test_ca_variables_that_count_are_those_of_the_first_group(
    given: list[str], winners: list[str], others: list[str]
) -> None:
    unset = dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), "")
    assert ca_variables({**unset, **dict.fromkeys(given, "/ca.pem")}) == (winners, others)


def test_proxy_of_a_plain_http_download_is_that_of_its_scheme() -> None:
    env = {"http_proxy": PROXY, "HTTPS_PROXY": "http://other.example:1", "NO_PROXY": "docs.example:80"}
    assert route_on_web("http://files.example/a", env).proxy == PROXY
    assert route_on_web("http://docs.example/a", env).is_direct
    assert not route_on_web("http://docs.example:81/a", env).is_direct
    assert route_on_web("http://files.example/a", {"HTTP_PROXY": PROXY}).is_direct
    assert route_to("http://files.example/a", env).is_direct
