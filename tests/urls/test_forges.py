"""Addresses of repositories in every form, and the pages that they lead to."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.urls.forges import MAX_URL, commit_url, compare_url, name, repository_url, short_commit
from tests.support.every import every

GITHUB = "https://github.com/example/payments"
OLD, NEW = "9f8e7d6c5b4a39281706f5e4d3c2b1a09f8e7d6c", "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
CODECOMMIT = "https://git-codecommit.eu-central-1.amazonaws.com/v1/repos/payments"

ADDRESSES = [
    ("https://github.com/example/payments", GITHUB),
    (" https://github.com/example/payments/ ", GITHUB),
    ("https://GitHub.com/example/payments.git", GITHUB),
    ("http://github.com/example/payments", GITHUB),
    ("https://www.github.com/example/payments", GITHUB),
    ("https://github.com/example/payments/tree/main/api", GITHUB),
    ("https://github.com/example/payments.git#main:api", GITHUB),
    ("https://github.com/example/payments?tab=readme", GITHUB),
    ("https://somebody:a-token@github.com/example/payments.git", GITHUB),
    ("https://somebody:p@ss@github.com/example/payments.git", GITHUB),
    ("git+https://github.com/example/payments.git", GITHUB),
    ("git+ssh://git@github.com/example/payments.git", GITHUB),
    ("git://github.com/example/payments.git", GITHUB),
    ("ssh://git@github.com:22/example/payments.git", GITHUB),
    ("ssh://git@ssh.github.com:443/example/payments.git", GITHUB),
    ("git@github.com:example/payments.git", GITHUB),
    ("git@github.com:/example/payments", GITHUB),
    ("github.com/example/payments", GITHUB),
    ("https://gitlab.com/a/b/c.git", "https://gitlab.com/a/b/c"),
    ("https://gitlab.com/a/b/c/-/tree/main", "https://gitlab.com/a/b/c"),
    ("https://gitlab.example:8443/a/b.git", "https://gitlab.example:8443/a/b"),
    ("ssh://git@gitlab.example:2222/a/b.git", "https://gitlab.example/a/b"),
    ("git@bitbucket.org:team/repo.git", "https://bitbucket.org/team/repo"),
    ("https://bitbucket.org/team/repo/src/main", "https://bitbucket.org/team/repo"),
    (CODECOMMIT, CODECOMMIT),
    ("ssh://APKA@git-codecommit.eu-central-1.amazonaws.com/v1/repos/payments", CODECOMMIT),
    ("codecommit::eu-central-1://payments", CODECOMMIT),
    ("codecommit::eu-central-1://profile@payments", CODECOMMIT),
    (
        "codecommit::cn-north-1://payments",
        "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/payments",
    ),
    ("https://git.example/scm/payments.git", "https://git.example/scm/payments"),
]
NO_ADDRESSES = [
    "",
    "payments",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://github.com",
    "https://github.com/example",
    "https://github.com/../payments",
    "https://github.com/example/.git",
    "https://gitlab.com/-/a",
    "https://localhost/example/payments",
    "https://somebody:12/34@github.com/example/payments",
    "https://github.com/example/pay ments",
    "https://github.com/example/<!channel>",
    "https://github.com/example/a|b",
    "https://github.com/example/payments\nevil",
    "https://gïthub.com/example/payments",
    f"https://github.com/example/{'a' * MAX_URL}",
]


@every(("text", "expected"), ADDRESSES)
def test_an_address_is_understood_in_every_form(text: str, expected: str) -> None:
    """The same repository has one address, without credentials."""
    assert repository_url(text) == expected


@every("text", NO_ADDRESSES)
def test_what_is_no_address_is_none(text: str) -> None:
    """Nothing is made a link that is not one."""
    assert repository_url(text) is None


@given(st.text() | st.builds("https://{}@github.com/{}".format, st.text(), st.text()))
def test_an_address_is_always_a_plain_one(text: str) -> None:
    """Whatever it was made from: https, no credentials, no query, nothing that ends a link."""
    found = repository_url(text)

    if found is not None:
        parts = urlsplit(found)
        assert (parts.scheme, parts.username, parts.query, parts.fragment) == (
            "https",
            None,
            "",
            "",
        )
        assert not set(found) & set("<>|\"'`\\@ \n\t*")
        assert repository_url(found) == found


@every(
    ("repository", "page"),
    [
        (GITHUB, f"{GITHUB}/commit/{NEW}"),
        ("https://gitlab.com/a/b/c", f"https://gitlab.com/a/b/c/-/commit/{NEW}"),
        ("https://gitlab.example/a/b", f"https://gitlab.example/a/b/-/commit/{NEW}"),
        ("https://bitbucket.org/team/repo", f"https://bitbucket.org/team/repo/commits/{NEW}"),
        (
            CODECOMMIT,
            (
                "https://eu-central-1.console.aws.amazon.com/codesuite/codecommit/repositories/payments"
                f"/commit/{NEW}?region=eu-central-1"
            ),
        ),
        (
            "https://git-codecommit.us-gov-west-1.amazonaws.com/v1/repos/a",
            (
                "https://us-gov-west-1.console.amazonaws-us-gov.com/codesuite/codecommit/repositories/a"
                f"/commit/{NEW}?region=us-gov-west-1"
            ),
        ),
        (
            "https://git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/a",
            (
                "https://cn-north-1.console.amazonaws.cn/codesuite/codecommit/repositories/a"
                f"/commit/{NEW}?region=cn-north-1"
            ),
        ),
        ("https://git.example/scm/payments", None),
        (None, None),
    ],
)
def test_a_commit_has_a_page(repository: str | None, page: str | None) -> None:
    """Each forge in its own way; none where nobody knows the way."""
    assert commit_url(repository, NEW) == page


def test_codecommit_shows_whole_commits_only() -> None:
    """Its console finds no shortened ones."""
    assert commit_url(CODECOMMIT, NEW[:7]) is None


@pytest.mark.parametrize("commit", [None, "", "1.4.2", "main", "0000000", "1a2b3c", "../../x"])
def test_what_is_no_commit_has_no_page(commit: str | None) -> None:
    """Another revision, or a way out of the repository."""
    assert commit_url(GITHUB, commit) is None
    assert compare_url(GITHUB, commit, NEW) is None
    assert compare_url(GITHUB, NEW, commit) is None


def test_a_commit_with_changes_on_top_leads_to_the_commit() -> None:
    """The mark says that not all of it is there."""
    assert commit_url(GITHUB, f"{NEW}-dirty") == f"{GITHUB}/commit/{NEW}"
    assert short_commit(f"{NEW}-dirty") == "1a2b3c4-dirty"
    assert (short_commit(NEW), short_commit("r1234")) == ("1a2b3c4", "r1234")


@pytest.mark.parametrize(
    ("repository", "page"),
    [
        (GITHUB, f"{GITHUB}/compare/{OLD}...{NEW}"),
        ("https://gitlab.example/a/b", f"https://gitlab.example/a/b/-/compare/{OLD}...{NEW}"),
        (
            "https://bitbucket.org/team/repo",
            f"https://bitbucket.org/team/repo/branches/compare/{NEW}%0D{OLD}",
        ),
        (CODECOMMIT, None),
        ("https://git.example/scm/payments", None),
        (None, None),
    ],
)
def test_two_commits_are_compared(repository: str | None, page: str | None) -> None:
    """From the older to the newer one."""
    assert compare_url(repository, OLD, NEW) == page


def test_a_commit_is_not_compared_with_itself() -> None:
    """However much of it is written."""
    assert compare_url(GITHUB, NEW[:7], NEW) is None
    assert compare_url(GITHUB, NEW, NEW[:7]) is None


@pytest.mark.parametrize(
    ("repository", "said"),
    [
        (GITHUB, "example/payments"),
        ("https://bitbucket.org/team/repo", "team/repo"),
        ("https://gitlab.com/a/b/c", "a/b/c"),
        ("https://gitlab.example:8443/a/b", "gitlab.example/a/b"),
        (CODECOMMIT, "payments"),
    ],
)
def test_a_repository_has_a_short_name(repository: str, said: str) -> None:
    """At the forges that everybody knows, without its host."""
    assert name(repository) == said
