"""Repositories through the pipeline: what changed is told, once; what did not is not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lib.checks.settings import Expectations
from lib.core.routing import Match, Route
from lib.core.suppressions import Suppression
from lib.errors import ConflictError, ImageGoneError, NotAllowedError, SourceError
from lib.flows.scans import ScanResult
from lib.models import (
    ChangeKind,
    Filter,
    Image,
    PushEvent,
    RepositoryEvent,
    RepositorySettings,
    Severity,
)
from tests.checks.test_check import a_repository
from tests.support.builders import NOW, a_digest, a_finding, a_report, an_image
from tests.support.world import JIRA, RAW, SLACK, World, a_route, kinds

NAME = "payments/api"
THE: Image = an_image(digest="", tags=())
WRONG = a_repository(tag_mutability="MUTABLE", scan_on_push=False)
HALF = a_repository(scan_on_push=False)
SOUND = a_repository()


DEFAULTS = Expectations()


def a_world(*, expected: Expectations | None = DEFAULTS, **fields: Any) -> World:
    fields.setdefault("routes", (a_route(severity="LOW"),))
    return World(repositories=expected, **fields)


def check(
    world: World,
    number: int,
    settings: RepositorySettings | Exception,
    **fields: Any,
) -> Any:
    world.repositories.held[NAME] = settings
    time = fields.pop("time", NOW + timedelta(minutes=number))
    event_id = fields.pop("event_id", f"check-{number}")
    return world.scans.checked(RepositoryEvent(event_id, time, THE), RAW)


def told(world: World) -> list[str]:
    world.deliver()
    return [each["alert"].verdict for each in world.notifier.accepted]


def test_what_is_wrong_is_told_at_the_first_check() -> None:
    world = a_world()

    outcome = check(world, 1, WRONG)

    assert outcome.result is ScanResult.EVALUATED
    assert kinds(outcome) == {
        "ECR-TAG-MUTABILITY": ChangeKind.BASELINE,
        "ECR-SCAN-ON-PUSH": ChangeKind.BASELINE,
    }
    assert len(told(world)) == 1
    assert outcome.evaluation.stream == "000474600478/eu-central-1/payments/api|settings"


def test_a_sound_repository_is_not_worth_a_word() -> None:
    world = a_world()

    check(world, 1, SOUND)

    assert told(world) == []


def test_nothing_is_told_twice() -> None:
    """Neither the same event, nor an older one, nor a check that finds the same."""
    world = a_world()
    check(world, 1, WRONG)

    again = check(world, 1, WRONG)
    older = check(world, 0, WRONG)
    same = check(world, 2, WRONG)

    assert [each.result for each in (again, older, same)] == [
        ScanResult.REPEATED,
        ScanResult.REPEATED,
        ScanResult.EVALUATED,
    ]
    assert len(told(world)) == 1


def test_two_changes_of_the_same_second_are_both_looked_at() -> None:
    world = a_world()
    check(world, 1, SOUND, event_id="one")

    outcome = check(world, 1, HALF, event_id="other")

    assert kinds(outcome) == {"ECR-SCAN-ON-PUSH": ChangeKind.NEW}


def test_what_is_fixed_and_what_comes_is_told() -> None:
    world = a_world()
    check(world, 1, WRONG)

    fixed = check(world, 2, HALF)
    worse = check(world, 3, replace(HALF, lifecycle_policy=None))

    assert kinds(fixed) == {
        "ECR-SCAN-ON-PUSH": ChangeKind.UNCHANGED,
        "ECR-TAG-MUTABILITY": ChangeKind.RESOLVED,
    }
    assert kinds(worse)["ECR-LIFECYCLE-MISSING"] is ChangeKind.NEW
    assert len(told(world)) == 3
    reasons = {each.reason for each in fixed.evaluation.comparison.changes}
    assert reasons == {"was so in the check before", "as it should be now"}


def test_its_history_is_kept_and_it_is_no_image_of_a_stream() -> None:
    """Digests count images: a repository must not be one."""
    world = a_world()

    outcome = check(world, 1, WRONG)

    assert len(world.store.history[outcome.evaluation.stream]) == 1
    assert world.store.stream_heads == {}


def test_exceptions_are_suppressions() -> None:
    expires = (NOW + timedelta(days=30)).date()
    entry = Suppression("ECR-TAG-MUTABILITY", expires, "a sandbox", repository="payments/*")
    world = a_world(suppressions=(entry,))

    outcome = check(world, 1, WRONG)

    assert kinds(outcome) == {"ECR-SCAN-ON-PUSH": ChangeKind.BASELINE}
    assert [each.reason for each in outcome.evaluation.comparison.suppressed] == ["a sandbox"]


def test_settings_can_go_to_another_team() -> None:
    match = Match(source=("repository",))
    settings = Route("settings", Filter("settings", Severity.LOW), (JIRA,), match)
    world = a_world(routes=(settings, a_route(severity="LOW")))

    outcome = check(world, 1, WRONG)

    assert [each.destination for each in outcome.deliveries] == [JIRA]
    scanned = World(a_report(a_finding()), routes=(settings, a_route())).process()
    assert [each.destination for each in scanned.deliveries] == [SLACK]


def test_what_may_not_be_read_is_said_once() -> None:
    """Never an all-clear, and nothing is resolved by it."""
    world = a_world()
    check(world, 1, WRONG)
    denied = NotAllowedError("AWS denies ecr:GetLifecyclePolicy for payments/api")

    first, second = check(world, 2, denied), check(world, 3, denied)
    after = check(world, 4, HALF)

    assert first.evaluation.problem.kind is ChangeKind.NOT_SCANNED
    assert "ecr:GetLifecyclePolicy" in first.evaluation.problem.reason
    assert second.evaluation.problem is None
    assert kinds(after)["ECR-TAG-MUTABILITY"] is ChangeKind.RESOLVED
    assert len(told(world)) == 3


def test_a_repository_that_is_gone_is_no_failure() -> None:
    outcome = check(a_world(), 1, ImageGoneError("it does not exist (any more)"))

    assert outcome.result is ScanResult.IMAGE_DELETED


def test_what_fails_comes_back() -> None:
    with pytest.raises(SourceError):
        check(a_world(), 1, SourceError("not now"))


def test_nobody_looks_where_nobody_asked() -> None:
    outcome = check(a_world(expected=None), 1, WRONG)

    assert outcome.result is ScanResult.IGNORED


def test_who_is_faster_wins() -> None:
    """Another check of the same repository was saved meanwhile: it is looked at again."""
    world = a_world()
    done: list[int] = []

    def first() -> None:
        if not done:
            done.append(1)
            check(world, 5, WRONG)
            raise ConflictError("somebody was faster")

    world.store.before_commit = first
    outcome = check(world, 1, WRONG)

    assert outcome.result is ScanResult.REPEATED
    assert len(told(world)) == 1


# --- tags -------------------------------------------------------------------------------------


def push(world: World, number: int, digest: int, *, tag: str = "1.4.2", at: int = -1) -> Any:
    image = an_image(digest, tags=(tag,))
    time = NOW + timedelta(minutes=number if at < 0 else at)
    return world.scans.moved(PushEvent(f"push-{number}", time, image, index=False), RAW)


def test_a_tag_that_moves_is_told_each_time() -> None:
    """There and back are two moves; neither is ever said to be resolved."""
    world = a_world()

    outcomes = [push(world, number, digest) for number, digest in enumerate((1, 2, 1, 2))]

    assert outcomes[0] is None
    for outcome in outcomes[1:]:
        assert kinds(outcome) == {"ECR-TAG-MOVED": ChangeKind.NEW}
    assert len(told(world)) == 3
    key = "000474600478/eu-central-1/payments/api:1.4.2"
    assert world.store.tags[key].digest == a_digest(2)


def test_the_same_push_is_told_once() -> None:
    world = a_world()
    push(world, 1, 1)
    push(world, 2, 2)

    assert push(world, 2, 2) is None
    assert push(world, 1, 1) is None
    assert len(told(world)) == 1


def test_a_push_that_was_told_and_not_remembered_is_known() -> None:
    """The function died in between."""
    world = a_world()
    push(world, 1, 1)
    before = dict(world.store.tags)
    push(world, 2, 2)
    world.store.tags = before

    again = push(world, 2, 2)

    assert again.result is ScanResult.REPEATED
    assert len(told(world)) == 1


def test_the_settings_are_not_touched_by_a_move() -> None:
    """They are states and streams of their own."""
    world = a_world()
    check(world, 0, SOUND)
    push(world, 1, 1)
    push(world, 2, 2)

    outcome = check(world, 3, SOUND)

    assert kinds(outcome) == {}
    assert outcome.evaluation.version == 2
    assert len(world.store.states) == 2


def test_tags_that_may_move_and_other_pushes_are_left_alone() -> None:
    world = a_world(expected=Expectations(allow_mutable=("latest",)))

    assert [push(world, each, each, tag="latest") for each in (1, 2)] == [None, None]
    assert world.store.tags == {}


def test_no_tag_is_watched_where_nobody_asked() -> None:
    world = a_world(expected=None)

    assert [push(world, each, each) for each in (1, 2)] == [None, None]
    assert world.store.tags == {}
