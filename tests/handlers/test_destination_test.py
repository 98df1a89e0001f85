"""`deliver`, called by an operator: a test of a destination is no record of its queue."""

from types import SimpleNamespace
from typing import Any

import pytest

from handlers import deliver
from lib.bootstrap.app import App
from lib.bootstrap.settings import Settings
from lib.config.model import Config, DestinationConfig
from lib.errors import ConfigError, EventError
from lib.flows import destination_test
from lib.models import Destination
from lib.models.diagnostics import check_from_json, failed, ok
from lib.ports.notifiers import DestinationTest
from tests.support.builders import NOW

TEST = DestinationTest("test-1", NOW, "stage prod", create=True)
CHECKS = (ok("secret", "readable"), failed("message", "404", "Make a new one"))


class Process:
    """A process's objects, as far as a test needs them."""

    def __init__(self) -> None:
        self.refreshed = False
        self.tested: list[tuple[str, DestinationTest]] = []
        self.config = SimpleNamespace(destinations={"team": None, "audit": None})

    def now(self) -> Any:
        return NOW

    def refresh_config(self, *, at_once: bool) -> None:
        self.refreshed = at_once

    def test_destination(self, destination: str, test: DestinationTest) -> Any:
        if destination == "nobody":
            raise ConfigError("Destination 'nobody' is not in alerts.yml (any more)")
        self.tested.append((destination, test))
        return CHECKS


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Process:
    made = Process()
    monkeypatch.setattr(deliver, "app", lambda: made)
    return made


def test_checks_come_back(process: Process, context: Any, logged: Any) -> None:
    """What was asked for arrives, what was found comes back, and the log says that it was."""
    answer: Any = deliver.handler(destination_test.request(Destination("team"), TEST), context)

    assert process.tested == [("team", TEST)]
    assert tuple(map(check_from_json, answer["checks"])) == CHECKS
    (line,) = logged()
    assert (line["message"], line["destination"], line["failed"]) == (
        "destination tested",
        "team",
        True,
    )


def test_a_test_asks_for_what_was_published_a_moment_ago(process: Process, context: Any) -> None:
    """Whoever adds a destination pushes it, and tests it."""
    deliver.handler(destination_test.request(None, TEST), context)

    assert process.refreshed


def test_names_come_without_a_destination(process: Process, context: Any) -> None:
    """Only the function knows for certain which configuration is deployed."""
    answer = deliver.handler(destination_test.request(None, TEST), context)

    assert answer == {"destinations": ["audit", "team"]}
    assert not process.tested


def test_unknown_destination_is_an_answer(process: Process, context: Any) -> None:
    """A mistake of the caller is no error of the function: no alarm rings."""
    answer: Any = deliver.handler(destination_test.request(Destination("nobody"), TEST), context)

    assert "is not in alerts.yml" in answer["error"]
    assert not process.tested


@pytest.mark.parametrize("body", [None, [], {}, {"destination": 5}, {"destination": "team"}])
def test_event_of_another_form_is_refused(process: Process, context: Any, body: Any) -> None:
    """An older or newer command is said to be one."""
    answer: Any = deliver.handler({destination_test.EVENT: body}, context)

    assert answer == {"error": "The event is no test of a destination"}
    with pytest.raises(EventError):
        destination_test.requested({destination_test.EVENT: body}, now=NOW)
    assert not process.tested


def test_request_is_understood() -> None:
    """What the command writes is what the function reads."""
    request = destination_test.requested(
        destination_test.request(Destination("team"), TEST), now=NOW
    )

    assert request == destination_test.Request(Destination("team"), TEST)


def test_secrets_are_read_anew() -> None:
    """A secret that was replaced a moment ago is the one that is tested."""
    options = {"topic_arn": "arn:aws:sns:eu-central-1:000474600478:alerts"}
    config = Config({Destination("audit"): DestinationConfig("sns", options)}, ())
    application = App(Settings({}), config=config, now=lambda: NOW)
    renewed: list[bool] = []
    application.stores.__dict__["secrets"] = SimpleNamespace(renew=lambda: renewed.append(True))
    look = DestinationTest("test-1", NOW, "a test", send=False)

    (check,) = application.test_destination(Destination("audit"), look)

    assert renewed == [True]
    assert check.subject == "topic"
    with pytest.raises(ConfigError):
        application.test_destination(Destination("nobody"), look)
