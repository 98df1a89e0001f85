"""
The flow of digests over the copies of streams.

    every hour      due?  copies -> shares of each destination -> a digest for each destination

A run that has no time left keeps the shares that it has. The next one goes on from there, unless
the rules are others by then: a digest is made by one set of rules.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Final

from lib.core.digest import digest_of
from lib.core.schedule import Schedule, digest_id
from lib.core.shares import stream_share
from lib.core.verdicts import RuleSet
from lib.flows.outbox import Outbox
from lib.models import Destination, Digest
from lib.models.current import CurrentCopy, DigestBasis, StreamShare
from lib.models.views import Purpose
from lib.ports.current import CurrentCopies
from lib.ports.digests import DigestBases

LATE: Final = timedelta(hours=24)
"""A digest that is overdue for longer is skipped."""
STREAMS_AT_ONCE: Final = 1000
"""After so many streams the shares are kept: a run that is cut off loses no more."""


def _all_the_time() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class DigestOutcome:
    """The digests that a run queued, or the reason why it queued none."""

    digests: tuple[Digest, ...] = ()
    reason: str = ""


class DigestFlow:
    """Creates the digests that are due, and queues them."""

    def __init__(
        self,
        *,
        copies: CurrentCopies,
        bases: DigestBases,
        outbox: Outbox,
        rules: Callable[[], RuleSet],
        installed_at: Callable[[], datetime],
        now: Callable[[], datetime],
        stage: str = "",
    ) -> None:
        self._copies = copies
        self._bases = bases
        self._outbox = outbox
        self._rules = rules
        self._installed_at = installed_at
        self._now = now
        self._stage = stage

    def run(
        self, schedule: Schedule, *, has_time: Callable[[], bool] = _all_the_time
    ) -> DigestOutcome:
        """
        Queue the due digests that are missing. Raises `StoreError`.

        `has_time`: whether there is time for another stream.
        """
        now = self._now()
        until = schedule.last_due(now)
        if now - until > LATE:
            return DigestOutcome(reason="nothing is due")
        if until < self._installed_at():
            return DigestOutcome(reason="the first one is due after the installation")
        missing = [
            name
            for name in schedule.notify
            if not self._outbox.has(digest_id(self._stage, name, until))
        ]
        if not missing:
            return DigestOutcome(reason="all due digests exist")
        rules = self._rules()
        basis = self._read(schedule, rules, until, has_time)
        if not basis.complete:
            place = f"after {basis.place}" if basis.place else "at the first stream"
            return DigestOutcome(reason=f"no time left: the next run goes on {place}")
        digests = self._digests(basis, schedule)
        self._bases.put(_with_trends(basis, digests))
        queued = tuple([digests[name] for name in missing])
        self.send(queued)
        return DigestOutcome(queued)

    def send(self, digests: Iterable[Digest]) -> None:
        """Queue digests; those that were queued before are left alone. Raises `StoreError`."""
        for digest in digests:
            self._outbox.put(
                digest.delivery_id,
                digest,
                purpose=Purpose.DIGEST,
                destination=digest.destination,
                stream=digest.stream,
                cause="digest",
            )

    def create(
        self, schedule: Schedule, destinations: Sequence[Destination], *, until: datetime
    ) -> tuple[Digest, ...]:
        """Return the digests of these destinations, without keeping or queueing anything."""
        basis = DigestBasis(until, self._rules().hash, dict.fromkeys(destinations, ()))
        while not basis.complete:
            basis = self._further(basis, self._rules())
        return tuple(self._digests(basis, schedule).values())

    def _read(
        self, schedule: Schedule, rules: RuleSet, until: datetime, has_time: Callable[[], bool]
    ) -> DigestBasis:
        """Return the shares of all streams, or of those that there was time for."""
        basis = self._bases.get(until)
        if basis is None or not _is_usable(basis, schedule, rules):
            basis = DigestBasis(until, rules.hash, dict.fromkeys(schedule.notify, ()))
        while not basis.complete and has_time():
            basis = self._further(basis, rules, has_time)
            if not basis.complete:
                self._bases.put(basis)
        return basis

    def _further(
        self, basis: DigestBasis, rules: RuleSet, has_time: Callable[[], bool] = _all_the_time
    ) -> DigestBasis:
        """Return a basis with the shares of the next streams."""
        shares = {name: list(own) for name, own in basis.shares.items()}
        place, count = basis.place, 0
        for stream in islice(self._copies.streams(basis.place), STREAMS_AT_ONCE):
            if not has_time():
                return replace(basis, shares=_frozen(shares), place=place)
            copy = self._copies.get(stream)
            if copy is not None:
                _add(shares, copy, rules, basis.until)
            place, count = stream, count + 1
        complete = count < STREAMS_AT_ONCE
        return replace(basis, shares=_frozen(shares), place=place, complete=complete)

    def _digests(self, basis: DigestBasis, schedule: Schedule) -> Mapping[Destination, Digest]:
        before = self._bases.before(basis.until)
        return {
            name: digest_of(
                shares,
                before=before,
                rules=basis.rules,
                stage=self._stage,
                destination=name,
                schedule=schedule,
                until=basis.until,
            )
            for name, shares in basis.shares.items()
        }


_Shares = Mapping[Destination, list[StreamShare]]


def _add(shares: _Shares, copy: CurrentCopy, rules: RuleSet, until: datetime) -> None:
    """Add the share that each destination has of a stream, if it has one."""
    for name, own in shares.items():
        share = stream_share(copy, name, rules, today=until.date())
        if share is not None:
            own.append(share)


def _frozen(shares: _Shares) -> Mapping[Destination, tuple[StreamShare, ...]]:
    return MappingProxyType({name: tuple(own) for name, own in shares.items()})


def _is_usable(basis: DigestBasis, schedule: Schedule, rules: RuleSet) -> bool:
    return basis.rules == rules.hash and set(basis.shares) == set(schedule.notify)


def _with_trends(basis: DigestBasis, digests: Mapping[Destination, Digest]) -> DigestBasis:
    trends = {name: digest.trend for name, digest in digests.items()}
    return replace(basis, trends=MappingProxyType(trends))
