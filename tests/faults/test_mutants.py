"""Deliberate bugs, and the rows that catch them: a matrix that passes everything proves nothing."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from lib.interfaces import NotClaimed
from lib.models import Delivery, DeliveryId, DeliveryState, Receipt
from tests.fakes import NEVER, MemoryStore
from tests.faults.matrix import Row, run
from tests.faults.rows import ROWS
from tests.faults.world import World


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

    results = [run(_mutated(row, mutant), seed, scale=0.0) for seed in (1, 2, 3)]

    assert any(each.problems for each in results)


def _mutated(row: Row, mutant: type[Mutant]) -> Row:
    def world(seed: int) -> World:
        made = row.world(seed)
        made.ledger = mutant(made.store)
        made.use(made.rules)
        return made

    return replace(row, world=world)
