"""Files of people with the findings that they are about."""

from datetime import date

from cli.ignore_files import FORMATS, format_of
from cli.ignore_files.importing import Wishes, plan
from cli.ignore_files.rules import Rule
from lib.core.suppressions import Suppression, matcher
from lib.models import Report
from lib.normalizer.documents import normalize_document
from tests.cli.ignore_files.origins import TODAY, ignored, skipped
from tests.support.documents import CASES, case

WISHES = Wishes(TODAY, date(2027, 2, 1), "imported")


def rules_in(name: str) -> list[Rule]:
    """Return the rules of a file, read as its name says."""
    text = (CASES / "ignored" / name).read_text("utf-8")
    format_ = format_of(name, text)
    assert format_ is not None
    return FORMATS[format_](text, name)


def suppressed(entry: Suppression, report: Report) -> list[str]:
    """Return the packages of the findings that an entry suppresses."""
    match = matcher([entry], report.image, TODAY)
    return [
        f"{finding.vulnerability_id} {finding.package.name} {finding.package.version}"
        for finding in report.findings
        if match(finding) is not None
    ]


def test_an_entry_for_a_package_of_chainguard_matches() -> None:
    """And one for a package, or a path, matches that one alone."""
    planned = plan(rules_in("chainguard.trivyignore.yaml"), (), WISHES)
    (report,) = normalize_document(case("exported/chainguard.json")).reports
    assert isinstance(report, Report)

    assert [suppressed(new.entry, report) for new in planned.new] == [
        ["CVE-2026-28386 openssl 3.5.1-r1"],
        ["CVE-2026-75899 fast-uri 3.0.1"],
        ["CVE-2026-73566 tar 7.4.3"],
    ]
    assert [new.entry.expires for new in planned.new] == [
        date(2027, 7, 9),
        date(2027, 1, 30),
        date(2027, 1, 30),
    ]
    assert [rule.what for rule in planned.skipped] == ["misconfigurations"]


def test_a_rule_whose_limits_cannot_be_kept_is_skipped() -> None:
    """One of five remains: a package by its type and its name."""
    found = rules_in("rpm.grype.yaml")

    assert [(rule.id, rule.purl) for rule in ignored(found)] == [("CVE-2022-1664", "pkg:deb/dpkg")]
    assert len(skipped(found)) == 4
