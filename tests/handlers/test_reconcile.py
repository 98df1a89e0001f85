"""The hourly pass: its outcome in one line, each scan found in one more, and counted."""

from types import SimpleNamespace
from typing import Any

from handlers.reconcile import reconcile
from lib.core.missed import MissedScan
from lib.flows.reconciliation import RESERVE, PassResult, Scope, Watch
from tests.support.builders import NOW, a_scan_event, an_image


class Passes:
    """Ends as told, and remembers what it was asked."""

    def __init__(self, tally: PassResult) -> None:
        self.tally = tally
        self.asked: list[tuple[Scope, Watch]] = []

    def run(self, scope: Scope, watch: Watch) -> PassResult:
        self.asked.append((scope, watch))
        return self.tally


def found(*, quiet: bool = False) -> MissedScan:
    return MissedScan(a_scan_event(quiet=quiet), "never evaluated")


def an_app(passes: Passes) -> Any:
    return SimpleNamespace(reconciliation=lambda: passes, reconcile_scope=Scope(since=NOW))


def test_what_a_pass_found_is_logged_and_counted(context: Any, counted: Any, logged: Any) -> None:
    """Recovered scans apart from silent baselines, and what could not be read with its reason."""
    tally = PassResult(
        images=9,
        pending=2,
        deleted=1,
        missed=[found(), found(quiet=True)],
        unread_repositories={"payments/web": "AccessDeniedException"},
        stop_reason="the time is over",
    )

    answer = reconcile(an_app(Passes(tally)), context)

    assert counted() == {"ScansRecovered": 1, "BaselinesQueued": 1, "RepositoriesUnread": 1}
    assert answer == {
        "images": 9,
        "recovered": 1,
        "baselines": 1,
        "pending": 2,
        "deleted": 1,
        "unread_repositories": 1,
        "stop_reason": "the time is over",
    }
    said = logged()
    assert [each["message"] for each in said] == [
        "missed scan queued",
        "missed scan queued",
        "repository not read",
        "reconciliation finished",
    ]
    assert (said[0]["image"], said[0]["reason"]) == (an_image().key, "never evaluated")
    assert said[2]["reason"] == "AccessDeniedException"


def test_a_pass_knows_how_much_time_there_is(context: Any) -> None:
    """In seconds, from what Lambda says."""
    passes = Passes(PassResult())

    reconcile(an_app(passes), context)

    (_, watch) = passes.asked[0]
    assert watch.seconds_left() == 60 < RESERVE
