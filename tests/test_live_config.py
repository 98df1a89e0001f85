"""The configuration of a process follows what is published, and survives what cannot be read."""

import json
from datetime import timedelta
from typing import Any

import pytest

from lib.bootstrap.app import App
from lib.bootstrap.live_config import LiveConfig
from lib.bootstrap.settings import Settings
from lib.config.parsing import parse
from lib.config.publication import following, to_text
from lib.errors import ConfigError, StoreError
from lib.observability import metrics
from lib.ports.publications import Absence, StoredText
from tests.config.test_publication import DOCUMENT, OTHER
from tests.support.builders import NOW
from tests.support.fakes import Clock

PACKAGED, PUSHED = parse(DOCUMENT), parse(OTHER)
EVERY = timedelta(seconds=60)
FAILURES = {
    "unreadable": StoreError("reading: SlowDown"),
    "broken": StoredText(b"broken", "2", NOW),
    "invalid": StoredText(json.dumps({**OTHER, "surprise": 1}).encode(), "2", NOW),
    "gone": Absence.MISSING,
}
"""What a process may read after a good file."""


class Store:
    """An object that can be replaced, and be out of reach."""

    def __init__(self) -> None:
        self.answer: StoredText | Absence | Exception = Absence.MISSING
        self.copy: StoredText | Exception | None = None
        self.reads = 0
        self.copied = 0

    def publish(self, document: Any, version: str = "1") -> None:
        text = to_text(following(None, document, by="arn", at=NOW, note=""))
        self.answer = StoredText(text.encode(), version, NOW)

    def read(self, having: str = "") -> StoredText | Absence:
        self.reads += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, StoredText) and self.answer.version == having:
            return Absence.UNCHANGED
        return self.answer

    def recall(self) -> StoredText | None:
        if isinstance(self.copy, Exception):
            raise self.copy
        return self.copy

    def remember(self, text: StoredText) -> None:
        self.copy = text
        self.copied += 1


class World:
    """A process with a clock, and the failures that it made known."""

    def __init__(self) -> None:
        self.store, self.clock = Store(), Clock(NOW)
        self.failures: list[str] = []
        self.live = self.process()

    def process(self) -> LiveConfig:
        """Return the configuration of a process that begins."""
        return LiveConfig(
            self.store,
            lambda: PACKAGED,
            now=self.clock,
            every=EVERY,
            report=lambda error: self.failures.append(str(error)),
        )

    def later(self) -> bool:
        """Let the next invocation begin when it is time to ask."""
        self.clock.forward(seconds=EVERY.total_seconds())
        return self.live.refresh()


@pytest.fixture
def world() -> World:
    return World()


def test_the_packaged_configuration_is_the_first_one(world: World) -> None:
    """Nothing is published: that is no failure."""
    assert world.live.current.config == PACKAGED
    assert world.live.current.published_at is None
    assert not world.failures


def test_a_push_is_followed_within_a_minute(world: World) -> None:
    """S3 is asked once in that time, however many invocations there are."""
    assert world.live.current.config == PACKAGED
    world.store.publish(OTHER)
    assert not world.live.refresh()
    assert world.live.current.config == PACKAGED

    assert world.later()

    assert world.live.current.config == PUSHED
    assert world.live.current.published_at == NOW
    assert world.store.reads == 2
    assert not world.later()


def test_whoever_cannot_wait_asks_at_once(world: World) -> None:
    """Such as the test of a destination that was pushed a moment ago."""
    world.live.refresh()
    world.store.publish(OTHER)

    assert world.live.refresh(at_once=True)


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_the_last_good_configuration_stays_and_the_failure_is_known(
    world: World, failure: Any
) -> None:
    """Each time that it is asked for, until it can be read again."""
    world.store.publish(OTHER)
    world.live.refresh()
    world.store.answer = failure

    assert not world.later()
    assert not world.later()

    assert world.live.current.config == PUSHED
    assert len(world.failures) == 2
    world.store.publish(DOCUMENT, version="3")
    assert world.later()
    assert world.live.current.config == PACKAGED
    assert world.live.current.published_at == NOW


@pytest.mark.parametrize(
    "failure", [StoreError("reading: SlowDown"), StoredText(b"broken", "1", NOW)]
)
def test_without_a_copy_a_process_that_begins_meanwhile_takes_the_packaged_one(
    world: World, failure: Any
) -> None:
    """And says so."""
    world.store.answer = failure

    assert world.live.current.config == PACKAGED
    assert len(world.failures) == 1


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_a_process_that_begins_meanwhile_takes_the_last_good_one(
    world: World, failure: Any
) -> None:
    """With the time of its publication, and says so at each question until another one is good."""
    world.store.publish(OTHER)
    world.live.refresh()
    world.live.keep_copy()
    world.store.answer = failure

    live = world.process()

    assert live.current.config == PUSHED
    assert live.current.published_at == NOW
    assert len(world.failures) == 1
    assert not live.refresh(at_once=True)
    assert len(world.failures) == 2
    assert world.store.copied == 1
    world.store.publish(DOCUMENT, version="3")
    assert live.refresh(at_once=True)
    assert live.current.config == PACKAGED
    assert len(world.failures) == 2


@pytest.mark.parametrize("copy", [StoreError("denied"), StoredText(b"broken", "", NOW)])
def test_a_copy_that_is_no_better_is_reported_as_well(world: World, copy: Any) -> None:
    """The packaged one is in force then."""
    world.store.answer, world.store.copy = StoredText(b"broken", "1", NOW), copy

    assert world.live.current.config == PACKAGED
    assert len(world.failures) == 2


def test_a_copy_that_could_not_be_read_is_asked_for_again(world: World) -> None:
    """Else the packaged file would be in force for the life of the process."""
    world.store.publish(OTHER)
    world.live.refresh()
    world.live.keep_copy()
    copy, world.store.copy = world.store.copy, StoreError("reading: SlowDown")
    world.store.answer = FAILURES["broken"]
    world.live = world.process()
    assert world.live.current.config == PACKAGED
    world.store.copy = copy

    assert world.later()

    assert world.live.current.config == PUSHED
    assert not world.later()


def test_a_file_is_copied_once(world: World) -> None:
    """Not the packaged one, nor one that was recalled, nor one that is not in force."""
    world.live.refresh()
    world.live.keep_copy()
    assert world.store.copied == 0
    world.store.publish(OTHER)
    world.later()
    world.live.keep_copy()
    world.live.keep_copy()
    assert world.store.copied == 1
    world.store.answer = StoredText(b"broken", "2", NOW)
    world.later()
    world.live.keep_copy()
    assert world.store.copied == 1
    recalled = world.process()
    recalled.refresh()
    recalled.keep_copy()

    assert world.store.copied == 1


def test_an_app_makes_its_flows_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made from the configuration before is dropped; the rest is kept."""
    world = World()
    app = App(Settings({"CONFIG_BUCKET": "bucket", "CONFIG_KEY": "key"}), now=world.clock)
    monkeypatch.setattr(App, "_live_config", world.live)
    app.refresh_config()
    flows, secrets = app.streams, app.stores.secrets
    app.refresh_config()
    assert app.streams is flows

    world.store.publish(OTHER)
    app.refresh_config(at_once=True)

    assert app.config == PUSHED
    assert app.streams is not flows
    assert app.stores.secrets is secrets


def test_a_function_without_a_place_has_the_packaged_one_only() -> None:
    """It asks nobody; from the repository there is none."""
    app = App(Settings({}))
    app.refresh_config()

    with pytest.raises(ConfigError, match=r"holds no alerts\.json"):
        _ = app.config


def test_an_app_is_made_with_the_place_of_its_configuration(monkeypatch: Any) -> None:
    """What S3 refuses is counted and logged; the packaged one is in force."""
    monkeypatch.setattr("lib.config.read_packaged", lambda: PACKAGED)
    metrics.clear_metrics()
    environment = {"CONFIG_BUCKET": "bucket", "CONFIG_KEY": "key", "CONFIG_SECONDS": "5"}
    environment["CONFIG_COPY_BUCKET"] = "reports"
    asked: list[Any] = []

    class Refusing:
        def get(self, _: str) -> Any:
            return self

        def get_object(self, **request: Any) -> Any:
            asked.append(request)
            raise StoreError("refused")

    app = App(Settings(environment), clients=Refusing())  # type: ignore[arg-type]  # a fake

    assert app.config == PACKAGED
    assert asked == [
        {"Bucket": "bucket", "Key": "key"},
        {"Bucket": "reports", "Key": "config/last-good.json"},
    ]
    assert "ConfigUnread" in metrics.metric_set
    metrics.clear_metrics()
