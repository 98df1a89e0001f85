"""The outbox of digests over the ledger: queued once, and woken."""

from lib.core.digest import digest_id
from lib.flows.digest_outbox import LedgerOutbox
from lib.models import DeliveryState
from tests.support.digests import MONDAY, SLACK, a_digest_of
from tests.support.fakes import MemoryDigests, MemoryStore, RecordingWaker


def test_a_digest_is_queued_once() -> None:
    """A second run of the same hour finds it."""
    store, waker, kept = MemoryStore(), RecordingWaker(), MemoryDigests()
    outbox = LedgerOutbox(digests=kept, ledger=store, waker=waker, now=lambda: MONDAY, stage="prod")
    digest = a_digest_of(delivery_id=digest_id("prod", SLACK, MONDAY))

    assert not outbox.has(SLACK, MONDAY)
    outbox.add(digest)
    outbox.add(digest)

    assert outbox.has(SLACK, MONDAY)
    (row,) = store.rows.values()
    assert (row.state, row.due_at) == (DeliveryState.PENDING, MONDAY)
    assert kept.get(row.evaluation_key) == digest
    assert [one.id for one in waker.woken] == [row.id]
