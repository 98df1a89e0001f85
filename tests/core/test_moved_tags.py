"""Messages about tags that moved: each is news, to those who ask for it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lib.checks.moved_tags import TAG_MOVED, Move
from lib.core.moved_tags import message_id, messages_about, stream_of
from lib.core.routing import Match, Route
from lib.core.suppressions import Suppression
from lib.core.sync import SyncRules
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import Profile
from lib.messages.text import text_of
from lib.models import DeliveryId, Destination, Notice, Severity
from lib.models.views import Kind, PinnedMessage
from tests.support.builders import NOW, a_digest, an_image
from tests.support.streams import TEAM, a_route, an_entry

MOVE = Move(an_image(digest="", tags=("1.4.2",)), a_digest(1), a_digest(2), NOW)
OTHER = Destination("other")


def messages(
    *routes: Route, suppressions: tuple[Suppression, ...] = ()
) -> dict[Destination, PinnedMessage]:
    """Return the messages about the move, by destination."""
    rules = SyncRules(
        RuleSet(routes or (a_route(),), suppressions, "rules"),
        (),
        {TEAM: Profile(), OTHER: Profile()},
        NOW - timedelta(days=9),
    )
    return dict(messages_about(MOVE, rules, NOW))


def test_a_move_is_news() -> None:
    """To the destinations that a route leads to."""
    ((destination, message),) = messages().items()

    (item,) = message.delta.items
    assert destination == TEAM
    assert (item.kind, item.item.id) == (Kind.NEW, TAG_MOVED)
    assert item.reason == "payments/api:1.4.2 points to another image now"
    assert (message.quiet, message.view.stream) == (False, stream_of(MOVE))
    assert stream_of(MOVE).endswith("|settings|1.4.2")


def test_every_destination_of_a_route_is_notified() -> None:
    """Each has a message of its own."""
    assert set(messages(a_route(to=(TEAM, OTHER)))) == {TEAM, OTHER}


@pytest.mark.parametrize(
    "route",
    [
        a_route(match=Match(source=("ecr-basic",))),
        a_route(severity=Severity.CRITICAL),
        a_route(only=("in-use",)),
        a_route(kinds=(Kind.RESOLVED,)),
    ],
    ids=["source", "severity", "in use", "kinds"],
)
def test_who_does_not_ask_for_it_is_not_notified(route: Route) -> None:
    """A move is HIGH, and about no image that runs."""
    assert messages(route) == {}


def test_an_entry_can_allow_the_moves_of_a_repository() -> None:
    """As for a vulnerability."""
    assert messages(suppressions=(an_entry(TAG_MOVED, repository="payments/*"),)) == {}


def test_a_move_has_an_id_of_its_own() -> None:
    """There and back are two moves; the same push is one."""
    back = replace(MOVE, before=MOVE.after, after=MOVE.before, at=NOW + timedelta(minutes=1))
    again = replace(MOVE, at=NOW + timedelta(minutes=2))

    ids = {message_id(move, TEAM, "prod") for move in (MOVE, replace(MOVE), back, again)}

    assert len(ids) == 3
    assert message_id(MOVE, TEAM, "prod") != message_id(MOVE, OTHER, "prod")
    assert message_id(MOVE, TEAM, "prod") != message_id(MOVE, TEAM, "dev")


def test_the_message_names_both_images_and_how_to_go_back() -> None:
    """What was scanned and approved is not what runs next."""
    text = text_of(Notice(DeliveryId("id"), messages()[TEAM]))

    assert text.verdict == (
        f"Tag 1.4.2 points to another image: {a_digest(2)[:19]}, before {a_digest(1)[:19]}"
    )
    assert text.subject == "tag"
