"""The flow at use-case level, with the ports in memory."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    ConflictError,
    FindingsNotReadyError,
    ImageGoneError,
    NotAnImageError,
    PermanentDeliveryError,
    SourceError,
    StoreError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.evaluation import Rules, revisit_delay
from lib.interfaces import WakeUp
from lib.models import (
    AnyReport,
    AskLater,
    BasisKind,
    ChangeKind,
    DeliveryId,
    DeliveryState,
    Destination,
    Filter,
    Image,
    ImageIndex,
    Member,
    PushEvent,
    Receipt,
    ScanEvent,
    Severity,
)
from lib.pipeline import DeliveryPipeline, DeliveryResult, ScanPipeline, ScanResult, wake_due
from lib.retries import DEFAULT_PAUSE, HORIZON, backoff, wake_again
from lib.routing import Match, Route
from lib.suppressions import Suppression
from tests.builders import (
    NOW,
    a_delivery,
    a_finding,
    a_report,
    a_scan,
    a_scan_event,
    an_image,
    an_unusable_report,
)
from tests.fakes import (
    Clock,
    MemoryStore,
    RecordingWaker,
    RotatedSecrets,
    ScriptedNotifier,
    ScriptedSource,
)

RAW = {"detail-type": "ECR Image Scan"}
SLACK = Destination("team-slack")
JIRA = Destination("team-jira")
FALLBACK = Destination("operators")
REVOKED = PermanentDeliveryError("403 invalid_token", broken=True)
OLD, NEW = a_finding("CVE-2024-0001"), a_finding("CVE-2024-0002", severity="CRITICAL")


def a_route(name: str = "everything", *notify: Destination, severity: str = "HIGH") -> Route:
    return Route(
        name=name,
        match=Match(),
        filter=Filter(route=name, severity=Severity[severity]),
        notify=notify or (SLACK,),
    )


class World:
    """A pipeline over memory, and what a test looks at afterwards."""

    def __init__(
        self,
        *answers: AnyReport | Exception,
        routes: Iterable[Route] = (),
        suppressions: Iterable[Suppression] = (),
    ) -> None:
        self.clock = Clock(NOW)
        self.store = MemoryStore()
        self.waker = RecordingWaker()
        self.source = ScriptedSource(list(answers))
        self.notifier = ScriptedNotifier()
        self.tokens = iter(range(1000))
        self.pauses: list[float] = []
        self.secrets = RotatedSecrets()
        self.scans = ScanPipeline(
            source=self.source,
            states=self.store,
            reports=self.store,
            waker=self.waker,
            rules=Rules(tuple(routes) or (a_route(),), suppressions=tuple(suppressions)),
            now=self.clock,
            pause=self.pauses.append,
        )
        self.deliveries = DeliveryPipeline(
            ledger=self.store,
            reports=self.store,
            notifiers=lambda _: self.notifier,
            now=self.clock,
            new_token=lambda: f"token-{next(self.tokens)}",
            pause=self.pauses.append,
            secrets=self.secrets,
            fallback=FALLBACK,
        )

    def process(self, event: ScanEvent | None = None) -> Any:
        return self.scans.process(event or a_scan_event(), RAW)

    def deliver(self) -> list[Any]:
        woken = list(self.waker.woken)
        self.waker.woken.clear()
        return [self.deliveries.deliver(each) for each in woken]

    @property
    def states(self) -> list[DeliveryState]:
        return [row.state for row in self.store.rows.values()]


def later(number: int, **fields: Any) -> ScanEvent:
    return a_scan_event(number, time=NOW + timedelta(minutes=number), **fields)


def another(world: World) -> None:
    """Let another image have something to tell."""
    world.source.answers = [a_report(NEW, image=an_image(2))]
    world.process(later(1, image=an_image(2)))


def notice_id(world: World) -> DeliveryId:
    return next(row.id for row in world.store.rows.values() if row.note)


def kinds(outcome: Any) -> dict[str, ChangeKind]:
    changes = outcome.evaluation.comparison.changes
    return {each.finding.vulnerability_id: each.kind for each in changes}


class TestScan:
    def test_a_first_scan_is_the_baseline(self) -> None:
        """The first evaluation in a stream is stored, written to the ledger and woken."""
        world = World(a_report(OLD))

        outcome = world.process()

        assert outcome.result is ScanResult.EVALUATED
        assert kinds(outcome) == {"CVE-2024-0001": ChangeKind.BASELINE}
        assert [each.id for each in world.waker.woken] == list(world.store.rows)
        assert world.states == [DeliveryState.PENDING]

    def test_a_repeated_event_does_nothing_more(self) -> None:
        """The same event again reads the state and stops: no fetch, no delivery."""
        world = World(a_report(OLD))
        world.process()

        outcome = world.process()

        assert outcome.result is ScanResult.REPEATED
        assert world.source.calls == 1
        assert len(world.store.rows) == 1

    def test_another_event_of_the_same_moment_is_a_repeat(self) -> None:
        """EventBridge may deliver one scan under two event ids."""
        world = World(a_report(OLD))
        world.process()

        assert world.process(a_scan_event(2)).result is ScanResult.REPEATED

    def test_an_older_event_of_the_same_image_is_a_repeat(self) -> None:
        """What an older event stands for was part of the newer evaluation."""
        world = World(a_report(OLD))
        world.process(later(5))

        outcome = world.process(later(1))

        assert outcome.result is ScanResult.REPEATED
        assert "newer" in outcome.reason

    def test_a_rescan_is_compared_with_the_scan_before(self) -> None:
        """A later scan of the same digest tells new, resolved and unchanged."""
        world = World(a_report(OLD), a_report(NEW))
        world.process()

        outcome = world.process(later(1))

        assert outcome.evaluation.comparison.basis.kind is BasisKind.RESCAN
        assert kinds(outcome) == {
            "CVE-2024-0002": ChangeKind.NEW,
            "CVE-2024-0001": ChangeKind.RESOLVED,
        }

    def test_a_rescan_without_changes_is_silent(self) -> None:
        """Nothing new means no delivery."""
        world = World(a_report(OLD))
        world.process()

        outcome = world.process(later(1))

        assert outcome.result is ScanResult.EVALUATED
        assert outcome.deliveries == ()

    def test_a_new_image_is_compared_with_the_one_before_it(self) -> None:
        """The stream's head is the basis, and moves forward."""
        first, second = an_image(1), an_image(2)
        world = World(a_report(OLD, image=first), a_report(OLD, NEW, image=second))
        world.process(a_scan_event(image=first))

        outcome = world.process(later(1, image=second))

        assert outcome.evaluation.comparison.basis.kind is BasisKind.PREVIOUS_IMAGE
        assert outcome.evaluation.comparison.basis.image == first
        assert kinds(outcome)["CVE-2024-0002"] is ChangeKind.NEW
        assert [head.image_key for head in world.store.heads.values()] == [second.key]

    def test_an_older_image_neither_follows_nor_replaces_a_newer_one(self) -> None:
        """An image that is heard of late is a baseline of its own and leaves the head alone."""
        first, second = an_image(1), an_image(2)
        world = World(a_report(OLD, image=second), a_report(OLD, image=first))
        world.process(later(5, image=second))

        outcome = world.process(later(1, image=first))

        assert outcome.evaluation.comparison.basis.kind is BasisKind.NONE
        assert [head.image_key for head in world.store.heads.values()] == [second.key]

    def test_a_rescan_of_an_older_image_leaves_the_head_alone(self) -> None:
        """Scanning last month's image again does not make it the newest."""
        first, second = an_image(1), an_image(2)
        world = World(
            a_report(OLD, image=first), a_report(OLD, image=second), a_report(OLD, image=first)
        )
        world.process(a_scan_event(image=first))
        world.process(later(1, image=second))

        world.process(later(2, image=first))

        assert [head.image_key for head in world.store.heads.values()] == [second.key]

    def test_a_failed_scan_is_told_and_forgets_nothing(self) -> None:
        """FAILED is an alert of its own; the findings known before stay the basis."""
        world = World(a_report(OLD), an_unusable_report(), a_report(OLD))
        world.process()

        failed = world.process(later(1))
        recovered = world.process(later(2))

        assert failed.evaluation.problem.kind is ChangeKind.SCAN_FAILED
        assert len(failed.deliveries) == 1
        assert kinds(recovered) == {"CVE-2024-0001": ChangeKind.UNCHANGED}
        assert recovered.deliveries == ()

    def test_the_same_failure_again_is_silent(self) -> None:
        """One message per failing image, not one per attempt."""
        world = World(an_unusable_report())
        world.process()

        outcome = world.process(later(1))

        assert outcome.deliveries == ()
        assert "same way" in outcome.reason

    def test_a_failed_first_scan_does_not_become_the_head(self) -> None:
        """The next image is compared with the last usable one."""
        world = World(an_unusable_report())

        world.process()

        assert world.store.heads == {}

    def test_a_scan_without_a_result_comes_back_later(self) -> None:
        """ScanNotFound right after a push is asked again, unchanged, not failed."""
        world = World(FindingsNotReadyError("no scan yet", status="SCAN_NOT_FOUND"))

        outcome = world.process()

        assert outcome.result is ScanResult.REVISIT
        assert world.waker.revisits == [(RAW, 30)]
        assert world.store.states == {}

    def test_a_scan_that_never_has_a_result_is_told(self) -> None:
        """After an hour, "not scanned" is the result, with the reason."""
        world = World(FindingsNotReadyError("no scan yet", status="SCAN_NOT_FOUND"))
        world.clock.forward(hours=1)

        outcome = world.process()

        assert outcome.evaluation.problem.kind is ChangeKind.NOT_SCANNED
        assert outcome.evaluation.report.scan.status == "SCAN_NOT_FOUND"
        assert len(outcome.deliveries) == 1

    def test_an_image_that_is_gone_resolves_nothing(self) -> None:
        """A deleted image is acknowledged without a message."""
        world = World(ImageGoneError("deleted"))

        assert world.process().result is ScanResult.IMAGE_GONE
        assert world.store.rows == {}

    def test_a_source_error_leaves_everything_as_it_was(self) -> None:
        """The record fails and can be processed again."""
        world = World(SourceError("throttled"), a_report(OLD))

        with pytest.raises(SourceError):
            world.process()

        assert world.process().result is ScanResult.EVALUATED

    def test_a_lost_race_is_evaluated_again(self) -> None:
        """Somebody else's commit in between makes this one look again."""
        world = World(a_report(OLD))
        rivals = iter([None])

        def rival() -> None:
            if next(rivals, 0) is None:
                world.process(a_scan_event(1))

        world.store.before_commit = rival

        outcome = world.process()

        assert outcome.result is ScanResult.REPEATED
        assert len(world.store.rows) == 1

    def test_a_race_that_never_ends_comes_back_later(self) -> None:
        """Many images of one stream at once: who never wins asks again, and fetches only once."""
        world = World(a_report(OLD))

        def always() -> None:
            raise ConflictError("again")

        world.store.before_commit = always

        assert world.process().result is ScanResult.REVISIT
        assert world.source.calls == 1
        assert world.waker.revisits == [(RAW, 30)]
        assert 0 < sum(world.pauses) < 2

    def test_a_race_that_is_lost_to_a_newer_scan_is_a_repeat(self) -> None:
        """Looking again finds that there is nothing left to do."""
        world = World(a_report(OLD))
        world.process()
        newer = iter([later(2)])

        def rival() -> None:
            if (event := next(newer, None)) is not None:
                world.process(event)

        world.store.before_commit = rival

        assert world.process(later(1)).result is ScanResult.REPEATED

    def test_an_older_scan_behind_a_failed_one_is_evaluated(self) -> None:
        """FAILED says nothing about findings, so the COMPLETE that comes late still counts."""
        world = World(an_unusable_report(), a_report(OLD))
        world.process(later(5))

        outcome = world.process(later(1))

        assert outcome.result is ScanResult.EVALUATED
        assert kinds(outcome) == {"CVE-2024-0001": ChangeKind.BASELINE}
        assert world.store.states[an_image().key].event_time == later(5).time

    def test_fewer_findings_than_announced_come_back_later(self) -> None:
        """ECR can announce findings before it lists them: an empty list is no all-clear."""
        partial = an_unusable_report("COMPLETE")
        world = World(FindingsNotReadyError("0 of 2", status="COMPLETE", partial=partial))

        outcome = world.process(a_scan_event(counts={Severity.HIGH: 2}))

        assert outcome.result is ScanResult.REVISIT
        assert world.source.announced == [2]
        assert world.store.rows == {}

    def test_findings_that_are_never_listed_are_told_as_such(self) -> None:
        """After ten minutes, what is listed is the result, and not a clean one."""
        partial = an_unusable_report("COMPLETE")
        world = World(FindingsNotReadyError("0 of 2", status="COMPLETE", partial=partial))
        world.clock.forward(minutes=10)

        outcome = world.process(a_scan_event(counts={Severity.HIGH: 2}))

        assert outcome.evaluation.problem.kind is ChangeKind.NOT_SCANNED
        assert len(outcome.deliveries) == 1

    def test_a_rescan_of_an_image_older_than_the_head_does_not_follow_it(self) -> None:
        """When it was pushed decides, not when somebody scanned it: the registry knows."""
        old, new = an_image(1), an_image(2)
        world = World(a_report(OLD, image=new), a_report(OLD, NEW, image=old))
        world.source.pushed_at = {old.digest: NOW - timedelta(days=30), new.digest: NOW}
        world.process(a_scan_event(image=new))

        outcome = world.process(later(60, image=old))

        assert outcome.evaluation.comparison.basis.kind is BasisKind.NONE
        assert [head.image_key for head in world.store.heads.values()] == [new.key]

    def test_an_image_is_described_once(self) -> None:
        """The registry is asked about an image that was never seen, and not again."""
        world = World(a_report(OLD))

        world.process()
        world.process(later(1))

        assert len(world.source.described) == 1

    def test_an_image_whose_age_is_known_is_not_described(self) -> None:
        """Enhanced findings say when it was pushed."""
        world = World(a_report(OLD, image=an_image(pushed_at=NOW)))

        world.process()

        assert world.source.described == []

    def test_an_old_scan_that_was_found_just_now_has_its_hour(self) -> None:
        """Patience counts from when it was found: another scan may be running in between."""
        world = World(FindingsNotReadyError("running", status="IN_PROGRESS"))
        event = a_scan_event(time=NOW - timedelta(days=20), found_at=NOW)

        assert world.process(event).result is ScanResult.REVISIT

    def test_a_silent_baseline_tells_nobody_even_of_a_failure(self) -> None:
        """It is stored, so that the same failure is not told later either."""
        world = World(an_unusable_report())

        first = world.process(a_scan_event(quiet=True))
        again = world.process(later(1))

        assert first.result is ScanResult.EVALUATED
        assert "nobody is told" in first.reason
        assert (first.deliveries, again.deliveries) == ((), ())

    def test_an_attestation_is_ignored(self) -> None:
        """What buildx and cosign push beside an image is no image without a scan."""
        world = World(an_unusable_report("UNSUPPORTED_IMAGE"))
        world.source.described_as = NotAnImageError("application/vnd.in-toto+json")

        assert world.process().result is ScanResult.IGNORED
        assert world.store.rows == {}

    def test_untagged_images_of_unknown_platform_do_not_follow_each_other(self) -> None:
        """The parts of a multi-platform image are not compared with one another."""
        first, second = an_image(1, tags=()), an_image(2, tags=())
        world = World(a_report(OLD, image=first), a_report(NEW, image=second))
        world.clock.forward(minutes=5)
        world.process(a_scan_event(image=first))

        outcome = world.process(later(1, image=second))

        assert kinds(outcome) == {"CVE-2024-0002": ChangeKind.BASELINE}
        assert world.store.heads == {}

    def test_a_crash_before_the_wake_up_leaves_rows_for_the_sweep(self) -> None:
        """Rows are due soon after, so a lost wake-up costs minutes, not the alert."""
        world = World(a_report(OLD))
        world.process()
        world.waker.woken.clear()

        early = wake_due(world.store, world.waker, now=NOW)
        late = wake_due(world.store, world.waker, now=NOW + timedelta(minutes=2))

        assert (early, late) == (0, 1)

    def test_one_destination_gets_one_delivery(self) -> None:
        """Two routes to the same destination make one alert that names both."""
        first = replace(a_route("first", SLACK, JIRA), continues=True)
        world = World(a_report(OLD), routes=(first, a_route("second", SLACK)))

        outcome = world.process()

        assert sorted(each.destination for each in outcome.deliveries) == [JIRA, SLACK]

    def test_a_suppressed_finding_is_accounted_for(self) -> None:
        """When all that a route asks for is suppressed, the ledger says so; nothing is woken."""
        entry = Suppression(id="CVE-2024-0001", expires=date(2027, 1, 31), reason="not reachable")
        world = World(a_report(OLD), suppressions=(entry,))

        world.process()

        assert world.states == [DeliveryState.SUPPRESSED]
        assert world.waker.woken == []

    def test_a_finding_whose_suppression_ended_is_new(self) -> None:
        """The day after its entry expires a finding is told again."""
        entry = Suppression(id="CVE-2024-0001", expires=NOW.date(), reason="not reachable")
        world = World(a_report(OLD), suppressions=(entry,))
        world.process()
        world.clock.forward(days=1)

        outcome = world.process(a_scan_event(2, time=world.clock()))

        assert kinds(outcome) == {"CVE-2024-0001": ChangeKind.NEW}
        assert len(outcome.deliveries) == 1

    def test_a_report_that_expired_is_no_basis(self) -> None:
        """When the earlier report is gone from storage, the scan is a baseline again."""
        world = World(a_report(OLD))
        world.process()
        world.store.objects.clear()

        outcome = world.process(later(1))

        assert outcome.evaluation.comparison.basis.kind is BasisKind.NONE

    def test_a_new_scan_makes_a_new_alert_of_the_same_change(self) -> None:
        """A finding that comes back after it was resolved is told again: ids do not collide."""
        world = World(a_report(OLD), a_report(), a_report(OLD))

        for event in (a_scan_event(), later(1), later(2)):
            world.process(event)

        assert len(world.store.rows) == 3


class TestIndex:
    """An index of two images, 11 and 12, and an attestation, 13."""

    INDEX = an_image(10, tags=("1.4.2",))
    AMD, ARM, ATTESTATION = (an_image(number, tags=()) for number in (11, 12, 13))

    @pytest.fixture
    def world(self) -> World:
        world = World(FindingsNotReadyError("no scan yet", status="SCAN_NOT_FOUND"))
        members = (Member(self.AMD.digest, "linux/amd64"), Member(self.ARM.digest, "linux/arm64"))
        index = ImageIndex(replace(self.INDEX, tags=()), members, (self.ATTESTATION.digest,))
        world.source.indexes = {self.INDEX.digest: index}
        world.source.tags = {self.INDEX.digest: ("latest", "1.4.2")}
        world.source.pushed_at = {self.INDEX.digest: NOW}
        return world

    def push(self, world: World, image: Image = INDEX, **fields: Any) -> Any:
        event = {"event_id": "push-1", "time": NOW, "image": image, **fields}
        return world.scans.pushed(PushEvent(**event), RAW)

    def scan(self, world: World, *answers: AnyReport) -> None:
        world.source.scanned = {each.image.digest: each for each in answers}

    def scan_both(self, world: World) -> None:
        self.scan(world, a_report(OLD, image=self.AMD), a_report(OLD, NEW, image=self.ARM))

    def test_an_index_is_one_image_under_its_tags(self, world: World) -> None:
        """One evaluation of both platforms, named by the tag that was pushed."""
        self.scan_both(world)

        outcome = self.push(world)

        report = outcome.evaluation.report
        assert report.image == replace(self.INDEX, tags=("1.4.2", "latest"), pushed_at=NOW)
        assert [each.platform for each in report.parts] == ["linux/amd64", "linux/arm64"]
        assert {each.vulnerability_id: each.platforms for each in report.findings} == {
            "CVE-2024-0001": (),
            "CVE-2024-0002": ("linux/arm64",),
        }
        assert len(outcome.deliveries) == 1

    def test_an_index_waits_for_the_last_of_its_scans(self, world: World) -> None:
        """Nothing is told of one platform alone; the last scan's event makes the message prompt."""
        self.scan(world, a_report(OLD, image=self.AMD))
        pushed = self.push(world)
        early = world.process(later(1, image=self.AMD))
        self.scan_both(world)

        last = world.process(later(2, image=self.ARM))

        assert (pushed.result, early.result) == (ScanResult.REVISIT, ScanResult.REVISIT)
        assert last.evaluation.report.image.name == "payments/api:latest"
        assert len(world.store.rows) == 1
        assert [world.process(later(1, image=self.AMD)).result, self.push(world).result] == [
            ScanResult.REPEATED,
            ScanResult.REPEATED,
        ]

    def test_scans_that_come_before_the_push_wait_for_it(self, world: World) -> None:
        """An untagged image that nobody knows may be part of an index yet to come."""
        self.scan_both(world)
        waits = world.process(a_scan_event(image=self.AMD))
        world.clock.forward(seconds=30)
        still = world.process(a_scan_event(image=self.AMD))
        pushed = self.push(world, time=NOW + timedelta(seconds=30))

        again = world.process(a_scan_event(image=self.AMD))

        assert (waits.result, still.result) == (ScanResult.REVISIT, ScanResult.REVISIT)
        assert world.waker.revisits == [(RAW, 120), (RAW, 90)]
        assert pushed.result is ScanResult.EVALUATED
        assert again.result is ScanResult.REPEATED
        assert len(world.store.rows) == 1

    def test_an_untagged_image_without_an_index_is_told_by_its_digest(self, world: World) -> None:
        """After two minutes it is an image of its own; an index that comes later is another."""
        self.scan_both(world)
        world.clock.forward(minutes=2)

        alone = world.process(a_scan_event(image=self.AMD))
        together = self.push(world, time=world.clock())

        assert alone.evaluation.report.image == self.AMD
        assert together.evaluation.report.image.digest == self.INDEX.digest

    @pytest.mark.parametrize(
        "event",
        [
            a_scan_event(image=replace(AMD, tags=("1.4.2-amd64",))),
            a_scan_event(image=AMD, quiet=True),
        ],
        ids=["tagged", "quiet"],
    )
    def test_who_does_not_wait(self, world: World, event: ScanEvent) -> None:
        """An image with tags is one of its own; a sweep comes after the fact."""
        self.scan_both(world)

        assert world.process(event).evaluation.report.image.digest == self.AMD.digest

    def test_a_rescan_of_a_known_image_does_not_wait(self, world: World) -> None:
        """Nobody knew of an index at its first scan, so none is coming."""
        self.scan_both(world)
        world.process(a_scan_event(image=self.AMD, quiet=True))

        assert world.process(later(1, image=self.AMD)).result is ScanResult.EVALUATED

    def test_an_attestation_of_an_index_is_ignored(self, world: World) -> None:
        """Its failed scan is no failure of the image."""
        self.scan_both(world)
        self.push(world)

        outcome = world.process(later(1, image=self.ATTESTATION))

        assert outcome.result is ScanResult.IGNORED
        assert len(world.store.rows) == 1

    def test_a_plain_push_is_acknowledged(self, world: World) -> None:
        """Its scan has an event of its own; nothing is asked when the event says what it is."""
        said = self.push(world, self.AMD, index=False)
        asked = self.push(world, self.AMD)

        assert {said.result, asked.result} == {ScanResult.ACKNOWLEDGED}
        assert world.source.asked_for_index == [self.AMD]
        assert world.source.calls == 0

    def test_an_index_without_images_is_ignored(self, world: World) -> None:
        """Attestations alone are nothing to scan."""
        world.source.indexes[self.INDEX.digest] = ImageIndex(self.INDEX, ())

        assert self.push(world).result is ScanResult.IGNORED

    def test_a_platform_without_a_result_is_said_when_patience_is_over(self, world: World) -> None:
        """After an hour the others are told; what is missing is no all-clear, and told once."""
        self.scan(world, a_report(image=self.AMD))
        world.clock.forward(hours=1)

        first = self.push(world)
        second = world.process(a_scan_event(image=self.AMD, time=NOW + timedelta(minutes=1)))

        report = first.evaluation.report
        assert not report.scan.complete
        assert [each.status for each in report.parts] == ["COMPLETE", "SCAN_NOT_FOUND"]
        assert len(first.deliveries) == 1
        assert first.decisions.outcomes[0].reason == "1 platform not scanned"
        assert second.deliveries == ()

    def test_an_index_that_nobody_scans_is_left_alone(self, world: World) -> None:
        """Where scanning is turned off, the push of one is no news; nor is that of an image."""
        world.clock.forward(hours=1)

        assert self.push(world).result is ScanResult.IGNORED
        assert world.store.rows == {}

    def test_an_index_without_any_result_is_not_scanned(self, world: World) -> None:
        """When all have failed, that is the message; a failed event is about its own image."""
        self.scan(
            world,
            an_unusable_report("FAILED", self.AMD),
            an_unusable_report("UNSUPPORTED_IMAGE", self.ARM),
        )
        self.push(world, time=NOW - timedelta(hours=2))
        world.source.scans.clear()

        failed = world.process(a_scan_event(image=self.AMD, scan=a_scan(status="FAILED")))

        assert failed.evaluation.report.scan.status == "FAILED"
        assert failed.deliveries == ()
        assert world.states == [DeliveryState.PENDING]
        assert world.source.scans == [(self.AMD.digest, "FAILED"), (self.ARM.digest, "UNKNOWN")]

    def test_the_same_index_under_another_tag_is_silent(self, world: World) -> None:
        """A second push of the same images has nothing new."""
        self.scan_both(world)
        self.push(world)

        again = self.push(
            world, replace(self.INDEX, tags=("latest",)), event_id="push-2", time=later(1).time
        )

        assert again.evaluation.report.image.tags == ("latest", "1.4.2")
        assert again.deliveries == ()

    def test_two_scans_of_the_same_moment_both_count(self, world: World) -> None:
        """One may have ended after the evaluation that the other one made."""
        self.scan_both(world)
        self.push(world)
        world.process(later(1, image=self.AMD))

        other = world.process(later(1, image=self.ARM, event_id="event-arm"))

        assert other.result is ScanResult.EVALUATED

    def test_members_that_race_make_one_message(self, world: World) -> None:
        """Who is slower looks again and finds it told."""
        self.scan(world, a_report(OLD, image=self.AMD))
        self.push(world)
        self.scan_both(world)
        rivals = iter([later(2, image=self.ARM)])

        def rival() -> None:
            if (event := next(rivals, None)) is not None:
                world.process(event)

        world.store.before_commit = rival

        assert world.process(later(1, image=self.AMD)).result is ScanResult.REPEATED
        assert len(world.store.rows) == 1

    def test_findings_fetched_before_a_rival_saved_are_fetched_again(self, world: World) -> None:
        """Of two scans of one moment, the slower must not save what it saw of the other before."""
        self.scan_both(world)
        self.push(world)
        event = later(1, image=self.AMD)
        rivals = iter([later(1, image=self.ARM, event_id="event-arm")])

        def rival() -> None:
            if (rivals_event := next(rivals, None)) is not None:
                world.process(rivals_event)

        world.store.before_commit = rival

        assert world.process(event).result is ScanResult.REVISIT
        assert world.process(event).result is ScanResult.EVALUATED

    def test_the_newest_index_of_an_image_hears_of_its_scans(self, world: World) -> None:
        """An unchanged platform is in every release; the push of an old one changes nothing."""
        newer = an_image(20, tags=("1.4.3",))
        members = (Member(self.AMD.digest, "linux/amd64"),)
        world.source.indexes[newer.digest] = ImageIndex(newer, members)
        world.source.pushed_at[newer.digest] = NOW + timedelta(minutes=1)
        self.scan_both(world)
        self.push(world, newer, time=later(1).time)
        self.push(world)

        outcome = world.process(later(2, image=self.AMD))

        assert outcome.evaluation.report.image.digest == newer.digest

    def test_a_member_whose_index_is_gone_is_an_image_of_its_own(self, world: World) -> None:
        """The index was deleted, the image is still there and scanned."""
        self.scan_both(world)
        self.push(world)
        world.source.indexes.clear()

        outcome = world.process(later(1, image=self.AMD))

        assert outcome.evaluation.report.image.digest == self.AMD.digest

    def test_an_index_that_is_gone_resolves_nothing(self, world: World) -> None:
        """Deleted before anybody looked: acknowledged without a message."""
        world.source.described_as = ImageGoneError("deleted")

        assert self.push(world).result is ScanResult.IMAGE_GONE

    def test_the_next_index_is_compared_with_the_one_before(self, world: World) -> None:
        """Indexes follow each other in the stream of their tags."""
        newer = an_image(20, tags=("1.4.3",))
        members = (Member(self.AMD.digest, "linux/amd64"), Member(self.ARM.digest, "linux/arm64"))
        world.source.indexes[newer.digest] = ImageIndex(newer, members)
        world.source.pushed_at[newer.digest] = NOW + timedelta(minutes=1)
        self.scan_both(world)
        self.push(world)
        self.scan(world, a_report(OLD, image=self.AMD), a_report(OLD, image=self.ARM))

        outcome = self.push(world, newer, time=later(1).time)

        assert outcome.evaluation.comparison.basis.image.digest == self.INDEX.digest
        assert kinds(outcome)["CVE-2024-0002"] is ChangeKind.RESOLVED


class TestDelivery:
    def deliver(self, *errors: Exception) -> tuple[World, Any]:
        world = World(a_report(OLD))
        world.notifier.errors = list(errors)
        world.process()
        return world, world.deliver()[0]

    def test_an_accepted_alert_is_sent_once(self) -> None:
        """The receipt is recorded, and another wake-up sends nothing."""
        world, outcome = self.deliver()
        again = world.deliveries.deliver(WakeUp(outcome.delivery.id, SLACK, 1))

        assert outcome.result is DeliveryResult.SENT
        assert (again.result, again.reason) == (DeliveryResult.SKIPPED, "SENT")
        assert len(world.notifier.accepted) == 1

    def test_a_throttled_alert_waits_as_long_as_it_is_told(self) -> None:
        """Retry-After moves the due time, and is not a failure."""
        world, outcome = self.deliver(ThrottledError("429", retry_after=120))

        row = next(iter(world.store.rows.values()))
        assert outcome.result is DeliveryResult.RETRY
        assert row.due_at == NOW + timedelta(seconds=120)
        assert row.failures == 0

    def test_a_throttled_alert_without_a_time_waits_for_the_default(self) -> None:
        """A 429 without Retry-After waits 30 seconds."""
        _, outcome = self.deliver(ThrottledError("429"))

        assert outcome.due_at == NOW + timedelta(seconds=DEFAULT_PAUSE)

    def test_a_throttled_destination_is_left_alone(self) -> None:
        """While a receiver asks to wait, its other alerts wait, too, without a call."""
        world, _ = self.deliver(ThrottledError("429", retry_after=120))
        another(world)

        outcome = world.deliver()[0]

        assert outcome.result is DeliveryResult.PAUSED
        assert outcome.due_at == NOW + timedelta(seconds=120)
        assert world.notifier.calls == 1

        world.clock.forward(seconds=121)
        wake_due(world.store, world.waker, now=world.clock())
        assert {each.result for each in world.deliver()} == {DeliveryResult.SENT}

    def test_a_limit_of_one_message_holds_up_no_other(self) -> None:
        """Jira limits the writes to one issue; its project takes the others."""
        world, outcome = self.deliver(ThrottledError("429", retry_after=60, alone=True))
        another(world)

        other = world.deliver()[0]

        assert (outcome.result, outcome.due_at) == (
            DeliveryResult.RETRY,
            NOW + timedelta(seconds=60),
        )
        assert other.result is DeliveryResult.SENT

    def test_a_broken_destination_is_left_alone_and_the_fallback_is_told(self) -> None:
        """A revoked webhook costs one alert; the next ones wait; one notice goes out."""
        world, outcome = self.deliver(PermanentDeliveryError("403 invalid_token", broken=True))
        another(world)

        waiting = world.deliver()[0]
        notice = world.store.rows[notice_id(world)]

        assert (outcome.result, waiting.result) == (DeliveryResult.DEAD, DeliveryResult.PAUSED)
        assert waiting.due_at == NOW + timedelta(minutes=10)
        assert notice.destination == FALLBACK
        assert "Instead of team-slack" in str(notice.note)

    def test_a_fallback_that_is_broken_itself_tells_nobody(self) -> None:
        """A notice makes no notice."""
        world, _ = self.deliver(PermanentDeliveryError("403", broken=True))
        wake_due(world.store, world.waker, now=world.clock())
        world.notifier.errors = [PermanentDeliveryError("403", broken=True)]

        world.deliver()

        assert len(world.store.rows) == 2

    def test_an_unclear_answer_is_asked_about_before_a_repeat(self) -> None:
        """The receiver has it: the receipt is recorded and nothing is sent again."""
        world, outcome = self.deliver(AmbiguousDeliveryError("no answer in time"))
        world.notifier.verdicts = [Receipt("found")]
        assert world.states == [DeliveryState.UNKNOWN]

        world.clock.forward(minutes=1)
        wake_due(world.store, world.waker, now=world.clock())
        again = world.deliver()[0]

        assert outcome.result is DeliveryResult.RETRY
        assert (again.result, again.receipt) == (DeliveryResult.SENT, Receipt("found"))
        assert world.notifier.asked == [NOW]
        assert world.notifier.calls == 1

    def test_a_receiver_that_cannot_say_yet_is_asked_later(self) -> None:
        """An index that lags: the row stays unknown, and nothing is sent meanwhile."""
        world, _ = self.deliver(AmbiguousDeliveryError("no answer in time"))
        world.notifier.verdicts = [AskLater(60)]
        world.clock.forward(minutes=1)
        wake_due(world.store, world.waker, now=world.clock())

        outcome = world.deliver()[0]

        assert outcome.due_at == world.clock() + timedelta(seconds=60)
        assert world.states == [DeliveryState.UNKNOWN]
        assert world.notifier.calls == 1

    def test_doubt_outlives_a_failure(self) -> None:
        """After an unclear answer, a refused connection does not make it certain."""
        world, _ = self.deliver(AmbiguousDeliveryError("lost"), TemporaryDeliveryError("down"))
        for _ in range(2):
            world.clock.forward(minutes=20)
            wake_due(world.store, world.waker, now=world.clock())
            world.deliver()

        assert len(world.notifier.asked) == 2
        assert world.states == [DeliveryState.SENT]

    @pytest.mark.parametrize(
        "error",
        [
            TemporaryDeliveryError("down"),
            AmbiguousDeliveryError("no answer"),
            ConfigError("no secret"),
        ],
    )
    def test_a_failure_that_may_pass_is_tried_again(self, error: Exception) -> None:
        """Outages, unclear answers and missing secrets are rescheduled with a backoff."""
        world, outcome = self.deliver(error)

        row = next(iter(world.store.rows.values()))
        assert outcome.result is DeliveryResult.RETRY
        assert row.failures == 1
        assert NOW < row.due_at <= NOW + timedelta(seconds=15)

        world.clock.forward(minutes=1)
        wake_due(world.store, world.waker, now=world.clock())
        assert world.deliver()[0].result is DeliveryResult.SENT

    def test_a_redriven_alert_is_asked_about_since_its_first_day(self) -> None:
        """Its last answer was lost when it was given up; the receiver says that it has it."""
        world, outcome = self.deliver(AmbiguousDeliveryError("timeout"))
        world.clock.forward(hours=25)
        wake_due(world.store, world.waker, now=world.clock())
        world.deliver()
        world.store.redrive(outcome.delivery.id, now=world.clock())
        world.notifier.verdicts = [Receipt("there")]

        told = world.deliveries.deliver(WakeUp(outcome.delivery.id, SLACK, 2))

        assert (told.result, world.notifier.asked) == (DeliveryResult.SENT, [NOW])
        assert world.notifier.calls == 1

    def test_a_permanent_refusal_is_dead_at_once(self) -> None:
        """A revoked webhook is not called again."""
        world, outcome = self.deliver(PermanentDeliveryError("403 invalid_token"))

        assert outcome.result is DeliveryResult.DEAD
        assert world.states == [DeliveryState.DEAD]
        assert world.notifier.calls == 1

    def test_a_payload_that_is_refused_is_tried_plain_once(self) -> None:
        """Too large or malformed: one smaller attempt, in the same turn."""
        world, outcome = self.deliver(PermanentDeliveryError("invalid_blocks", degradable=True))

        assert outcome.result is DeliveryResult.SENT
        assert "plain" in world.notifier.accepted[0]

    def test_a_plain_payload_that_is_refused_is_dead(self) -> None:
        """The degraded attempt is the last one."""
        refusals = [PermanentDeliveryError("invalid_blocks", degradable=True)] * 2
        world, outcome = self.deliver(*refusals)

        assert outcome.result is DeliveryResult.DEAD
        assert world.notifier.calls == 2

    def test_after_a_day_a_delivery_is_dead(self) -> None:
        """What no receiver accepted within 24 h is kept as dead, with the last reason."""
        world, _ = self.deliver(TemporaryDeliveryError("down"))
        world.clock.forward(hours=25)
        wake_due(world.store, world.waker, now=world.clock())

        outcome = world.deliver()[0]

        assert outcome.result is DeliveryResult.DEAD
        assert "24 h" in outcome.reason
        assert "down" in outcome.reason

    def test_the_fallback_is_told_once_of_a_day_without_an_answer(self) -> None:
        """An outage of a day costs all of its alerts; one notice a day and destination says so."""
        world, _ = self.deliver(TemporaryDeliveryError("down"))
        another(world)
        world.clock.forward(hours=25)
        wake_due(world.store, world.waker, now=world.clock())

        world.deliver()
        dead = [each for each in world.store.rows.values() if each.state is DeliveryState.DEAD]
        notices = [each for each in world.store.rows.values() if each.note is not None]

        assert len(dead) == 2
        assert [each.destination for each in notices] == [FALLBACK]
        assert "Instead of team-slack, which did not accept it within 24 h" in str(notices[0].note)

    def test_a_retry_that_would_come_after_a_day_is_dead_now(self) -> None:
        """There is no point in waiting for a time past the horizon."""
        world = World(a_report(OLD))
        world.notifier.errors = [ThrottledError("429", retry_after=3600)]
        world.process()
        world.clock.moment = NOW + HORIZON - timedelta(minutes=1)

        assert world.deliver()[0].result is DeliveryResult.DEAD

    def test_a_report_that_expired_makes_the_delivery_dead(self) -> None:
        """Without its report there is nothing to say; the row says so."""
        world = World(a_report(OLD))
        world.process()
        world.store.objects.clear()

        assert world.deliver()[0].result is DeliveryResult.DEAD

    def test_an_error_nobody_foresaw_does_not_block_the_others(self) -> None:
        """A bug in one alert is a retry with its reason, and dead after five times."""
        world, outcome = self.deliver(*[KeyError("odd")] * 5)

        assert outcome.result is DeliveryResult.RETRY
        assert isinstance(outcome.error, KeyError)
        assert "KeyError" in outcome.reason

        for _ in range(4):
            world.clock.forward(minutes=20)
            wake_due(world.store, world.waker, now=world.clock())
            outcome = world.deliver()[0]
        assert outcome.result is DeliveryResult.DEAD
        assert "KeyError" in outcome.reason

    def test_a_report_that_cannot_be_read_is_tried_again(self) -> None:
        """S3 failing is no reason to block the destination's queue."""
        world = World(a_report(OLD))
        world.process()

        def unreachable(_: str) -> Any:
            raise StoreError("reading reports: SlowDown")

        world.store.get = unreachable  # type: ignore[method-assign]

        assert world.deliver()[0].result is DeliveryResult.RETRY

    def test_a_wrong_secret_is_for_a_person(self) -> None:
        """It is tried again for a day, and said at once."""
        _, outcome = self.deliver(ConfigError("no secret"))

        assert outcome.misconfigured

    def test_a_worker_that_died_is_replaced(self) -> None:
        """A claim without a record is woken when its lease ends, and sent by somebody else."""
        world = World(a_report(OLD))
        world.process()
        row = next(iter(world.store.rows))
        world.store.claim(row, now=NOW, token="the dead one")
        world.waker.woken.clear()

        world.clock.forward(minutes=5)
        wake_due(world.store, world.waker, now=world.clock())

        assert [each.result for each in world.deliver()] == [DeliveryResult.SENT]
        assert world.notifier.asked == [NOW]
        assert len(world.notifier.accepted) == 1

    def test_a_destination_is_held_as_long_as_its_receiver_wants(self) -> None:
        """After every attempt, so that the next message of its queue keeps the distance."""
        world = World(a_report(OLD))
        world.notifier.interval = 1.0
        world.notifier.errors = [TemporaryDeliveryError("down")]
        world.process()
        (refused,) = world.deliver()
        world.clock.forward(minutes=5)
        wake_due(world.store, world.waker, now=world.clock())
        (sent,) = world.deliver()

        assert (refused.result, sent.result) == (DeliveryResult.RETRY, DeliveryResult.SENT)
        assert world.pauses == [1.0, 1.0]

    def test_a_rotated_secret_is_in_use_at_once(self) -> None:
        """Who is refused altogether may hold an old credential: read again, and tried once more."""
        world = World(a_report(OLD))
        world.notifier.errors = [REVOKED]
        world.secrets.rotated = True
        world.process()

        assert [each.result for each in world.deliver()] == [DeliveryResult.SENT]
        assert world.notifier.calls == 2

    def test_only_one_alert_begins_the_thread_of_a_stream(self) -> None:
        """While the first may have been accepted, the second waits; then it joins the thread."""
        world = World(a_report(OLD), a_report(NEW))
        world.notifier.errors = [AmbiguousDeliveryError("timeout")]
        world.process()
        world.deliver()
        world.process(later(1))
        (second,) = world.deliver()

        assert (second.result, second.delivery.failures) == (DeliveryResult.RETRY, 0)
        assert "goes ahead" in second.reason
        for _ in range(2):
            world.clock.forward(minutes=5)
            wake_due(world.store, world.waker, now=world.clock())
            world.deliver()
        assert world.states == [DeliveryState.SENT, DeliveryState.SENT]
        assert [each["thread"] for each in world.notifier.accepted] == [None, "THREAD-1"]

    def test_an_alert_that_comes_late_says_so(self) -> None:
        """Behind a newer one of its stream it does not say any more how things stand."""
        world = World(a_report(OLD), a_report(NEW))
        world.notifier.errors = [TemporaryDeliveryError("503")]
        world.process()
        world.deliver()
        world.clock.forward(seconds=1)
        world.process(later(1))
        world.deliver()
        world.clock.forward(minutes=5)
        wake_due(world.store, world.waker, now=world.clock())
        world.deliver()

        assert [each["alert"].outdated for each in world.notifier.accepted] == [False, True]

    def test_the_next_alert_of_a_stream_knows_its_thread(self) -> None:
        """What a receipt calls the thread comes back with the next delivery of the stream."""
        world = World(a_report(OLD), a_report(NEW))
        world.process()
        world.deliver()
        world.process(later(1))
        world.deliver()

        assert [each["thread"] for each in world.notifier.accepted] == [None, "THREAD-1"]


def test_what_was_woken_lets_others_have_their_turn() -> None:
    """A destination with a long queue does not hide the rows of others from the sweep."""
    world = World(a_report(OLD), routes=(a_route("all", SLACK, JIRA),))
    world.process()
    world.waker.woken.clear()
    now = NOW + timedelta(minutes=2)

    for _ in range(2):
        wake_due(world.store, world.waker, now=now, limit=1)

    assert {each.destination for each in world.waker.woken} == {SLACK, JIRA}
    assert wake_due(world.store, world.waker, now=now, limit=1) == 0
    assert wake_due(world.store, world.waker, now=now + timedelta(minutes=6)) == 2


def test_a_long_queue_of_one_destination_keeps_no_other_waiting() -> None:
    """5,000 rows of one that is slow, due before the 10 of another: all 10 are woken first."""
    store, waker = MemoryStore(), RecordingWaker()
    for number in range(5010):
        destination, due_at = (SLACK, NOW) if number < 5000 else (JIRA, NOW + timedelta(seconds=1))
        store.add(a_delivery(number, destination=destination, due_at=due_at))

    woken = wake_due(store, waker, now=NOW + timedelta(minutes=1))

    counts = Counter(each.destination for each in waker.woken)
    assert woken == 1000
    assert counts == {SLACK: 990, JIRA: 10}


def test_a_slow_destination_is_not_woken_faster_than_it_can_send() -> None:
    """Of 5,000 that nobody takes each is woken once an hour: 120,000 would hide the others."""
    store, waker = MemoryStore(), RecordingWaker()
    for number in range(5000):
        store.add(a_delivery(number, destination=SLACK))

    for minute in range(120):
        wake_due(store, waker, now=NOW + timedelta(minutes=minute))

    assert len(waker.woken) == 10_000


@pytest.mark.parametrize(
    ("waiting", "minutes"), [(0, 5), (1, 5), (30, 5), (60, 10), (360, 60), (9999, 60)]
)
def test_the_longer_the_queue_the_later_a_row_is_woken_again(waiting: int, minutes: int) -> None:
    """Ten seconds for each that waits, between five minutes and an hour."""
    assert wake_again(waiting) == timedelta(minutes=minutes)


def test_backoff_doubles_to_a_quarter_of_an_hour_and_spreads() -> None:
    """15 s, 30 s, … 15 min, each between half and whole; the same row gets the same time."""
    row, other = DeliveryId("a" * 32), DeliveryId("b" * 32)

    assert all(
        full / 2 <= backoff(row, failures) <= full
        for failures, full in ((1, 15), (2, 30), (3, 60), (7, 900), (50, 900))
    )
    assert backoff(row, 3) == backoff(row, 3)
    assert backoff(row, 3) != backoff(other, 3)


def test_a_pending_scan_is_asked_for_less_and_less_often() -> None:
    """Half the age of the event, between 30 s and 15 min."""
    ages = (timedelta(seconds=1), timedelta(minutes=2), timedelta(minutes=50))

    assert [revisit_delay(age) for age in ages] == [30, 60, 900]


def test_a_delivery_survives_its_round_trip_in_memory() -> None:
    """The builder makes what the ledger can hold."""
    assert a_delivery().state is DeliveryState.PENDING
