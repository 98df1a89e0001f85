"""Images: what is fetched is believed, and stored."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cli.simulation.memory import MemoryProgress, MemoryStreams
from lib.errors import (
    FindingsNotReadyError,
    ImageGoneError,
    NotAllowedError,
    NotAnImageError,
    OutOfTimeError,
    RepositoryGoneError,
    SourceError,
)
from lib.flows.fetching import Allowance
from lib.flows.image_outcomes import ImageOutcome, ImageResult
from lib.flows.image_records import INDEXES_KEPT, with_index
from lib.flows.images import ImageFlow
from lib.models import (
    AnyReport,
    Finding,
    FindingEvent,
    Image,
    ImageIndex,
    Member,
    Provenance,
    PushEvent,
    Report,
    SameReport,
    Scan,
    ScanEvent,
    ScanSource,
    Severity,
    StreamId,
    UnusableReport,
)
from lib.models.streams import UNTAGGED, CoveredImage, ImageRow, TagNews
from lib.normalizer.events import parse_event
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
from tests.support.fakes import ScriptedProvenances

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
    ) -> AnyReport | SameReport:
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


class Syncs:
    """Keeps news of tags before any sync, and knows what streams have."""

    def __init__(self, before: Sequence[Sequence[Finding]]) -> None:
        self.before = before
        self.kept: list[TagNews] = []
        self.watched: frozenset[str] | None = None
        """The digests of images that a stream watches; None: it watches all."""

    def keep(self, news: TagNews, _: Iterable[StreamId]) -> None:
        self.kept.append(news)

    def findings_before(self, *_: object) -> Sequence[Sequence[Finding]]:
        return self.before

    def watches(self, image: Image, _: Iterable[StreamId]) -> bool:
        return self.watched is None or image.digest in self.watched


class Flow(ImageFlow):
    """The flow over stores in memory, at any time."""

    def __init__(
        self,
        registry: Registry,
        *,
        now: datetime = NOW,
        inspector: Inspector | None = None,
        before: Sequence[Sequence[Finding]] = (),
        provenances: ScriptedProvenances | None = None,
        store: Any = None,
    ) -> None:
        self.store = store or MemoryStreams()
        self.syncs: Any = Syncs(before)
        super().__init__(
            source=registry,
            images=self.store,
            objects=self.store,
            progress=MemoryProgress(),
            syncs=self.syncs,
            coverage=lambda: inspector or Inspector(),
            rules=tuple,
            now=lambda: now,
            provenances=provenances,
        )

    @property
    def kept(self) -> list[TagNews]:
        """What was said of tags before any sync."""
        return self.syncs.kept  # type: ignore[no-any-return]  # a fake

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


class NeverScanned(Registry):
    """Knows no scan of any image."""

    def __init__(self, index: ImageIndex | None = None, *, status: str = "SCAN_NOT_FOUND") -> None:
        super().__init__({}, index)
        self._status = status

    def report(
        self, image: Image, scan: Scan, *, announced: int | None = None, fetching: Fetching
    ) -> AnyReport:
        del scan, announced, fetching
        raise FindingsNotReadyError(f"no result of {image.name}", status=self._status)


class TestNeverScanned:
    """A scan that ECR knows nothing of is waited for since the push."""

    @pytest.mark.parametrize("index", [None, INDEX], ids=["an image", "an index"])
    def test_an_old_image_is_settled_at_the_first_look(self, index: ImageIndex | None) -> None:
        """It is called not scanned, never clean."""
        flow = Flow(NeverScanned(index))
        image = an_image(pushed_at=NOW - timedelta(hours=1))

        assert flow.refetch(image, "hourly", NOW).result is ImageResult.STORED

        stored = flow.stored()
        assert isinstance(stored, UnusableReport)
        assert stored.scan.reason == "ECR knows no scan of it, 60 minutes or more after its push"

    @pytest.mark.parametrize(
        ("status", "minutes"), [("SCAN_NOT_FOUND", 59), ("IN_PROGRESS", 60)], ids=["young", "runs"]
    )
    def test_others_are_looked_at_again(self, status: str, minutes: int) -> None:
        """A scan of an old image that runs can have begun just now."""
        flow = Flow(NeverScanned(status=status))
        image = an_image(pushed_at=NOW - timedelta(minutes=minutes))

        assert flow.refetch(image, "hourly", NOW).result is ImageResult.DEFERRED

    def test_a_scan_that_ended_just_now_is_waited_for(self) -> None:
        """Its event says that there is one."""
        flow = Flow(NeverScanned())
        image = an_image(pushed_at=NOW - timedelta(days=30))

        event = a_scan_event(image=image, counts={Severity.HIGH: 1})

        assert flow.scanned(event).result is ImageResult.DEFERRED

    def test_what_was_announced_long_ago_ends_no_patience(self) -> None:
        """A new scan runs; an event of an earlier one counted findings."""
        flow = Flow(registry := NeverScanned(status="IN_PROGRESS"), now=NOW + timedelta(days=1))
        flow.pushed(PushEvent("push", NOW, an_image(), index=False))
        flow.scanned(a_scan_event(counts={Severity.HIGH: 1}))

        outcome = flow.refetch(an_image(), "hourly", NOW + timedelta(days=1))

        assert outcome.result is ImageResult.DEFERRED
        assert registry.scans == {}


class TestPushedAgain:
    """An image that was deleted and is pushed again is as new as any."""

    def test_its_scan_is_waited_for(self) -> None:
        """What was announced of an earlier scan says nothing; its last report stands."""
        flow = Flow(Registry({a_digest(1): a_report(a_finding())}), now=NOW + timedelta(hours=5))
        flow.pushed(PushEvent("push", NOW, an_image(), index=False))
        flow.scanned(a_scan_event(counts={Severity.HIGH: 1}))
        flow.gone(an_image())
        kept = flow.record.report_key

        later = NOW + timedelta(days=1)
        flow.pushed(PushEvent("again", later, an_image(), index=False))

        record = flow.record
        assert (record.row.gone_at, record.row.scan_ended_at) == (None, None)
        assert (record.row.known_since, record.row.image.pushed_at) == (later, later)
        assert (record.announced, record.report_key) == (None, kept)

    def test_a_push_that_comes_late_brings_nothing_back(self) -> None:
        """The image was deleted after it."""
        flow = Flow(Registry({a_digest(1): a_report()}), now=NOW + timedelta(hours=5))
        flow.pushed(PushEvent("push", NOW, an_image(), index=False))
        flow.gone(an_image())

        flow.pushed(PushEvent("late", NOW + timedelta(hours=1), an_image(tags=("2",)), index=False))

        assert flow.record.row.gone_at == NOW + timedelta(hours=5)


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
        for number, tag in enumerate(earlier):
            image = replace(an_image(), tags=(tag,) if tag else ())
            flow.pushed(PushEvent(f"push-{number}", NOW, image, index=False))
        last = flow.pushed(PushEvent("last", NOW, replace(an_image(), tags=()), index=False))
        return [fact.tag for fact in last.news.facts]

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


def refuse() -> AnyReport:
    """Let a registry answer nothing."""
    raise NotAllowedError("no")


def test_the_tag_of_a_push_is_kept_where_its_report_cannot_be_fetched() -> None:
    """The event ends in the dead-letter queue; the stream knows that the tag has no scan."""
    registry = Registry({}, INDEX)
    registry.report = lambda *_, **__: refuse()  # type: ignore[method-assign]  # it never answers
    flow = Flow(registry)

    with pytest.raises(NotAllowedError):
        flow.pushed(PushEvent("push", NOW, an_image(tags=("1.5.0",)), index=True))

    (news,) = flow.kept
    assert [fact.tag for fact in news.facts] == ["1.5.0"]


class Incomplete(Registry):
    """Has not every image that its index names."""

    def report(self, image: Image, scan: Scan, **options: Any) -> AnyReport | SameReport:
        if image.digest not in self.reports:
            raise ImageGoneError(f"{image.name} does not exist (any more)")
        return super().report(image, scan, **options)


def test_an_index_is_there_without_some_of_its_images() -> None:
    """As in a cache, which has the platforms that were pulled; the others have no result."""
    flow = Flow(Incomplete({AMD: a_report(a_finding())}, INDEX))

    outcome = flow.refetch(an_image(), "hourly", NOW)

    stored = flow.stored()
    assert outcome.result is ImageResult.STORED
    assert isinstance(stored, Report)
    assert [(part.name, part.status) for part in stored.parts] == [
        ("linux/amd64", "COMPLETE"),
        ("linux/arm64", "IMAGE_NOT_FOUND"),
    ]
    assert flow.record.row.gone_at is None


def test_an_index_without_any_of_its_images_is_gone() -> None:
    """They are deleted together."""
    flow = Flow(Incomplete({AMD: a_report(a_finding())}, INDEX))
    flow.refetch(an_image(), "hourly", NOW)
    flow._source.reports.clear()  # type: ignore[attr-defined]  # noqa: SLF001  # deleted

    outcome = flow.refetch(an_image(), "hourly", NOW)

    assert outcome.result is ImageResult.IMAGE_DELETED
    assert flow.record.row.gone_at == NOW


class Deleted(Registry):
    """Is deleted with all that was in it."""

    def report(self, image: Image, *_: Any, **__: Any) -> AnyReport | SameReport:
        raise RepositoryGoneError(f"{image.repository} does not exist (any more)")


def test_an_index_of_a_deleted_repository_is_gone() -> None:
    """Its parts are not taken for missing."""
    outcome = Flow(Deleted({}, INDEX)).refetch(an_image(), "hourly", NOW)

    assert outcome.result is ImageResult.IMAGE_DELETED
    assert outcome.reason == "payments/api does not exist (any more)"


class TestTimeLeft:
    """A function ends, and the next one goes on with what is fetched."""

    REPORT = a_report(a_finding())

    def slow(self, *digests: str, pages: int = 1) -> "Slow":
        return Slow(dict.fromkeys(digests, self.REPORT), pages=pages)

    def test_the_rest_of_a_long_list_is_fetched_by_the_next_function(self) -> None:
        """The event comes back at once, with the key of the pages."""
        registry = self.slow(a_digest(1), pages=3)
        flow, raw = Flow(registry), {"id": "event-1", "progress": "an older one"}

        outcome = flow.scanned(a_scan_event(), Allowance(lambda: 0))

        assert (outcome.result, outcome.revisit) == (ImageResult.CONTINUED, timedelta())
        assert flow.stored() is None
        again = outcome.comeback(raw)
        assert again == {"id": "event-1", "progress": outcome.progress}
        assert outcome.reason == (
            "out of time: 0 images are complete, 1 pages of the next one fetched"
        )
        allowance = Allowance(lambda: 900, outcome.progress)
        assert flow.scanned(a_scan_event(), allowance).result is ImageResult.STORED
        assert registry.fetched == ["page 0", "page 1", "page 2"]

    def test_of_an_index_each_image_is_fetched_once(self) -> None:
        """However many functions it takes: each of them fetches at least one."""
        flow = Flow(registry := self.slow(AMD, ARM))
        registry.part_of(INDEX)

        first = flow.scanned(a_scan_event(), Allowance(lambda: 0))
        second = flow.scanned(a_scan_event(), Allowance(lambda: 0, first.progress))

        assert first.result is ImageResult.CONTINUED
        assert second.result is ImageResult.STORED
        assert len(registry.fetched) == 2

    def test_what_is_not_kept_any_more_is_fetched_anew(self) -> None:
        """Progress has a retention of some days."""
        flow = Flow(registry := self.slow(a_digest(1)))

        outcome = flow.scanned(a_scan_event(), Allowance(progress="progress/gone"))

        assert outcome.result is ImageResult.STORED
        assert len(registry.fetched) == 1

    def test_a_push_with_a_stale_report_goes_on_too(self) -> None:
        """Its tags are known meanwhile."""
        flow = Flow(registry := self.slow(a_digest(1)))
        push = PushEvent("push", NOW, an_image(), index=False)
        flow.pushed(push)
        flow.store.put(replace(flow.record, stale=True))
        registry.pages = 2

        outcome = flow.pushed(push, Allowance(lambda: 0))

        assert outcome.result is ImageResult.CONTINUED
        assert outcome.streams == ("000474600478/eu-central-1/payments/api",)


class Slow(Registry):
    """Lists one page a call of the time that is left."""

    def __init__(self, reports: Mapping[str, AnyReport], *, pages: int) -> None:
        super().__init__(reports)
        self.pages = pages
        self.fetched: list[str] = []

    def part_of(self, index: ImageIndex) -> None:
        self._index = index

    def report(
        self, image: Image, scan: Scan, *, announced: int | None = None, fetching: Fetching
    ) -> AnyReport:
        pages = list(fetching.pages)
        while len(pages) < self.pages:
            pages.append(f"page {len(pages)}")
            self.fetched.append(pages[-1])
            if len(pages) < self.pages and fetching.is_over:
                raise OutOfTimeError("more pages", pages=pages)
        return super().report(image, scan, announced=announced, fetching=fetching)


class TestComeback:
    """Events that come back: as they came, or as our own."""

    def test_the_event_comes_back_as_it_came(self) -> None:
        """Everything is fetched anew then."""
        outcome = Flow(Registry({a_digest(1): EMPTY})).scanned(a_scan_event())

        assert outcome.comeback({"id": "1", "progress": "key"}) == {"id": "1"}

    def test_without_an_event_it_is_our_own(self) -> None:
        """The time for which a result is expected goes on."""
        outcome = Flow(Registry({a_digest(1): EMPTY})).refetch(an_image(), "stale", NOW)

        raw = outcome.comeback()

        assert raw is not None
        event = parse_event(raw)
        assert isinstance(event, ScanEvent)
        assert (event.event_id, event.announced_at) == ("stale", NOW)
        assert (event.image.key, event.scan.status) == (an_image().key, "UNKNOWN")

    def test_what_is_stored_does_not_come_back(self) -> None:
        """Nothing is left to fetch."""
        outcome = Flow(Registry({a_digest(1): a_report()})).scanned(a_scan_event())

        assert outcome.comeback({"id": "1"}) is None


class TestProvenance:
    """What an image says about where it was made from: read once, and never in the way."""

    STATED = Provenance(commit="1a2b3c4", evidence={"commit": "label"})

    def flow(self, provenances: ScriptedProvenances) -> Flow:
        return Flow(Registry({a_digest(1): a_report()}), provenances=provenances)

    def test_it_is_read_with_the_first_report(self) -> None:
        """And stays for all others."""
        flow = self.flow(provenances := ScriptedProvenances(self.STATED))

        flow.scanned(a_scan_event())
        flow.scanned(a_scan_event(event_id="later"))

        report = flow.stored()
        assert report is not None
        assert flow.record.provenance == report.provenance == self.STATED
        assert provenances.asked == [(a_digest(1), None)]

    def test_what_cannot_be_read_holds_nothing_up(self) -> None:
        """The outcome says so, and the next scan asks again."""
        error = SourceError("ECR did not answer")
        flow = self.flow(provenances := ScriptedProvenances(error))

        first = flow.scanned(a_scan_event())
        assert (first.result, first.without_provenance) == (ImageResult.STORED, error)
        stated = flow.record.provenance
        assert stated is not None
        assert stated.unread_reason == "ECR did not answer"

        provenances.answer = self.STATED
        second = flow.scanned(a_scan_event(event_id="later"))
        assert second.without_provenance is None
        assert flow.record.provenance == self.STATED


class Artifact(Registry):
    """Has something that is no image, and no scan of it."""

    def report(
        self, image: Image, scan: Scan, *, announced: int | None = None, fetching: Fetching
    ) -> AnyReport:
        del image, scan, announced, fetching
        raise FindingsNotReadyError("ECR knows no scan of it yet", status="SCAN_NOT_FOUND")

    def describe(self, image: Image) -> Image:
        raise NotAnImageError(f"{image.name} is no image that is scanned, but a chart")


class TestArtifacts:
    """What is no container image is ignored, with the reason."""

    def test_what_was_never_scanned_may_be_no_image(self) -> None:
        """A push does not always say what was pushed; then it counts no longer."""
        flow = Flow(Artifact({}))
        flow.pushed(PushEvent("push", NOW, an_image(), index=False))

        outcome = flow.refetch(an_image(), "hourly", NOW)

        assert outcome.result is ImageResult.NO_IMAGE
        assert outcome.reason.endswith("but a chart")
        assert outcome.streams == ("000474600478/eu-central-1/payments/api",)
        assert flow.record.row.gone_at == NOW

    def test_a_push_of_something_else_is_ignored(self) -> None:
        """No record is made of it, and no stream gets its tag."""
        flow = Flow(Registry({}))

        outcome = flow.pushed(PushEvent("push", NOW, an_image(), artifact="a chart"))

        assert outcome.result is ImageResult.NO_IMAGE
        assert outcome.reason == "payments/api:1.4.1 is no image that is scanned, but a chart"
        assert flow.store.records([an_image()]) == {}

    def test_what_is_attached_to_an_index_is_no_image(self) -> None:
        """An attestation has a scan event, too: its failed scan is no failure of the image."""
        attestation = a_digest(13)
        reports = {AMD: a_report(), ARM: a_report()}
        flow = Flow(Registry(reports, replace(INDEX, attachments=(attestation,))))
        flow.pushed(PushEvent("push", NOW, INDEX.image, index=True))

        outcome = flow.scanned(a_scan_event(image=an_image(13, tags=())))

        assert outcome.result is ImageResult.NO_IMAGE
        assert outcome.streams == ()

    def test_an_index_without_images_is_none(self) -> None:
        """Attestations alone are nothing to scan."""
        empty = ImageIndex(INDEX.image, (), (a_digest(13),))
        flow = Flow(Registry({}, empty))

        pushed = flow.pushed(PushEvent("push", NOW, INDEX.image, index=True))
        fetched = flow.refetch(INDEX.image, "hourly", NOW)

        assert [pushed.result, fetched.result] == [ImageResult.NO_IMAGE] * 2
        assert pushed.reason == "payments/api:1.4.1 has no image in it"
        assert INDEX.image.key not in flow.store.records([INDEX.image])

    def test_of_an_unknown_one_nothing_is_kept(self) -> None:
        """No stream is synced for it."""
        flow = Flow(Registry({a_digest(1): a_report()}))
        flow._source.describe = Artifact({}).describe  # type: ignore[method-assign]  # noqa: SLF001  # a chart

        outcome = flow.scanned(a_scan_event())

        assert (outcome.result, outcome.streams) == (ImageResult.NO_IMAGE, ())

    def test_a_repository_is_never_fetched(self) -> None:
        """Its settings are checked by another flow."""
        repository = replace(an_image(), digest="")

        assert Flow(Registry({})).refetch(repository, "h", NOW).result is ImageResult.IGNORED


@pytest.mark.parametrize(
    ("report", "is_back"),
    [(a_report(), True), (an_unusable_report(status="IMAGE_ARCHIVED"), False)],
    ids=["scanned", "archived"],
)
def test_an_image_that_has_a_report_again_is_back(report: AnyReport, *, is_back: bool) -> None:
    """It was deleted, and pushed again; of an archived one a status is all that there is."""
    flow = Flow(Registry({a_digest(1): report}))
    flow.pushed(PushEvent("push", NOW, an_image(), index=False))
    flow.gone(an_image())

    flow.scanned(a_scan_event())

    assert (flow.record.row.gone_at is None) is is_back


def test_a_report_whose_retention_is_over_is_fetched_when_a_tag_comes() -> None:
    """A promotion of an old image is no first scan of it."""
    flow = Flow(Registry({a_digest(1): a_report(a_finding())}))
    push = PushEvent("push", NOW, an_image(), index=False)
    flow.pushed(push)
    flow.store.put(replace(flow.record, report_key="report/gone"))

    assert flow.pushed(push).result is ImageResult.STORED
    assert flow.stored() is not None


class TestSharedParts:
    """One image can be a part of several indexes, as of two releases."""

    NEWER = ImageIndex(an_image(2), INDEX.members)

    def flow(self, *, watched: tuple[int, ...] = (1, 2)) -> Flow:
        """Return the flow after both indexes were pushed, and their reports were stored."""
        registry = Registry({AMD: a_report(), ARM: a_report()})
        indexes = {index.image.digest: index for index in (INDEX, self.NEWER)}
        registry.index = lambda image: indexes.get(image.digest)  # type: ignore[method-assign]  # two of them
        flow = Flow(registry)
        flow.syncs.watched = frozenset(map(a_digest, watched))
        for number, index in enumerate((INDEX, self.NEWER)):
            flow.pushed(PushEvent(f"push-{number}", NOW, index.image, index=True))
        return flow

    def stale(self, flow: Flow) -> list[int]:
        """Return the numbers of the indexes whose reports are stale."""
        images = {number: an_image(number) for number in (1, 2)}
        records = flow.store.records([*images.values()])
        return [number for number, image in images.items() if records[image.key].stale]

    def test_its_scan_is_one_of_each(self) -> None:
        """The newest is fetched at once, the others when their streams are synced."""
        flow = self.flow()

        outcome = flow.scanned(a_scan_event(image=INDEX.images[0]))

        assert outcome.result is ImageResult.STORED
        assert self.stale(flow) == [1]

    @pytest.mark.parametrize(
        ("watched", "result", "stale"),
        [
            ((1, 2), ImageResult.STORED, [1]),
            ((1,), ImageResult.STORED, [2]),
            ((), ImageResult.STALE, [1, 2]),
        ],
    )
    def test_a_finding_concerns_each(
        self, watched: tuple[int, ...], result: ImageResult, stale: list[int]
    ) -> None:
        """The one that is watched is fetched, whichever is the newest."""
        flow = self.flow(watched=watched)
        report = a_report(a_finding(), image=INDEX.images[0])

        outcome = flow.finding(FindingEvent("finding", NOW, report))

        assert (outcome.result, self.stale(flow)) == (result, stale)

    def test_of_a_deleted_index_the_next_one_is_fetched(self) -> None:
        """The image is still a part of that one."""
        flow = self.flow()
        whole = replace(INDEX.image, tags=())
        flow._source.index = lambda image: INDEX if image.key == whole.key else None  # type: ignore[method-assign]  # noqa: SLF001  # deleted

        outcome = flow.scanned(a_scan_event(image=INDEX.images[0]))

        assert outcome.result is ImageResult.STORED
        assert self.stale(flow) == [2]


def test_an_image_keeps_the_newest_of_its_indexes() -> None:
    """Its own tags do not count while any of them has tags."""
    row = ImageRow(an_image(), NOW)
    for number in range(30):
        row = with_index(row, an_image(number, tags=("1.0",) if number == 7 else ()))

    assert len(row.indexes) == INDEXES_KEPT
    assert (row.index, row.index_has_tags) == (a_digest(29), True)
    again = with_index(row, an_image(12, tags=()))
    assert (again.index, len(again.indexes)) == (a_digest(12), INDEXES_KEPT)
    assert not with_index(ImageRow(an_image(), NOW), an_image(1, tags=())).index_has_tags


def test_whether_it_is_an_index_is_asked_once() -> None:
    """A digest never becomes one."""
    registry = Registry({a_digest(1): a_report()})
    asked: list[str] = []
    registry.index = lambda image: asked.append(image.digest)  # type: ignore[method-assign]  # a spy
    flow = Flow(registry)

    flow.pushed(PushEvent("push", NOW, an_image()))
    flow.scanned(a_scan_event())

    assert asked == [a_digest(1)]


class TestRewriting:
    """A report is stored again only where something differs that is compared."""

    def keys(self, first: AnyReport, second: AnyReport) -> list[str | None]:
        registry = Registry({a_digest(1): first})
        flow = Flow(registry)
        flow.scanned(a_scan_event())
        before = flow.record
        registry.reports[a_digest(1)] = second
        flow.scanned(a_scan_event(event_id="later"))
        assert flow.record.event_id == "later"
        return [before.report_key, flow.record.report_key]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (a_report(a_finding()), a_report(a_finding(), completed_at=NOW + timedelta(hours=1))),
            (a_report(a_finding(epss=0.1)), a_report(a_finding(epss=0.2))),
            (an_unusable_report(), an_unusable_report()),
        ],
        ids=["re-scan", "details", "failed again"],
    )
    def test_the_same_again_writes_no_object(self, first: AnyReport, second: AnyReport) -> None:
        """The record says when it was fetched."""
        before, after = self.keys(first, second)

        assert before == after

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (a_report(a_finding()), a_report(a_finding(), a_finding("CVE-2"))),
            (a_report(a_finding()), a_report(a_finding(severity="CRITICAL"))),
            (a_report(a_finding()), an_unusable_report()),
            (an_unusable_report("FAILED"), an_unusable_report("PENDING_LONG")),
        ],
        ids=["new", "raised", "failed", "another failure"],
    )
    def test_what_differs_is_stored(self, first: AnyReport, second: AnyReport) -> None:
        """As another object: what a sync reads never changes."""
        before, after = self.keys(first, second)

        assert before != after


class FindingsRegistry(Registry):
    """Answers with the fingerprint alone where it is the stored one."""

    def __init__(self, report: Report) -> None:
        super().__init__({a_digest(1): report})
        self.made = 0
        self.tags = ("1.4.1",)

    def report(
        self, image: Image, scan: Scan, *, announced: int | None = None, fetching: Fetching
    ) -> AnyReport | SameReport:
        report = super().report(image, scan, announced=announced, fetching=fetching)
        assert isinstance(report, Report)

        def full() -> Report:
            self.made += 1
            return report

        if fetching.stored and fetching.stored == report.fingerprint:
            return SameReport(report.image, report.scan, report.fingerprint, full)
        return full()

    def describe(self, image: Image) -> Image:
        return replace(super().describe(image), tags=self.tags)


class CountedObjects(MemoryStreams):
    """A store that counts the reports that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.reports_read = 0

    def report(self, key: str) -> AnyReport | None:
        self.reports_read += 1
        return super().report(key)


class Rescans:
    """An image that was scanned once."""

    def __init__(self, *, provenances: ScriptedProvenances | None = None) -> None:
        self.registry = FindingsRegistry(replace(a_report(a_finding()), fingerprint="one"))
        self.flow = Flow(self.registry, provenances=provenances, store=CountedObjects())
        self.first = self.flow.scanned(a_scan_event(counts={Severity.HIGH: 1}))
        self.before = self.flow.record
        self.registry.made = 0

    def again(self, **fields: object) -> ImageOutcome:
        """Handle the event of one more scan; with `fields` of the record changed before."""
        if fields:
            self.flow.store.put(replace(self.flow.record, **fields))  # type: ignore[arg-type]
        self.flow.store.reports_read = 0
        return self.flow.scanned(a_scan_event(event_id="again", counts={Severity.HIGH: 1}))

    @property
    def made(self) -> bool:
        """Whether findings were made or read for it."""
        return bool(self.registry.made or self.flow.store.reports_read)


def test_a_scan_with_the_same_rows_makes_and_reads_no_finding() -> None:
    """One row is written: which event said so, and when."""
    rescans = Rescans()

    outcome = rescans.again()

    after = rescans.flow.record
    assert not rescans.made
    assert outcome.result is ImageResult.STORED
    assert outcome.streams == rescans.first.streams
    assert after.event_id == "again"
    assert (
        replace(after, event_id=rescans.before.event_id, revision=rescans.before.revision)
        == rescans.before
    )


def test_other_rows_become_the_stored_report() -> None:
    rescans = Rescans()
    other = replace(a_report(a_finding("CVE-2024-0002")), fingerprint="two")
    rescans.registry.reports[a_digest(1)] = other

    rescans.again()

    assert rescans.flow.record.fingerprint == "two"
    stored = rescans.flow.stored()
    assert isinstance(stored, Report)
    assert stored.findings == other.findings
    assert stored.fingerprint == ""


@pytest.mark.parametrize(
    "fields", [{"stale": True}, {"fingerprint": ""}, {"fingerprint": "another"}], ids=str
)
def test_what_is_stale_or_not_known_is_made_again(fields: dict[str, object]) -> None:
    rescans = Rescans()

    rescans.again(**fields)

    assert rescans.made
    assert rescans.flow.record.fingerprint == "one"


def test_a_report_with_other_tags_is_stored_again() -> None:
    """Also where a pass saw them first."""
    rescans = Rescans()
    rescans.registry.tags = ("1.4.1", "stable")
    rescans.again()
    assert rescans.made

    rescans.flow.listed(replace(an_image(), tags=("1.4.1", "stable", "latest")), NOW)
    assert rescans.flow.record.fingerprint == ""


def test_what_a_pass_fetches_is_made_in_full() -> None:
    """It heals what was lost."""
    rescans = Rescans()
    rescans.flow.store.reports_read = 0

    rescans.flow.refetch(an_image(), "pass", NOW)

    assert rescans.made


def test_an_origin_that_could_not_be_read_is_read_by_the_next_scan() -> None:
    """Though the rows are the same."""
    rescans = Rescans(provenances=ScriptedProvenances(NotAllowedError("no")))

    rescans.again()

    assert rescans.made
