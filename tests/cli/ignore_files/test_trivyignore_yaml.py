""".trivyignore.yaml: paths, package URLs, ends and statements."""

from datetime import date

import pytest

from cli.ignore_files.rules import IgnoreRule
from lib.errors import ConfigError, DocumentError
from tests.cli.ignore_files.origins import example, ignored, rules_of, skipped
from tests.support.every import every


def test_each_pair_of_path_and_package_is_an_entry() -> None:
    """One of each must match, so all pairs do."""
    text = "vulnerabilities: [{id: CVE-1, paths: [a, b], purls: ['pkg:npm/c', 'pkg:npm/d']}]"

    found = ignored(rules_of("trivyignore-yaml", text))

    assert [(each.path, each.purl) for each in found] == [
        ("a", "pkg:npm/c"),
        ("a", "pkg:npm/d"),
        ("b", "pkg:npm/c"),
        ("b", "pkg:npm/d"),
    ]


def test_an_example_is_read() -> None:
    """With its lines, statements and ends."""
    setuptools = "usr/local/lib/python3.9/site-packages/setuptools-58.1.0.dist-info/METADATA"
    statement = "Only used when the image is built"
    end = date(2027, 2, 28)

    assert ignored(example("trivyignore-yaml", ".trivyignore.yaml")) == [
        IgnoreRule(2, "CVE-2022-40897", path=setuptools, reason=statement),
        IgnoreRule(2, "CVE-2022-40897", path="opt/app/*", reason=statement),
        IgnoreRule(8, "CVE-2023-3817", purl="pkg:deb/debian/libssl1.1", last_day=end),
        IgnoreRule(
            8,
            "CVE-2023-3817",
            purl="pkg:deb/debian/openssl@1.1.1n-0+deb11u5?arch=amd64",
            last_day=end,
        ),
        IgnoreRule(15, "CVE-2023-29491", last_day=date(2023, 8, 31)),
        IgnoreRule(17, "CVE-2024-21626"),
    ]


def test_what_an_entry_cannot_say_is_skipped() -> None:
    """Each with its line and the reason; whole sections, too."""
    other = "not about vulnerabilities, like all of its entries"

    assert skipped(example("trivyignore-yaml", ".trivyignore.yaml")) == [
        (
            2,
            "CVE-2022-40897",
            "the * of usr/lib/*/setuptools/METADATA ends at a slash, and that of ours does not",
        ),
        (8, "CVE-2023-3817", "pkg:deb/libssl1.1 does not name its distribution"),
        (
            8,
            "CVE-2023-3817",
            (
                "no scan says the checksum of a package, as pkg:generic/openssl?checksum=sha256:12 "
                "does"
            ),
        ),
        (19, "misconfigurations", f"{other} (2)"),
        (25, "secrets", f"{other} (1)"),
    ]


@every(
    ("pattern", "ours"),
    [
        ("a/b", "a/b"),
        ("a/**", "a/*"),
        ("**/a", "*/a"),
        ("a/**/b", "a/*/b"),
        ("**", "*"),
        ("/a", "/a"),
        ("a*", None),
        ("a**/b", None),
        ("*/a", None),
        ("a?", None),
        ("a[b]", None),
        ("{a,b}", None),
        (r"a\*", None),
    ],
)
def test_patterns_are_ours_or_none(pattern: str, ours: str | None) -> None:
    """A ** between slashes is our *; what else doublestar knows is not."""
    rules = rules_of("trivyignore-yaml", f"vulnerabilities: [{{id: CVE-1, paths: ['{pattern}']}}]")

    assert [each.path for each in ignored(rules)] == ([] if ours is None else [ours])


@pytest.mark.parametrize(
    ("purl", "why"),
    [
        ("openssl", "openssl is no package URL"),
        ("pkg:github/a/b", "no scan names packages of the type github"),
        ("pkg:golang/a/b#c", "pkg:golang/a/b#c is about a part of a package"),
    ],
)
def test_other_packages_are_skipped(purl: str, why: str) -> None:
    """No finding would have such a package."""
    rules = rules_of("trivyignore-yaml", f"vulnerabilities: [{{id: CVE-1, purls: ['{purl}']}}]")

    assert skipped(rules) == [(1, "CVE-1", why)]


@pytest.mark.parametrize(
    ("value", "last_day"),
    [
        ("2027-03-01", date(2027, 2, 28)),
        ('"2027-03-01"', date(2027, 2, 28)),
        ("2027-03-01T12:00:00Z", date(2027, 2, 28)),
        ("2027-03-01T01:00:00+02:00", date(2027, 2, 27)),
        ("~", None),
    ],
)
def test_an_end_is_the_last_full_day(value: str, last_day: date | None) -> None:
    """In UTC; from the moment itself Trivy does not ignore it any more."""
    (found,) = ignored(
        rules_of("trivyignore-yaml", f"vulnerabilities: [{{id: CVE-1, expired_at: {value}}}]")
    )

    assert found.last_day == last_day


@pytest.mark.parametrize(
    ("entry", "what", "why"),
    [
        ("statement: all", "an entry without an id", "it is about every vulnerability"),
        ("id: CVE-1, image: a", "CVE-1", "image may limit it, and is not known here"),
    ],
)
def test_what_may_be_limited_otherwise_is_skipped(entry: str, what: str, why: str) -> None:
    """A key that nobody here knows may make it narrower than we could say."""
    rules = rules_of("trivyignore-yaml", f"vulnerabilities: [{{{entry}}}]")

    assert skipped(rules) == [(1, what, why)]


def test_empty_values_limit_nothing() -> None:
    """As if they were not there."""
    text = "vulnerabilities: [{id: CVE-1, paths: [], purls: ~, statement: '', extra: ''}]"

    assert rules_of("trivyignore-yaml", text) == [IgnoreRule(1, "CVE-1")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "FILE:1: this must be a mapping"),
        ("\nvulnerabilities: a", "FILE:2: vulnerabilities must be a list"),
        ("vulnerabilities:\n- a", "FILE:2: this must be a mapping"),
        ("vulnerabilities:\n- id: 1", "FILE:2: id must be text; put it in quotes"),
        ("vulnerabilities:\n- id: a\n  paths: b", "FILE:3: paths must be a list"),
        ("vulnerabilities:\n- id: a\n  purls: [1]", "FILE:3: purls must be a list of texts"),
        (
            "vulnerabilities:\n- id: a\n  expired_at: soon",
            "FILE:3: expired_at must be a date such as 2027-01-31",
        ),
    ],
)
def test_another_shape_is_located(text: str, message: str) -> None:
    """The error has file, line and what to do."""
    with pytest.raises(DocumentError) as caught:
        rules_of("trivyignore-yaml", text)

    assert str(caught.value) == message


def test_what_is_not_yaml_is_located() -> None:
    """In the words of `check-config`."""
    with pytest.raises(ConfigError, match="FILE:2: a tab cannot indent YAML"):
        rules_of("trivyignore-yaml", "vulnerabilities:\n\t- id: a\n")
