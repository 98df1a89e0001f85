"""Deliberate bugs, and the rows that catch them: a matrix that passes everything proves nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cli.simulation.memory import MemoryStreams
from lib.core import notification_rows
from lib.flows.image_records import ImageRecords
from lib.models import DeliveryId, Destination, Image
from lib.models.views import Notification, RowState
from lib.notifiers.jira import identity, issue, notifier
from lib.ports.streams import LookUp
from tests.faults.matrix import Row, run
from tests.faults.rows import ROWS
from tests.faults.world import START, World

NEVER = datetime(2100, 1, 1, tzinfo=UTC)


class Mutant:
    """The rows of a world with one bug; what it leaves out is done by the real ones."""

    def __init__(self, store: MemoryStreams) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class RecordsBeforeItSends(Mutant):
    """Storing first makes silence of every failure."""

    def update(self, before: Notification, after: Notification) -> None:
        if self._is_sent(before):
            return
        pins = before.pin is None and after.pin is not None
        self.store.update(before, replace(after, state=RowState.SENT) if pins else after)

    def _is_sent(self, row: Notification) -> bool:
        stored = self.store.notification(row.id)
        return stored is not None and stored.state is RowState.SENT

    def close(self, before: Notification, after: Notification, **views: Any) -> None:
        if not self._is_sent(before):
            self.store.close(before, after, **views)


class ClaimsForEver(Mutant):
    """A lease without an end: whoever dies takes the notification along."""

    def update(self, before: Notification, after: Notification) -> None:
        claims = after.state is RowState.CLAIMED
        self.store.update(before, replace(after, due_at=NEVER) if claims else after)


class ClaimsWhatIsClaimed(Mutant):
    """No lease, and no conditions: two workers send side by side."""

    def look_up(self, row_id: DeliveryId, destination: Destination, *, now: datetime) -> LookUp:
        row, pause = self.store.look_up(row_id, destination, now=now)
        if row is not None and row.state is RowState.CLAIMED:
            row = replace(row, state=RowState.PENDING, pin=None)
        return LookUp(row, pause)

    def update(self, before: Notification, after: Notification) -> None:
        self.store.update(self.store.notification(before.id) or before, after)


class DropsWhatIsThrottled(Mutant):
    """A 429 taken for an answer, as many do."""

    def update(self, before: Notification, after: Notification) -> None:
        throttled = after.state is RowState.RETRY and "429" in after.reason
        if throttled:
            after = replace(after, state=RowState.SENT, due_at=None)
        self.store.update(before, after)


CATCHES = (
    (RecordsBeforeItSends, "7"),
    (RecordsBeforeItSends, "10a"),
    (RecordsBeforeItSends, "11a"),
    (RecordsBeforeItSends, "38"),
    (ClaimsForEver, "13.19"),
    (ClaimsForEver, "13.21"),
    (ClaimsWhatIsClaimed, "17a"),
    (DropsWhatIsThrottled, "5b"),
    (DropsWhatIsThrottled, "5c"),
    (DropsWhatIsThrottled, "6"),
)


@pytest.mark.parametrize(("mutant", "number"), CATCHES)
def test_the_matrix_catches(mutant: type[Mutant], number: str) -> None:
    """The row fails with the bug, and passes without it (see test_matrix.py)."""
    row = next(row for row in ROWS if row.number == number)

    results = (run(_mutated(row, mutant), seed, scale=0.0) for seed in (1, 2, 3))

    assert any(result.problems for result in results)


def _mutated(row: Row, mutant: type[Mutant]) -> Row:
    def world(seed: int) -> World:
        made = row.world(seed)
        made.ledger = mutant(made.store)
        made.use(made.rules)
        return made

    return replace(row, world=world)


def takes_any_issue_for_proof(patch: pytest.MonkeyPatch) -> None:
    """An issue of the stream was found, so the alert is taken for sent."""
    patch.setattr(issue.Issue, "holds", lambda *_: True)  # the bug


def never_searches(patch: pytest.MonkeyPatch) -> None:
    """What the ledger does not know is not there."""
    patch.setattr(notifier.JiraNotifier, "_search", lambda *_: iter(()))


def takes_any_label_for_proof(patch: pytest.MonkeyPatch) -> None:
    """What has our label is ours to edit."""
    patch.setattr(issue.Issue, "belongs_to", lambda *_: True)  # the bug


def knows_no_stage(patch: pytest.MonkeyPatch) -> None:
    """The mark stands for destination and stream alone."""
    mark_of = identity.mark_of
    patch.setattr(identity, "mark_of", lambda _, *parts: mark_of("", *parts))


def waits_from_the_first_day_on(patch: pytest.MonkeyPatch) -> None:
    """The index gets its five minutes after the event, whenever the alert was sent."""
    verify = notifier.JiraNotifier.verify
    patch.setattr(
        notifier.JiraNotifier, "verify", lambda *given, **named: verify(*given, **without(named))
    )


def without(named: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in named.items() if name != "tried_at"}


def counts_again_after_a_loss(patch: pytest.MonkeyPatch) -> None:
    """The id of a notification is made of what its view counts."""
    made = notification_rows.notification_id
    patch.setattr(
        notification_rows, "notification_id", lambda view, version, _: made(view, version, START)
    )


IDENTITY = (
    (counts_again_after_a_loss, "27b"),
    (takes_any_issue_for_proof, "27a"),
    (takes_any_issue_for_proof, "27b"),
    (never_searches, "27a"),
    (never_searches, "27e"),
    (takes_any_label_for_proof, "27h"),
    (knows_no_stage, "27d"),
    (waits_from_the_first_day_on, "27g"),
)


@pytest.mark.parametrize(("mutate", "number"), IDENTITY)
def test_the_matrix_catches_wrong_ideas_of_identity(
    mutate: Callable[[pytest.MonkeyPatch], None], number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row fails with the bug, and passes without it (see test_matrix.py)."""
    row = next(row for row in ROWS if row.number == number)
    mutate(monkeypatch)

    results = (run(row, seed, scale=0.0) for seed in (1, 2, 3))

    assert any(result.problems for result in results)


def takes_a_lost_race_for_stored(patch: pytest.MonkeyPatch) -> None:
    """Who loses a race leaves the image to the winner, which there may not be."""
    expect = ImageRecords.expect

    def forgetful(records: ImageRecords, image: Image, **named: Any) -> None:
        expect(records, image, **named)
        expected = vars(records)["_expected"]
        vars(records)["_read"].update(expected)
        expected.clear()

    patch.setattr(ImageRecords, "expect", forgetful)


def test_the_matrix_catches_a_race_without_a_winner(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row fails with the bug, and passes without it (see test_matrix.py)."""
    row = next(row for row in ROWS if row.number == "17c")
    takes_a_lost_race_for_stored(monkeypatch)

    results = (run(row, seed, scale=0.0) for seed in (1, 2, 3))

    assert any(result.lost for result in results)
