"""The state of a stream after something happened."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.core.merging import merged
from lib.core.states import names_of, next_state
from lib.core.vulnerabilities import vulnerabilities_of
from lib.models import (
    AnyReport,
    Finding,
    Image,
    ImageIndex,
    Member,
    Report,
    ScanSource,
    UnusableReport,
)
from lib.models.streams import (
    Arrival,
    Comparison,
    PartState,
    Role,
    ScanRecord,
    Stamp,
    StreamState,
    Vulnerability,
    Watch,
)
from tests.support.builders import (
    NOW,
    a_digest,
    a_finding,
    a_report,
    a_scan,
    an_image,
    an_unusable_report,
)
from tests.support.streams import STREAM

AMD, ARM = "linux/amd64", "linux/arm64"
FIRST, SECOND, THIRD = (an_image(n, platform=AMD) for n in (1, 2, 3))
X = a_finding("CVE-2026-0001")
Y = a_finding("CVE-2026-0002", package="zlib")
Z = a_finding("CVE-2026-0003", package="libxml2")


def a_watch(
    current: Image | None = FIRST, *running: Image, arrival: Arrival = Arrival.PUSH, **fields: Any
) -> Watch:
    """Return what counts: a current image, and others that run."""
    return Watch(current, running, fields.get("current_runs", False), arrival, "reason")


def record(report: AnyReport, **fields: Any) -> ScanRecord:
    return ScanRecord(report, NOW, **fields)


def listed(*findings: Finding, image: Image = FIRST, **scan: Any) -> ScanRecord:
    """Return a scan of an image that lists these findings."""
    return record(a_report(*findings, image=image, **scan))


def failed(image: Image = FIRST, status: str = "FAILED", **fields: Any) -> ScanRecord:
    return record(an_unusable_report(status, image=image), **fields)


def an_index(number: int, **reports: AnyReport) -> ScanRecord:
    """Return the scans of an index, by its architectures."""
    platforms = [f"linux/{name}" for name in reports]
    members = tuple(Member(a_digest(90 + n), name) for n, name in enumerate(platforms))
    index = ImageIndex(an_image(number), members)
    return record(merged(index, list(reports.values())))


class Stream:
    """A stream in time: each `sync` is an hour after the one before."""

    def __init__(self) -> None:
        self.state: StreamState | None = None
        self.now = NOW

    def sync(self, watch: Watch, *records: ScanRecord, **fields: Any) -> StreamState:
        by_digest = {item.last.image.digest: item for item in records}
        self.now += timedelta(hours=1)
        self.state = next_state(STREAM, self.state, watch, by_digest, now=self.now, **fields)
        return self.state


def ids(part: PartState) -> list[list[str]]:
    """Return what the evidence of a part lists, the newest first."""
    return [[row.vulnerability_id for row in entry.findings] for entry in part.evidence]


def only_part(state: StreamState) -> PartState:
    (part,) = state.images[0].parts
    return part


class TestReported:
    def test_what_left_is_kept_while_a_view_reports_it(self) -> None:
        """By any of its names; of what left just now nobody knows yet."""
        stream = Stream()
        stream.sync(a_watch(), listed(replace(X, aliases=("GHSA-1",)), Y), reported=())

        first = stream.sync(a_watch(SECOND), listed(image=SECOND), reported=())
        assert set(first.departures) == {"CVE-2026-0001", "CVE-2026-0002"}

        second = stream.sync(a_watch(THIRD), listed(image=THIRD), reported=("ghsa-1",))
        assert set(second.departures) == {"CVE-2026-0001"}

        third = stream.sync(a_watch(FIRST), listed(image=FIRST), reported=None)
        assert set(third.departures) == {"CVE-2026-0001"}

    def test_what_is_unlisted_is_kept_while_its_package_is_the_same(self) -> None:
        """Though no view reports it: digests count it."""
        stream = Stream()
        other = replace(X, vulnerability_id="CVE-2026-0009")
        upgraded = replace(other, package=replace(other.package, version="9.9"))
        stream.sync(a_watch(), listed(X, other), reported=())
        stream.sync(a_watch(SECOND), listed(other, image=SECOND), reported=())

        third = stream.sync(a_watch(THIRD), listed(other, image=THIRD), reported=())
        assert set(third.departures) == {X.vulnerability_id}

        fourth = stream.sync(a_watch(FIRST), listed(upgraded, image=FIRST), reported=())
        assert X.vulnerability_id not in fourth.departures

    def test_that_nobody_reports_it_any_more_is_no_difference(self) -> None:
        """It goes with the next one."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))
        state = stream.sync(a_watch(), listed())

        assert stream.sync(a_watch(), listed(), reported=()) is state


class TestVersions:
    def test_a_first_state_says_what_is_watched(self) -> None:
        """The current image first, then those that run."""
        state = Stream().sync(
            a_watch(SECOND, FIRST, current_runs=True), listed(X), listed(Y, image=SECOND)
        )

        assert (state.stream, state.version, state.at, state.created_at) == (
            STREAM, 1, NOW + timedelta(hours=1), NOW + timedelta(hours=1),
        )  # fmt: skip
        assert [(item.image, item.role, item.running) for item in state.images] == [
            (SECOND, Role.CURRENT, True),
            (FIRST, Role.RUNNING, True),
        ]
        assert set(state.lifecycles) == {"CVE-2026-0001", "CVE-2026-0002"}

    def test_where_nothing_differs_the_same_state_comes_back(self) -> None:
        """A re-scan with the same findings writes nothing, whatever their scores are."""
        stream = Stream()
        before = stream.sync(a_watch(), listed(X, Y))
        later = replace(X, epss=0.9, last_observed_at=NOW, title="other words")

        assert stream.sync(a_watch(), listed(X, Y)) is before
        assert stream.sync(a_watch(), listed(Y, later, completed_at=NOW + timedelta(9))) is before

    def test_the_number_of_uses_is_no_difference(self) -> None:
        """Only whether it runs is."""
        stream = Stream()
        before = stream.sync(a_watch(replace(FIRST, in_use_count=3)), listed(X))

        assert stream.sync(a_watch(replace(FIRST, in_use_count=4)), listed(X)) is before
        assert stream.sync(a_watch(FIRST, current_runs=True), listed(X)).version == 2

    @pytest.mark.parametrize(
        "change",
        [
            {"severity": X.severity.CRITICAL},
            {"fixed_version": "3.0.14"},
            {"exploit_available": "YES"},
            {"source_status": "CLOSED"},
            {"aliases": ("GHSA-1",)},
            {"package": replace(X.package, version="3.0.12")},
        ],
        ids=str,
    )
    def test_what_is_compared_makes_a_new_version(self, change: dict[str, Any]) -> None:
        """Severity, fix, exploit, status, names, packages."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))

        state = stream.sync(a_watch(), listed(replace(X, **change)))

        assert (state.version, state.at) == (2, NOW + timedelta(hours=2))
        assert state.created_at == NOW + timedelta(hours=1)

    def test_another_tag_makes_a_new_version(self) -> None:
        """Routes match on tags."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))
        tagged = replace(FIRST, tags=("stable", *FIRST.tags))

        state = stream.sync(a_watch(tagged), listed(X))

        assert state.version == 2
        assert only_part(state).evidence[0].image == tagged

    def test_a_stream_without_images_has_a_state(self) -> None:
        """All its tags were deleted."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))

        state = stream.sync(a_watch(None))

        assert (state.version, state.images, dict(state.lifecycles)) == (2, (), {})


class TestEvidence:
    def test_a_failed_release_keeps_what_the_one_before_had(self) -> None:
        """Last seen in 1.4.1; 1.4.2 could not be scanned."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))

        state = stream.sync(a_watch(SECOND), failed(SECOND))

        part = only_part(state)
        assert (part.status, part.reason) == ("FAILED", "status FAILED")
        assert [entry.image for entry in part.evidence] == [FIRST]
        assert set(state.lifecycles) == {"CVE-2026-0001"}
        assert state.lifecycles["CVE-2026-0001"].opened.version == 1

    def test_so_does_the_release_after_it(self) -> None:
        """However many fail."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))
        stream.sync(a_watch(SECOND), failed(SECOND))

        state = stream.sync(a_watch(THIRD), failed(THIRD, "UNSUPPORTED_IMAGE"))

        assert [entry.image for entry in only_part(state).evidence] == [FIRST]

    def test_an_incomplete_release_has_both(self) -> None:
        """What it lists, and of the one before what it says nothing about."""
        stream = Stream()
        stream.sync(a_watch(), listed(X, Y))
        lowered = replace(X, severity=X.severity.LOW)

        state = stream.sync(a_watch(SECOND), listed(lowered, Z, image=SECOND, complete=False))

        assert ids(only_part(state)) == [["CVE-2026-0001", "CVE-2026-0003"], ["CVE-2026-0002"]]
        assert [entry.image for entry in only_part(state).evidence] == [SECOND, FIRST]
        assert state.lifecycles["CVE-2026-0001"].severity is X.severity.LOW

    def test_a_complete_release_stands_alone(self) -> None:
        """Nothing is taken over."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))
        stream.sync(a_watch(SECOND), failed(SECOND))

        state = stream.sync(a_watch(SECOND), listed(Y, image=SECOND))

        assert ids(only_part(state)) == [["CVE-2026-0002"]]
        assert set(state.departures) == {"CVE-2026-0001"}

    def test_incomplete_releases_lose_nothing_between_them(self) -> None:
        """What each of them listed is known until a complete report says otherwise."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))
        stream.sync(a_watch(SECOND), listed(Y, image=SECOND, complete=False))

        state = stream.sync(a_watch(THIRD), listed(Z, image=THIRD, complete=False))
        again = stream.sync(a_watch(THIRD), listed(Z, image=THIRD, complete=False))

        assert ids(only_part(state)) == [["CVE-2026-0003"], ["CVE-2026-0002"], ["CVE-2026-0001"]]
        assert again is state

    def test_an_incomplete_re_scan_takes_nothing_away(self) -> None:
        """A partial list of the same image: no RESOLVED, then NEW."""
        stream = Stream()
        stream.sync(a_watch(), listed(X, Y))

        state = stream.sync(a_watch(), listed(Y, complete=False))

        assert ids(only_part(state)) == [["CVE-2026-0002"], ["CVE-2026-0001"]]
        assert not state.departures

    def test_a_failed_re_scan_takes_nothing_away(self) -> None:
        """Whether the last usable report is named or not."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))

        state = stream.sync(a_watch(), failed())
        named = stream.sync(a_watch(), failed(usable=a_report(X, image=FIRST), usable_at=NOW))

        assert ids(only_part(state)) == [["CVE-2026-0001"]]
        assert only_part(state).reason == "status FAILED"
        assert named is state

    def test_a_promoted_image_that_failed_later_has_its_last_usable_report(self) -> None:
        """The stream did not watch it then."""
        stored = failed(SECOND, usable=a_report(Y, image=SECOND), usable_at=NOW)
        stream = Stream()
        stream.sync(a_watch(), listed(X))

        state = stream.sync(a_watch(SECOND, arrival=Arrival.TAG), stored)

        assert ids(only_part(state)) == [["CVE-2026-0002"]]

    def test_a_part_that_never_had_a_report_keeps_nothing(self) -> None:
        """An unsupported image is empty, not clean."""
        stream = Stream()
        stream.sync(a_watch(), failed())

        state = stream.sync(a_watch(SECOND), failed(SECOND))

        assert only_part(state).evidence == ()
        assert not state.has_evidence

    def test_an_image_without_an_answer_stays_as_it_was(self) -> None:
        """Its stored report could not be read."""
        stream = Stream()
        before = stream.sync(a_watch(), listed(X))

        assert stream.sync(a_watch()) is before

    def test_a_new_image_without_any_scan_keeps_what_the_one_before_had(self) -> None:
        """An hour without a result counts as an end."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))

        state = stream.sync(a_watch(SECOND))

        assert only_part(state).status == "SCAN_NOT_FOUND"
        assert ids(only_part(state)) == [["CVE-2026-0001"]]

    def test_an_image_behind_the_current_one_speaks_for_itself_alone(self) -> None:
        """It does not have what a newer one had."""
        stream = Stream()
        stream.sync(a_watch(SECOND), listed(X, image=SECOND))

        state = stream.sync(a_watch(SECOND, FIRST), listed(X, image=SECOND), failed())

        assert state.images[1].parts[0].evidence == ()

    def test_a_current_image_takes_nothing_over_later(self) -> None:
        """An older image begins to run behind one that was never scanned."""
        stream = Stream()
        stream.sync(a_watch(SECOND), failed(SECOND))

        stream.sync(a_watch(SECOND, FIRST), failed(SECOND), listed(X))
        state = stream.sync(a_watch(SECOND, FIRST), failed(SECOND), listed(X))

        assert only_part(state).evidence == ()

    def test_it_keeps_what_it_had_as_the_current_one(self) -> None:
        """Also what it took over then."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))
        stream.sync(a_watch(SECOND, current_runs=True), failed(SECOND))

        state = stream.sync(a_watch(THIRD, SECOND), failed(SECOND), listed(image=THIRD))

        assert ids(state.images[1].parts[0]) == [["CVE-2026-0001"]]
        assert set(state.lifecycles) == {"CVE-2026-0001"}

    def test_a_rolled_back_image_without_a_report_takes_over_from_the_one_before(self) -> None:
        """It ran behind, never scanned, and is current again."""
        stream = Stream()
        stream.sync(a_watch(SECOND, FIRST), listed(X, image=SECOND), failed())

        state = stream.sync(a_watch(FIRST, arrival=Arrival.ROLLBACK), failed())

        assert ids(only_part(state)) == [["CVE-2026-0001"]]

    def test_the_end_of_monitoring_leaves_the_findings_where_they_are(self) -> None:
        """Inspector closes them then: that proves nothing."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))

        by_status = stream.sync(a_watch(), failed(status="SCAN_ELIGIBILITY_EXPIRED"))

        part = only_part(by_status)
        assert (part.reason, part.monitored) == (None, False)
        assert ids(part) == [["CVE-2026-0001"]]
        assert set(by_status.conditions) == {f"MONITORING_ENDED {AMD}"}

    def test_the_end_of_monitoring_before_any_report_is_a_missing_scan(self) -> None:
        """There is nothing that could grow old."""
        state = Stream().sync(a_watch(), failed(status="SCAN_ELIGIBILITY_EXPIRED"))

        part = only_part(state)
        assert (part.reason, part.monitored) == ("status SCAN_ELIGIBILITY_EXPIRED", True)
        assert set(state.conditions) == {f"SCAN_ELIGIBILITY_EXPIRED {AMD}"}

    def test_so_it_is_for_a_new_release_that_keeps_what_the_one_before_had(self) -> None:
        """Its own scans never had a result."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))

        state = stream.sync(a_watch(SECOND), failed(SECOND, "SCAN_ELIGIBILITY_EXPIRED"))

        assert only_part(state).reason == "status SCAN_ELIGIBILITY_EXPIRED"


class TestParts:
    def test_each_part_keeps_its_own_evidence(self) -> None:
        """A platform that failed says nothing about the other one."""
        stream = Stream()
        stream.sync(a_watch(), an_index(1, amd64=a_report(X), arm64=a_report(X, Y)))

        state = stream.sync(
            a_watch(SECOND), an_index(2, amd64=a_report(), arm64=an_unusable_report())
        )

        amd, arm = state.images[0].parts
        assert (amd.part, ids(amd)) == (AMD, [[]])
        assert (arm.part, ids(arm)) == (ARM, [["CVE-2026-0001", "CVE-2026-0002"]])
        assert arm.evidence[0].image.digest == FIRST.digest

    def test_a_part_that_the_image_no_longer_has_keeps_nothing(self) -> None:
        """1.1 is not built for arm64 any more."""
        stream = Stream()
        stream.sync(a_watch(), an_index(1, amd64=a_report(), arm64=a_report(Y)))

        state = stream.sync(a_watch(SECOND), listed(image=SECOND))

        assert [part.part for part in state.images[0].parts] == [AMD]
        assert state.departures["CVE-2026-0002"].parts == (ARM,)

    def test_a_part_takes_nothing_over_from_another_platform(self) -> None:
        """1.0 was built for one platform, 1.1 is for two; and the other way round."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))
        scans = an_index(2, amd64=a_report(Y), arm64=an_unusable_report())
        assert stream.sync(a_watch(SECOND), scans).images[0].parts[1].evidence == ()

        nameless = replace(THIRD, platform=None)
        assert only_part(stream.sync(a_watch(nameless), failed(nameless))).evidence == ()

    def test_a_late_part_is_taken_as_it_comes(self) -> None:
        """The second platform of an index is scanned later."""
        stream = Stream()
        stream.sync(a_watch(), an_index(1, amd64=a_report(X), arm64=a_report(X)))
        pending = UnusableReport(SECOND, a_scan(status="PENDING", reason="PENDING"))

        between = stream.sync(a_watch(SECOND), an_index(2, amd64=a_report(), arm64=pending))
        assert set(between.lifecycles) == {"CVE-2026-0001"}

        state = stream.sync(a_watch(SECOND), an_index(2, amd64=a_report(), arm64=a_report()))
        assert set(state.departures) == {"CVE-2026-0001"}

    def test_a_clean_release_of_unknown_platform_is_the_same_part(self) -> None:
        """The platform is only named by findings."""
        stream = Stream()
        stream.sync(a_watch(), listed(X))
        clean = replace(SECOND, platform=None)

        state = stream.sync(a_watch(clean), listed(image=clean))

        assert only_part(state).part == AMD

    def test_a_part_that_gets_a_name_keeps_its_evidence(self) -> None:
        """The first release was scanned by basic scanning, which names no platform."""
        nameless = replace(FIRST, platform=None)
        stream = Stream()
        assert only_part(stream.sync(a_watch(nameless), listed(X, image=nameless))).part == ""

        state = stream.sync(a_watch(SECOND), failed(SECOND))

        part = only_part(state)
        assert (part.part, part.evidence[0].part, ids(part)) == (AMD, AMD, [["CVE-2026-0001"]])

    def test_what_leaves_a_part_without_a_name_is_looked_for_in_all_parts_of_today(self) -> None:
        """1.0 was a single image of unknown platform, 1.1 is an index."""
        nameless = replace(FIRST, platform=None)
        stream = Stream()
        stream.sync(a_watch(nameless), listed(X, image=nameless))

        state = stream.sync(a_watch(SECOND), an_index(2, amd64=a_report(), arm64=a_report()))

        assert state.departures["CVE-2026-0001"].parts == (AMD, ARM)


class TestConditions:
    def test_a_condition_is_dated_by_its_first_sight(self) -> None:
        """The tenth release of an image that is not supported is not news."""
        stream = Stream()
        first = stream.sync(a_watch(), failed(status="UNSUPPORTED_IMAGE"))

        state = stream.sync(a_watch(SECOND), failed(SECOND, "UNSUPPORTED_IMAGE"))

        assert state.version == 2
        assert state.conditions == {f"UNSUPPORTED_IMAGE {AMD}": Stamp(1, first.at)}

    def test_a_condition_ends_with_a_result(self) -> None:
        """And begins anew."""
        stream = Stream()
        stream.sync(a_watch(), failed())
        assert not stream.sync(a_watch(), listed()).conditions

        assert stream.sync(a_watch(), failed()).conditions == {
            f"FAILED {AMD}": Stamp(3, NOW + timedelta(hours=3))
        }


class TestComparison:
    MAIN = frozenset({"CVE-2026-0001"})

    def test_it_is_settled_by_the_first_complete_report(self) -> None:
        """What main learns later is not reported there, nor what the scanner learns."""
        stream = Stream()
        state = stream.sync(a_watch(), listed(X, Y), reference=self.MAIN)
        expected = Comparison(
            FIRST.digest, self.MAIN, frozenset({"CVE-2026-0001", "CVE-2026-0002"})
        )
        assert state.comparison == expected

        assert stream.sync(a_watch(), listed(X, Y), reference=frozenset()) is state
        later = stream.sync(a_watch(), listed(X, Y, Z), reference=frozenset())
        assert later.comparison == expected

    @pytest.mark.parametrize(
        "records",
        [
            [listed(X, complete=False)],
            [failed()],
            [],
            [an_index(1, amd64=a_report(X), arm64=an_unusable_report("PENDING"))],
            [an_index(1, amd64=a_report(X), arm64=a_report(X, complete=False))],
        ],
        ids=["incomplete", "failed", "none", "a part is late", "a part is incomplete"],
    )
    def test_until_then_it_follows_the_reference(self, records: list[ScanRecord]) -> None:
        """The pull request is not scanned yet."""
        stream = Stream()
        stream.sync(a_watch(), *records, reference=self.MAIN)

        state = stream.sync(a_watch(), *records, reference=frozenset())

        assert state.comparison == Comparison(FIRST.digest, frozenset())

    def test_a_part_that_is_never_scanned_does_not_hold_it_up(self) -> None:
        """Nothing more is expected."""
        scans = an_index(1, amd64=a_report(X), arm64=an_unusable_report("UNSUPPORTED_IMAGE"))

        state = Stream().sync(a_watch(), scans, reference=self.MAIN)

        assert state.comparison is not None
        assert state.comparison.first == {"CVE-2026-0001"}

    def test_a_part_that_failed_first_is_compared_once_it_has_a_result(self) -> None:
        """Not what the same scan lists anew in a part that had one, nor what fails and recovers."""
        stream = Stream()
        failed_part = an_unusable_report("FAILED")
        stream.sync(
            a_watch(), an_index(1, amd64=a_report(X), arm64=failed_part), reference=self.MAIN
        )

        late = an_index(1, amd64=a_report(X, Z), arm64=a_report(Y))
        state = stream.sync(a_watch(), late, reference=self.MAIN)
        assert state.comparison is not None
        assert state.comparison.first == {"CVE-2026-0001", "CVE-2026-0002"}

        for arm64 in (failed_part, a_report(Y, Z)):
            scans = an_index(1, amd64=a_report(X, Z), arm64=arm64)
            assert stream.sync(a_watch(), scans, reference=self.MAIN).comparison == state.comparison

    def test_what_was_away_is_not_compared_again(self) -> None:
        """Archived and restored: its parts had their first results before."""
        stream = Stream()
        before = stream.sync(a_watch(), listed(X), reference=self.MAIN).comparison
        stream.sync(a_watch(None), reference=self.MAIN)

        assert stream.sync(a_watch(), listed(X, Y), reference=self.MAIN).comparison == before

    def test_a_new_push_is_compared_anew(self) -> None:
        """With what main has then."""
        stream = Stream()
        stream.sync(a_watch(), listed(X), reference=self.MAIN)

        state = stream.sync(a_watch(SECOND), listed(Y, image=SECOND), reference=frozenset())

        assert state.comparison == Comparison(
            SECOND.digest, frozenset(), frozenset({"CVE-2026-0002"})
        )

    def test_other_streams_have_none(self) -> None:
        """And an ended one keeps its last."""
        stream = Stream()
        assert stream.sync(a_watch(), listed(X)).comparison is None

        compared = Stream()
        before = compared.sync(a_watch(), listed(X), reference=self.MAIN).comparison
        assert compared.sync(a_watch(None), reference=frozenset()).comparison == before


class TestNamesOf:
    def test_what_is_open_in_the_current_image_has_all_its_names(self) -> None:
        """Not what is closed, and not what only another image has."""
        advisory = replace(X, vulnerability_id="GHSA-1", aliases=("CVE-2026-0001",))
        closed = replace(Y, source_status="CLOSED")
        elsewhere = replace(advisory, package=Z.package, source_status="CLOSED")
        state = Stream().sync(
            a_watch(SECOND, FIRST), listed(Z), listed(advisory, elsewhere, closed, image=SECOND)
        )

        assert names_of(state) == {"GHSA-1", "CVE-2026-0001"}

    @pytest.mark.parametrize("state", [None, StreamState(STREAM, 1, NOW, NOW)])
    def test_a_stream_without_a_current_image_has_nothing(self, state: StreamState | None) -> None:
        """Then all of a pull request is new."""
        assert names_of(state) == frozenset()


class TestSettings:
    def test_a_repository_is_a_stream_like_any_other(self) -> None:
        """Its current image is the repository."""
        repository = an_image(digest="", tags=())
        report = Report(repository, a_scan(source=ScanSource.REPOSITORY), (X,))
        stream = Stream()
        state = stream.sync(a_watch(repository), record(report))
        assert set(state.lifecycles) == {"CVE-2026-0001"}

        denied = UnusableReport(
            repository, a_scan(source=ScanSource.REPOSITORY, status="ACCESS_DENIED", reason="no")
        )
        state = stream.sync(a_watch(repository), record(denied))

        assert set(state.lifecycles) == {"CVE-2026-0001"}
        assert set(state.conditions) == {"ACCESS_DENIED"}


FINDINGS = st.builds(
    a_finding,
    st.sampled_from(["CVE-2026-0001", "CVE-2026-0002", "GHSA-1", "GHSA-2"]),
    severity=st.sampled_from(["LOW", "HIGH", "CRITICAL"]),
    package=st.sampled_from(["openssl", "zlib"]),
    aliases=st.sampled_from([(), (), ("CVE-2026-0001",), ("GHSA-1", "GHSA-2")]),
    source_status=st.sampled_from(["ACTIVE", "ACTIVE", "CLOSED", None]),
    exploit_available=st.sampled_from([None, "YES"]),
)
REPORTS = st.builds(
    a_report,
    FINDINGS,
    FINDINGS,
    complete=st.booleans(),
    source=st.sampled_from([ScanSource.ECR_BASIC, ScanSource.ECR_ENHANCED]),
) | st.builds(
    an_unusable_report, st.sampled_from(["FAILED", "PENDING", "SCAN_ELIGIBILITY_EXPIRED"])
)
SCANS = st.builds(lambda report: {"only": report}, REPORTS) | st.fixed_dictionaries(
    {"amd64": REPORTS}, optional={"arm64": REPORTS, "s390x": REPORTS}
)
STEPS = st.lists(
    st.tuples(
        st.none() | st.integers(1, 3),
        st.lists(st.integers(1, 3), max_size=2, unique=True),
        st.dictionaries(st.integers(1, 3), SCANS, max_size=3),
        st.sampled_from(Arrival),
        st.booleans(),
        st.sampled_from([None, "linux/amd64"]),
    ),
    max_size=5,
)


def scanned(number: int, reports: dict[str, AnyReport], platform: str | None) -> ScanRecord:
    if "only" in reports:
        return record(replace(reports["only"], image=an_image(number, platform=platform)))
    return an_index(number, **reports)


def opened(state: StreamState) -> set[str]:
    return {
        row.vulnerability_id
        for image in state.images
        for part in image.parts
        for entry in part.evidence
        for row in entry.findings
        if row.open
    }


def check(state: StreamState) -> None:
    """Assert what holds for every state."""
    groups = list(filter(_open, vulnerabilities_of(state.images)))
    assert set(state.lifecycles) == {group.id for group in groups}
    assert _names_of_open(state).isdisjoint(
        name for left in state.departures.values() for name in left.names
    )
    stamps = [left.at for left in state.departures.values()] + list(state.conditions.values())
    for life in [*state.lifecycles.values(), *(d.lifecycle for d in state.departures.values())]:
        stamps += filter(
            None,
            (life.opened, life.raised, life.exploit_known, life.fix_available, life.deployed,
             life.left_current),
        )  # fmt: skip
        assert life.first_observed_at <= state.at
    assert all(stamp.version <= state.version and stamp.at <= state.at for stamp in stamps)
    for image in state.images:
        parts = [part.part for part in image.parts]
        assert parts
        assert len(set(parts)) == len(parts)
        for part in image.parts:
            assert all(entry.part == part.part for entry in part.evidence)
            assert not any(entry.complete for entry in part.evidence[:-1])
            assert all(entry.findings for entry in part.evidence[1:])


def _open(group: Vulnerability) -> bool:
    return any(row.open for row in group.findings)


@given(STEPS)
def test_whatever_happens_the_state_is_sound(steps: list[tuple[Any, ...]]) -> None:
    """Each open vulnerability has a lifecycle, what is not open any more left, nothing is lost."""
    stream = Stream()
    for number, running, scans, arrival, runs, platform in steps:
        before = stream.state
        current = None if number is None else an_image(number, platform=platform)
        others = [an_image(n, platform=platform) for n in running if n != number]
        watch = Watch(current, tuple(others), runs, arrival, "reason")
        records = [scanned(n, reports, platform) for n, reports in scans.items()]

        state = stream.sync(watch, *records)

        check(state)
        assert stream.sync(watch, *records) is state
        if before is not None:
            kept = {name for left in state.departures.values() for name in left.names}
            known = kept | _names_of_open(state)
            groups = filter(_open, vulnerabilities_of(before.images))
            assert not [group for group in groups if known.isdisjoint(group.names)]
            assert state is before or state.version == before.version + 1


def _names_of_open(state: StreamState) -> set[str]:
    groups = filter(_open, vulnerabilities_of(state.images))
    return {name for group in groups for name in group.names}


@given(st.lists(REPORTS, min_size=1, max_size=6))
def test_without_a_complete_report_nothing_is_resolved(reports: list[AnyReport]) -> None:
    """A release each, after one that was complete: what was open stays, unless it is listed."""
    stream = Stream()
    before = opened(stream.sync(a_watch(), listed(X, Y)))
    for number, report in enumerate(reports, start=2):
        image = an_image(number, platform=AMD)
        usable = isinstance(report, Report)
        scan = replace(report.scan, complete=False) if usable else report.scan

        state = stream.sync(a_watch(image), record(replace(report, image=image, scan=scan)))

        listed_now = {row.vulnerability_id for row in getattr(report, "findings", ())}
        assert before <= opened(state) | listed_now
        before = opened(state)
