""".grype.yaml: rules about vulnerabilities and packages."""

import pytest

from cli.ignore_files.rules import IgnoreRule
from lib.errors import DocumentError
from tests.cli.ignore_files.origins import example, ignored, rules_of, skipped
from tests.support.every import every


def test_an_example_is_read() -> None:
    """What an entry can say: names, versions, types and locations."""
    assert ignored(example("grype", ".grype.yaml")) == [
        IgnoreRule(6, "CVE-2023-4911", reason="no setuid binaries"),
        IgnoreRule(
            8,
            "CVE-2008-4318",
            package="libcurl",
            version="1.5.1",
            purl="pkg:npm/libcurl",
            path="usr/local/lib/node_modules/*",
        ),
        IgnoreRule(
            15, "CVE-2023-3817", package="openssl", version="3.0.7-25.el9", purl="pkg:rpm/openssl"
        ),
        IgnoreRule(17, "CVE-2021-4048", package="libstdc++6"),
    ]


def test_what_an_entry_cannot_say_is_skipped() -> None:
    """Each with its line and the reason."""
    assert skipped(example("grype", ".grype.yaml")) == [
        (21, "CVE-2021-44228", "an entry cannot depend on whether there is a fix"),
        (23, "CVE-2020-1751", "an entry cannot depend on whose advisory it is"),
        (25, "CVE-2022-1", "an entry cannot depend on the source of a package"),
        (27, "CVE-2022-2", "python3? is a pattern, and a package of ours is an exact name"),
        (29, "CVE-2022-3", "an entry cannot name packages of the type java-archive"),
        (31, "CVE-2022-4", "the * of usr/*/bin ends at a slash, and that of ours does not"),
        (33, "CVE-2022-5", "usr/bin/** matches no absolute path, so grype does not apply it"),
        (35, "a rule without a vulnerability", "it is about every vulnerability"),
        (37, "CVE-2022-6", "an entry cannot be about all packages of the type gem"),
        (39, "a rule without a vulnerability", "it waits for VEX documents; import those"),
        (41, "CVE-2022-7", "reachable may limit it, and is not known here"),
    ]


@every(
    ("name", "package"),
    [
        ("org.slf4j", "org.slf4j"),
        ("^openssl$", "openssl"),
        (r"libstdc\+\+6", "libstdc++6"),
        ("@babel/core", "@babel/core"),
        ("libstdc++6", None),
        ("a|b", None),
        (".*", None),
        ("(a)", None),
        (r"\d", None),
        ("a$b", None),
    ],
)
def test_names_are_exact_or_none(name: str, package: str | None) -> None:
    """They are regular expressions; an entry has room for those of one text."""
    rules = rules_of("grype", f"ignore: [{{vulnerability: CVE-1, package: {{name: '{name}'}}}}]")

    assert [each.package for each in ignored(rules)] == ([] if package is None else [package])


@pytest.mark.parametrize(
    ("kind", "name", "purl"),
    [
        ("deb", "openssl", "pkg:deb/openssl"),
        ("npm", "@babel/core", "pkg:npm/%40babel/core"),
        ("go-module", "golang.org/x/net", "pkg:golang/golang.org/x/net"),
        ("python", "ruamel.yaml", "pkg:pypi/ruamel.yaml"),
    ],
)
def test_a_type_becomes_a_package_url(kind: str, name: str, purl: str) -> None:
    """Of any version and distribution; the exact name stands beside it."""
    package = f"{{name: '{name}', type: {kind}}}"

    (found,) = ignored(rules_of("grype", f"ignore: [{{vulnerability: CVE-1, package: {package}}}]"))

    assert (found.package, found.purl) == (name, purl)


def test_empty_values_limit_nothing() -> None:
    """Grype writes its whole configuration with them."""
    text = (
        '{"ignore": [{"vulnerability": "CVE-1", "include-aliases": false, "reason": "", '
        '"namespace": "", "fix-state": "", "package": {"name": "a", "version": "", '
        '"language": "", "type": "", "location": "", "upstream-name": ""}, "vex-status": "", '
        '"match-type": ""}]}'
    )

    assert rules_of("grype", text) == [IgnoreRule(1, "CVE-1", package="a")]


def test_without_rules_there_is_nothing() -> None:
    """A configuration need not have any."""
    assert rules_of("grype", "output: json") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "FILE:1: this must be a mapping"),
        ("ignore: a", "FILE:1: ignore must be a list"),
        ("ignore:\n- vulnerability: a\n  package: b", "FILE:3: this must be a mapping"),
        ("ignore:\n- vulnerability: a\n  package: {version: 1.5}", "FILE:3: version must be text"),
    ],
)
def test_another_shape_is_located(text: str, message: str) -> None:
    """The error has file, line and what to do."""
    with pytest.raises(DocumentError) as caught:
        rules_of("grype", text)

    assert str(caught.value).startswith(message)
