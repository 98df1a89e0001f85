"""How each step judges what it saw on AWS."""

from typing import Any

import pytest

from acceptance.outcome import Outcome, Result, Status, exit_code, failed, ok, skipped, table_of
from acceptance.packages import FEW
from acceptance.scanning import Scanning, is_scanned, parse_scanning
from acceptance.settings import Names, SettingsError, names_of
from acceptance.steps import (
    STEPS,
    alert,
    failed_deploy,
    large_image,
    message_group,
    recursion,
    redeploy,
    registry_scanning,
    report_link,
    runtime,
)
from acceptance.steps.large_image import Invocation
from acceptance.world import Page


def an_alert(*, total: int = 3, package: str = "openssl", **more: Any) -> dict[str, Any]:
    return {
        "images": [{"parts": [{"source": "ecr-enhanced"}]}],
        "items": [{"packages": [{"name": package}]}] if total else [],
        "counts": {"total": total},
        **more,
    }


@pytest.mark.parametrize(
    ("document", "status", "seen"),
    [
        (an_alert(), Status.OK, "packages: openssl"),
        (an_alert(package="glibc"), Status.OK, "packages: glibc"),
        (an_alert(package="busybox"), Status.FAILED, "none of those in it"),
        (an_alert(total=0), Status.FAILED, "does not read the layer"),
    ],
)
def test_an_alert_shows_whether_the_scanner_reads_the_layer(
    document: dict[str, Any], status: Status, seen: str
) -> None:
    """By a package that the layer names; binary or source."""
    outcome = alert.judge(document, FEW)

    assert (outcome.status, seen in outcome.observation) == (status, True)


@pytest.mark.parametrize(
    ("page", "age", "status"),
    [
        (Page(200, "host", "<p>team/api</p>"), 60, Status.OK),
        (Page(200, "host", "<p>team/api</p>"), 601, Status.SKIPPED),
        (Page(200, "host", "something else"), 60, Status.FAILED),
        (Page(400, "host", "<Code>IllegalLocationConstraintException"), 60, Status.FAILED),
        (Page(403, "host", "SignatureDoesNotMatch team/api"), 601, Status.FAILED),
    ],
)
def test_a_report_has_to_open_while_the_bucket_is_new(
    page: Page, age: float, status: Status
) -> None:
    """S3 redirects to the region of a new bucket for a while; later the link proves nothing."""
    outcome = report_link.judge(page, repository="team/api", age=age, new_bucket=600)

    assert outcome.status is status
    assert str(page.status) in outcome.observation


@pytest.mark.parametrize(
    ("group", "status"),
    [("123456789012", Status.OK), ("$.account", Status.FAILED), (None, Status.FAILED)],
)
def test_the_message_group_has_to_be_the_account(group: str | None, status: Status) -> None:
    """A literal path would put all accounts into one group."""
    attributes = {} if group is None else {"MessageGroupId": group}

    assert message_group.judge({"Attributes": attributes}, account="123456789012").status is status


@pytest.mark.parametrize(
    ("enhanced", "document", "status"),
    [
        (True, an_alert(), Status.OK),
        (True, None, Status.FAILED),
        (True, {"images": [{"parts": [{"source": "ecr-basic"}]}]}, Status.FAILED),
        (False, an_alert(), Status.SKIPPED),
    ],
)
def test_enhanced_scanning_is_looked_at_where_it_is_on(
    document: dict[str, Any] | None, status: Status, *, enhanced: bool
) -> None:
    """It is never switched on."""
    assert registry_scanning.judge(Scanning(enhanced, ()), document).status is status


@pytest.mark.parametrize(
    ("filters", "expected"),
    [(("*",), True), (("team",), True), (("other",), False), (("team/*",), True), ((), False)],
)
def test_with_enhanced_scanning_the_filters_of_the_registry_decide(
    filters: tuple[str, ...], *, expected: bool
) -> None:
    """The setting of a repository counts with basic scanning only."""
    assert is_scanned(Scanning(enhanced=True, filters=filters), "team/api") is expected
    assert is_scanned(Scanning(enhanced=False, filters=filters), "team/api")


def test_rules_for_manual_scans_scan_nothing_on_push() -> None:
    """The other frequencies do."""
    rules = [
        {"scanFrequency": frequency, "repositoryFilters": [{"filter": frequency}]}
        for frequency in ("MANUAL", "SCAN_ON_PUSH", "CONTINUOUS_SCAN")
    ]

    scanning = parse_scanning({"scanType": "ENHANCED", "rules": rules})

    assert scanning == Scanning(enhanced=True, filters=("SCAN_ON_PUSH", "CONTINUOUS_SCAN"))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"boto3": "1.40.4", "python": "3.13.9"}, Status.OK),
        ({"boto3": "1.44.0", "python": "3.13.9"}, Status.OK),
        ({"boto3": "1.9.250", "python": "3.13.9"}, Status.FAILED),
        ({"errorMessage": "no module"}, Status.FAILED),
    ],
)
def test_the_boto3_of_the_runtime_must_not_be_older_than_the_oldest_that_was_tried(
    answer: dict[str, str], status: Status
) -> None:
    """Versions are compared as numbers."""
    assert runtime.judge(answer, "python3.13 on arm64").status is status


def test_lines_of_lambda_give_the_time_of_each_run() -> None:
    """Other lines are left out."""
    lines = [
        '{"level":"INFO","message":"REPORT of something"}',
        "REPORT RequestId: 1\tDuration: 1250.00 ms\tBilled Duration: 1500 ms",
        "END RequestId: 1",
        "REPORT RequestId: 2\tDuration: 90000.00 ms\tMemory Size: 512 MB",
    ]

    assert large_image.parse(lines) == (Invocation(1.25), Invocation(90.0))


@pytest.mark.parametrize(
    ("findings", "longest", "status"),
    [(5000, 80.0, Status.OK), (999, 80.0, Status.FAILED), (5000, 120.0, Status.FAILED)],
)
def test_thousands_of_findings_have_to_fit_into_the_timeout(
    findings: int, longest: float, status: Status
) -> None:
    """Fewer findings show nothing."""
    runs = [Invocation(1.0), Invocation(longest)]

    assert large_image.judge(findings, 300, runs, 120).status is status


@pytest.mark.parametrize(
    ("dropped", "document", "status"),
    [(0, {}, Status.FAILED), (0, {"a": 1}, Status.OK), (1, {"a": 1}, Status.FAILED)],
)
def test_no_revisit_may_be_dropped(dropped: int, document: dict[str, Any], status: Status) -> None:
    """And the alert has to come."""
    assert recursion.judge(dropped, document or None).status is status


EARLIER = {"image": "payments/api@sha256:1"}


@pytest.mark.parametrize(
    ("after", "compared", "status"),
    [
        (
            {"TableName": "t", "ReportsBucketName": "b"},
            {"image": "payments/api@sha256:1"},
            Status.OK,
        ),
        ({"TableName": "t", "ReportsBucketName": "b"}, None, Status.FAILED),
        (
            {"TableName": "new", "ReportsBucketName": "b"},
            {"image": "payments/api@sha256:1"},
            Status.FAILED,
        ),
    ],
)
def test_a_stage_that_was_deployed_again_goes_on_with_its_data(
    after: dict[str, str], compared: dict[str, str] | None, status: Status
) -> None:
    """The names alone do not show that the data are read."""
    before = {"TableName": "t", "ReportsBucketName": "b"}

    outcome = redeploy.judge(before, after, an_alert(compared_with=compared))

    assert outcome.status is status


@pytest.mark.parametrize(
    ("reason", "data", "status"),
    [
        ("Scope ARN: arn:x does not exist", (), Status.OK),
        ("Scope ARN: arn:x does not exist", ("table t",), Status.FAILED),
        ("ExpiredToken", (), Status.FAILED),
    ],
)
def test_a_failed_first_deployment_must_leave_no_data(
    reason: str, data: tuple[str, ...], status: Status
) -> None:
    """One that fails for another reason shows nothing."""
    assert failed_deploy.judge(reason, "ROLLBACK_COMPLETE", data, "arn:x").status is status


def test_the_stage_leaves_room_for_the_names_made_from_it() -> None:
    """A stage that is too long, or no name, is refused before anything is made."""
    assert names_of("a" * 27).failing_stage == "a" * 27 + "-f"
    for stage in ("", "a" * 28, "1st", "stage_one", "stage one", "é"):
        with pytest.raises(SettingsError, match="STAGE must be"):
            names_of(stage)


def test_names_are_legal_whatever_the_stage() -> None:
    """Repositories are lower case; a queue has at most 80 characters, a rule and a function 64."""
    names = Names("A" * 27)

    assert all(name == name.lower() for name in names.repositories)
    assert max(len(name) for name in (names.topic, names.probe, names.function)) <= 64


def test_every_step_needs_only_steps_before_it() -> None:
    """Else it would always run, or never."""
    done: set[int] = set()
    for step in STEPS:
        assert set(step.needs) <= done
        done.add(step.number)
    assert done == set(range(1, 11))


@pytest.mark.parametrize(
    ("outcomes", "left", "expected"),
    [
        ([ok("x"), skipped("y")], (), 0),
        ([ok("x"), failed("y")], (), 1),
        ([ok("x")], ("queue",), 1),
    ],
)
def test_the_exit_code_tells_of_failures_and_of_what_is_left(
    outcomes: list[Outcome], left: tuple[str, ...], expected: int
) -> None:
    """A skipped step is no failure."""
    results = [Result(1, "title", "expected", outcome, 1.0) for outcome in outcomes]

    assert exit_code(results, left=left) == expected
    assert table_of(results).row_count == len(results)
