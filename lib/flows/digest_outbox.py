"""Digests on their way through the ledger: stored, recorded, and woken."""

from collections.abc import Callable
from datetime import datetime

from lib.core.digest import STREAM, digest_id
from lib.models import Delivery, DeliveryState, Destination, Digest, WakeUp
from lib.ports.store import DigestStore, Ledger, Waker


class LedgerOutbox:
    """See `lib.ports.digests.DigestOutbox`."""

    def __init__(
        self,
        *,
        digests: DigestStore,
        ledger: Ledger,
        waker: Waker,
        now: Callable[[], datetime],
        stage: str = "",
    ) -> None:
        self._digests = digests
        self._ledger = ledger
        self._waker = waker
        self._now = now
        self._stage = stage

    def has(self, destination: Destination, until: datetime) -> bool:
        """See `DigestOutbox.has`."""
        return self._ledger.delivery(digest_id(self._stage, destination, until)) is not None

    def add(self, digest: Digest) -> None:
        """See `DigestOutbox.add`."""
        now = self._now()
        row = Delivery(
            id=digest.delivery_id,
            destination=digest.destination,
            filters=(),
            image_key=f"digest of {digest.until:%Y-%m-%d %H:%M}",
            stream=STREAM,
            evaluation_key=self._digests.put(digest),
            state=DeliveryState.PENDING,
            created_at=now,
            due_at=now,
        )
        if self._ledger.add(row):
            self._waker.wake([WakeUp(row.id, row.destination, attempts=0)])
