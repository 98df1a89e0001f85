"""The hourly function: its passes, their outcome in one line, each image found in one more."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from handlers.reconcile import RESERVE, reconcile
from lib.errors import SourceError
from lib.flows.passes import PassResult, Scope, ToFetch
from lib.flows.stream_passes import StreamPassOutcome
from lib.models import StreamId
from tests.support.builders import an_image

NOTHING = StreamPassOutcome(0, complete=True)


class Passes:
    """Answers with these outcomes, and keeps the order and the time of the calls."""

    def __init__(self, result: PassResult, daily: StreamPassOutcome = NOTHING) -> None:
        self.result = result
        self.today = daily
        self.calls: list[tuple[str, bool]] = []
        self.reconcile_scope = Scope(repositories="team/*")
        self.running_pass: Any = None
        self.sync_queue = self
        self.queued: list[Any] = []

    def put(self, streams: Any, cause: str) -> int:
        self.queued.append((list(streams), cause))
        return len(streams)

    @property
    def passes(self) -> "Passes":
        return self

    def image_pass(self) -> "Passes":
        return self

    def daily(self, *, has_time: Callable[[], bool]) -> StreamPassOutcome:
        self.calls.append(("daily", has_time()))
        return self.today

    def run(self, scope: Scope, *, has_time: Callable[[], bool]) -> PassResult:
        assert scope is self.reconcile_scope
        self.calls.append(("hourly", has_time()))
        return self.result


def an_app(passes: Passes) -> Any:
    return SimpleNamespace(streams=passes, stores=passes)


def test_the_findings_of_a_pass_are_logged_and_counted(
    context: Any, counted: Any, logged: Any
) -> None:
    """What could not be read with its reason."""
    result = PassResult(
        repositories=2,
        images=9,
        asked=3,
        to_fetch=[ToFetch(an_image(), "pushed lately, and nothing is known of it")],
        streams={StreamId("a"): None},
        unread={"payments/web": "AccessDeniedException"},
        without_coverage="Inspector says no",
        stop_reason="the time is over",
    )

    answer = reconcile(an_app(Passes(result)), context)

    assert counted() == {"ScansRecovered": 1, "RepositoriesUnread": 1, "CoverageUnread": 1}
    assert answer == {
        "repositories": 2,
        "images": 9,
        "asked": 3,
        "recovered": 1,
        "streams": 1,
        "unread_repositories": 1,
        "stop_reason": "the time is over",
    }
    lines = logged()
    assert [line["message"] for line in lines] == [
        "missed scan queued",
        "repository not read",
        "coverage not read",
        "reconciliation finished",
    ]
    assert (lines[0]["image"], lines[0]["reason"]) == (
        an_image().key,
        "pushed lately, and nothing is known of it",
    )


def test_the_daily_pass_comes_first(context: Any, logged: Any) -> None:
    """It takes a second, and heals what was lost; it is logged where it queued anything."""
    passes = Passes(PassResult(), StreamPassOutcome(1_000, complete=False))

    reconcile(an_app(passes), context)

    assert [name for name, _ in passes.calls] == ["daily", "hourly"]
    first, last = logged()
    assert (first["message"], first["streams"], first["complete"]) == (
        "streams queued",
        1_000,
        False,
    )
    assert last["message"] == "reconciliation finished"


def test_no_work_begins_at_the_end_of_the_function(context: Any) -> None:
    """By what Lambda says about the time that is left."""
    for left, has_time in ((RESERVE + 1, True), (RESERVE, False)):
        context.get_remaining_time_in_millis = lambda left=left: left
        passes = Passes(PassResult())

        reconcile(an_app(passes), context)

        assert passes.calls == [("daily", has_time), ("hourly", has_time)]


def test_what_runs_is_noted_before_images_are_looked_at(context: Any, logged: Any) -> None:
    """Where a service is asked; the streams that it concerns are synced."""
    passes = Passes(PassResult())
    passes.running_pass = SimpleNamespace(run=lambda: (StreamId("a"),))

    reconcile(an_app(passes), context)

    assert passes.queued == [([StreamId("a")], "running")]
    assert (logged()[0]["cause"], logged()[0]["streams"]) == ("running", 1)


def test_without_an_answer_the_other_passes_run(context: Any, counted: Any, logged: Any) -> None:
    """The log says why."""

    def refused() -> None:
        raise SourceError("ECS cannot be asked what runs: AccessDenied")

    passes = Passes(PassResult())
    passes.running_pass = SimpleNamespace(run=refused)

    reconcile(an_app(passes), context)

    assert counted()["WorkloadsUnread"] == 1
    assert logged()[0]["message"] == "workloads not read"
    assert [name for name, _ in passes.calls] == ["daily", "hourly"]
