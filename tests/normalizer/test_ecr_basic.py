"""Rows of basic scans."""

from typing import Any

import pytest

from lib.models import Finding, Package, Score, Severity
from lib.normalizer.ecr_basic import findings
from tests.support.shapes import attributes, basic_row


def test_row_becomes_a_finding() -> None:
    """Each field of a row has its place."""
    row = basic_row(
        severity="CRITICAL",
        description="\n  text",
        uri="https://security-tracker.debian.org/tracker/CVE-2024-0001 ",
        attributes=attributes(
            CVSS3_SCORE="9.8",
            package_version="1:7.9p1-10+deb10u2",
            CVSS3_VECTOR="CVSS:3.1/AV:N",
            package_name="openssh",
        ),
    )

    assert findings(row) == (
        Finding(
            vulnerability_id="CVE-2024-0001",
            package=Package("openssh", "1:7.9p1-10+deb10u2"),
            severity=Severity.CRITICAL,
            description="text",
            score=Score(9.8, "3.1", "CVSS:3.1/AV:N"),
            links=("https://security-tracker.debian.org/tracker/CVE-2024-0001",),
        ),
    )


@pytest.mark.parametrize(
    ("stated", "score", "extra"),
    [
        ({"CVSS2_SCORE": "4.6", "CVSS2_VECTOR": "AV:L"}, Score(4.6, "2.0", "AV:L"), {}),
        ({"CVSS3_SCORE": "5"}, Score(5.0, "3"), {}),
        ({"CVSS2_SCORE": "2", "CVSS3_SCORE": "3"}, Score(3.0, "3"), {"CVSS2_SCORE": "2"}),
        ({"CVSS3_SCORE": "?"}, None, {"CVSS3_SCORE": "?"}),
        ({"CVSS3_SCORE": None}, None, {}),
        ({}, None, {}),
    ],
)
def test_version_3_is_shown_and_the_rest_is_kept(
    stated: dict[str, Any], score: Score | None, extra: dict[str, str]
) -> None:
    """One score is shown; the other ones are extra fields."""
    (found,) = findings(basic_row(attributes=attributes(package_name="openssl", **stated)))

    assert found.score == score
    assert found.extra == extra


def test_unknown_fields_survive() -> None:
    """Fields and attributes nobody knows yet are kept as text."""
    row = basic_row(cwe=[79], attributes=attributes(package_name="openssl", patched="2"))

    (found,) = findings(row)

    assert found.extra == {"patched": "2", "cwe": "[79]"}


@pytest.mark.parametrize(
    "odd", [None, "x", [None, "x", {"key": []}, {"value": 1}, {"key": "a"}], {"package_name": "x"}]
)
def test_row_without_anything_is_still_a_finding(odd: Any) -> None:
    """A finding that cannot be named is kept: better an odd name than a lost finding."""
    (found,) = findings({"attributes": odd})

    assert found == Finding("UNNAMED", Package(""), Severity.UNKNOWN)
