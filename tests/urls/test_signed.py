"""Signed links: only ours open, only until they end, and only what may be opened."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.errors import LinkError
from lib.urls.signed import PREFIXES, SignedLinks, end_of, verified_key
from tests.support.builders import NOW
from tests.support.every import every

DAY = timedelta(days=1)
LINKS = SignedLinks("https://links.example/", 30 * DAY)
KEY = "pages/000474600478/eu-central-1/payments/api/sha256-1/000001-a.html"


def parts(url: str) -> tuple[str, dict[str, str]]:
    """Return path and query as a function's URL hands them on."""
    split = urlsplit(url)
    return split.path, dict(parse_qsl(split.query))


@given(
    key=st.text(min_size=1).map(lambda name: f"pages/{name}".encode("utf-8", "replace").decode())
)
def test_a_link_opens_what_it_was_made_for(key: str) -> None:
    """Whatever the name of the object, until the last second."""
    path, query = parts(LINKS.url(key, secret="of-ours", now=NOW))

    assert verified_key(path, query, secret="of-ours", now=NOW + 30 * DAY) == key


def test_it_ends() -> None:
    """A second later it does not open, and says so."""
    path, query = parts(LINKS.url(KEY, secret="of-ours", now=NOW))

    with pytest.raises(LinkError, match="ended"):
        verified_key(path, query, secret="of-ours", now=NOW + 30 * DAY + timedelta(seconds=1))


def test_a_link_says_when_it_ends() -> None:
    """To the second."""
    url = LINKS.url(KEY, secret="a secret", now=NOW)

    assert end_of(url) == (NOW + 30 * DAY).replace(microsecond=0)


@every("query", ["", "?ends=", "?ends=soon", "?ends=999999999999", "?ends=\N{SUPERSCRIPT TWO}"])
def test_another_address_ends_at_no_known_time(query: str) -> None:
    """Nor does one that a person changed."""
    assert end_of(f"https://links.example/{KEY}{query}") is None


def test_a_new_secret_ends_all_links() -> None:
    """Whoever had a link has none any more."""
    path, query = parts(LINKS.url(KEY, secret="of-ours", now=NOW))

    with pytest.raises(LinkError, match="not valid"):
        verified_key(path, query, secret="another", now=NOW)


@every(
    ("name", "value"),
    [
        ("ends", "99999999999"),
        ("ends", ""),
        ("ends", "soon"),
        ("ends", "-1"),
        ("ends", "\N{SUPERSCRIPT TWO}"),
        ("ends", "9" * 400),
        ("proof", ""),
        ("proof", "\N{SNOWMAN}"),
    ],
)
def test_a_changed_link_does_not_open(name: str, value: str) -> None:
    """Neither end nor signature can be made up."""
    path, query = parts(LINKS.url(KEY, secret="of-ours", now=NOW))

    with pytest.raises(LinkError):
        verified_key(path, {**query, name: value}, secret="of-ours", now=NOW)


@pytest.mark.parametrize("path", ["/pages/another.html", "/", "", "/pages/%2e%2e/reports/one"])
def test_a_link_leads_to_its_own_object(path: str) -> None:
    """A signature is of one key."""
    _, query = parts(LINKS.url(KEY, secret="of-ours", now=NOW))

    with pytest.raises(LinkError):
        verified_key(path, query, secret="of-ours", now=NOW)


def test_stored_evaluations_are_never_linked_to() -> None:
    """Not even by a link that was signed by mistake."""
    path, query = parts(LINKS.url("reports/one", secret="of-ours", now=NOW))

    with pytest.raises(LinkError):
        verified_key(path, query, secret="of-ours", now=NOW)
    assert "reports/" not in PREFIXES
