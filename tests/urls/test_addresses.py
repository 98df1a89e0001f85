"""Addresses: what a check lets pass is where the request goes."""

import re

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter

from lib.errors import ConfigError
from lib.http_client import check_url
from lib.urls.addresses import Address, AddressError, read_address
from tests.support.every import every

HOSTS = ("hooks.slack.com", ".atlassian.net", "127.0.0.1", "localhost", "::1")
ALLOWED = re.compile(r"hooks\.slack\.com|[a-z0-9.-]+\.atlassian\.net|127\.0\.0\.1|localhost|::1")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://hooks.slack.com/services/x", Address("https", "hooks.slack.com", None)),
        ("HTTPS://Team.Atlassian.NET", Address("https", "team.atlassian.net", None)),
        ("https://a:8443?b=c", Address("https", "a", 8443)),
        ("https://xn--bcher-kva.example/#b", Address("https", "xn--bcher-kva.example", None)),
        ("http://127.0.0.1:8080/x", Address("http", "127.0.0.1", 8080)),
        ("http://[::1]:80/x", Address("http", "::1", 80)),
    ],
)
def test_scheme_host_and_port_are_read(url: str, address: Address) -> None:
    """In lower case; the path concerns nobody here."""
    assert read_address(url) == address


@every(
    ("url", "reason"),
    [
        ("", "empty"),
        ("hooks.slack.com/x", "form https"),
        ("//hooks.slack.com/x", "form https"),
        ("ftp://hooks.slack.com/x", "form https"),
        ("https:///x", "form https"),
        ("https://?x", "form https"),
        ("https:/hooks.slack.com/x", "form https"),
        ("https://[hooks/x", "not a URL"),
        ("https://a:99999/x", "not a URL"),
        ("https://a:b/x", "not a URL"),
        ("https://user@hooks.slack.com/x", "user name"),
        ("https://hooks.slack.com@evil.example/x", "user name"),
        ("https://@hooks.slack.com/x", "form https"),
        ("https://evil.com\\x.atlassian.net/", "backslash"),
        ("https://hooks.slack.com/\\x", "backslash"),
        ("https://hooks.slack.com /x", "blank"),
        (" https://hooks.slack.com/x", "blank"),
        ("https://hooks.slack.com/x\n", "control"),
        ("https://hooks.slack.com\x00.atlassian.net/", "control"),
        ("https://hooks.slack\t.com/", "control"),
        ("https://b\u00fccher.atlassian.net/", "xn--"),
        ("https://hooks\u3002slack.com/", "xn--"),
        ("https://hooks.slack.com/\u00fc", "xn--"),
        ("https://evil%2eatlassian.net/", "form https"),
        ("https://evil.com%2f.atlassian.net/", "form https"),
        ("https://evil.com;.atlassian.net/", "other characters"),
        ("https://evil.com,x.atlassian.net/", "other characters"),
        ("https://a..atlassian.net/", "other characters"),
        ("https://.atlassian.net/", "other characters"),
        ("https://hooks.slack.com./", "other characters"),
        ("https://-a.atlassian.net/", "other characters"),
        ("https://a_b.atlassian.net/", "other characters"),
        ("https://[::2]/", "other characters"),
        (f"https://{'a' * 64}.atlassian.net/", "other characters"),
        (f"https://{'a.' * 130}atlassian.net/", "other characters"),
    ],
)
def test_what_is_open_to_interpretation_is_refused(url: str, reason: str) -> None:
    """With a reason that quotes nothing: the address of a webhook is a secret."""
    with pytest.raises(AddressError, match=reason) as caught:
        read_address(url)

    assert "slack" not in str(caught.value)


PIECES = st.sampled_from(
    [
        *("https", "http", "HTTPS", ":", "//", "/", "\\", "@", "#", "?", ".", "..", ";", ",", "%"),
        *("hooks.slack.com", ".atlassian.net", "evil.example", "localhost", "127.0.0.1", "[::1]"),
        *("%2f", "%5c", "%2e", "%40", "%00", "%", "[", "]", ":443", ":80", "user:pass@"),
        *(" ", "\t", "\n", "\r", "\x00", "\x7f", "\u3002", "\u2044", "\uff0f", "\u00fc", "\u200b"),
    ]
)
URLS = st.lists(PIECES, min_size=1, max_size=9).map("".join)
AFTER_SCHEME = URLS.map(lambda rest: f"https://{rest}")
BEFORE_DOMAIN = URLS.map(lambda rest: f"https://{rest}.atlassian.net/rest")
TEXTS = st.text(max_size=30).map(lambda rest: f"https://{rest}.atlassian.net/")


@example("https://evil.com\\x.atlassian.net/")
@example("https://evil.com%5c.atlassian.net/")
@example("https://127.0.0.1:8080/a?b@c#d\\")
@given(URLS | AFTER_SCHEME | BEFORE_DOMAIN | TEXTS)
def test_a_request_goes_to_the_host_that_was_allowed(url: str) -> None:
    """Prepared and sent by requests: the pool that its adapter opens is of an allowed host."""
    try:
        check_url(url, HOSTS)
    except ConfigError:
        return

    request = requests.Request("POST", url, json={}).prepare()
    pool = HTTPAdapter().get_connection_with_tls_context(request, verify=True)

    assert ALLOWED.fullmatch(pool.host.strip("[]")), url
    assert pool.scheme == "https" or pool.host in ("127.0.0.1", "localhost", "[::1]", "::1")


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("https://hooks.slack.com/services/secret?a#b", "https://hooks.slack.com/"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/"),
        ("http://[::1]:80/x", "http://[::1]:80/"),
    ],
)
def test_the_root_is_the_address_without_its_secret(url: str, root: str) -> None:
    """It can be asked for without telling anybody the path."""
    assert read_address(url).root == root
    assert read_address(root).root == root


def test_a_domain_stands_for_the_hosts_below_it() -> None:
    """Not for itself, nor for hosts that only end alike; an empty name stands for none."""
    domain = ("", ".amazonaws.com")

    assert read_address("https://a.amazonaws.com").is_among(domain)
    assert read_address("https://A.amazonaws.com").is_among([".AmazonAWS.com"])
    assert not read_address("https://amazonaws.com").is_among(domain)
    assert not read_address("https://evilamazonaws.com").is_among(domain)
