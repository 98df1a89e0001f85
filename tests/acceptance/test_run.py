"""A run: what fails does not stop the others, and whatever happens is cleaned up."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from acceptance import resources, session
from acceptance.account import Clock, Poll, unless_missing
from acceptance.deployment import DeploymentError
from acceptance.inbox import Inbox
from acceptance.outcome import Outcome, Status, StepError, failed, ok, skipped
from acceptance.run import run
from acceptance.session import Ports, accept
from acceptance.settings import Names, Waits
from acceptance.step import Step
from acceptance.world import World


class FrozenClock(Clock):
    """Time goes on by waiting only."""

    def __init__(self) -> None:
        self.time = 0.0
        super().__init__(now=lambda: self.time, sleep=self._wait)

    def _wait(self, seconds: float) -> None:
        self.time += seconds


def a_world() -> World:
    nothing: Any = None
    return World(
        names=Names("accept"),
        region="eu-central-1",
        account="123456789012",
        run="one",
        client_of=nothing,
        deployment=nothing,
        registry=nothing,
        inbox=nothing,
        config=Path("alerts.yml"),
        parameters={},
        waits=Waits(),
        poll=Poll(1.0, FrozenClock()),
    )


def a_step(number: int, result: Outcome | BaseException, *needs: int) -> Step:
    def do(_: World) -> Outcome:
        if isinstance(result, Outcome):
            return result
        raise result

    return Step(number, f"title {number}", "expected", do, needs)


def denied(code: str = "AccessDenied") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "PutRule")


def test_a_step_whose_need_failed_or_was_skipped_is_skipped() -> None:
    """With the reason; the others are done."""
    steps = (
        a_step(1, failed("rolled back")),
        a_step(2, ok("unreachable"), 1),
        a_step(3, skipped("nothing to see"), 2),
        a_step(9, ok("nothing is left")),
    )

    results = tuple(run(steps, a_world(), lambda _: None))

    assert [result.outcome.status for result in results] == [
        Status.FAILED,
        Status.SKIPPED,
        Status.SKIPPED,
        Status.OK,
    ]
    assert results[1].outcome.observation == "step 1 is failed"


@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (StepError("no alert within 900 s"), "no alert within 900 s"),
        (DeploymentError("make deploy: no credentials"), "make deploy: no credentials"),
        (denied(), "AccessDenied"),
        (KeyError("Attributes"), "unexpected: KeyError"),
    ],
)
def test_an_error_in_a_step_is_its_outcome(error: Exception, seen: str) -> None:
    """The steps after it are done."""
    first, second = run((a_step(1, error), a_step(2, ok("done"))), a_world(), lambda _: None)

    assert first.outcome.status is Status.FAILED
    assert seen in first.outcome.observation
    assert second.outcome.status is Status.OK


@pytest.fixture
def cleaned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace AWS: the world is made of nothing, and cleaning up is noted."""
    stages: list[str] = []
    monkeypatch.setattr(session, "_world", lambda *_, **__: a_world())
    monkeypatch.setattr(session, "tidy", lambda _, names, __: stages.append(names.stage) or ())
    return stages


def ports() -> Ports:
    nothing: Any = None
    return Ports(nothing, nothing, Path(), Waits(), Poll(1.0, FrozenClock()))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError()])
def test_whatever_ends_a_run_is_followed_by_a_clean_up(
    cleaned: list[str], error: BaseException
) -> None:
    """Ctrl-C keeps the results so far; what nobody foresaw goes on its way."""
    steps = (a_step(1, ok("done")), a_step(2, error))
    arguments = {"region": "eu-central-1", "slow": False, "say": lambda _: None}

    if isinstance(error, SystemExit):
        with pytest.raises(SystemExit):
            accept(steps, ports(), Names("accept"), **arguments)
    else:
        report = accept(steps, ports(), Names("accept"), **arguments)
        assert report.exit_code == 1
        assert report.results[0].outcome.status is Status.OK

    assert cleaned == ["accept"]


def test_what_is_there_already_stays_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that cannot make what it needs ends before the first step, with a clean-up."""
    monkeypatch.setattr(session, "make_shared", lambda *_: (_ for _ in ()).throw(denied()))
    monkeypatch.setattr(session, "tidy", lambda *_: ())

    report = accept(
        (), ports(), Names("accept"), region="eu-central-1", slow=False, say=lambda _: None
    )

    assert "AccessDenied" in report.stopped
    assert report.exit_code == 1


def test_waiting_ends_in_time_and_looks_once_more_at_the_end() -> None:
    """A look every interval, the last one at the deadline."""
    clock = FrozenClock()
    looks: list[float] = []

    answer = Poll(10.0, clock).until(lambda: looks.append(clock.time), 35.0)

    assert answer is None
    assert looks == [0.0, 10.0, 20.0, 30.0, 40.0]


@pytest.mark.parametrize(
    ("error", "missing"),
    [
        (denied("ResourceNotFoundException"), True),
        (
            ClientError(
                {"Error": {"Code": "ValidationError", "Message": "Stack with id x does not exist"}},
                "DescribeStacks",
            ),
            True,
        ),
        (denied(), False),
    ],
)
def test_missing_is_something_else_than_denied(error: ClientError, *, missing: bool) -> None:
    """What AWS does not let us see may well exist."""

    def call() -> str:
        raise error

    if missing:
        assert unless_missing(call) is None
    else:
        with pytest.raises(ClientError):
            unless_missing(call)


class Messages:
    """A queue that gives its messages one call after the other."""

    def __init__(self, *bodies: str) -> None:
        self.bodies = list(bodies)
        self.deleted = 0

    def receive_message(self, **_: Any) -> Any:
        return (
            {"Messages": [{"Body": self.bodies.pop(0), "ReceiptHandle": "x"}]}
            if self.bodies
            else {}
        )

    def delete_message(self, **_: Any) -> None:
        self.deleted += 1


def test_alerts_about_other_images_are_kept_for_later() -> None:
    """They may come in any order, and messages without an image among them."""
    queue = Messages(
        '{"kind": "digest"}', '{"image": {"digest": "b"}}', '{"image": {"digest": "a"}}'
    )
    inbox = Inbox(queue, "url", Poll(1.0, FrozenClock()), receive=0)

    assert inbox.wait_for("a", 60.0) == {"image": {"digest": "a"}}
    assert inbox.wait_for("b", 0.0) == {"image": {"digest": "b"}}
    assert queue.deleted == 3
    with pytest.raises(StepError, match="no alert within 30 s"):
        inbox.wait_for("c", 30.0)


def test_what_cannot_be_deleted_does_not_keep_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed with its reason."""
    done: list[str] = []

    def deletion(name: str, error: ClientError | None) -> tuple[str, Callable[[], object]]:
        def delete() -> None:
            if error is not None:
                raise error
            done.append(name)

        return name, delete

    monkeypatch.setattr(resources, "_clean_stage", lambda *_: iter(()))
    monkeypatch.setattr(
        resources,
        "_deletions",
        lambda *_: [
            deletion("rule", denied()),
            deletion("queue", denied("QueueDoesNotExist")),
            deletion("topic", None),
        ],
    )
    nothing: Any = None

    left = resources.clean(nothing, Names("accept"), nothing, Poll(1.0), Waits(), lambda _: None)

    assert done == ["topic"]
    assert len(left) == 1
    assert left[0].startswith("rule: ")
    assert "AccessDenied" in left[0]
