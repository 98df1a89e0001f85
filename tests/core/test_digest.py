"""The digest: when it is due, and numbers that add up whatever the streams went through."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.digest import (
    PERIODS,
    Schedule,
    StreamDigest,
    StreamFacts,
    digest,
    digest_id,
    stream_digest,
)
from lib.core.evaluation import Rules, evaluate, history_entry
from lib.models import (
    BasisKind,
    Destination,
    Digest,
    Filter,
    Finding,
    HistoryEntry,
    Image,
    Severity,
    StreamId,
    UnscannedImage,
)
from tests.support.builders import a_filter, a_finding, a_report, an_image, an_unusable_report
from tests.support.fakes import known_of

SLACK = Destination("team-slack")
MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
WEEKLY = Schedule((SLACK,), weekday=0, at=time(7, 0))
DAILY = Schedule((SLACK,), weekday=None, at=time(7, 0))
STREAM = StreamId("000474600478/eu-central-1/payments/api")
DAY = timedelta(days=1)
HIGH = (a_filter(),)


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        (WEEKLY, MONDAY, MONDAY),
        (WEEKLY, MONDAY - timedelta(seconds=1), MONDAY - 7 * DAY),
        (WEEKLY, MONDAY + 3 * DAY, MONDAY),
        (WEEKLY, MONDAY + 7 * DAY - timedelta(minutes=1), MONDAY),
        (replace(WEEKLY, weekday=6), MONDAY, MONDAY - DAY),
        (DAILY, MONDAY + timedelta(hours=2), MONDAY),
        (DAILY, MONDAY - timedelta(hours=1), MONDAY - DAY),
    ],
)
def test_a_digest_is_due_at_its_time(schedule: Schedule, now: datetime, due: datetime) -> None:
    """The last time at or before now."""
    assert schedule.last_due(now) == due
    assert schedule.moments(due)[-1] == due
    assert len(schedule.moments(due)) == PERIODS


def test_the_same_digest_has_the_same_id() -> None:
    """However often it is made; others have another."""
    ids = {
        digest_id("prod", SLACK, MONDAY),
        digest_id("prod", SLACK, MONDAY + DAY),
        digest_id("prod", Destination("b"), MONDAY),
        digest_id("dev", SLACK, MONDAY),
    }

    assert len(ids) == 4
    assert digest_id("prod", SLACK, MONDAY.replace(microsecond=0)) in ids


class Course:
    """One stream over time: reports in, facts out."""

    def __init__(self, image: Image | None = None) -> None:
        self.image = image or an_image()
        self.known: dict[str, Any] = {}
        self.history: list[HistoryEntry] = []

    def scanned(self, days_ago: float, *findings: Finding, **scan: Any) -> "Course":
        """Evaluate a scan of so many days ago."""
        at = MONDAY - timedelta(days=days_ago)
        report = a_report(*findings, image=self.image, completed_at=at, **scan)
        before = (BasisKind.RESCAN, self._last()) if self.known else None
        made = evaluate(
            report,
            stream=STREAM,
            version=len(self.history) + 1,
            now=at,
            rules=Rules(()),
            before=before,
        )
        key = f"reports/{len(self.history)}"
        self.known[key] = known_of(made)
        self.history.append(history_entry(made, key))
        return self

    def failed(self, days_ago: float) -> "Course":
        """Add a scan without a result."""
        at = MONDAY - timedelta(days=days_ago)
        report = an_unusable_report(image=self.image)
        made = evaluate(report, stream=STREAM, version=9, now=at, rules=Rules(()))
        self.history.append(history_entry(made, "reports/failed"))
        return self

    def _last(self) -> Any:
        return list(self.known.values())[-1]

    def facts(self, period: timedelta = 7 * DAY) -> StreamFacts:
        past = [each for each in self.history if each.usable and each.at <= MONDAY - period]
        before = self.known[past[-1].report_key] if past else None
        return StreamFacts(self._last(), before, self.history)


def of(course: Course, filters: tuple[Filter, ...] = HIGH) -> StreamDigest:
    return stream_digest(course.facts(), filters, moments=WEEKLY.moments(MONDAY))


def made(*streams: StreamDigest, **fields: Any) -> Digest:
    given_: dict[str, Any] = {"stage": "prod", "unscanned": (), **fields}
    return digest(
        streams, destination=SLACK, routes=["everything"], schedule=WEEKLY, until=MONDAY, **given_
    )


OLD = a_finding("CVE-2024-0001", fixed_version="2")
GONE = a_finding("CVE-2024-0002", severity="CRITICAL")
NEW = a_finding("CVE-2024-0003", exploit_available="YES")
LOW = a_finding("CVE-2024-0004", severity="LOW")


def test_what_came_and_went_is_told_with_the_rest() -> None:
    """What was open a week ago, and what is open now, of what the filters ask for."""
    course = Course().scanned(20, OLD, GONE, LOW).scanned(2, OLD, NEW, LOW)

    result = made(of(course))

    assert result.counts == {Severity.HIGH: 2}
    assert result.open_before == {Severity.CRITICAL: 1, Severity.HIGH: 1}
    assert result.new == {Severity.HIGH: 1}
    assert result.resolved == {Severity.CRITICAL: 1}
    assert [(each.vulnerability_id, each.images) for each in result.resolved_vulnerabilities] == [
        ("CVE-2024-0002", 1)
    ]
    assert (result.fixable, result.exploitable) == (1, 1)
    assert [each.words for each in result.ages if each.counts] == ["up to 7 days", "8 to 30 days"]
    assert result.oldest_open_since == MONDAY - 20 * DAY
    assert (result.images, result.clean) == (1, 0)


def test_the_trend_goes_back_eight_weeks() -> None:
    """Each moment has what the last scan before it left open; before the first one is no moment."""
    course = Course().scanned(20, OLD, GONE, LOW).failed(10).scanned(2, OLD)

    result = made(of(course))

    assert [sum(each.counts.values()) for each in result.trend] == [2, 2, 1]
    assert [each.at for each in result.trend] == list(WEEKLY.moments(MONDAY))[-3:]


def test_a_suppressed_or_closed_finding_is_not_open() -> None:
    course = Course().scanned(2, OLD, a_finding("CVE-2024-9", source_status="CLOSED"))
    facts = course.facts()
    hidden = replace(facts, now=replace(facts.now, suppressed=frozenset({OLD.id})))

    assert made(stream_digest(hidden, HIGH, moments=WEEKLY.moments(MONDAY))).counts == {}
    assert made(of(course)).counts == {Severity.HIGH: 1}


def test_a_failed_last_scan_is_said() -> None:
    """The numbers are those of the scan before it, and its image is not clean."""
    course = Course().scanned(9).failed(1)

    result = made(of(course))

    assert (result.images, result.clean) == (1, 0)
    assert "2026-11-14 is counted" in result.unscanned[0].reason


def test_an_incomplete_list_is_no_all_clear() -> None:
    course = Course().scanned(2, complete=False)

    result = made(of(course))

    assert result.clean == 0
    assert result.warnings == ("1 image has fewer findings listed than counted",)


def test_without_the_earlier_report_nothing_is_said_to_come_or_go() -> None:
    """Retention took it: the numbers of now stand, and that is said."""
    facts = replace(
        Course().scanned(20, OLD).scanned(2, OLD, NEW).facts(), before=None, comparable=False
    )

    result = made(stream_digest(facts, HIGH, moments=WEEKLY.moments(MONDAY)))

    assert result.open_before == result.counts == {Severity.HIGH: 2}
    assert not result.new
    assert not result.resolved
    assert result.warnings == ("1 image has nothing stored to compare with",)


def test_repositories_are_kept_apart_by_account_and_region() -> None:
    """The same name in another account is another repository; the worst stands first."""
    streams = [
        of(Course(an_image(1)).scanned(2, OLD)),
        of(Course(an_image(2)).scanned(2, OLD, NEW)),
        of(Course(an_image(3, account="000000000000")).scanned(2, GONE)),
        of(Course(an_image(4, repository="clean")).scanned(2)),
    ]

    result = made(*streams)

    assert [
        (each.account, each.images, sum(each.counts.values())) for each in result.repositories
    ] == [
        ("000000000000", 1, 1),
        ("000474600478", 2, 3),
    ]
    assert (result.images, result.clean) == (4, 1)


def test_images_without_a_result_stand_beside_the_numbers() -> None:
    missing = UnscannedImage(an_image(7), "never scanned")

    assert made(unscanned=[missing]).unscanned == (missing,)


FINDINGS = st.lists(
    st.builds(
        a_finding,
        st.sampled_from([f"CVE-2024-{n:04}" for n in range(12)]),
        severity=st.sampled_from([each.name for each in Severity]),
        package=st.sampled_from(["openssl", "zlib"]),
        fixed_version=st.sampled_from([None, "2"]),
        exploit_available=st.sampled_from([None, "YES"]),
        source_status=st.sampled_from([None, "CLOSED"]),
    ),
    max_size=8,
    unique_by=lambda each: each.id,
)
COURSES = st.lists(FINDINGS, min_size=1, max_size=4)
FILTERS = st.lists(
    st.builds(
        a_filter,
        severity=st.sampled_from(Severity),
        only=st.sampled_from(
            [(), ("fixable",), ("exploitable",), ("fixable", "exploitable"), ("in-use",)]
        ),
        unknown_severity=st.booleans(),
    ),
    min_size=1,
    max_size=3,
).map(tuple)


@given(courses=st.lists(COURSES, max_size=4), filters=FILTERS)
def test_the_numbers_add_up(
    courses: list[list[list[Finding]]], filters: tuple[Filter, ...]
) -> None:
    """Ages and repositories to what is open; before + came - gone to the same, by severity."""
    streams = []
    for number, scans in enumerate(courses):
        course = Course(an_image(number, repository=f"repo-{number % 2}", in_use_count=number % 3))
        for place, found in enumerate(scans):
            course.scanned(6 * (len(scans) - place), *found)
        streams.append(of(course, filters))

    result = made(*streams)

    for severity in Severity:
        now = result.counts.get(severity, 0)
        came, gone = result.new.get(severity, 0), result.resolved.get(severity, 0)
        assert result.open_before.get(severity, 0) + came - gone == now
        assert sum(each.counts.get(severity, 0) for each in result.ages) == now
        assert sum(each.counts.get(severity, 0) for each in result.repositories) == now
        assert result.trend[-1].counts.get(severity, 0) == now
    assert result.images == len(courses)
    assert result.clean == sum(not each.counts for each in streams)


@given(scans=COURSES, filters=FILTERS)
def test_the_trend_tells_what_was_open_then(
    scans: list[list[Finding]], filters: tuple[Filter, ...]
) -> None:
    """From the small rows of the history, the same as from the reports themselves."""
    course = Course(an_image(in_use_count=1))
    for place, found in enumerate(scans):
        course.scanned(7 * (len(scans) - place), *found)

    trend = of(course, filters).trend

    for moment, counts in zip(WEEKLY.moments(MONDAY), trend, strict=False):
        past = [each for each in course.history if each.at <= moment]
        assert (counts is None) == (not past)
        if past:
            then = StreamFacts(course.known[past[-1].report_key], None, ())
            exact = stream_digest(then, filters, moments=WEEKLY.moments(MONDAY)).counts
            assert counts == exact
