"""The one sentence about a repository: what is wrong, what is new of it, what was fixed."""

from dataclasses import replace

import pytest

from lib.checks.settings import COMMAND
from lib.messages.checks import how_it_stands
from lib.models import BasisKind, ChangeKind, Finding, RepositorySettings, Severity
from tests.checks.test_check import a_repository
from tests.support.alerts import a_check, evaluated, stories, told
from tests.support.builders import a_filter

SOUND = a_repository()
ONE = a_repository(tag_mutability="MUTABLE")
TWO = replace(ONE, scan_on_push=False)
THREE = replace(TWO, lifecycle_policy=None)
LOW = a_filter(severity=Severity.LOW)


def verdict(
    after: RepositorySettings, before: RepositorySettings | None = None, *, low: bool = True
) -> str:
    evaluation = evaluated(
        a_check(after),
        before=None if before is None else a_check(before),
        kind=BasisKind.RESCAN,
    )
    return told(evaluation, LOW if low else a_filter(severity=Severity.CRITICAL)).verdict


@pytest.mark.parametrize(
    ("after", "before", "said"),
    [
        (
            ONE,
            None,
            "1 setting of this repository is not as it should be: tags can be overwritten",
        ),
        (
            TWO,
            None,
            (
                "2 settings of this repository are not as they should be: images are not scanned "
                "when they are pushed and tags can be overwritten"
            ),
        ),
        (
            TWO,
            ONE,
            (
                "1 setting of this repository is not as it should be since the last check: images "
                "are not scanned when they are pushed; 1 setting is still not as it should be"
            ),
        ),
        (
            THREE,
            ONE,
            (
                "2 settings of this repository are not as they should be since the last check: "
                "images are not scanned when they are pushed and there is no lifecycle policy; "
                "1 setting is still not as it should be"
            ),
        ),
        (SOUND, ONE, "1 fixed: tags are immutable now; all is as it should be"),
        (
            TWO,
            THREE,
            "1 fixed: there is a lifecycle policy now; 2 settings are still not as they should be",
        ),
        (SOUND, None, "All is as it should be"),
        (SOUND, SOUND, "All is as it should be"),
        (ONE, ONE, "1 setting is still not as it should be"),
    ],
)
def test_the_verdict(
    after: RepositorySettings, before: RepositorySettings | None, said: str
) -> None:
    assert verdict(after, before) == said


def test_what_nobody_asked_for_is_no_all_clear() -> None:
    assert verdict(ONE, low=False) == "Nothing of what is asked for here is wrong"


def test_many_settings_are_counted() -> None:
    settings = replace(THREE, encryption="AES256")
    report = a_check(settings)
    more = tuple(
        replace(each, vulnerability_id=f"{each.vulnerability_id}-{number}")
        for number in range(2)
        for each in report.findings
    )

    said = told(evaluated(replace(report, findings=more)), LOW).verdict

    assert "6 settings of this repository are not as they should be" in said
    assert said.endswith(", and 2 more")


def test_the_end_of_a_check_that_nobody_knows_any_more_has_words() -> None:
    """An id of an earlier version."""
    report = a_check(ONE)
    old: tuple[Finding, ...] = (replace(report.findings[0], vulnerability_id="ECR-OLD"),)
    evaluation = evaluated(
        a_check(SOUND), before=replace(report, findings=old), kind=BasisKind.RESCAN
    )

    said = told(evaluation, LOW).verdict

    assert said.startswith("1 fixed: ECR-OLD is as it should be now")


def test_how_it_stands() -> None:
    told_ = stories()
    moved = told_["tag-moved"]
    filtered = told(evaluated(a_check(ONE)), a_filter(severity=Severity.CRITICAL))

    assert how_it_stands(told_["repository-sound"]) == "all settings are as they should be"
    assert how_it_stands(filtered) == "nothing of what is asked for here is wrong"
    assert how_it_stands(moved) == moved.verdict
    assert how_it_stands(replace(moved, standing=())) == "a tag moved"
    assert [each.kind for each in moved.changes] == [ChangeKind.NEW]
    assert all(COMMAND in each.finding.extra for each in moved.standing)
