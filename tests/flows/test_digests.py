"""Digests over ports in memory: made once, of what is stored, and sent like any other delivery."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from lib.core.digest import STREAM, Schedule
from lib.core.routing import Match, Route
from lib.errors import SourceError, ThrottledError
from lib.flows.digests import DigestPipeline
from lib.models import (
    DeliveryState,
    Destination,
    Digest,
    Doubt,
    Image,
    ImageIndex,
    Member,
    PauseKind,
    Severity,
)
from tests.support.builders import (
    a_digest,
    a_filter,
    a_finding,
    a_report,
    a_scan_event,
    an_image,
    an_unusable_report,
)
from tests.support.world import REVOKED, SLACK, World

MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
MAIL = Destination("team-mail")
WEEKLY = Schedule((SLACK, MAIL), weekday=0, at=time(7, 0))
PAYMENTS = Route(
    "payments",
    a_filter(route="payments"),
    (SLACK,),
    Match(repository=("payments/*",)),
    continues=True,
)
EVERYTHING = Route("everything", a_filter(severity=Severity.LOW), (MAIL,))


@dataclass
class Registry:
    """What the registry holds, by repository; an error is raised."""

    held: dict[str, list[Image | ImageIndex] | SourceError] = field(default_factory=dict)
    error: SourceError | None = None

    def repositories(self) -> list[str]:
        if self.error is not None:
            raise self.error
        return list(self.held)

    def images(self, repository: str, *, since: datetime) -> list[Image | ImageIndex]:  # noqa: ARG002  # the port's
        found = self.held[repository]
        if isinstance(found, SourceError):
            raise found
        return found


class Digests:
    """A world with two repositories, and a pipeline that sums them up."""

    def __init__(self) -> None:
        self.world = World(routes=(PAYMENTS, EVERYTHING))
        self.world.store.installed = MONDAY - timedelta(days=60)
        self.registry = Registry()
        self.now = MONDAY + timedelta(minutes=5)
        self.pipeline = DigestPipeline(
            history=self.world.store,
            reports=self.world.store,
            states=self.world.store,
            registry=self.registry,  # type: ignore[arg-type]  # asks for less
            digests=self.world.digests,
            ledger=self.world.store,
            waker=self.world.waker,
            routes=(PAYMENTS, EVERYTHING),
            now=lambda: self.now,
        )

    def scanned(self, days_ago: float, number: int, *findings: Any, **image: Any) -> None:
        """Evaluate a scan of so many days ago."""
        at = MONDAY - timedelta(days=days_ago)
        self.world.clock.moment = at
        pushed = an_image(number, pushed_at=at, **image)
        self.world.source.answers = [a_report(*findings, image=pushed, completed_at=at)]
        self.world.process(a_scan_event(number, image=pushed, time=at))
        self.world.waker.woken.clear()

    def run(self) -> tuple[Digest, ...]:
        return self.pipeline.run(WEEKLY).digests


@pytest.fixture
def digests() -> Digests:
    return Digests()


HIGH, LOW = a_finding("CVE-2024-1"), a_finding("CVE-2024-2", severity="LOW")


def test_each_destination_hears_of_what_its_routes_ask_for(digests: Digests) -> None:
    digests.scanned(20, 1, HIGH, LOW)
    digests.scanned(2, 2, HIGH, LOW, repository="web")

    slack, mail = digests.run()

    assert (slack.destination, slack.images, dict(slack.counts)) == (SLACK, 1, {Severity.HIGH: 1})
    assert (mail.images, mail.total, mail.routes) == (2, 4, ("everything",))
    assert slack.routes == ("payments",)
    assert mail.new == {Severity.HIGH: 1, Severity.LOW: 1}


def test_it_is_sent_once_like_any_other_delivery(digests: Digests) -> None:
    """A second run within the hour, or the next hour, makes nothing more."""
    digests.scanned(2, 1, HIGH)
    digests.world.store.rows.clear()

    assert len(digests.run()) == 2
    assert digests.pipeline.run(WEEKLY).reason == "all due digests exist"
    digests.now += timedelta(hours=1)
    assert not digests.run()
    outcomes = digests.world.deliver()

    assert [each.result for each in outcomes] == ["sent", "sent"]
    assert {each.state for each in digests.world.store.rows.values()} == {DeliveryState.SENT}
    assert all(each.stream == STREAM for each in digests.world.store.rows.values())
    told = [each["alert"] for each in digests.world.notifier.accepted]
    assert [type(each) for each in told] == [Digest, Digest]


def test_what_a_crash_left_out_is_made_the_next_hour(digests: Digests) -> None:
    """One of the two was written before the worker died."""
    first, second = digests.run()
    del digests.world.store.rows[second.delivery_id]

    (again,) = digests.run()

    assert again == second
    assert first.delivery_id in digests.world.store.rows


@pytest.mark.parametrize(
    ("now", "installed", "reason"),
    [
        (MONDAY + timedelta(hours=25), MONDAY - timedelta(days=9), "nothing is due"),
        (MONDAY + timedelta(hours=1), MONDAY + timedelta(minutes=1), "the first one is due after"),
    ],
)
def test_nothing_is_made_at_other_times(
    digests: Digests, now: datetime, installed: datetime, reason: str
) -> None:
    digests.now, digests.world.store.installed = now, installed

    made = digests.pipeline.run(WEEKLY)

    assert not made.digests
    assert made.reason.startswith(reason)


def test_a_refusal_is_retried_and_an_unsure_one_says_so(digests: Digests) -> None:
    """The ledger does for digests what it does for alerts."""
    digests.run()
    digests.world.clock.moment = digests.now
    digests.world.notifier.errors = [ThrottledError("429", retry_after=60.0)]

    outcome = digests.world.deliver()[0]

    assert outcome.result == "retry"
    assert digests.world.store.pauses[SLACK].kind is PauseKind.THROTTLED


def test_the_fallback_gets_no_digest_of_others(digests: Digests) -> None:
    """It would say neither whose it is nor what is wrong; the next alert tells that."""
    made = digests.run()
    digests.world.clock.moment = digests.now
    digests.world.notifier.errors = [REVOKED]

    digests.world.deliver()

    assert digests.world.store.pauses[SLACK].kind is PauseKind.BROKEN
    assert digests.world.store.rows.keys() == {each.delivery_id for each in made}


def test_a_digest_that_is_not_stored_any_more_is_dead(digests: Digests) -> None:
    digests.run()
    digests.world.digests.kept.clear()

    assert {each.result for each in digests.world.deliver()} == {"dead"}


def test_images_that_were_never_scanned_are_named(digests: Digests) -> None:
    """Not those that may still be scanned, nor those with a result; of an index, one is enough."""
    digests.scanned(2, 1, HIGH)
    old, young = MONDAY - timedelta(days=1), MONDAY - timedelta(minutes=5)
    index = an_image(20, pushed_at=old, tags=("multi",))
    members = (Member(a_digest(1), "linux/amd64"), Member(a_digest(22), "linux/arm64"))
    failed = an_image(4, pushed_at=old)
    digests.world.source.answers = [an_unusable_report("UNSUPPORTED_IMAGE", image=failed)]
    digests.world.process(a_scan_event(9, image=failed, time=old))
    digests.registry.held = {
        "payments/api": [
            an_image(1, pushed_at=old),
            an_image(2, pushed_at=old),
            an_image(7, pushed_at=old, doubts=(Doubt.ARCHIVED,)),
            an_image(3, pushed_at=young),
            failed,
            an_image(5),
            ImageIndex(index, members),
        ],
        "web": [an_image(6, repository="web", pushed_at=old)],
    }

    slack, mail = digests.run()

    told = [(each.image.digest, each.reason) for each in slack.unscanned]
    assert told == [
        (a_digest(4), "its last scan has no result, the scan before it of 2026-11-21 is counted"),
        (a_digest(2), "never scanned"),
        (a_digest(7), "never scanned; not known whether it is archived"),
    ]
    assert len(mail.unscanned) == 4


def test_what_cannot_be_read_is_a_doubt(digests: Digests) -> None:
    """Never an all-clear by silence."""
    digests.scanned(2, 1)
    digests.scanned(2, 2, repository="web")
    kept = digests.world.store.objects
    kept.pop(next(key for key in kept if "web" in key))
    digests.registry.held = {"payments/api": SourceError("no"), "web": []}

    _, mail = digests.run()

    assert mail.warnings == (
        "last reports that are not stored any more: 1",
        "repositories that could not be looked at: 1",
    )
    digests.registry.error = SourceError("no")
    (mail,) = digests.pipeline.create(WEEKLY, [MAIL], until=MONDAY)
    assert "repositories that could not be looked at: 1" in mail.warnings


def test_a_stream_is_compared_with_how_it_was(digests: Digests) -> None:
    """Also when the newest image is another one, or its earlier report is gone."""
    digests.scanned(30, 1, HIGH, LOW)
    digests.scanned(9, 2, HIGH)
    digests.scanned(3, 3, LOW)

    mail = digests.pipeline.create(WEEKLY, [MAIL], until=MONDAY)[0]

    assert (mail.open_before, mail.new, mail.resolved) == (
        {Severity.HIGH: 1},
        {Severity.LOW: 1},
        {Severity.HIGH: 1},
    )
    assert [sum(each.counts.values()) for each in mail.trend] == [2, 2, 2, 1, 1]
    kept = digests.world.store.objects
    kept.pop(next(key for key in kept if a_digest(2)[7:] in key))
    lost = digests.pipeline.create(WEEKLY, [MAIL], until=MONDAY)[0]
    assert lost.warnings == ("1 image has nothing stored to compare with",)


def test_a_repeat_says_so() -> None:
    """What is sent again after a lost answer carries attempt and doubt, as alerts do."""
    digests = Digests()
    made = digests.run()[0]
    row = digests.world.store.rows[made.delivery_id]
    digests.world.store.rows[made.delivery_id] = replace(
        row, state=DeliveryState.UNKNOWN, attempts=1
    )
    digests.world.clock.moment = digests.now

    digests.world.deliver()

    told = digests.world.notifier.accepted[0]["alert"]
    assert (told.attempt, told.possible_repeat) == (2, True)
