"""The minute's sweep."""

from types import SimpleNamespace
from typing import Any

from handlers.sweep import sweep
from lib.models import Commit, ImageState
from tests.support.builders import NOW, a_delivery, an_image
from tests.support.fakes import MemoryStore, RecordingWaker


def test_what_is_due_is_woken_and_counted(counted: Any) -> None:
    """A row whose time has come is woken once per sweep."""
    store, waker = MemoryStore(), RecordingWaker()
    state = ImageState(
        1, NOW, NOW, "event-1", "COMPLETE", usable=True, completed_at=None, report_key=None
    )
    row = a_delivery()
    store.commit(Commit(an_image(), row.stream, state, None, None, None, (row,)))

    answer = sweep(SimpleNamespace(ledger=store, waker=waker, now=lambda: NOW))

    assert answer == {"queued": 1}
    assert [each.id for each in waker.woken] == [row.id]
    assert counted() == {"DeliveriesQueued": 1}
