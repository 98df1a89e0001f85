"""Scan events at use-case level, with the ports in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from lib.checks.settings import Expectations
from lib.core.suppressions import Suppression
from lib.errors import (
    ConflictError,
    FindingsNotReadyError,
    ImageGoneError,
    NotAnImageError,
    SourceError,
)
from lib.flows.scans import ScanResult
from lib.models import (
    AnyReport,
    BasisKind,
    ChangeKind,
    DeliveryState,
    Deployments,
    Image,
    ImageIndex,
    Member,
    Provenance,
    PushEvent,
    RepositoryEvent,
    ScanEvent,
    Severity,
    Tally,
    Workload,
)
from tests.checks.test_check import a_repository
from tests.support.builders import NOW, a_report, a_scan, a_scan_event, an_image, an_unusable_report
from tests.support.fakes import ScriptedProvenances
from tests.support.world import JIRA, NEW, OLD, RAW, SLACK, World, a_route, kinds, later


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
        assert [head.image_key for head in world.store.stream_heads.values()] == [second.key]

    def test_each_step_of_a_stream_is_kept_in_its_history(self) -> None:
        """What was open, came and went, by severity; and findings keep their age."""
        first, second = an_image(1), an_image(2)
        exploited = replace(NEW, exploit_available="YES", fixed_version=None, fix_available="NO")
        world = World(a_report(OLD, image=first), a_report(exploited, image=second))
        world.process(a_scan_event(image=first))
        world.clock.forward(hours=1)

        outcome = world.process(later(1, image=second))

        ((before, after),) = world.store.history.values()
        assert (before.new, before.resolved, before.version) == ({OLD.severity: 1}, {}, 1)
        assert after.open == {Severity.CRITICAL: Tally(1, 0, 1, 0)}
        assert (after.new, after.resolved) == ({Severity.CRITICAL: 1}, {OLD.severity: 1})
        assert (after.image, after.usable) == (second, True)
        assert after.report_key == outcome.deliveries[0].evaluation_key
        assert outcome.evaluation.comparison.since == (world.clock(),)

    def test_a_failed_scan_is_a_step_without_numbers(self) -> None:
        """The history does not show zero findings where nothing is known."""
        world = World(an_unusable_report())

        world.process()

        ((entry,),) = world.store.history.values()
        assert (entry.usable, entry.open) == (False, {})

    def test_an_image_behind_the_newest_one_is_no_step(self) -> None:
        """A scan of last month's image says nothing of how its stream stands now."""
        first, second = an_image(1), an_image(2)
        world = World(a_report(OLD, image=second), a_report(OLD, NEW, image=first))
        world.process(later(5, image=second))

        world.process(later(1, image=first))

        assert [each.image for each in next(iter(world.store.history.values()))] == [second]

    def test_an_older_image_neither_follows_nor_replaces_a_newer_one(self) -> None:
        """An image that is heard of late is a baseline of its own and leaves the head alone."""
        first, second = an_image(1), an_image(2)
        world = World(a_report(OLD, image=second), a_report(OLD, image=first))
        world.process(later(5, image=second))

        outcome = world.process(later(1, image=first))

        assert outcome.evaluation.comparison.basis.kind is BasisKind.NONE
        assert [head.image_key for head in world.store.stream_heads.values()] == [second.key]

    def test_a_rescan_of_an_older_image_leaves_the_head_alone(self) -> None:
        """Scanning last month's image again does not make it the newest."""
        first, second = an_image(1), an_image(2)
        world = World(
            a_report(OLD, image=first), a_report(OLD, image=second), a_report(OLD, image=first)
        )
        world.process(a_scan_event(image=first))
        world.process(later(1, image=second))

        world.process(later(2, image=first))

        assert [head.image_key for head in world.store.stream_heads.values()] == [second.key]

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

        assert world.store.stream_heads == {}

    def test_a_scan_without_a_result_comes_back_later(self) -> None:
        """ScanNotFound right after a push is asked again, unchanged, not failed."""
        world = World(FindingsNotReadyError("no scan yet", status="SCAN_NOT_FOUND"))

        outcome = world.process()

        assert outcome.result is ScanResult.DEFERRED
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

        assert world.process().result is ScanResult.IMAGE_DELETED
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

        assert world.process().result is ScanResult.DEFERRED
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

        assert outcome.result is ScanResult.DEFERRED
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
        assert [head.image_key for head in world.store.stream_heads.values()] == [new.key]

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

        assert world.process(event).result is ScanResult.DEFERRED

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
        assert world.store.stream_heads == {}

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

        assert (pushed.result, early.result) == (ScanResult.DEFERRED, ScanResult.DEFERRED)
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

        assert (waits.result, still.result) == (ScanResult.DEFERRED, ScanResult.DEFERRED)
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

        assert world.process(event).result is ScanResult.DEFERRED
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

        assert self.push(world).result is ScanResult.IMAGE_DELETED

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


PENDING = FindingsNotReadyError("pending", status="PENDING")
NOT_FOUND = FindingsNotReadyError("unknown", status="SCAN_NOT_FOUND")
NEVER_READY = [
    pytest.param(a_scan_event(), PENDING, id="tagged"),
    pytest.param(a_scan_event(), NOT_FOUND, id="not-scanned"),
    pytest.param(a_scan_event(image=an_image(tags=())), PENDING, id="untagged"),
    pytest.param(a_scan_event(image=an_image(10), index=True), PENDING, id="index"),
    pytest.param(a_scan_event(image=an_image(10), index=True), NOT_FOUND, id="index-not-scanned"),
]


@pytest.mark.parametrize("late", [0.0, 0.4, 20.0])
@pytest.mark.parametrize(("event", "error"), NEVER_READY)
def test_a_scan_that_never_ends_is_a_short_chain_of_messages(
    event: ScanEvent, error: FindingsNotReadyError, late: float
) -> None:
    """Far fewer than the 16 at which Lambda may stop it, however late the messages come."""
    world = World(error)
    index = an_image(10)
    member = Member(an_image(11).digest, "linux/amd64")
    world.source.indexes[index.digest] = ImageIndex(index, (member,))

    outcome = world.process(event)
    while outcome.result is ScanResult.DEFERRED:
        (_, seconds) = world.waker.revisits[-1]
        world.clock.forward(seconds=seconds + late)
        outcome = world.process(event)

    assert len(world.waker.revisits) <= 8
    assert world.clock() - event.time < timedelta(hours=1, minutes=1)


class Tasks:
    """What runs each image by digest, or the error of asking."""

    def __init__(self, error: Exception | None = None, **running: tuple[Workload, ...]) -> None:
        self.error = error
        self.running_by_tag = running

    def running(self, image: Image, *, members: Sequence[str] = ()) -> tuple[Workload, ...]:
        assert not members
        if self.error is not None:
            raise self.error
        return self.running_by_tag.get(image.tags[0], ())


class TestWorkloads:
    SHOP = Workload("prod", "shop", service=True, tasks=2)

    def test_what_runs_an_image_is_kept_with_its_evaluation(self) -> None:
        """And how many tasks that is, where the scanner counts none."""
        world = World(a_report(OLD))
        world.scans._workloads = Tasks(**{"1.4.1": (self.SHOP,)})  # noqa: SLF001  # off by default

        evaluation = world.process().evaluation

        assert evaluation.running == Deployments(image=(self.SHOP,))
        assert evaluation.report.image.in_use_count == 2

    def test_what_still_runs_the_image_before_is_kept_too(self) -> None:
        world = World(a_report(OLD, NEW))
        world.scans._workloads = Tasks(**{"1.4.1": (self.SHOP,)})  # noqa: SLF001  # same
        world.process()
        world.source.answers = [a_report(OLD, image=an_image(2))]

        evaluation = world.process(later(1, image=an_image(2))).evaluation

        assert evaluation.running == Deployments(before=(self.SHOP,))
        assert evaluation.report.image.in_use_count is None

    def test_nobody_asks_what_runs_a_repository(self) -> None:
        """A check is about no image: there is nothing to run."""
        world = World(repositories=Expectations())
        world.scans._workloads = Tasks(SourceError("asked"))  # noqa: SLF001  # same
        event = RepositoryEvent("check-1", NOW, an_image(digest="", tags=()))
        world.repositories.held = {event.image.repository: a_repository()}

        outcome = world.scans.checked(event, RAW)

        assert outcome.result is ScanResult.EVALUATED
        assert outcome.without_workloads is None

    def test_an_evaluation_does_not_wait_for_an_answer(self) -> None:
        world = World(a_report(OLD))
        error = SourceError("ECS is away")
        world.scans._workloads = Tasks(error)  # noqa: SLF001  # same

        outcome = world.process()

        assert outcome.result is ScanResult.EVALUATED
        assert outcome.without_workloads is error
        assert outcome.evaluation.running is None


class TestProvenance:
    SAID = Provenance(
        "1a2b3c4d5e6f",
        "https://github.com/example/payments",
        evidence={"commit": "label", "repository": "label"},
    )

    def test_a_new_image_is_asked_once(self) -> None:
        """Its scan, a re-scan and a failed one all know what it said."""
        provenances = ScriptedProvenances(self.SAID)
        world = World(a_report(OLD), provenances=provenances)

        first = world.process()
        second = world.process(later(1))
        world.source.answers = [an_unusable_report()]
        failed = world.process(later(2))

        assert provenances.asked == [(an_image().digest, None)]
        for each in (first, second, failed):
            assert each.evaluation.report.provenance == self.SAID

    def test_the_next_image_knows_what_the_one_before_was_made_from(self) -> None:
        """So that both can be compared."""
        world = World(a_report(OLD), provenances=ScriptedProvenances(self.SAID))
        world.process()
        world.source.answers = [a_report(NEW, image=an_image(2))]

        outcome = world.process(later(1, image=an_image(2)))

        assert outcome.evaluation.comparison.basis.provenance == self.SAID

    def test_what_cannot_be_read_holds_nothing_up(self) -> None:
        """The evaluation says so, and the next scan asks again."""
        error = SourceError("ECR did not answer")
        provenances = ScriptedProvenances(error)
        world = World(a_report(OLD), provenances=provenances)

        outcome = world.process()
        provenances.answer = self.SAID
        again = world.process(later(1))

        assert (outcome.result, outcome.without_provenance) == (ScanResult.EVALUATED, error)
        assert outcome.evaluation.report.provenance.unread_reason == "ECR did not answer"
        assert again.without_provenance is None
        assert again.evaluation.report.provenance == self.SAID

    def test_switched_off_only_tags_count(self) -> None:
        """Nothing is asked; when it is switched on, a known image is asked, too."""
        image = an_image(tags=("main-1a2b3c4",))
        sources = [("payments/*", "https://github.com/example/payments")]
        world = World(a_report(OLD, image=image), sources=sources)

        outcome = world.process(a_scan_event(image=image))

        found = outcome.evaluation.report.provenance
        assert (found.commit, found.repository) == ("1a2b3c4", sources[0][1])
        assert world.store.states[image.key].provenance is None
        untagged = World(a_report(OLD)).process()
        assert untagged.evaluation.report.provenance is None
