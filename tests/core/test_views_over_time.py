"""
A stream, its view and what is notified, over time: the pure rooms together, without flows.

Each test is a story: what scans list and what runs, and what the view makes of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lib.core.delta import Today, delta
from lib.core.desired import desired
from lib.core.states import names_of, next_state
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import profile_of
from lib.models import AnyReport, Finding, Image, Part, Report, ScanSource, Severity
from lib.models.streams import Arrival, ScanRecord, StreamState, Watch
from lib.models.views import Delta, View
from tests.support.builders import NOW, a_finding, a_report, a_scan, an_image, an_unusable_report
from tests.support.streams import STREAM, TEAM, a_route, an_entry

SSL = a_finding("CVE-1", severity="CRITICAL", fixed_version="3.0.14")
ZIP = a_finding("CVE-2", severity="HIGH", package="zlib", version="1.2.11")
A, B, C = (an_image(number, platform="linux/amd64") for number in (1, 2, 3))

Kinds = Mapping[str, list[str]]


class Story:
    """A stream with one destination; every step returns what is notified, by kind."""

    def __init__(self, *routes: Any, type_: str = "slack", suppressions: Any = ()) -> None:
        self.rules = RuleSet(routes or (a_route(),), suppressions, "rules")
        self.profile = profile_of(type_, {})
        self.day = NOW.date()
        self.now = NOW
        self.state: StreamState | None = None
        self.view = View(TEAM, STREAM)
        self.records: dict[str, ScanRecord] = {}
        self.current: Image | None = None
        self.running: tuple[Image, ...] = ()
        self.last: Delta | None = None
        self.reference: frozenset[str] | None = None

    def scan(self, image: Image, *rows: Finding, **scan: Any) -> Kinds:
        """Let a scan of an image list these rows."""
        fields = {"source": ScanSource.ECR_ENHANCED, "status": "ACTIVE"} | scan
        return self.store(image, a_report(*rows, image=image, **fields))

    def fail(self, image: Image, status: str = "FAILED") -> Kinds:
        """Let a scan of an image have no result."""
        report = an_unusable_report(status, image)
        return self.store(image, replace(report, scan=a_scan(status=status, reason=status)))

    def store(self, image: Image, report: AnyReport) -> Kinds:
        """Store a report and sync."""
        known = self.records.get(image.digest)
        usable = None if known is None else known.usable
        if isinstance(report, Report):
            usable = report
        self.records[image.digest] = ScanRecord(report, self.now, usable, self.now)
        return self.sync()

    def push(self, image: Image, *rows: Finding, **scan: Any) -> Kinds:
        """Push an image, which is scanned."""
        self.current = image
        return self.scan(image, *rows, **scan)

    def run(self, *images: Image) -> Kinds:
        """Let these images run, and no others."""
        self.running = images
        return self.sync()

    def sync(self, arrival: Arrival = Arrival.PUSH) -> Kinds:
        """Compare the view with the stream, and bring it up to date."""
        self.now += timedelta(hours=1)
        running = [image for image in self.running if image != self.current]
        watch = Watch(
            self.current, tuple(running), current_runs=self.current in self.running,
            arrival=arrival, reason="",
        )  # fmt: skip
        self.state = next_state(
            STREAM, self.state, watch, self.records, now=self.now, reference=self.reference
        )
        beside = self.profile.conditions_beside_results
        shown = desired(
            self.state, TEAM, self.rules, today=self.day, conditions_beside_results=beside
        )
        self.last = delta(self.view, self.state, shown, Today(self.rules, self.day, self.profile))
        agreement = self.last.agreement if self.state.has_evidence else None
        self.view = replace(self.view, reported=self.last.after, agreement=agreement)
        kinds: dict[str, list[str]] = {}
        for change in self.last.items:
            kinds.setdefault(change.kind.value, []).append(change.item.id)
        return kinds

    @property
    def shown(self) -> set[str]:
        return set(self.view.reported)


def test_a_bump_that_does_not_help() -> None:
    """The version of a package and its path differ; the vulnerability is the same."""
    story = Story()
    old, bumped = (
        a_finding("CVE-1", package="flask", version=version, path=f"Flask-{version}/METADATA")
        for version in ("2.0.3", "2.0.4")
    )

    assert story.push(A, old) == {"BASELINE": ["CVE-1"]}
    assert story.push(B, bumped) == {}
    assert story.push(C) == {"RESOLVED": ["CVE-1"]}


def test_a_clean_release_and_a_regression() -> None:
    """What comes after a clean release is new."""
    story = Story()

    assert story.push(A, SSL) == {"BASELINE": ["CVE-1"]}
    assert story.push(B) == {"RESOLVED": ["CVE-1"]}
    assert story.push(C, SSL) == {"NEW": ["CVE-1"]}


def test_a_clean_first_release_is_the_baseline() -> None:
    """The view agrees with it, so that what comes next is new."""
    story = Story()

    assert story.push(A) == {}
    assert story.push(B, SSL) == {"NEW": ["CVE-1"]}


def test_lowered_and_not_fixed() -> None:
    """It ends when it is lowered, and comes back as what it is."""
    story = Story(a_route(severity=Severity.CRITICAL), type_="pagerduty")
    medium = replace(SSL, severity=Severity.MEDIUM)

    story.push(A, SSL)
    assert story.scan(A, medium) == {"NO_LONGER_REPORTED": ["CVE-1"]}
    assert story.push(B) == {}
    assert story.scan(B, SSL) == {"NEW": ["CVE-1"]}


def test_raised_again_in_the_same_image() -> None:
    """It left the view, so that it is raised for it; one that stayed is not."""
    story, patient = Story(a_route(severity=Severity.CRITICAL)), Story()
    medium = replace(SSL, severity=Severity.HIGH)

    for notified in (story, patient):
        notified.push(A, SSL)
        notified.scan(A, medium)

    assert story.scan(A, SSL) == {"RAISED": ["CVE-1"]}
    assert patient.scan(A, SSL) == {}


def test_what_runs_counts_until_it_stops() -> None:
    """The fix is ready with the push, and counts when it is deployed."""
    story = Story(a_route(only=("in-use",)))

    assert story.push(A, SSL) == {}
    assert story.run(A) == {"DEPLOYED": ["CVE-1"]}
    assert story.push(B) == {"FIX_READY": ["CVE-1"]}
    assert story.run(A, B) == {}
    assert story.run(B) == {"RESOLVED": ["CVE-1"]}


def test_a_fix_that_is_not_deployed_stays_reported() -> None:
    """Without a filter for what runs, too."""
    story = Story()
    story.push(A, SSL, ZIP)
    story.run(A)

    assert story.push(B, ZIP) == {"FIX_READY": ["CVE-1"]}
    assert story.shown == {"CVE-1", "CVE-2"}
    assert story.push(C, ZIP) == {}
    assert story.run(C) == {"RESOLVED": ["CVE-1"]}


def test_what_the_scanner_withdraws_from_the_current_image_is_no_fix() -> None:
    """The same image had it before: there is nothing to deploy."""
    story = Story()
    story.push(A, SSL)
    story.run(A)
    story.push(B, SSL)

    assert story.scan(B) == {}
    assert story.shown == {"CVE-1"}


def test_a_rollback_brings_back_what_was_fixed() -> None:
    """By a tag on the older image."""
    story = Story()
    story.push(A, SSL, ZIP)

    assert story.push(B, ZIP) == {"RESOLVED": ["CVE-1"]}
    story.current = A
    assert story.sync(Arrival.ROLLBACK) == {"NEW": ["CVE-1"]}
    assert story.last is not None
    assert story.last.items[0].reason == (
        "came with a rollback: payments/api:1.4.1 is current again"
    )


def test_a_suppression_ends_and_no_scan_comes() -> None:
    """Through its last day."""
    story = Story(suppressions=(an_entry("CVE-1", expires=date(2026, 11, 25)),))

    assert story.push(A, SSL) == {}
    story.day = date(2026, 11, 25)
    assert story.sync() == {}
    story.day = date(2026, 11, 26)
    assert story.sync() == {"SUPPRESSION_ENDED": ["CVE-1"]}


def test_a_release_that_cannot_be_scanned_resolves_nothing() -> None:
    """What was known stays; the next release proves that it is fixed."""
    story = Story()
    story.push(A, SSL)

    story.current = B
    assert story.fail(B) == {"SCAN_FAILED": ["FAILED linux/amd64"]}
    assert story.shown == {"CVE-1", "FAILED linux/amd64"}
    assert story.push(C) == {
        "RESOLVED": ["CVE-1"],
        "NO_LONGER_REPORTED": ["FAILED linux/amd64"],
    }


def test_a_platform_that_is_never_scanned_is_news_once() -> None:
    """Though each release says so again."""
    story = Story()
    pages: list[Kinds] = []
    for number, rows in ((1, [SSL]), (2, [SSL]), (3, [])):
        image = an_image(number)
        parts = (
            Part("linux/amd64", "sha256:1", "ACTIVE", {}),
            Part("windows/amd64", "sha256:2", "UNSUPPORTED_IMAGE", reason="unsupported"),
        )
        scan = a_scan(source=ScanSource.ECR_ENHANCED, status="ACTIVE", complete=False)
        story.current = image
        pages.append(story.store(image, Report(image, scan, tuple(rows), parts)))

    unsupported = "UNSUPPORTED_IMAGE windows/amd64"
    assert pages == [
        {"BASELINE": ["CVE-1"], "NOT_SCANNED": [unsupported]},
        {},
        {"RESOLVED": ["CVE-1"]},
    ]
    assert story.shown == {unsupported}


def test_an_advisory_that_gets_its_cve_is_the_same_vulnerability() -> None:
    """And is resolved as what it is called then."""
    story = Story()

    story.push(A, replace(SSL, vulnerability_id="GHSA-a"))
    assert story.scan(A, replace(SSL, aliases=("GHSA-a",))) == {}
    assert story.shown == {"CVE-1"}
    assert story.push(B) == {"RESOLVED": ["CVE-1"]}


def test_another_scanner_resolves_nothing() -> None:
    """What it does not list is no longer reported, and what it knows worse is taken over."""
    story = Story()
    story.push(A, SSL, replace(ZIP, severity=Severity.MEDIUM), source=ScanSource.ECR_BASIC)
    assert story.shown == {"CVE-1"}

    notified = story.scan(A, ZIP)

    assert notified["NO_LONGER_REPORTED"] == ["CVE-1"]
    assert set(notified) == {"NO_LONGER_REPORTED", "NEW"}


def test_a_package_that_is_still_there_is_not_fixed() -> None:
    """The scanner lists it for another vulnerability, in the same version."""
    story = Story()
    story.push(A, SSL)

    assert story.push(B, replace(SSL, vulnerability_id="CVE-3")) == {
        "NEW": ["CVE-3"],
        "NO_LONGER_REPORTED": ["CVE-1"],
    }


def test_what_the_source_closes_is_not_fixed() -> None:
    """It is said what the source did."""
    story = Story()
    story.push(A, SSL)

    assert story.scan(A, replace(SSL, source_status="SUPPRESSED")) == {
        "NO_LONGER_REPORTED": ["CVE-1"]
    }
    assert story.last is not None
    assert story.last.items[0].reason == "suppressed at the source"


def test_pull_requests_show_what_they_would_add() -> None:
    """And nothing that comes later."""
    story = Story()
    main = Story()
    main.push(A, SSL)
    story.reference = names_of(main.state)

    assert story.push(B, SSL, ZIP) == {"NEW": ["CVE-2"]}
    assert story.scan(B, SSL, ZIP, a_finding("CVE-3")) == {}
    assert story.push(C, SSL) == {"RESOLVED": ["CVE-2"]}


def test_an_image_without_a_stream_any_more_resolves_nothing() -> None:
    """The repository was deleted."""
    story = Story()
    story.push(A, SSL)

    story.current = None
    assert story.sync(Arrival.DELETION) == {"NO_LONGER_REPORTED": ["CVE-1"]}
    assert story.last is not None
    assert story.last.items[0].reason == (
        "payments/api:1.4.1 was deleted, and no image is watched any more"
    )


def test_an_old_image_that_begins_to_run_is_deployed() -> None:
    """It is watched only because it runs."""
    story = Story()
    story.push(B)
    story.records[A.digest] = ScanRecord(
        a_report(SSL, image=A, source=ScanSource.ECR_ENHANCED), NOW
    )

    assert story.run(A) == {"DEPLOYED": ["CVE-1"]}
    assert story.run() == {"RESOLVED": ["CVE-1"]}


def test_both_scanners_list_the_same_vulnerability() -> None:
    """Under other names of packages; the next one of the same scanner resolves it."""
    story = Story()
    other = replace(SSL, package=replace(SSL.package, name="libssl3"))

    story.push(A, SSL, source=ScanSource.ECR_BASIC)
    assert story.push(B, other, ZIP) == {"NEW": ["CVE-2"]}
    assert story.push(C) == {"RESOLVED": ["CVE-1", "CVE-2"]}


def test_what_another_scanner_rates_worse_is_taken_over() -> None:
    """Without a message; an exploit is news, whoever knows it."""
    story = Story()
    story.push(A, replace(SSL, severity=Severity.HIGH), source=ScanSource.ECR_BASIC)

    assert story.scan(A, SSL) == {}
    assert story.view.reported["CVE-1"].severity is Severity.CRITICAL
    assert story.scan(A, replace(SSL, exploit_available="YES")) == {"EXPLOIT_KNOWN": ["CVE-1"]}


def test_a_fix_that_is_withdrawn_and_comes_back() -> None:
    """Where a route asks for what can be fixed."""
    story = Story(a_route(only=("fixable",)))
    story.push(A, SSL)

    assert story.scan(A, replace(SSL, fixed_version=None)) == {"NO_LONGER_REPORTED": ["CVE-1"]}
    assert story.scan(A, SSL) == {"FIX_AVAILABLE": ["CVE-1"]}


def test_rules_that_change_are_the_reason() -> None:
    """In both directions; a scan is not needed."""
    story = Story(a_route(severity=Severity.CRITICAL))
    story.push(A, SSL, ZIP)

    story.rules = RuleSet((a_route(),), (), "others")
    assert story.sync() == {"RULES_CHANGED": ["CVE-2"]}
    story.rules = RuleSet((a_route(severity=Severity.CRITICAL),), (), "rules")
    assert story.sync() == {"NO_LONGER_REPORTED": ["CVE-2"]}


def test_an_entry_for_one_image_does_not_cover_the_next() -> None:
    """It still holds: what comes with the next image is new, once."""
    story = Story(suppressions=(an_entry("CVE-1", digest=A.digest),))

    assert story.push(A, SSL) == {}
    assert story.push(B, SSL) == {"NEW": ["CVE-1"]}
    assert story.scan(B, SSL) == {}


def test_an_entry_that_begins_ends_the_item_until_it_is_over() -> None:
    """Nothing is fixed meanwhile."""
    story = Story()
    story.push(A, SSL)

    story.rules = replace(
        story.rules, suppressions=(an_entry("CVE-1", expires=story.day),), hash="more"
    )
    assert story.sync() == {"NO_LONGER_REPORTED": ["CVE-1"]}
    story.day += timedelta(days=1)
    assert story.sync() == {"SUPPRESSION_ENDED": ["CVE-1"]}


def test_a_deleted_image_brings_back_the_one_before() -> None:
    """With what its release had fixed, and without what came with it."""
    story = Story()
    story.push(A, SSL)
    story.push(B, ZIP)

    story.current = A
    assert story.sync(Arrival.DELETION) == {"NEW": ["CVE-1"], "RESOLVED": ["CVE-2"]}


def test_an_incomplete_list_resolves_nothing() -> None:
    """The complete one does, a minute later."""
    story = Story()
    story.push(A, SSL, ZIP)

    assert story.push(B, complete=False) == {}
    assert story.scan(B) == {"RESOLVED": ["CVE-1", "CVE-2"]}


def test_a_first_scan_that_failed_is_no_baseline() -> None:
    """The first usable report is."""
    story = Story()
    story.current = A

    assert story.fail(A) == {"SCAN_FAILED": ["FAILED linux/amd64"]}
    assert story.scan(A, SSL) == {
        "BASELINE": ["CVE-1"],
        "NO_LONGER_REPORTED": ["FAILED linux/amd64"],
    }


def test_the_end_of_monitoring_resolves_nothing() -> None:
    """It is a condition; what was known stays."""
    story = Story()
    story.push(A, SSL)

    story.records[A.digest] = replace(story.records[A.digest], monitored=False)
    assert story.sync() == {"MONITORING_ENDED": ["MONITORING_ENDED linux/amd64"]}
    assert "CVE-1" in story.shown


def test_a_count_of_running_images_that_goes_up_and_down() -> None:
    """Each time it is deployed, and no longer reported: nothing is fixed."""
    story = Story(a_route(only=("in-use",)))
    story.push(A, SSL)

    for _ in range(2):
        assert story.run(A) == {"DEPLOYED": ["CVE-1"]}
        assert story.run() == {"NO_LONGER_REPORTED": ["CVE-1"]}


# --- whatever happens -------------------------------------------------------------------------

ROWS = st.lists(
    st.builds(
        a_finding,
        st.sampled_from(["CVE-1", "CVE-2", "CVE-3"]),
        severity=st.sampled_from(["CRITICAL", "HIGH", "LOW"]),
        fixed_version=st.sampled_from([None, "9"]),
        version=st.sampled_from(["1", "2"]),
    ),
    max_size=3,
    unique_by=lambda row: row.vulnerability_id,
)
STEPS = st.one_of(
    st.tuples(st.just("push"), st.sampled_from([A, B, C]), ROWS),
    st.tuples(st.just("scan"), st.sampled_from([A, B, C]), ROWS),
    st.tuples(st.just("fail"), st.sampled_from([A, B, C]), st.just([])),
    st.tuples(st.just("run"), st.sampled_from([A, B, C]), st.just([])),
    st.tuples(st.just("stop"), st.sampled_from([A, B, C]), st.just([])),
)
UNEXPLAINED = "the rules ask for it in"


def take(story: Story, verb: str, image: Image, rows: list[Finding]) -> Kinds:
    if verb == "push":
        return story.push(image, *rows)
    if verb == "scan":
        return story.scan(image, *rows)
    if verb == "fail":
        return story.fail(image)
    others = tuple(item for item in story.running if item != image)
    return story.run(*others, *((image,) if verb == "run" else ()))


@given(st.lists(STEPS, max_size=8), st.sampled_from([(), ("in-use",), ("fixable",)]))
def test_a_view_follows_its_stream_and_can_explain_it(
    steps: list[tuple[str, Image, list[Finding]]], only: tuple[str, ...]
) -> None:
    """Every notified item has a cause in the stream, and RESOLVED is true everywhere."""
    story = Story(a_route(only=only))
    for verb, image, rows in steps:
        notified = take(story, verb, image, rows)

        state = story.state
        assert state is not None
        listed = {
            row.vulnerability_id
            for watched in state.images
            for part in watched.parts
            for evidence in part.evidence
            for row in evidence.findings
        }
        assert listed.isdisjoint(notified.get("RESOLVED", ()))
        assert {id_ for id_ in story.shown if id_.startswith("CVE")} <= set(state.lifecycles)
        assert story.last is not None
        reasons = [change.reason for change in story.last.items]
        # An image that runs can be scanned later: then it begins to have what another one had.
        assert only == ("in-use",) or not any(words.startswith(UNEXPLAINED) for words in reasons)
        assert story.sync() == {}
