"""What platforms of an index share, and what each has alone, in numbers that add up."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from lib.messages.text import text_of
from lib.models import Part, Severity
from tests.support.builders import a_filter, a_finding, a_report
from tests.support.notices import noticed
from tests.support.scenes import Scene

AMD, ARM, PPC = "linux/amd64", "linux/arm64", "linux/ppc64le"


def sentence(
    where: Mapping[str, tuple[str, ...]], *parts: str, failed: tuple[str, ...] = ()
) -> str:
    """Return the line about platforms. `where`: of each severity, the platforms of its finding."""
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
    return text_of(noticed(Scene(report, filters=filters))).platforms.sentence(9)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (
            {"CRITICAL": (), "HIGH": (AMD,), "MEDIUM": (ARM,)},
            f"1 on both, 1 only on {AMD}, 1 only on {ARM}",
        ),
        ({"HIGH": ()}, "1 on both"),
        ({}, "none on both"),
        ({"HIGH": (ARM,)}, f"1 only on {ARM}"),
    ],
)
def test_two_platforms_are_three_groups(
    where: Mapping[str, tuple[str, ...]], expected: str
) -> None:
    """A group without any is left out."""
    assert sentence(where, AMD, ARM) == expected


def test_of_three_platforms_two_can_share_something() -> None:
    """What most of them have stands first."""
    where = {"CRITICAL": (), "HIGH": (AMD, ARM), "MEDIUM": (PPC,)}

    assert sentence(where, AMD, ARM, PPC) == (
        f"1 on all 3, 1 only on {AMD}, {ARM}, 1 only on {PPC}"
    )


def test_nothing_is_on_one_only_while_another_has_no_result() -> None:
    """It may be there, too."""
    shown = sentence({"HIGH": (AMD,)}, AMD, failed=(ARM,))

    assert shown.startswith(f"1 on {AMD}; {ARM} scan failed")
