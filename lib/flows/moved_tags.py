"""The flow of tags that move although they should not: noticed when they are pushed, once each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from lib.checks.expectations import Expectations
from lib.checks.moved_tags import MOVED, Move, move_of, next_target, protected_tag
from lib.core.moved_tags import message_id, messages_about, stream_of
from lib.core.sync import SyncRules
from lib.errors import NotAllowedError
from lib.flows.outbox import Outbox
from lib.models import DeliveryId, Destination, Image, PullThroughCache, PushEvent
from lib.models.views import Purpose
from lib.ports.store import TagStore


@dataclass(frozen=True, slots=True)
class MoveOutcome:
    """A move, and the messages about it."""

    move: Move
    messages: dict[Destination, DeliveryId]
    """Also those that an earlier try has queued; empty where no route asks for a move."""


class MovedTags:
    """Compares each push of a tag with the one before."""

    def __init__(
        self,
        *,
        tags: TagStore,
        outbox: Outbox,
        rules: Callable[[], SyncRules],
        expected: Callable[[], Expectations | None],
        cache: Callable[[Image], PullThroughCache | None],
        now: Callable[[], datetime],
        stage: str = "",
    ) -> None:
        """
        Take the ports; `expected` returns None where alerts.yml does not ask for checks.

        `cache` returns the pull-through cache that a repository belongs to: ECR moves its tags.
        """
        self._tags = tags
        self._outbox = outbox
        self._rules = rules
        self._expected = expected
        self._cache = cache
        self._now = now
        self._stage = stage

    def pushed(self, event: PushEvent) -> MoveOutcome | None:
        """
        Queue the messages about a tag that a push moves; None where it moves none, or one that may.

        They are queued before the new target is stored: after a failure in between they are queued
        again, and known by their ids. Raises `SourceError` and `StoreError`.
        """
        expected = self._expected()
        tag = None if expected is None else protected_tag(event, expected)
        if tag is None:
            return None
        before = self._tags.tag(tag)
        move = move_of(tag, event, before)
        outcome = None if move is None or self._is_refresh(move) else self._queued(move)
        target = next_target(event, before)
        if target is not None:
            self._tags.point(tag, target)
        return outcome

    def _is_refresh(self, move: Move) -> bool:
        """Return whether a pull-through cache moved the tag. Unknown: nobody but a person did."""
        try:
            return self._cache(move.tag) is not None
        except NotAllowedError:
            return False

    def _queued(self, move: Move) -> MoveOutcome:
        ids = {}
        for destination, message in messages_about(move, self._rules(), self._now()):
            ids[destination] = message_id(move, destination, self._stage)
            self._outbox.put(
                ids[destination],
                message,
                purpose=Purpose.TAG_MOVED,
                destination=destination,
                stream=stream_of(move),
                cause=MOVED,
            )
        return MoveOutcome(move, ids)
