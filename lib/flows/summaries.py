"""
Summaries: one message in the place of those about many streams.

    a destination that was added    what its routes find open, half an hour after its first sync
    a change of alerts.yml          of more than ten streams: their rows are FOLDED into a summary

A summary is a digest of these streams. Programs and incidents need every stream by itself.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Final

from lib.core.attempts import folded
from lib.core.causes import FEW, RULES
from lib.core.current import current_copy
from lib.core.digest import digest_of
from lib.core.notification_rows import Claim, after_claim
from lib.core.schedule import Schedule
from lib.core.shares import stream_share
from lib.core.sync import SyncRules, ViewPlan
from lib.errors import ConflictError
from lib.flows.digests import DigestFlow
from lib.flows.outbox import Outbox
from lib.models import DeliveryId, Destination, Digest
from lib.models.current import StreamShare
from lib.models.views import Notification, Purpose, View
from lib.ports.streams import NotificationStore, StreamPartition, StreamStore

SETTLED: Final = timedelta(minutes=30)
"""Since a destination was added: by then every stream is synced."""
LATEST: Final = SETTLED + timedelta(hours=1)
"""Since a destination was added: the hourly run of `send_digest` has made its summary by then."""
_FORGOTTEN: Final = timedelta(days=7)
AT_ONCE: Final = 300
"""Rows that one run folds."""
_ADDED: Final = (
    "This destination is new: what was open before is counted here instead of sent one by one"
)
_CHANGED: Final = (
    "alerts.yml changed what is reported here of {count} streams: they are counted here instead of"
    " sent one by one"
)


class Welcomes:
    """Sends one summary to each destination that was added."""

    def __init__(
        self,
        *,
        digests: DigestFlow,
        outbox: Outbox,
        rules: Callable[[], SyncRules],
        now: Callable[[], datetime],
        stage: str = "",
    ) -> None:
        self._digests = digests
        self._outbox = outbox
        self._rules = rules
        self._now = now
        self._stage = stage

    def run(self) -> tuple[Digest, ...]:
        """Queue the summaries that are missing. Raises `StoreError`."""
        waiting = welcome_ids(self._stage, self._added())
        missing = [name for name, row_id in waiting.items() if not self._outbox.has(row_id)]
        if not missing:
            return ()
        created = self._digests.create(_schedule(*missing), missing, until=self._now())
        digests = [_marked(digest, waiting[digest.destination], _ADDED) for digest in created]
        for digest in digests:
            put(self._outbox, digest)
        return tuple(digests)

    def _added(self) -> Mapping[Destination, datetime]:
        """Return the destinations that were added, and when."""
        now = self._now()
        added = added_destinations(self._rules(), now)
        return {name: since for name, since in added.items() if now - since >= SETTLED}


@dataclass(frozen=True, slots=True)
class _Part:
    """A row that is folded, its view before and after, and its share of the summary."""

    row: Notification
    before: View
    after: View
    share: StreamShare


class Summaries:
    """Folds what a change of alerts.yml brings about in many streams of a destination."""

    def __init__(
        self,
        *,
        streams: StreamStore,
        rows: NotificationStore,
        outbox: Outbox,
        plan: Callable[[StreamPartition, View], ViewPlan | None],
        rules: Callable[[], SyncRules],
        now: Callable[[], datetime],
        stage: str = "",
    ) -> None:
        self._streams = streams
        self._rows = rows
        self._outbox = outbox
        self._plan = plan
        self._rules = rules
        self._now = now
        self._stage = stage

    def run(self) -> int:
        """
        Fold rows whose time has come; return how many. Raises `StoreError`.

        Those of few streams stay, and are woken like any other.
        """
        waiting: dict[Destination, list[Notification]] = defaultdict(list)
        for row in self._rows.gathering():
            waiting[row.destination].append(row)
        now = self._now()
        return sum(
            self._fold(destination, rows[:AT_ONCE])
            for destination, rows in waiting.items()
            if len(rows) > FEW and any(row.due_at and row.due_at <= now for row in rows)
        )

    def _fold(self, destination: Destination, rows: Sequence[Notification]) -> int:
        parts = [part for part in map(self._part, rows) if part is not None]
        if not parts:
            return 0
        digest = self._summary(destination, parts)
        put(self._outbox, digest)
        return sum(self._close(part, digest.delivery_id) for part in parts)

    def _part(self, row: Notification) -> _Part | None:
        """Return what a row would say now; None: nothing, as the next attempt finds, too."""
        partition = self._streams.read(row.stream)
        view = partition.views.get(row.destination)
        plan = self._plan(partition, view) if view is not None else None
        if view is None or plan is None:
            return None
        step = after_claim(view, row, plan.delta, plan.context, keeps_current=plan.keeps_current)
        copy, rules = current_copy(plan.state, partition.row.tags), self._rules().rules
        share = stream_share(copy, row.destination, rules, today=plan.context.basis.day)
        if step.claim is not Claim.SEND or share is None:
            return None
        return _Part(row, view, step.view, share)

    def _summary(self, destination: Destination, parts: Sequence[_Part]) -> Digest:
        digest = digest_of(
            [part.share for part in parts],
            before=None,
            rules=self._rules().rules.hash,
            stage=self._stage,
            destination=destination,
            schedule=_schedule(destination),
            until=self._now(),
        )
        row_ids = "\n".join(sorted(part.row.id for part in parts))
        words = _CHANGED.format(count=len(parts))
        return _marked(digest, _id(self._stage, destination, row_ids), words)

    def _close(self, part: _Part, summary: DeliveryId) -> int:
        """Record that a summary speaks for a row; return 0 where a sync changed it meanwhile."""
        after = folded(part.row, summary, now=self._now())
        with suppress(ConflictError):
            self._rows.close(part.row, after, view_before=part.before, view=part.after)
            return 1
        return 0


def added_destinations(rules: SyncRules, now: datetime) -> Mapping[Destination, datetime]:
    """Return the destinations that get a summary because they were added, and when that was."""
    return {
        name: since
        for name, since in rules.destinations_since.items()
        if since > rules.installed_at
        and now - since < _FORGOTTEN
        and rules.destinations[name].folds
    }


def welcome_ids(
    stage: str, added: Mapping[Destination, datetime]
) -> Mapping[Destination, DeliveryId]:
    """Return the delivery of the summary that each added destination gets."""
    return {name: _id(stage, name, f"{since}") for name, since in added.items()}


def put(outbox: Outbox, digest: Digest) -> None:
    """Queue a summary, in the thread of the digests. Raises `StoreError`."""
    outbox.put(
        digest.delivery_id,
        digest,
        purpose=Purpose.SUMMARY,
        destination=digest.destination,
        stream=digest.stream,
        cause=RULES,
    )


def _schedule(*destinations: Destination) -> Schedule:
    return Schedule(destinations, weekday=None, at=time())


def _marked(digest: Digest, row_id: DeliveryId, words: str) -> Digest:
    return replace(digest, delivery_id=row_id, occasion=words)


def _id(stage: str, destination: Destination, subject: str) -> DeliveryId:
    text = f"summary\n{stage}\n{destination}\n{subject}"
    return DeliveryId(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32])
