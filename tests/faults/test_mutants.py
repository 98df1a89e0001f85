"""Deliberate bugs, and the rows that catch them: a matrix that passes everything proves nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from lib.models import Delivery, DeliveryId, DeliveryState, NotClaimed, Receipt
from lib.notifiers.jira import identity, issue, notifier
from tests.faults.matrix import Row, run
from tests.faults.rows import ROWS
from tests.faults.world import World
from tests.support.fakes import NEVER, MemoryStore


class Mutant:
    """The ledger of a world with one bug; what it does not say is the real one's."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class RecordsBeforeItSends(Mutant):
    """Storing first makes silence of every failure."""

    def claim(self, delivery_id: DeliveryId, *, now: datetime, token: str) -> Any:
        claimed = self.store.claim(delivery_id, now=now, token=token)
        if not isinstance(claimed, NotClaimed):
            self.store.sent(claimed, Receipt("before it was sent"), now=now)
        return claimed

    def sent(self, *_: Any, **__: Any) -> None:
        """It was recorded before."""

    retry = dead = sent


class ClaimsForEver(Mutant):
    """A lease without an end: whoever dies takes the delivery along."""

    def claim(self, delivery_id: DeliveryId, *, now: datetime, token: str) -> Any:
        claimed = self.store.claim(delivery_id, now=now, token=token)
        if not isinstance(claimed, NotClaimed):
            self.store.rows[delivery_id] = replace(self.store.rows[delivery_id], due_at=NEVER)
        return claimed


class ClaimsWhatIsClaimed(Mutant):
    """No lease at all: two workers send side by side."""

    def claim(self, delivery_id: DeliveryId, *, now: datetime, token: str) -> Any:
        row = self.store.rows.get(delivery_id)
        if row is not None and row.state is DeliveryState.CLAIMED:
            self.store.rows[delivery_id] = replace(row, state=DeliveryState.PENDING)
        return self.store.claim(delivery_id, now=now, token=token)


class DropsWhatIsThrottled(Mutant):
    """A 429 taken for an answer, as many do."""

    def retry(self, delivery: Delivery, *, counts: bool, now: datetime, **options: Any) -> None:
        if counts:
            self.store.retry(delivery, counts=counts, now=now, **options)
        else:
            self.store.sent(delivery, Receipt("dropped"), now=now)


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
    row = next(each for each in ROWS if each.number == number)

    results = (run(_mutated(row, mutant), seed, scale=0.0) for seed in (1, 2, 3))

    assert any(each.problems for each in results)


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


IDENTITY = (
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
    row = next(each for each in ROWS if each.number == number)
    mutate(monkeypatch)

    results = (run(row, seed, scale=0.0) for seed in (1, 2, 3))

    assert any(each.problems for each in results)
