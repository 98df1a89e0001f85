"""The bot against the stand-in, over HTTP: one thread per stream, and nothing said twice."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from lib.core.worth_notifying import profile_of
from lib.errors import AmbiguousDeliveryError, PermanentDeliveryError
from lib.http_client import RequestsClient
from lib.http_deadline import TimeLimits
from lib.models import (
    AskAgain,
    CannotTell,
    DeliveryCheck,
    DeliveryId,
    Destination,
    Notice,
    NotReceived,
    Receipt,
    Report,
)
from lib.notifiers.slack.bot import SlackBotNotifier
from lib.ports.notifiers import NotifierTools
from local.standins.server import Accept, Answer, Disconnect, Receivers, Step, TimeoutAfterAccept
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.notices import noticed
from tests.support.receivers import CHANNEL, NamedSecrets, RecordingTopics
from tests.support.scenes import Scene
from tests.support.sending import Sending

OLD = a_finding("CVE-2026-1", severity="HIGH", package="zlib1g")
NEW = a_finding("CVE-2026-2", severity="CRITICAL", package="openssl")
FIRST = a_report(OLD, image=an_image(1))
WORSE = a_report(OLD, NEW, image=an_image(2))
CLEAN = a_report(image=an_image(3))


NAME = re.compile(r"(?:Resolved: )?[\w/]+:[\d.]+")
"""How a header begins, after its mark."""


class Workspace:
    """A channel and the notifier for it."""

    def __init__(self, receivers: Receivers, session: requests.Session) -> None:
        self.receivers = receivers
        self.notifier = SlackBotNotifier(
            {"site": receivers.slack_site, "channel": CHANNEL, "token": {"secret": "bot"}},
            NotifierTools(
                http=RequestsClient(
                    ("127.0.0.1",), session=session, now=lambda: NOW, limits=TimeLimits(call=0.2)
                ),
                secrets=NamedSecrets({"bot": receivers.slack_token}),
                topics=RecordingTopics(),
                destination=Destination("team-bot"),
                now=lambda: NOW,
            ),
        )

    def send(self, alert: Notice, thread: str | None = None) -> Receipt:
        return self.notifier.send(self.notifier.render(alert, thread=thread))

    @property
    def place(self) -> str:
        """The site and the channel, in which a message's time is its name."""
        return f"{self.receivers.slack_site}|{CHANNEL}"

    def verify(self, alert: Notice, thread: str | None = None) -> DeliveryCheck:
        # The stand-in's clock is the real one.
        now = datetime.now(UTC)
        return self.notifier.verify(alert, since=now - timedelta(minutes=1), now=now, thread=thread)

    def seen(self) -> list[tuple[str, Any, str]]:
        """Return what happened in the channel: posted or edited, where, and the header."""
        return [
            (
                each.kind,
                each.payload.get("thread_ts"),
                NAME.findall(each.payload["blocks"][0]["text"]["text"])[0],
            )
            for each in self.receivers.messages("slack")
        ]


def an_alert(report: Report, before: Report | None = None, number: int = 1) -> Notice:
    return replace(noticed(Scene(report, before)), delivery_id=DeliveryId(f"{number:032x}"))


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """Open a workspace of its own."""
    with Receivers() as receivers, requests.Session() as session:
        yield Workspace(receivers, session)


def test_a_stream_is_one_thread_from_first_to_resolved(workspace: Workspace) -> None:
    """Posted once, then each alert is a reply and an edit of the root."""
    first = workspace.send(an_alert(FIRST))
    second = workspace.send(an_alert(WORSE, FIRST, 2), first.thread)
    third = workspace.send(an_alert(CLEAN, WORSE, 3), second.thread)

    root = first.reference
    assert first.thread == second.thread == third.thread == f"{workspace.place}|{root}"
    assert workspace.seen() == [
        ("posted", None, "payments/api:1.4.1"),
        ("updated", None, "payments/api:1.4.2"),
        ("posted", root, "payments/api:1.4.2"),
        ("updated", None, "Resolved: payments/api:1.4.3"),
        ("posted", root, "payments/api:1.4.3"),
    ]
    loud = [each.payload.get("reply_broadcast") for each in workspace.receivers.messages()]
    assert loud == [None, None, True, None, False]


def test_a_deleted_root_is_followed_by_a_new_one(workspace: Workspace) -> None:
    """The stream begins anew; the new root is where the next message belongs."""
    first = workspace.send(an_alert(FIRST))
    workspace.receivers.delete_message(CHANNEL, first.reference)

    second = workspace.send(an_alert(WORSE, FIRST, 2), first.thread)

    assert second.thread == f"{workspace.place}|{second.reference}" != first.thread
    assert workspace.seen()[-1] == ("posted", None, "payments/api:1.4.2")


def test_a_lost_answer_to_a_first_message_is_found(workspace: Workspace) -> None:
    """Nothing has to be sent again, and the thread is known."""
    alert = an_alert(FIRST)
    workspace.receivers.script("slack", [TimeoutAfterAccept()])
    with pytest.raises(AmbiguousDeliveryError):
        workspace.send(alert)

    verdict = workspace.verify(alert)

    (message,) = workspace.receivers.messages()
    assert isinstance(verdict, Receipt)
    assert verdict.thread == f"{workspace.place}|{message.payload['ts']}"


@pytest.mark.parametrize("report", [WORSE, CLEAN])
def test_a_lost_answer_to_a_reply_is_found(workspace: Workspace, report: Report) -> None:
    """Loud or quiet, it is in its thread."""
    first = workspace.send(an_alert(FIRST))
    alert = an_alert(report, FIRST, 2)
    steps = [Answer(500, accepts=True)]
    workspace.receivers.script("slack", [Answer(200, '{"ok": true}', accepts=True), *steps])
    with pytest.raises(AmbiguousDeliveryError):
        workspace.send(alert, first.thread)

    verdict = workspace.verify(alert, first.thread)

    assert isinstance(verdict, Receipt)
    assert verdict.thread == first.thread
    assert verdict.reference == workspace.receivers.messages()[-1].payload["ts"]


def test_a_worker_that_died_after_the_edit_repeats_nothing(workspace: Workspace) -> None:
    """The root is edited once more, which nobody sees; there is one reply."""
    first = workspace.send(an_alert(FIRST))
    alert = an_alert(WORSE, FIRST, 2)
    workspace.receivers.script("slack", [Answer(503, accepts=True)])
    with pytest.raises(Exception, match="503"):
        workspace.send(alert, first.thread)

    assert workspace.verify(alert, first.thread) == NotReceived()
    workspace.send(alert, first.thread)

    kinds = [kind for kind, _, _ in workspace.seen()]
    assert kinds == ["posted", "updated", "updated", "posted"]


def test_what_was_never_taken_is_not_found(workspace: Workspace) -> None:
    """At first it may only be late, then it is not there."""
    workspace.receivers.script("slack", [Answer(500)])
    alert = an_alert(FIRST)
    with pytest.raises(AmbiguousDeliveryError):
        workspace.send(alert)

    now = datetime.now(UTC)
    early = workspace.notifier.verify(alert, since=now, now=now)

    assert isinstance(early, AskAgain)
    assert workspace.verify(alert) == NotReceived()


def test_a_bot_without_the_scope_for_history_cannot_tell(workspace: Workspace) -> None:
    """It sends again, and the message says that it may be a repeat."""
    refusal = json.dumps({"ok": False, "error": "missing_scope", "needed": "channels:history"})
    workspace.receivers.script("slack", [Answer(200, refusal)])

    assert workspace.verify(an_alert(FIRST)) == CannotTell()


# --- with the pipeline ------------------------------------------------------------------------


class Killed(BaseException):
    """A worker that ends in mid-sentence."""


def killed() -> None:
    """End a worker before it records that something was sent."""
    raise Killed


def world_of(workspace: Workspace, deaths: int) -> Sending:
    """Return a stream whose destination is the channel; so many workers die after sending."""
    world = Sending(profile=profile_of("slack", {"token": "bot"}))
    # The stand-in's clock is the real one, and this one is moved: it must not get ahead.
    world.clock.moment = datetime.now(UTC) - timedelta(hours=3)
    world.notifier = workspace.notifier
    world.interrupt("close", *[killed] * deaths)
    return world


def settle(world: Sending) -> None:
    """Deliver what is woken, and sweep every two minutes until the view agrees."""
    for _ in range(30):
        with suppress(Killed):
            world.deliver()
        if world.view.row is None:
            return
        with suppress(Killed):
            world.later(minutes=2)
    raise AssertionError(world.row)


FAULTS: dict[str, Step] = {
    "500": Answer(500),
    "500-accepted": Answer(500, accepts=True),
    "503": Answer(503),
    "429": Answer(429, headers={"Retry-After": "1"}),
    "internal": Answer(200, '{"ok": false, "error": "internal_error"}', accepts=True),
    "unavailable": Answer(200, '{"ok": false, "error": "service_unavailable"}'),
    "hung-up": Disconnect(),
    "hung-up-accepted": Disconnect(accepts=True),
    "silent": TimeoutAfterAccept(),
}


@pytest.mark.parametrize("deaths", [0, 2])
@pytest.mark.parametrize("call", range(5))
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_whatever_fails_a_reader_sees_each_alert_once(
    workspace: Workspace, fault: Step, call: int, deaths: int
) -> None:
    """A fault at any call, and a worker that dies after sending: one root, one reply, no more."""
    world = world_of(workspace, deaths)
    workspace.receivers.script("slack", [*[Accept()] * call, fault])

    world.find(OLD)
    settle(world)
    world.find(OLD, NEW)
    settle(world)

    posted = [each for each in workspace.receivers.messages() if each.kind == "posted"]
    root = posted[0].payload["ts"]
    assert [each.payload.get("thread_ts") for each in posted] == [None, root]
    assert world.view.thread == f"{workspace.place}|{root}"


@pytest.mark.parametrize("deaths", [0, 1])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_quiet_update_edits_the_root_whatever_fails(
    workspace: Workspace, fault: Step, deaths: int
) -> None:
    """A finding that is not listed any more: the root says so, and nobody is notified."""
    world = world_of(workspace, 0)
    world.find(OLD, NEW)
    settle(world)
    world.interrupt("close", *[killed] * deaths)
    workspace.receivers.script("slack", [fault])

    world.find(NEW)
    world.sweep()
    settle(world)

    kinds = [kind for kind, _, _ in workspace.seen()]
    assert (kinds[0], set(kinds[1:])) == ("posted", {"updated"})
    root = workspace.receivers.messages()[-1].payload
    assert "1 CRITICAL open" in root["text"]
    assert set(world.view.reported) == {NEW.vulnerability_id}


def test_an_archived_channel_breaks_its_destination(workspace: Workspace) -> None:
    """Nothing else will pass either."""
    workspace.receivers.archive_channel(CHANNEL)

    with pytest.raises(PermanentDeliveryError, match="is_archived") as caught:
        workspace.send(an_alert(FIRST))

    assert caught.value.broken
