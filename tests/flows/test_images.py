"""Images: what is fetched is believed, and stored."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cli.simulation.memory import MemoryStreams
from lib.errors import FindingsNotReadyError, NotAllowedError
from lib.flows.images import ImageFlow, ImageResult
from lib.models import (
    AnyReport,
    Finding,
    Image,
    ImageIndex,
    Member,
    PushEvent,
    Scan,
    ScanSource,
    Severity,
    UnusableReport,
)
from lib.models.streams import UNTAGGED, CoveredImage
from lib.ports.sources import Fetching
from lib.ports.streams import ImageRecord
from tests.support.builders import (
    NOW,
    a_digest,
    a_finding,
    a_report,
    a_scan_event,
    an_image,
    an_unusable_report,
)

AMD, ARM = a_digest(11), a_digest(12)
INDEX = ImageIndex(an_image(), (Member(AMD, "linux/amd64"), Member(ARM, "linux/arm64")))
EMPTY = a_report(completed_at=None)
"""Nothing is listed or counted, and there is no time of completion."""


class Registry:
    """Answers with these reports, by digest."""

    def __init__(self, reports: Mapping[str, AnyReport], index: ImageIndex | None = None) -> None:
        self.reports = dict(reports)
        self.scans: dict[str, Scan] = {}
        self._index = index

    def report(
        self, image: Image, scan: Scan, *, announced: int | None = None, fetching: Fetching
    ) -> AnyReport:
        del announced, fetching
        self.scans[image.digest] = scan
        return replace(self.reports[image.digest], image=image)

    def describe(self, image: Image) -> Image:
        return replace(image, pushed_at=NOW, tags=("1.4.1",))

    def index(self, image: Image) -> ImageIndex | None:
        return self._index if self._index and image.digest == self._index.image.digest else None


class Inspector:
    """Covers these images, by digest; None: it does not answer."""

    def __init__(self, monitored: Mapping[str, bool] | None = None) -> None:
        self.monitored = monitored
        self.asked: list[str] = []

    def covered(self, image: Image | None = None) -> Iterator[CoveredImage]:
        assert image is not None
        self.asked.append(image.digest)
        if self.monitored is None:
            raise NotAllowedError("no")
        for digest, monitored in self.monitored.items():
            yield CoveredImage(replace(image, digest=digest), (), monitored, "reason")


class Flow(ImageFlow):
    """The flow over stores in memory, at any time."""

    def __init__(
        self,
        registry: Registry,
        *,
        now: datetime = NOW,
        inspector: Inspector | None = None,
        before: Sequence[Sequence[Finding]] = (),
    ) -> None:
        self.store = MemoryStreams()
        super().__init__(
            source=registry,
            images=self.store,
            objects=self.store,
            add_tags=lambda _: None,
            confirm_tags=lambda *_: None,
            coverage=inspector or Inspector(),
            findings_before=lambda _: before,
            rules=tuple,
            watched=lambda _: True,
            now=lambda: now,
        )

    @property
    def record(self) -> ImageRecord:
        """What is stored of the image."""
        return self.store.records([an_image()])[an_image().key]

    def stored(self) -> AnyReport | None:
        """Return the report of the image that is stored."""
        record = self.store.records([an_image()]).get(an_image().key)
        key = record.report_key if record is not None else None
        return None if key is None else self.store.report(key)


@pytest.mark.parametrize("minutes", [0, 11, 59])
def test_an_empty_list_without_a_proof_is_fetched_again(minutes: int) -> None:
    """Of an image of its own: no false all-clear, whatever the status says."""
    flow = Flow(Registry({a_digest(1): EMPTY}), now=NOW + timedelta(minutes=minutes))

    outcome = flow.scanned(a_scan_event())

    assert outcome.result is ImageResult.DEFERRED
    assert "no time of completion" in outcome.reason
    assert flow.stored() is None


def test_after_an_hour_it_is_a_scan_without_a_result() -> None:
    """A condition, and no evidence."""
    flow = Flow(Registry({a_digest(1): EMPTY}), now=NOW + timedelta(hours=1))

    assert flow.scanned(a_scan_event()).result is ImageResult.STORED
    assert isinstance(flow.stored(), UnusableReport)


def test_an_empty_list_of_a_member_is_fetched_again() -> None:
    """The other members do not stand for it."""
    flow = Flow(Registry({AMD: a_report(a_finding()), ARM: EMPTY}, INDEX))

    outcome = flow.scanned(a_scan_event(counts={Severity.HIGH: 1}))

    assert outcome.result is ImageResult.DEFERRED
    assert flow.stored() is None


def test_an_empty_list_of_a_refetch_is_not_stored() -> None:
    """The door of finding events and of reconciliation."""
    flow = Flow(Registry({a_digest(1): EMPTY}))

    assert flow.refetch(an_image(), "hourly", NOW).result is ImageResult.DEFERRED
    assert flow.stored() is None


@pytest.mark.parametrize(
    ("report", "counts"),
    [(EMPTY, {}), (a_report(), None), (a_report(a_finding(), complete=False), None)],
    ids=["announced as empty", "completed", "incomplete, and nothing was announced"],
)
def test_other_reports_are_stored(report: AnyReport, counts: Mapping[Severity, int] | None) -> None:
    """A clean image has a time of completion, or was announced as clean."""
    flow = Flow(Registry({a_digest(1): report}))

    assert flow.scanned(a_scan_event(counts=counts)).result is ImageResult.STORED
    assert flow.stored() is not None


def test_a_list_that_may_grow_is_fetched_again_for_ten_minutes() -> None:
    """An event announced a scan that has just ended."""
    registry = Registry({a_digest(1): a_report(a_finding(), complete=False)})
    event = a_scan_event(counts={Severity.HIGH: 1})

    assert Flow(registry).scanned(event).result is ImageResult.DEFERRED
    later = Flow(registry, now=NOW + timedelta(minutes=10))
    assert later.scanned(event).result is ImageResult.STORED


def test_a_failed_member_says_nothing_about_the_others() -> None:
    """The event is about one of them: ECR is asked how the scan of each stands."""
    registry = Registry({AMD: a_report(), ARM: an_unusable_report()}, INDEX)
    event = a_scan_event(scan=Scan(a_report().scan.source, "FAILED"))

    assert Flow(registry).scanned(event).result is ImageResult.STORED
    assert {scan.status for scan in registry.scans.values()} == {"UNKNOWN"}


class Growing(Registry):
    """Lists fewer findings than are announced."""

    def __init__(self, index: ImageIndex | None = None, *, completed_at: datetime = NOW) -> None:
        super().__init__({}, index)
        self.completed_at = completed_at

    def report(
        self, image: Image, scan: Scan, *, announced: int | None = None, fetching: Fetching
    ) -> AnyReport:
        del scan, fetching
        report = a_report(a_finding(), image=image, completed_at=self.completed_at)
        if announced is not None and announced > 1:
            partial = replace(report, scan=replace(report.scan, complete=False))
            raise FindingsNotReadyError("too few", status="COMPLETE", partial=partial)
        return report


class TestAnnouncements:
    """What an event counts is expected whatever has the report fetched."""

    EVENT = a_scan_event(counts={Severity.HIGH: 5})

    def test_an_hourly_pass_expects_it(self) -> None:
        """It comes before the event is handled again."""
        flow = Flow(Growing())
        flow.pushed(PushEvent("push", NOW, an_image(), index=False))
        flow.scanned(self.EVENT)

        assert flow.refetch(an_image(), "hourly", NOW).result is ImageResult.DEFERRED
        assert flow.stored() is None

    def test_an_incomplete_report_stays_incomplete(self) -> None:
        """A pass that finds the same list makes nothing of it complete."""
        flow = Flow(Growing(), now=NOW + timedelta(minutes=20))
        flow.scanned(self.EVENT)

        flow.refetch(an_image(), "hourly", NOW + timedelta(minutes=20))

        stored = flow.stored()
        assert stored is not None
        assert not stored.scan.complete

    def test_a_later_scan_is_judged_by_itself(self) -> None:
        """Its list may be shorter."""
        registry = Growing()
        flow = Flow(registry, now=NOW + timedelta(minutes=20))
        flow.scanned(self.EVENT)
        registry.completed_at = NOW + timedelta(minutes=15)

        flow.refetch(an_image(), "hourly", NOW + timedelta(minutes=20))

        stored = flow.stored()
        assert stored is not None
        assert stored.scan.complete

    def test_of_an_index_each_image_has_its_own(self) -> None:
        """The event of one image does not make a short list of another one complete."""
        flow = Flow(Growing(INDEX))
        flow.pushed(PushEvent("push", NOW, an_image(), index=True))
        amd, arm = INDEX.images

        first = flow.scanned(a_scan_event(image=amd, counts={Severity.HIGH: 5}))
        second = flow.scanned(a_scan_event(image=arm, counts={Severity.HIGH: 1}))

        assert [first.result, second.result] == [ImageResult.DEFERRED] * 2


class TestFirstReport:
    BEFORE = tuple(a_finding(f"CVE-2026-{n:04}") for n in range(5))

    def test_one_that_lost_most_of_what_was_there_is_fetched_once_more(self) -> None:
        """Two minutes later it is believed, whatever it lists."""
        registry = Registry({a_digest(1): a_report(*self.BEFORE[:2])})
        flow = Flow(registry, before=[self.BEFORE[:2], self.BEFORE])

        first = flow.scanned(a_scan_event())
        assert (first.result, first.revisit) == (ImageResult.DEFERRED, timedelta(minutes=2))
        assert flow.stored() is None

        assert flow.scanned(a_scan_event()).result is ImageResult.STORED
        assert flow.stored() is not None

    @pytest.mark.parametrize(("count", "minutes"), [(3, 0), (0, 10)], ids=["most", "old"])
    def test_others_are_believed_at_once(self, count: int, minutes: int) -> None:
        """Most is there, or its scan ended long ago."""
        registry = Registry({a_digest(1): a_report(*self.BEFORE[:count])})
        flow = Flow(registry, now=NOW + timedelta(minutes=minutes), before=[self.BEFORE])

        assert flow.scanned(a_scan_event()).result is ImageResult.STORED

    def test_a_scan_without_a_result_is_none(self) -> None:
        """Nothing is lost with it."""
        flow = Flow(Registry({a_digest(1): an_unusable_report()}), before=[self.BEFORE])

        assert flow.scanned(a_scan_event()).result is ImageResult.STORED


class TestClosings:
    LISTED = a_report(a_finding(), source=ScanSource.ECR_ENHANCED, status="ACTIVE")
    CLEAN = a_report(source=ScanSource.ECR_ENHANCED, status="ACTIVE")

    def closed(self, inspector: Inspector, report: AnyReport = CLEAN) -> Flow:
        """Return the flow after a report without the finding of the one before."""
        registry = Registry({a_digest(1): self.LISTED})
        flow = Flow(registry, inspector=inspector)
        flow.scanned(a_scan_event())
        registry.reports[a_digest(1)] = report
        flow.refetch(an_image(), "finding", NOW)
        return flow

    @pytest.mark.parametrize(
        "monitored",
        [{a_digest(1): False}, {}, {a_digest(2): True}, None],
        ids=["not monitored", "not covered", "another image", "no answer"],
    )
    def test_what_is_closed_while_inspector_does_not_watch_stays(
        self, monitored: Mapping[str, bool] | None
    ) -> None:
        """The end of monitoring closes findings, and proves nothing."""
        flow = self.closed(Inspector(monitored))

        stored = flow.stored()
        assert stored is not None
        assert stored.findings == (a_finding(),)
        assert not flow.record.monitored

    def test_what_is_closed_while_inspector_watches_is_closed(self) -> None:
        """Its database knows better now."""
        flow = self.closed(Inspector({a_digest(1): True}))

        stored = flow.stored()
        assert stored is not None
        assert stored.findings == ()
        assert flow.record.monitored

    @pytest.mark.parametrize("report", [LISTED, an_unusable_report()])
    def test_without_closings_nobody_is_asked(self, report: AnyReport) -> None:
        """A call that is not needed is not made."""
        inspector = Inspector({})
        self.closed(inspector, report)

        assert inspector.asked == []

    def test_the_last_report_with_a_result_is_what_was_listed(self) -> None:
        """A failed scan lies between."""
        registry = Registry({a_digest(1): self.LISTED})
        flow = Flow(registry, inspector=Inspector({}))
        for report in (self.LISTED, an_unusable_report(), self.CLEAN):
            registry.reports[a_digest(1)] = report
            flow.refetch(an_image(), "finding", NOW)

        assert isinstance(flow.stored(), UnusableReport)
        assert not flow.record.monitored

    def test_of_an_index_the_images_with_a_result_are_asked_about(self) -> None:
        """A platform that is not supported is not monitored either."""
        inspector = Inspector({AMD: True})
        registry = Registry({AMD: self.LISTED, ARM: an_unusable_report()}, INDEX)
        flow = Flow(registry, inspector=inspector)
        flow.refetch(an_image(), "finding", NOW)
        registry.reports[AMD] = self.CLEAN

        flow.refetch(an_image(), "finding", NOW)

        assert inspector.asked == [AMD]
        stored = flow.stored()
        assert stored is not None
        assert stored.findings == ()


class TestUntagged:
    """The stream of images that never had a tag."""

    def facts(self, *earlier: str) -> list[str]:
        """Return the tags that are kept of an image that has none now."""
        flow = Flow(Registry({a_digest(1): a_report(a_finding())}))
        kept: list[str] = []
        flow._add_tags = lambda facts: kept.extend(fact.tag for fact in facts)  # noqa: SLF001  # a spy
        for number, tag in enumerate(earlier):
            image = replace(an_image(), tags=(tag,) if tag else ())
            flow.pushed(PushEvent(f"push-{number}", NOW, image, index=False))
        kept.clear()
        flow.pushed(PushEvent("last", NOW, replace(an_image(), tags=()), index=False))
        return kept

    def test_one_that_never_had_a_tag_is_in_it(self) -> None:
        """However often it is pushed."""
        assert self.facts() == [UNTAGGED]
        assert self.facts("") == [UNTAGGED]

    def test_one_that_lost_its_last_tag_is_not(self) -> None:
        """Its old stream knows it, and watches it while it runs."""
        assert self.facts("latest") == []


@pytest.mark.parametrize(
    ("report", "result"),
    [(a_report(a_finding()), ImageResult.STORED), (EMPTY, ImageResult.TAGGED)],
    ids=["fetched", "not ready"],
)
def test_a_stale_report_is_fetched_when_a_tag_comes(report: AnyReport, result: ImageResult) -> None:
    """Before the stream is synced, so that the message is about the present."""
    flow = Flow(Registry({a_digest(1): report}))
    push = PushEvent("push", NOW, an_image(), index=False)
    flow.pushed(push)
    flow.store.put(replace(flow.record, stale=True))

    assert flow.pushed(push).result is result
    assert flow.record.stale is (result is ImageResult.TAGGED)
