"""The hourly look at the clock: what was made is logged and counted, and why nothing was."""

from datetime import time
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.send_digest import send_digests
from lib.core.schedule import Schedule
from lib.flows.digests import DigestOutcome
from lib.models import Destination
from tests.support.digests import a_digest_of

WEEKLY = Schedule((Destination("team-slack"),), weekday=0, at=time(7, 0))


class Digests:
    """Returns an outcome, and remembers whether there was time."""

    def __init__(self, outcome: DigestOutcome) -> None:
        self.outcome = outcome
        self.had_time: bool | None = None

    def run(self, schedule: Schedule, *, has_time: Any) -> DigestOutcome:
        assert schedule == WEEKLY
        self.had_time = has_time()
        return self.outcome


def an_app(
    outcome: DigestOutcome, schedule: Schedule | None = WEEKLY, *, welcomes: Any = ()
) -> Any:
    streams = SimpleNamespace(
        digests=Digests(outcome), welcomes=SimpleNamespace(run=lambda: welcomes)
    )
    return SimpleNamespace(config=SimpleNamespace(digest=schedule), streams=streams)


def test_what_is_made_is_logged_and_counted(counted: Any, logged: Any, context: Any) -> None:
    digest = a_digest_of()

    assert send_digests(an_app(DigestOutcome((digest,))), context) == {"created": 1, "summaries": 0}

    assert counted() == {"DigestsCreated": 1}
    (line,) = logged()
    assert line["message"] == "digest created"
    assert (line["delivery"], line["destination"]) == (digest.delivery_id, digest.destination)
    assert line["open"] == digest.total


def test_why_nothing_is_made_is_logged(counted: Any, logged: Any, context: Any) -> None:
    due, asked = DigestOutcome(reason="nothing is due"), DigestOutcome()
    assert send_digests(an_app(due), context) == {"created": 0, "summaries": 0}
    assert send_digests(an_app(asked, schedule=None), context) == {"created": 0, "summaries": 0}

    assert counted() == {"DigestsCreated": 0}
    assert [line["reason"] for line in logged()] == ["nothing is due", "alerts.yml asks for none"]


@pytest.mark.parametrize(("seconds", "had_time"), [(121, True), (119, False)])
def test_a_run_stops_in_time(context: Any, seconds: int, *, had_time: bool) -> None:
    """The digests themselves need some; the next run goes on with the streams."""
    context.get_remaining_time_in_millis = lambda: seconds * 1000
    application = an_app(DigestOutcome())

    send_digests(application, context)

    assert application.streams.digests.had_time is had_time


def test_a_destination_that_was_added_gets_its_summary(logged: Any, context: Any) -> None:
    """Whether alerts.yml asks for digests or not."""
    summary = a_digest_of()
    application = an_app(DigestOutcome(), schedule=None, welcomes=(summary,))

    assert send_digests(application, context) == {"created": 0, "summaries": 1}

    created, _ = logged()
    assert (created["message"], created["delivery"]) == ("summary created", summary.delivery_id)
