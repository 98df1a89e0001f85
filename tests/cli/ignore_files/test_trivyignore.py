""".trivyignore: ids, comments and ends."""

from datetime import date

import pytest

from cli.ignore_files.rules import IgnoreRule, SkippedRule
from tests.cli.ignore_files.origins import example, ignored, rules_of, skipped
from tests.support.every import every


def test_ids_come_with_their_comments_and_ends() -> None:
    """A comment above or beside a line is its reason; an end is the day before exp."""
    found = ignored(example("trivyignore", ".trivyignore"))

    assert found == [
        IgnoreRule(5, "CVE-2023-4911", reason="Not reachable: no setuid binaries in the image"),
        IgnoreRule(
            8,
            "CVE-2023-38545",
            last_day=date(2027, 1, 31),
            reason="The client is never given a proxy",
        ),
        IgnoreRule(
            9,
            "CVE-2023-38546",
            last_day=date(2027, 1, 31),
            reason="same, and the cookie jar is off",
        ),
        IgnoreRule(11, "CVE-2022-40897"),
        IgnoreRule(12, "GHSA-jfh8-c2jp-5v3q", last_day=date(2026, 11, 22)),
        IgnoreRule(13, "CVE-2021-3999", last_day=date(2026, 11, 23)),
        IgnoreRule(20, "CVE-2023-4911"),
    ]


def test_what_is_no_vulnerability_is_skipped() -> None:
    """Misconfigurations and secrets stand among them; a wrong date is one for Trivy, too."""
    assert skipped(example("trivyignore", ".trivyignore")) == [
        (14, "CVE-2020-1751", "its date is none, so Trivy does not apply it either"),
        (17, "AVD-DS-0002", "this is not the id of a vulnerability"),
        (18, "aws-account-id", "this is not the id of a vulnerability"),
    ]


@every(
    ("text", "reason"),
    [
        ("# a\n# b\nCVE-1", "a b"),
        ("# a\n\nCVE-1", None),
        ("# a\nCVE-0\n# b\nCVE-1", "b"),
        ("# a\nCVE-0\nCVE-1", "a"),
        ("## a #1\nCVE-1", "a #1"),
        ("CVE-1 note", None),
        ("CVE-1 #note", "note"),
        ("#\nCVE-1", None),
    ],
)
def test_a_reason_is_that_of_its_block(text: str, reason: str | None) -> None:
    """Up to the next blank line or comment."""
    assert ignored(rules_of("trivyignore", text))[-1].reason == reason


@pytest.mark.parametrize(
    ("line", "last_day"),
    [
        ("CVE-1 exp:2027-01-01", date(2026, 12, 31)),
        ("CVE-1 x exp:2027-01-01 exp:2028-01-01", date(2026, 12, 31)),
        ("CVE-1 # exp:2027-01-01", date(2026, 12, 31)),
    ],
)
def test_the_end_is_found_where_trivy_finds_it(line: str, last_day: date) -> None:
    """The first of the words after the id that says one, in a comment, too."""
    assert ignored(rules_of("trivyignore", line))[0].last_day == last_day


@pytest.mark.parametrize("day", ["2027-02-30", "2027-1-1", "20270101", "", "2027-01-01T00:00"])
def test_other_dates_end_nothing(day: str) -> None:
    """As Trivy reads them."""
    (rule,) = rules_of("trivyignore", f"CVE-1 exp:{day}")

    assert isinstance(rule, SkippedRule)


def test_what_is_no_id_is_shown_in_short() -> None:
    """A document of another format may be one word."""
    assert [what for _, what, _ in skipped(rules_of("trivyignore", "x" * 100))] == ["x" * 59 + "…"]


def test_an_empty_file_has_no_rules() -> None:
    """Nor has one with comments alone."""
    assert rules_of("trivyignore", "\n# a\n\n") == []


@pytest.mark.parametrize("line", ["CVE-2024-1,CVE-2024-2", "CVE-2024-1;", "CVE-2024-1=x"])
def test_an_id_that_no_finding_can_have_is_skipped(line: str) -> None:
    """Trivy takes the whole word for an id, which matches nothing there either."""
    assert skipped(rules_of("trivyignore", line)) == [
        (1, line, "this is not the id of a vulnerability")
    ]
