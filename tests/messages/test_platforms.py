"""What platforms of an index share, and what each has alone, in lines that add up."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from lib.messages.text import text_of
from lib.models import Part, Severity
from tests.support.builders import a_filter, a_finding, a_report
from tests.support.notices import noticed
from tests.support.scenes import Scene

AMD, ARM, PPC = "linux/amd64", "linux/arm64", "linux/ppc64le"


def lines(
    where: Mapping[str, tuple[str, ...]], *parts: str, failed: tuple[str, ...] = ()
) -> list[str]:
    """Return the lines about platforms. `where`: of each severity, the platforms of its finding."""
    rows = [
        a_finding(f"CVE-2026-{n}", severity=severity, platforms=platforms)
        for n, (severity, platforms) in enumerate(where.items())
    ]
    made = [
        *(Part(name, "", "COMPLETE", {Severity.HIGH: 1}) for name in parts),
        *(Part(name, "", "FAILED", reason="status FAILED") for name in failed),
    ]
    report = replace(a_report(*rows), parts=tuple(made))
    filters = (a_filter(severity=Severity.LOW),)
    return text_of(noticed(Scene(report, filters=filters))).platforms.lines(9)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (
            {"CRITICAL": (), "HIGH": (AMD,), "MEDIUM": (ARM,)},
            ["both: 1 CRITICAL", f"{AMD} only: 1 HIGH", f"{ARM} only: 1 MEDIUM"],
        ),
        ({"HIGH": ()}, ["both: 1 HIGH"]),
        ({}, ["both: no vulnerabilities"]),
        ({"HIGH": (ARM,)}, [f"{ARM} only: 1 HIGH"]),
    ],
)
def test_two_platforms_are_three_groups(
    where: Mapping[str, tuple[str, ...]], expected: list[str]
) -> None:
    """A group without any has no line."""
    assert lines(where, AMD, ARM) == expected


def test_of_three_platforms_two_can_share_something() -> None:
    """What most of them have stands first."""
    where = {"CRITICAL": (), "HIGH": (AMD, ARM), "MEDIUM": (PPC,)}

    assert lines(where, AMD, ARM, PPC) == [
        "all 3: 1 CRITICAL",
        f"{AMD}, {ARM} only: 1 HIGH",
        f"{PPC} only: 1 MEDIUM",
    ]


def test_nothing_is_on_one_only_while_another_has_no_result() -> None:
    """It may be there, too."""
    shown = lines({"HIGH": (AMD,)}, AMD, failed=(ARM,))

    assert shown[0] == f"{AMD}: 1 HIGH"
    assert shown[1].startswith(f"{ARM}: scan failed")
