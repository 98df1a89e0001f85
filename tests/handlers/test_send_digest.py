"""The hourly look at the clock: what was made is logged and counted, and why nothing was."""

from datetime import time
from types import SimpleNamespace
from typing import Any

from handlers.send_digest import send_digests
from lib.core.digest import Schedule
from lib.flows.digests import DigestRun
from lib.models import Destination
from tests.support.digests import a_digest_of

WEEKLY = Schedule((Destination("team-slack"),), weekday=0, at=time(7, 0))


def an_app(made: DigestRun, schedule: Schedule | None = WEEKLY) -> Any:
    pipeline = SimpleNamespace(run=lambda asked: made if asked == schedule else None)
    return SimpleNamespace(config=SimpleNamespace(digest=schedule), digest_flow=pipeline)


def test_what_is_made_is_logged_and_counted(counted: Any, logged: Any) -> None:
    digest = a_digest_of()

    assert send_digests(an_app(DigestRun((digest,)))) == {"created": 1}

    assert counted() == {"DigestsCreated": 1}
    (line,) = logged()
    assert line["message"] == "digest created"
    assert (line["delivery"], line["destination"]) == (digest.delivery_id, digest.destination)
    assert line["open"] == digest.total


def test_why_nothing_is_made_is_logged(counted: Any, logged: Any) -> None:
    assert send_digests(an_app(DigestRun(reason="nothing is due"))) == {"created": 0}
    assert send_digests(an_app(DigestRun(), schedule=None)) == {"created": 0}

    assert counted() == {"DigestsCreated": 0}
    assert [each["reason"] for each in logged()] == ["nothing is due", "alerts.yml asks for none"]
