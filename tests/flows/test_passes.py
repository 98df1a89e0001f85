"""The hourly pass: what nobody announces is found by looking."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from cli.simulation.memory import MemoryStreams
from lib.errors import ImageGoneError, RepositoryGoneError, SourceError, SourceThrottledError
from lib.flows.image_outcomes import ImageOutcome, ImageResult
from lib.flows.images import ImageFlow
from lib.flows.passes import CheckedImage, ImagePass, Scope
from lib.models import (
    Image,
    ImageIndex,
    LastScan,
    Member,
    Scan,
    ScanProgress,
    ScanSource,
    StreamId,
)
from lib.models.streams import CoveredImage, ImageRow, TagRow
from lib.ports.passes import Place
from lib.ports.sources import ListedImage
from lib.ports.streams import ImageRecord
from tests.support.builders import NOW, a_digest, an_image

OLD = NOW - timedelta(days=60)
API = "payments/api"
UP_TO_DATE = Scan(ScanSource.ECR_BASIC, "COMPLETE", NOW - timedelta(days=1))


def image(number: int, *tags: str, repository: str = API, pushed_at: datetime = OLD) -> Image:
    changes: dict[str, Any] = {"repository": repository, "pushed_at": pushed_at, "platform": None}
    return replace(an_image(), digest=a_digest(number), tags=tags, os=None, **changes)


def a_scan(progress: str, status: str, completed_at: datetime | None = None) -> LastScan:
    return LastScan(ScanSource.ECR_BASIC, status, ScanProgress[progress], completed_at)


@dataclass
class World:
    """A registry, Inspector and a deployment, as a pass sees them."""

    listed: list[ListedImage] = field(default_factory=list)
    members: dict[str, tuple[int, ...]] = field(default_factory=dict)
    coverage: list[CoveredImage] = field(default_factory=list)
    scans: dict[str, LastScan | Exception] = field(default_factory=dict)
    refusals: dict[str, Exception] = field(default_factory=dict)
    """By repository; "coverage" refuses the coverage."""
    store: MemoryStreams = field(default_factory=MemoryStreams)
    places: dict[str, Place] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    """What was kept of which image."""
    events: list[Mapping[str, Any]] = field(default_factory=list)
    queued: list[StreamId] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    # --- what a test arranges ------------------------------------------------------------------

    def add(
        self, image: Image, *, known: bool = True, watched: bool = False, **record: Any
    ) -> Image:
        """List an image that was fetched a day ago, unless it is not `known`."""
        self.listed.append(ListedImage(image, image.digest in self.members))
        if known:
            self.know(image, watched=watched, **record)
        return image

    def know(self, image: Image, *, watched: bool = False, **record: Any) -> None:
        row = ImageRow(image, OLD, OLD, **record.pop("row", {}))
        defaults = {"report_key": "r", "fetched_at": NOW - timedelta(days=1), "scan": UP_TO_DATE}
        self.store.put(ImageRecord(row, **{**defaults, **record}))
        if watched:
            self.watch(image)

    def watch(self, *images: Image) -> None:
        for one in images:
            stream = StreamId(replace(one, digest="", tags=()).key)
            row = self.store.read(stream).row
            tags = (*row.tags, TagRow("any", one.digest, OLD))
            self.store.write(row, replace(row, tags=tags, watched=(*row.watched, one.digest)), ())

    def cover(self, image: Image, **fields: Any) -> None:
        defaults: dict[str, Any] = {"monitored": True, "reason": "SUCCESSFUL", "scanned_at": OLD}
        self.coverage.append(CoveredImage(image, (), **{**defaults, **fields}))

    # --- what a pass asks ----------------------------------------------------------------------

    def repositories(self) -> Sequence[Image]:
        places = {replace(item.image, digest="", tags=(), pushed_at=None) for item in self.listed}
        return sorted(places, key=lambda place: place.key)

    def listed_in(self, repository: Image) -> Iterator[ListedImage]:
        self.calls.append(f"list {repository.repository}")
        if repository.repository in self.refusals:
            raise self.refusals[repository.repository]
        own = [item for item in self.listed if item.image.repository == repository.repository]
        if not own:
            raise RepositoryGoneError(f"{repository.repository} is gone")
        yield from own

    def indexes(self, images: Sequence[Image]) -> Sequence[ImageIndex]:
        parts = {one: self.members[one.digest] for one in images}
        return [
            ImageIndex(one, tuple([Member(a_digest(part), "linux/amd64") for part in own]))
            for one, own in parts.items()
        ]

    def last_scan(self, image: Image) -> LastScan:
        self.asked.append(image.digest)
        answer = self.scans.get(
            image.digest,
            LastScan(ScanSource.ECR_BASIC, "COMPLETE", ScanProgress.USABLE, OLD),
        )
        if isinstance(answer, Exception):
            raise answer
        return answer

    def covered_in(self, repositories: Sequence[str]) -> Iterator[CoveredImage]:
        self.calls.append(f"cover {len(repositories)}")
        if "coverage" in self.refusals:
            raise self.refusals["coverage"]
        yield from [row for row in self.coverage if row.image.repository in repositories]

    def place(self, name: str) -> Place | None:
        return self.places.get(name)

    def put_place(self, name: str, place: Place) -> None:
        self.places[name] = place

    # --- what a pass does ----------------------------------------------------------------------

    def _keep(self, what: str, image: Image) -> ImageOutcome:
        self.kept.append((what, image.digest))
        return ImageOutcome(ImageResult.TAGGED, "", (StreamId(f"{what} {image.digest[-2:]}"),))

    def run(self, scope: Scope | None = None, *, seconds: int = 1_000_000) -> Any:
        left = iter(range(seconds, -1, -1))
        return self.image_pass.run(scope, has_time=lambda: next(left) > 0)

    @property
    def image_pass(self) -> ImagePass:
        world = self

        class Registry:
            listed = staticmethod(world.listed_in)
            indexes = staticmethod(world.indexes)
            last_scan = staticmethod(world.last_scan)

        class Images:
            def gone(self, image: Image) -> ImageOutcome:
                return world._keep("gone", image)

            def listed(self, image: Image, at: datetime) -> ImageOutcome:
                assert at == NOW
                return world._keep("tags", image)

            def covered(self, image: Image, rows: Sequence[CoveredImage]) -> ImageOutcome:
                assert rows
                return world._keep("covered", image)

        class Events:
            put = staticmethod(world.events.extend)

        class Queue:
            def put(self, streams: Iterable[StreamId], cause: str) -> int:
                assert cause == "hourly"
                world.queued.extend(streams)
                return 0

        return ImagePass(
            registry=cast("Any", Registry()),
            repositories=cast("Any", self),
            coverage=cast("Any", self),
            images=cast("ImageFlow", Images()),
            records=self.store,
            streams=self.store,
            listing=self.store,
            rules=lambda: (),
            events=cast("Any", Events()),
            queue=Queue(),
            now=lambda: NOW,
            places=self,
        )


def found(world: World) -> dict[str, str]:
    """Return the images whose reports are to be fetched, by their last digits, and why."""
    details = [event["detail"] for event in world.events]
    return {detail["image-digest"][-2:]: detail["reason"] for detail in details}


class TestReports:
    """Which reports are fetched again."""

    def test_a_watched_image_of_any_age_that_was_scanned_again(self) -> None:
        """Coverage says so, and nobody is asked about it."""
        world = World()
        world.cover(world.add(image(1, "1.0"), watched=True), scanned_at=NOW)

        result = world.run()

        assert found(world) == {"01": "scanned again since its report was fetched"}
        assert (result.images, result.asked, world.asked) == (1, 0, [])

    def test_an_image_that_merely_exists_is_left_alone(self) -> None:
        """However new its scan is: it alerts nobody."""
        world = World()
        world.cover(world.add(image(1, "1.0")), scanned_at=NOW)
        world.add(image(2, "1.1"))

        result = world.run()

        assert (found(world), result.asked) == ({}, 0)

    @pytest.mark.parametrize(
        ("scan", "reason"),
        [
            (LastScan(ScanSource.ECR_BASIC, "IN_PROGRESS", ScanProgress.RUNNING), None),
            (LastScan(ScanSource.ECR_BASIC, "COMPLETE", ScanProgress.USABLE, OLD), None),
            (
                LastScan(ScanSource.ECR_BASIC, "COMPLETE", ScanProgress.USABLE, NOW),
                "scanned again since its report was fetched",
            ),
            (
                LastScan(ScanSource.ECR_BASIC, "FAILED", ScanProgress.UNUSABLE),
                "FAILED, was COMPLETE",
            ),
            (ImageGoneError("it is gone"), "it is gone"),
        ],
    )
    def test_of_what_inspector_does_not_cover_the_last_scan_is_asked_for(
        self, scan: LastScan | Exception, reason: str | None
    ) -> None:
        """Each watched image, with one call."""
        world = World()
        world.add(image(1, "1.0"), watched=True)
        world.scans[a_digest(1)] = scan

        result = world.run()

        assert found(world) == ({} if reason is None else {"01": reason})
        assert result.asked == 1

    def test_an_image_of_the_last_day_is_looked_at_unwatched(self) -> None:
        """Its event may have been lost. `since` says how far back."""
        world = World()
        world.add(image(1, "1.0", pushed_at=NOW - timedelta(hours=3)))
        world.add(image(2, "1.1", pushed_at=NOW - timedelta(days=3)))

        world.run()
        asked = list(world.asked)
        world.run(Scope(since=timedelta(days=4)))

        assert asked == [a_digest(1)]
        assert world.asked[1:] == [a_digest(1), a_digest(2)]

    def test_images_that_were_never_seen_are_fetched_where_they_can_count(self) -> None:
        """Those pushed lately, that run, or that nothing of their stream is newer than."""
        world = World()
        world.add(image(1, "1.0"), known=False)
        world.add(image(2, "1.1", pushed_at=OLD + timedelta(days=1)), known=False)
        world.add(image(3, pushed_at=NOW), known=False)
        world.cover(world.add(image(4), known=False), in_use_count=2)
        world.add(image(5), known=False)

        world.run()

        assert found(world) == {
            "02": "the newest of its stream, and nothing is known of it",
            "03": "pushed lately, and nothing is known of it",
            "04": "it runs, and nothing is known of it",
        }

    def test_a_watched_image_that_is_not_listed_is_asked_for_by_name(self) -> None:
        """Absence from a list proves nothing."""
        world = World()
        world.add(image(1, "1.0"))
        world.know(image(2), watched=True)

        world.run()

        assert found(world) == {"02": "watched, and not listed"}

    def test_what_begins_to_run_counts_with_the_report_that_it_has_then(self) -> None:
        """Else what it has would seem to come by a later scan."""
        world = World()
        world.cover(world.add(image(1, "1.0")), in_use_count=1, scanned_at=NOW)

        world.run()

        assert found(world) == {"01": "scanned again since its report was fetched"}
        assert world.kept == []

    def test_an_incomplete_report_is_fetched_again_with_growing_patience(self) -> None:
        """After an hour, then after as long as it is incomplete already, up to a day."""
        partial = replace(UP_TO_DATE, complete=False)
        ages = {1: (1.5, 1), 2: (3, 1), 3: (3, 4), 4: (200, 23), 5: (200, 25)}
        world = World()
        for number, (incomplete, waited) in ages.items():
            fetched_at = NOW - timedelta(hours=waited)
            ended_at = fetched_at - timedelta(hours=incomplete)
            one = world.add(image(number, f"1.{number}"), known=False)
            row = ImageRow(one, ended_at, ended_at)
            record = ImageRecord(row, report_key="r", fetched_at=fetched_at, scan=partial)
            world.store.put(record)
            world.watch(one)
            world.cover(one)

        world.run()

        assert set(found(world)) == {"03", "05"}

    def test_a_stale_report_of_an_image_that_counts_is_fetched(self) -> None:
        """Another one waits until its image counts."""
        world = World()
        for number, watched in ((1, True), (2, False)):
            world.cover(world.add(image(number, f"1.{number}"), watched=watched, stale=True))

        world.run()

        assert found(world) == {"01": "its report is stale"}

    def test_an_image_that_is_there_again_is_fetched(self) -> None:
        """Where nobody said that it was restored."""
        world = World()
        world.add(image(1, "1.0"), row={"gone_at": OLD})

        world.run()

        assert found(world) == {"01": "the newest of its stream, and it was taken for deleted"}


class TestIndexes:
    """An index stands for its parts."""

    def an_index(self, **record: Any) -> World:
        world = World(members={a_digest(1): (11, 12)})
        world.add(image(1, "1.0"), row={"is_index": True}, **record)
        for part in (11, 12):
            world.add(image(part), row={"indexes": (a_digest(1),)})
        return world

    def test_the_last_scan_of_its_parts_counts(self) -> None:
        """The parts themselves are not looked at."""
        world = self.an_index(watched=True)
        world.scans[a_digest(12)] = LastScan(
            ScanSource.ECR_BASIC, "COMPLETE", ScanProgress.USABLE, NOW
        )

        world.run()

        assert world.asked == [a_digest(11), a_digest(12)]
        assert found(world) == {"01": "scanned again since its report was fetched"}

    @pytest.mark.parametrize("missing", [(12,), (11, 12)], ids=["one", "all"])
    def test_a_part_that_is_not_there_says_nothing_of_the_others(
        self, missing: tuple[int, ...]
    ) -> None:
        """Only an index without any part may be deleted."""
        world = self.an_index(watched=True)
        for part in missing:
            world.scans[a_digest(part)] = ImageGoneError("it is gone")

        world.run()

        assert found(world) == ({"01": "it is gone"} if len(missing) > 1 else {})

    def test_coverage_of_its_parts_counts(self) -> None:
        """A part that runs lets the index run, also where nobody watches it yet."""
        world = self.an_index()
        world.cover(image(11), in_use_count=0)
        world.cover(image(12), in_use_count=3)

        world.run()

        assert world.asked == []
        assert world.kept == [("covered", a_digest(1))]
        assert world.queued == ["covered 01"]

    def test_a_part_that_was_never_seen_is_no_image_of_its_own(self) -> None:
        """Its index is fetched instead."""
        world = World(members={a_digest(1): (11,), a_digest(2): ()})
        world.add(image(1), known=False)
        world.add(image(2), known=False)
        world.cover(world.add(image(11), known=False), in_use_count=1)

        world.run()

        assert found(world) == {"01": "it runs, and nothing is known of it"}


class TestFacts:
    """What list and coverage say is kept, without a call for the image."""

    def test_tags_that_are_others_than_stored(self) -> None:
        """A promotion whose event was lost."""
        world = World()
        known = image(1, "1.0")
        world.know(known)
        world.listed.append(ListedImage(replace(known, tags=("1.0", "prod")), is_index=False))
        world.add(image(2, "1.1"))

        world.run()

        assert (world.kept, world.queued) == ([("tags", a_digest(1))], ["tags 01"])
        assert found(world) == {}

    def test_images_that_begin_or_stop_to_run(self) -> None:
        """An image of which nothing is new is not written."""
        world = World()
        counts = {1: 1, 2: 0, 3: None}
        for number, count in counts.items():
            world.cover(world.add(image(number, f"1.{number}")), in_use_count=count)

        world.run()

        assert world.kept == [("covered", a_digest(1))]

    def test_monitoring_that_ended(self) -> None:
        """A part that goes on is monitoring of its index."""
        world = World(members={a_digest(2): (21, 22)})
        ended = {"monitored": False, "reason": "SCAN_ELIGIBILITY_EXPIRED"}
        world.cover(world.add(image(1, "1.0"), watched=True), **ended)
        world.add(image(2, "1.1"), watched=True)
        world.cover(image(21), **ended)
        world.cover(image(22))

        world.run()

        assert world.kept == [("covered", a_digest(1))]


class TestRefusals:
    """What cannot be read hides nothing else."""

    def test_an_image(self) -> None:
        """It is counted, and passed over."""
        world = World()
        for number in (1, 2, 3):
            world.add(image(number, f"1.{number}"), watched=True)
            world.scans[a_digest(number)] = LastScan(
                ScanSource.ECR_BASIC, "COMPLETE", ScanProgress.USABLE, NOW
            )
        world.scans[a_digest(2)] = SourceError("no")

        result = world.run()

        assert set(found(world)) == {"01", "03"}
        assert result.unread == {"payments/api:1.2": "no"}

    def test_a_repository(self) -> None:
        """The next ones are read."""
        world = World()
        for number, repository in enumerate(("a", "b", "c")):
            one = image(number, "1.0", repository=repository, pushed_at=NOW)
            world.add(one, known=False)
        world.refusals["b"] = SourceError("denied")

        result = world.run()

        assert set(found(world)) == {"00", "02"}
        assert (result.repositories, result.unread) == (3, {"b": "denied"})

    def test_the_coverage(self) -> None:
        """Then the scans of watched images are asked for one by one."""
        world = World()
        world.cover(world.add(image(1, "1.0"), watched=True), scanned_at=NOW)
        world.refusals["coverage"] = SourceError("Inspector says no")

        result = world.run()

        assert (result.without_coverage, result.asked) == ("Inspector says no", 1)

    def test_of_a_deleted_repository_no_image_is_left(self) -> None:
        """Else an older image, which nobody looks at, would prove that all is fixed."""
        world = World()
        world.add(image(9, "1.0", repository="payments/web"))
        for number in (1, 2):
            world.know(image(number))
            world.watch(image(number))
        world.know(image(3), row={"gone_at": OLD})
        world.watch(image(3))

        world.run()

        assert world.kept == [("gone", a_digest(1)), ("gone", a_digest(2))]
        assert world.queued == ["gone 01", "gone 02"]


class TestTime:
    """A pass goes on where it stopped."""

    def a_world(self) -> World:
        world = World()
        for number in range(6):
            one = image(number, "1.0", repository=f"team/app-{number // 3}")
            world.add(one, watched=True)
            world.scans[one.digest] = LastScan(
                ScanSource.ECR_BASIC, "COMPLETE", ScanProgress.USABLE, NOW
            )
        return world

    @pytest.mark.parametrize("seconds", range(1, 8))
    def test_wherever_the_time_is_over_no_image_is_left_out_or_asked_twice(
        self, seconds: int
    ) -> None:
        """What was found before is queued."""
        world = self.a_world()

        first = world.run(seconds=seconds)
        second = world.run()

        assert first.stop_reason == "the time is over"
        assert second.stop_reason is None
        assert world.asked == [a_digest(number) for number in range(6)]
        assert len(found(world)) == 6
        assert world.places["hourly"].complete

    def test_a_complete_pass_is_followed_by_one_from_the_beginning(self) -> None:
        """Every hour."""
        world = self.a_world()

        world.run()
        world.run()

        assert len(world.asked) == 12

    def test_a_pass_that_is_throttled_stops(self) -> None:
        """AWS asks for fewer calls; what is left has to wait."""
        world = self.a_world()
        world.scans[a_digest(4)] = SourceThrottledError("slower")

        result = world.run()
        world.scans[a_digest(4)] = SourceError("other")
        world.run()

        assert result.stop_reason == "slower"
        assert world.asked == [a_digest(number) for number in (0, 1, 2, 3, 4, 4, 5)]

    def test_only_repositories_in_scope_are_read(self) -> None:
        """A glob, as people type it."""
        world = self.a_world()

        world.run(Scope(repositories="*-1"))

        assert world.calls == ["cover 1", "list team/app-1"]


class TestOneImage:
    """An image that is looked at on request."""

    @pytest.mark.parametrize(
        ("scan", "known", "outcome"),
        [
            (a_scan("RUNNING", "IN_PROGRESS"), True, (False, "no result yet: IN_PROGRESS")),
            (a_scan("USABLE", "COMPLETE", OLD), True, (False, "stored: COMPLETE")),
            (a_scan("USABLE", "COMPLETE", OLD), False, (True, "nothing is known of it")),
            (
                a_scan("USABLE", "COMPLETE", NOW),
                True,
                (True, "scanned again since its report was fetched"),
            ),
        ],
    )
    def test_its_report_is_queued_where_it_is_behind(
        self, scan: LastScan, outcome: tuple[bool, str], *, known: bool
    ) -> None:
        """Else the reason is given."""
        world = World()
        one = world.add(image(1, "1.0"), known=known)
        world.scans[one.digest] = scan

        checked = world.image_pass.check(one)

        assert checked == CheckedImage(*outcome)
        assert found(world) == ({"01": outcome[1]} if outcome[0] else {})

    def test_a_deleted_one(self) -> None:
        """Nothing is queued."""
        world = World()
        world.scans[a_digest(1)] = ImageGoneError("gone")

        assert world.image_pass.check(image(1, "1.0")) is None

    def test_an_index_without_parts(self) -> None:
        """None of them has a scan."""
        world = World()

        checked = world.image_pass.check(ImageIndex(image(1, "1.0"), ()))

        assert checked == CheckedImage(behind=False, reason="no result yet: no part of it")
