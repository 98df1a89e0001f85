"""The verdict on a scan without rules: what a terminal shows of it."""

import pytest

from cli.inputs import NO_RULES
from cli.verdicts import print_verdict
from lib.models import Report
from tests.support.builders import NOW, a_finding, a_report


def shown(report: Report, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Print the verdict on a report, and return its lines."""
    print_verdict(report, NO_RULES, NOW)
    return capsys.readouterr().out.splitlines()


def steps(lines: list[str]) -> list[str]:
    """Return the lines about upgrades."""
    return [line for line in lines if line.startswith("- ")]


def test_upgrades_are_listed_from_and_to(capsys: pytest.CaptureFixture[str]) -> None:
    """The one that removes the worst is first."""
    report = a_report(
        a_finding("CVE-2026-1", package="zlib", version="1.2", fixed_version="1.3"),
        a_finding("CVE-2026-2", version="3.0.7", fixed_version="3.0.8", severity="CRITICAL"),
    )

    lines = shown(report, capsys)

    assert "1 CRITICAL" in lines[0]
    assert "1 HIGH" in lines[0]
    assert steps(lines) == [
        "- openssl from 3.0.7 to 3.0.8: removes 1 CRITICAL",
        "- zlib from 1.2 to 1.3: removes 1 HIGH",
    ]


def test_packages_beyond_the_list_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal shows eight; the page has them all."""
    numbers = range(10)
    findings = [
        a_finding(f"CVE-2026-{number}", package=f"package-{number}", fixed_version="4")
        for number in numbers
    ]

    lines = shown(a_report(*findings), capsys)

    assert len(steps(lines)) == 8
    assert any(line.startswith("and 2 more packages to upgrade") for line in lines)
