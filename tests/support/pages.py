"""Notices of every size and kind, for what a page must show of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from lib.core.suppressions import Suppression
from lib.models import AnyReport, Finding, Notice, Part, Report, Severity
from lib.models.streams import HistoryPoint
from tests.support.builders import (
    NOW,
    a_digest,
    a_filter,
    a_finding,
    a_report,
    an_image,
    an_unusable_report,
)
from tests.support.notices import noticed
from tests.support.scenes import Scene

EVERYTHING: Final = a_filter(severity=Severity.UNKNOWN, unknown_severity=True)
HOSTILE: Final = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'\u2028\u202e\ud800"
)
SEVERITIES: Final = tuple(severity.name for severity in reversed(Severity))
_MANAGERS: Final = ("OS", "PIP", "NODEPKG")


def findings(count: int) -> tuple[Finding, ...]:
    """Return findings as a source lists them: worst first, of several packages."""
    made = []
    for number in range(count):
        finding = a_finding(
            f"CVE-2024-{number:05}",
            severity=SEVERITIES[number % 6],
            package=f"package-{number % 40}",
            path=f"opt/app-{number % 7}/package.json" if number % 3 else None,
            fixed_version=f"2.{number % 9}" if number % 2 else None,
            fix_available="YES" if number % 2 else "NO",
            exploit_available="YES" if number % 10 == 0 else "NO",
            exploit_observed_at=NOW if number % 50 == 0 else None,
            epss=(number % 100) / 100,
            title=f"Title of number {number}",
            description=f"Words about number {number}, needle-{number}.",
        )
        package = replace(finding.package, manager=_MANAGERS[number % 3])
        made.append(replace(finding, package=package))
    return tuple(sorted(made, key=lambda finding: -finding.severity))


def about(
    report: AnyReport,
    before: Report | None = None,
    *,
    suppressions: tuple[Suppression, ...] = (),
) -> Notice:
    """Return the notice of a report for a destination that asks for everything."""
    return noticed(Scene(report, before, (EVERYTHING,), suppressions))


def changed(count: int, *, suppressed: str | None = None) -> Notice:
    """Return a notice of `count` findings; the image before had all but the worst twentieth."""
    listed = findings(count)
    gone = tuple(a_finding(f"CVE-2020-{number}") for number in range(3))
    before = a_report(*listed[count // 20 :], *gone, image=an_image(7))
    entries = ()
    if suppressed is not None:
        entries = (Suppression(suppressed, (NOW + timedelta(days=30)).date(), "not reachable"),)
    return about(a_report(*listed), before, suppressions=entries)


def hostile() -> Notice:
    """Return a notice of a finding that would break out of every place it stands in."""
    finding = a_finding(
        HOSTILE,
        package=HOSTILE,
        version=HOSTILE,
        path=HOSTILE,
        fixed_version=HOSTILE,
        title=HOSTILE,
        description=HOSTILE,
        aliases=(HOSTILE + "2",),
        links=("javascript:alert(3)", f"https://example.org/{HOSTILE}"),
        source_status=HOSTILE,
        remediation=HOSTILE,
        platforms=(HOSTILE,),
    )
    image = an_image(tags=(HOSTILE,), repository=HOSTILE, platform=HOSTILE)
    return about(a_report(finding, image=image, warnings=(HOSTILE,), complete=False))


def index() -> Notice:
    """Return a notice of an index one of whose images was not scanned."""
    parts = (
        Part("linux/amd64", a_digest(2), "COMPLETE", {Severity.HIGH: 1}),
        Part("linux/arm64", a_digest(3), "FAILED", None, "UnsupportedImageError"),
    )
    return about(replace(a_report(a_finding()), parts=parts))


def failed() -> Notice:
    """Return a notice of a scan without a result."""
    return about(an_unusable_report())


def course(count: int = 8) -> list[HistoryPoint]:
    """Return the history of a stream, one of whose scans failed."""
    return [
        HistoryPoint(
            number + 1,
            NOW - timedelta(days=7 * (count - number)),
            an_image(number),
            scanned=number != count // 2,
            open={Severity.CRITICAL: 2, Severity.HIGH: 10 + number},
            came={Severity.HIGH: 1},
            left={},
        )
        for number in range(count)
    ]
