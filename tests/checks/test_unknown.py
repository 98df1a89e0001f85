"""A denied call makes unknown what needs its answer, and nothing else; nothing is guessed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from lib.checks import findings as checks
from lib.checks.expectations import Expectations
from lib.checks.findings import COMMAND, LIFECYCLE
from lib.checks.unknown import ALL, CheckResults, checked, not_checked
from lib.models import Image, Refusal, RepositorySettings, RunningImage, ScanningRule, permissions
from tests.checks.test_check import NAME, a_policy, a_repository, a_rule, an_image_in_store
from tests.support.builders import NOW, a_digest, an_image
from tests.support.every import every

COVERAGE, TASKS = "inspector2:ListCoverage", "ecs:ListTasks"
DESCRIBE = permissions.DESCRIBE_REPOSITORIES
NEWEST: Image = an_image(1, pushed_at=NOW - timedelta(days=3))
STORED = (an_image_in_store(1, "1.0", days=3), an_image_in_store(2, days=400))
KMS = Expectations(encryption="KMS")
WRONG: Mapping[str, Any] = {
    "tag_mutability": "MUTABLE",
    "scan_on_push": False,
    "encryption": "AES256",
    "lifecycle_policy": None,
    "stored": STORED,
    "running": (),
    "newest": NEWEST,
}
"""A repository in which all is wrong."""
FOUND = {
    checks.TAG_MUTABILITY,
    checks.SCAN_ON_PUSH,
    checks.NOT_SCANNED,
    checks.LIFECYCLE_MISSING,
    checks.ENCRYPTION,
}
KEPT = a_policy(a_rule(tagStatus="tagged", tagPatternList=["v*"]))
"""A policy by which untagged images stay."""
AFTER_A_DENIAL: Mapping[str, Any] = {
    DESCRIBE: {"tag_mutability": "MUTABLE", "encryption": "AES256"},
    permissions.LIFECYCLE_POLICY: {"lifecycle_policy": None},
    permissions.IMAGES: {"stored": (), "newest": None},
}
"""Fields as they are without an answer."""


def denied(*actions: str, **fields: Any) -> RepositorySettings:
    """Return a repository about which some calls are denied."""
    for action in actions:
        fields |= AFTER_A_DENIAL.get(action, {})
    refusals = tuple(Refusal(action, f"AWS denies {action} for {NAME}") for action in actions)
    return a_repository(**{**WRONG, **fields, "refusals": refusals})


def result_of(*actions: str, **fields: Any) -> CheckResults:
    return checked(denied(*actions, **fields), KMS, now=NOW)


def unknown(result: CheckResults) -> set[str]:
    return {check.id for check in result.unknown}


def found(result: CheckResults) -> set[str]:
    return {finding.vulnerability_id for finding in result.findings}


def remedied(result: CheckResults) -> set[str]:
    """Return the findings that come with a command."""
    return {one.vulnerability_id for one in result.findings if COMMAND in one.extra}


@every(
    ("action", "not_known", "without_remedy"),
    [
        (DESCRIBE, {checks.TAG_MUTABILITY, checks.SCAN_ON_PUSH, checks.ENCRYPTION}, set()),
        (permissions.SCANNING, {checks.SCAN_ON_PUSH}, {checks.NOT_SCANNED}),
        (permissions.CACHE_RULES, {checks.TAG_MUTABILITY}, set()),
        (permissions.LIFECYCLE_POLICY, set(LIFECYCLE), set()),
        (
            permissions.IMAGES,
            {checks.TAG_MUTABILITY, checks.NOT_SCANNED},
            {checks.LIFECYCLE_MISSING},
        ),
        (permissions.SCANS, {checks.NOT_SCANNED}, set()),
        (permissions.MANIFESTS, {checks.NOT_SCANNED}, set()),
        (COVERAGE, set(), {checks.LIFECYCLE_MISSING}),
        (TASKS, set(), {checks.LIFECYCLE_MISSING}),
    ],
)
def test_a_denied_call_leaves_the_other_checks(
    action: str, not_known: set[str], without_remedy: set[str]
) -> None:
    """One row for each call: what is unknown, and which findings have no remedy then."""
    result = result_of(action)

    assert unknown(result) == not_known
    assert found(result) == FOUND - not_known
    assert remedied(result) == FOUND - not_known - without_remedy
    for check in result.unknown:
        assert check.permissions == (action,)
        assert check.reason == f"not known: {action} was denied: allow {action}"
    for finding in result.findings:
        if finding.vulnerability_id in without_remedy:
            assert f"{action} was denied: allow {action}" in (finding.remediation or "")


@pytest.mark.parametrize(
    ("action", "not_known", "without_remedy"),
    [
        (permissions.LIFECYCLE_POLICY, set(LIFECYCLE), set()),
        (permissions.IMAGES, set(LIFECYCLE[2:]), set()),
        (COVERAGE, {checks.LIFECYCLE_RUNNING}, {checks.LIFECYCLE_UNTAGGED}),
        (TASKS, {checks.LIFECYCLE_RUNNING}, {checks.LIFECYCLE_UNTAGGED}),
    ],
)
def test_a_policy_is_judged_as_far_as_its_images_are_known(
    action: str, not_known: set[str], without_remedy: set[str]
) -> None:
    result = result_of(action, **{"lifecycle_policy": KEPT, **AFTER_A_DENIAL.get(action, {})})

    expected = {checks.LIFECYCLE_UNTAGGED} - not_known
    assert unknown(result) & set(LIFECYCLE) == not_known
    assert found(result) & set(LIFECYCLE) == expected
    assert remedied(result) & set(LIFECYCLE) == expected - without_remedy


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        # Tags that are immutable are so for every image; and a cache with such tags is wrong.
        (permissions.IMAGES, {"tag_mutability": "IMMUTABLE"}),
        # A rule of the registry scans it: its own setting does not matter.
        (DESCRIBE, {"scan_rules": (ScanningRule("SCAN_ON_PUSH", ()),)}),
        # Nothing is stored, so nothing that runs can go.
        (COVERAGE, {"stored": (), "newest": None, "lifecycle_policy": a_policy(a_rule())}),
        # The newest image is too new to be asked about, or was scanned.
        (permissions.SCANS, {"newest": an_image(1, pushed_at=NOW)}),
        (permissions.MANIFESTS, {"newest": None}),
        # Broken is broken, whatever is stored.
        (TASKS, {"lifecycle_policy": "{"}),
    ],
)
def test_what_the_answer_cannot_change_is_known(action: str, fields: Mapping[str, Any]) -> None:
    """The check that would need the call is made."""
    result = result_of(action, **fields)
    spared = {
        permissions.IMAGES: checks.TAG_MUTABILITY,
        DESCRIBE: checks.SCAN_ON_PUSH,
        COVERAGE: checks.LIFECYCLE_RUNNING,
        permissions.SCANS: checks.NOT_SCANNED,
        permissions.MANIFESTS: checks.NOT_SCANNED,
        TASKS: checks.LIFECYCLE_RUNNING,
    }

    assert spared[action] not in unknown(result)


def test_an_immutable_cache_is_unknown_without_the_rules() -> None:
    result = result_of(permissions.CACHE_RULES, tag_mutability="IMMUTABLE")

    assert unknown(result) == {checks.CACHE_IMMUTABLE}


def test_what_runs_for_certain_is_a_finding_although_more_may_run() -> None:
    """And the check stays unknown, without a remedy."""
    policy = a_policy(
        a_rule(tagStatus="any", countType="sinceImagePushed", countUnit="days", countNumber=9)
    )
    running = (RunningImage(a_digest(2), (), "an ECS task"),)

    result = result_of(COVERAGE, lifecycle_policy=policy, running=running)

    assert checks.LIFECYCLE_RUNNING in found(result) & unknown(result)
    assert checks.LIFECYCLE_RUNNING not in remedied(result)


def test_nothing_is_said_about_images_that_nobody_listed() -> None:
    """A repository that could not be listed is not called empty."""
    result = result_of(permissions.IMAGES)
    (missing,) = [one for one in result.findings if one.vulnerability_id == LIFECYCLE[0]]

    assert "How much the repository holds is not known." in (missing.description or "")
    assert "empty" not in (missing.description or "")


def test_several_denials_are_one_finding_of_a_stream() -> None:
    """It names the checks and all permissions to grant."""
    result = result_of(permissions.SCANNING, permissions.LIFECYCLE_POLICY)

    finding = not_checked(result.unknown)

    assert finding.title == "7 checks could not be made"
    assert finding.remediation == (
        "Not known: ecr:GetRegistryScanningConfiguration and ecr:GetLifecyclePolicy were denied: "
        "allow ecr:GetRegistryScanningConfiguration and ecr:GetLifecyclePolicy."
    )
    assert all(check.id in (finding.description or "") for check in result.unknown)
    assert COMMAND not in finding.extra


def test_a_source_that_fails_is_not_called_denied() -> None:
    """There is no permission to grant."""
    refusal = Refusal(TASKS, "ECS cannot be asked what runs: throttled", denied=False)
    settings = a_repository(lifecycle_policy=KEPT, stored=STORED, running=None, refusals=(refusal,))

    (check,) = checked(settings, Expectations(), now=NOW).unknown

    assert check.reason == "not known: ECS cannot be asked what runs: throttled"


def test_all_denied_is_nothing_known() -> None:
    actions = (DESCRIBE, permissions.SCANNING, permissions.CACHE_RULES, permissions.IMAGES)

    assert result_of(*actions, permissions.LIFECYCLE_POLICY).is_empty
    assert not result_of(*actions).is_empty
    assert unknown(result_of(*actions, permissions.LIFECYCLE_POLICY)) == set(ALL)
