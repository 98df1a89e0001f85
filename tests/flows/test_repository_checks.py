"""Settings of repositories: a stream of their own, whose deviations are reported and resolved."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cli.simulation.memory import MemoryStreams
from lib.checks.expectations import Expectations
from lib.checks.findings import LIFECYCLE
from lib.core.notification_rows import after_claim, after_sent
from lib.core.routing import Match
from lib.core.sync import SyncRules
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import Profile
from lib.errors import ImageGoneError, NotAllowedError, SourceError
from lib.flows.image_outcomes import ImageOutcome, ImageResult
from lib.flows.repository_checks import RepositoryChecks
from lib.flows.syncs import StreamSync
from lib.models import (
    Image,
    Refusal,
    RepositoryEvent,
    RepositorySettings,
    Severity,
    StreamId,
    permissions,
)
from lib.models.streams import Arrival, Role
from lib.models.views import Delta, Kind, Notification
from tests.checks.test_check import a_repository
from tests.support.builders import NOW, an_image
from tests.support.fakes import ScriptedRepositories
from tests.support.streams import TEAM, a_route, an_entry

NAME = "payments/api"
THE: Image = an_image(digest="", tags=())
STREAM = StreamId("000474600478/eu-central-1/payments/api|settings")
WRONG = a_repository(tag_mutability="MUTABLE", scan_on_push=False)
HALF = a_repository(scan_on_push=False)
SOUND = a_repository()
LONG_AGO = NOW - timedelta(days=9)
DEFAULTS = Expectations()
SETTINGS = a_route("settings", match=Match(source=("repository",)), severity=Severity.LOW)


class World:
    """Checks of one repository, and the view of a team that receives all that is sent."""

    def __init__(self, *, expected: Expectations | None = DEFAULTS, **rules: Any) -> None:
        self.now = NOW
        self.deltas: list[Delta] = []
        self.store = MemoryStreams()
        self.repositories = ScriptedRepositories()
        self.expected = expected
        self.rules = RuleSet(rules.pop("routes", (SETTINGS,)), **rules)
        self.syncs = StreamSync(
            streams=self.store,
            images=self.store,
            objects=self.store,
            rules=self.sync_rules,
            now=lambda: self.now,
        )
        self.flow = RepositoryChecks(
            repositories=self.repositories,
            images=self.store,
            objects=self.store,
            expected=lambda: self.expected,
            now=lambda: self.now,
        )

    def sync_rules(self) -> SyncRules:
        """Return alerts.yml as a sync sees it."""
        wanted = self.expected is not None
        return SyncRules(self.rules, (), {TEAM: Profile()}, LONG_AGO, checks_repositories=wanted)

    def check(
        self, number: int, settings: RepositorySettings | Exception, event_id: str = ""
    ) -> ImageOutcome:
        """Check the repository, and sync what it concerns."""
        self.repositories.held[NAME] = settings
        time: datetime = NOW + timedelta(minutes=number)
        self.now = max(self.now, time)
        outcome = self.flow.checked(RepositoryEvent(event_id or f"check-{number}", time, THE))
        for stream in outcome.streams:
            for row in self.syncs.sync(stream, "check", outcome.news).woken:
                self._deliver(row)
        return outcome

    def _deliver(self, row: Notification) -> None:
        """Take what the row is about as received."""
        partition = self.store.read(row.stream)
        view = partition.views[row.destination]
        plan = self.syncs.plan(partition, view)
        assert plan is not None
        claim = after_claim(view, row, plan.delta, plan.context, keeps_current=False)
        sent = after_sent(row, claim.view, plan.context.basis, now=self.now)
        self.store.close(row, sent.row, view_before=view, view=sent.view)
        self.deltas.append(plan.delta)

    @property
    def messages(self) -> list[dict[str, Kind]]:
        """The kinds of what was sent, by id, message by message."""
        return [{item.item.id: item.kind for item in delta.items} for delta in self.deltas]


def test_what_deviates_is_reported_at_the_first_check() -> None:
    """As the repository's own stream."""
    world = World()

    outcome = world.check(1, WRONG)

    assert (outcome.result, outcome.streams) == (ImageResult.STORED, (STREAM,))
    assert world.messages == [
        {"ECR-TAG-MUTABILITY": Kind.BASELINE, "ECR-SCAN-ON-PUSH": Kind.BASELINE}
    ]


def test_a_sound_repository_is_not_worth_a_word() -> None:
    """What comes after it is new."""
    world = World()

    world.check(1, SOUND)
    assert world.messages == []

    world.check(2, HALF)
    assert world.messages == [{"ECR-SCAN-ON-PUSH": Kind.NEW}]


def test_nothing_is_reported_twice() -> None:
    """Neither the same event, nor an older one, nor a check that finds the same; those sync."""
    world = World()
    world.check(1, WRONG)
    revision = world.store.read(STREAM).row.revision

    outcomes = [world.check(number, WRONG) for number in (1, 0, 2)]

    assert [outcome.result for outcome in outcomes] == [
        ImageResult.REPEATED,
        ImageResult.REPEATED,
        ImageResult.STORED,
    ]
    assert all(outcome.streams == (STREAM,) for outcome in outcomes)
    assert len(world.messages) == 1
    assert world.store.read(STREAM).row.revision == revision


def test_what_another_process_checked_meanwhile_is_known() -> None:
    """Nothing is remembered from one event to the next."""
    world = World()
    world.check(1, SOUND)
    record = world.store.records([THE])[THE.key]
    world.store.put(replace(record, event_time=NOW + timedelta(minutes=3)))

    assert world.check(2, WRONG).result is ImageResult.REPEATED


def test_two_changes_of_the_same_second_are_both_looked_at() -> None:
    """Their order is unknown."""
    world = World()
    world.check(1, SOUND, event_id="one")

    world.check(1, HALF, event_id="other")

    assert world.messages == [{"ECR-SCAN-ON-PUSH": Kind.NEW}]


def test_what_is_put_right_is_resolved() -> None:
    """The same repository lists it no more, and that is a proof."""
    world = World()
    world.check(1, WRONG)

    world.check(2, HALF)
    world.check(3, replace(HALF, lifecycle_policy=None))

    assert world.messages[1:] == [
        {"ECR-TAG-MUTABILITY": Kind.RESOLVED},
        {"ECR-LIFECYCLE-MISSING": Kind.NEW},
    ]
    assert world.deltas[1].items[0].reason == "as it should be now"
    assert set(world.store.read(STREAM).views[TEAM].reported) == {
        "ECR-SCAN-ON-PUSH",
        "ECR-LIFECYCLE-MISSING",
    }


def test_exceptions_are_suppressions() -> None:
    """For settings as for vulnerabilities."""
    entry = an_entry("ECR-TAG-MUTABILITY", repository="payments/*")
    world = World(suppressions=(entry,))

    world.check(1, WRONG)

    assert world.messages == [{"ECR-SCAN-ON-PUSH": Kind.BASELINE}]


def test_settings_can_go_to_another_team() -> None:
    """A route names their source."""
    image = a_route(
        "images", match=Match(source=("ecr-basic", "ecr-enhanced")), severity=Severity.LOW
    )
    world = World(routes=(image,))

    world.check(1, WRONG)

    assert world.messages == []
    assert world.store.read(STREAM).views == {}


def test_what_may_not_be_read_is_reported_once() -> None:
    """Never an all-clear, and nothing is resolved by it."""
    world = World()
    world.check(1, WRONG)
    denied = NotAllowedError("AWS denies ecr:GetLifecyclePolicy for payments/api")

    world.check(2, denied)
    world.check(3, denied)
    assert world.messages[1:] == [{"ACCESS_DENIED": Kind.NOT_SCANNED}]
    assert "ecr:GetLifecyclePolicy" in world.deltas[1].items[0].reason

    world.check(4, HALF)
    assert world.messages[2]["ECR-TAG-MUTABILITY"] is Kind.RESOLVED


def test_what_one_denied_answer_hides_is_reported_beside_the_rest() -> None:
    """What was open before stays open, what is known is news, and no all-clear follows."""
    world = World()
    world.check(1, WRONG)
    denied = Refusal(permissions.LIFECYCLE_POLICY, "AWS denies ecr:GetLifecyclePolicy")
    partly = a_repository(scan_on_push=False, lifecycle_policy=None, refusals=(denied,))

    outcomes = [world.check(number, partly) for number in (2, 3)]

    assert world.messages[1:] == [{"ECR-NOT-CHECKED": Kind.NEW}]
    (item,) = world.deltas[1].items
    assert item.item.severity is Severity.HIGH
    assert all(outcome.unknown_checks == LIFECYCLE for outcome in outcomes)
    assert "allow ecr:GetLifecyclePolicy" in outcomes[0].reason

    world.check(4, SOUND)
    assert world.messages[2] == dict.fromkeys(
        ("ECR-NOT-CHECKED", "ECR-TAG-MUTABILITY", "ECR-SCAN-ON-PUSH"), Kind.RESOLVED
    )


def test_without_any_answer_nothing_is_known() -> None:
    """That is a condition of the repository, as where the first call is denied."""
    world = World()
    refusals = tuple(
        Refusal(action, f"AWS denies {action}")
        for action in (
            permissions.DESCRIBE_REPOSITORIES,
            permissions.SCANNING,
            permissions.CACHE_RULES,
            permissions.IMAGES,
            permissions.LIFECYCLE_POLICY,
        )
    )

    world.check(1, a_repository(tag_mutability="MUTABLE", refusals=refusals))

    assert world.messages == [{"ACCESS_DENIED": Kind.NOT_SCANNED}]
    assert "allow ecr:DescribeRepositories" in world.deltas[0].items[0].reason


def test_the_repository_is_the_current_image_at_once() -> None:
    """An image that never had a tag waits an hour for its index; a repository has none."""
    world = World()

    world.check(1, WRONG)

    state = world.syncs.sync(STREAM, "daily").state
    assert [(watched.image.key, watched.role) for watched in state.images] == [
        (THE.key, Role.CURRENT)
    ]


def test_a_repository_that_is_gone_ends_what_was_reported() -> None:
    """Without a message; made again, it is checked like any other."""
    world = World()
    world.check(1, WRONG)

    outcome = world.check(2, ImageGoneError("it does not exist (any more)"))

    assert outcome.result is ImageResult.IMAGE_DELETED
    assert world.store.read(STREAM).views[TEAM].reported == {}
    world.check(3, HALF)
    assert world.messages[1:] == [{"ECR-SCAN-ON-PUSH": Kind.NEW}]


def test_of_an_unknown_repository_that_is_gone_nothing_is_stored() -> None:
    """There is no stream to sync."""
    world = World()

    assert world.check(1, ImageGoneError("it is gone")).streams == ()
    assert list(world.store.streams()) == []


def test_what_fails_comes_back() -> None:
    """Nothing is stored."""
    world = World()

    with pytest.raises(SourceError):
        world.check(1, SourceError("not now"))

    assert world.store.records([THE]) == {}


def test_nobody_looks_where_nobody_asked() -> None:
    """alerts.yml has no `repositories`."""
    outcome = World(expected=None).check(1, WRONG)

    assert (outcome.result, outcome.streams) == (ImageResult.IGNORED, ())


def test_what_was_reported_ends_when_nobody_asks_any_more() -> None:
    """Quietly, with the reason; asked for again, it is reported again."""
    world = World()
    world.check(1, WRONG)

    world.expected = None
    outcome = world.syncs.sync(STREAM, "rules")

    (view,) = outcome.views
    assert view.step.view.reported == {}
    assert outcome.watch.arrival is Arrival.RULES
    world.expected = DEFAULTS
    world.check(2, HALF)
    assert world.messages[1:] == [{"ECR-SCAN-ON-PUSH": Kind.NEW}]
