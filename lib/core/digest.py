"""
The digest: how things stand for a destination, and how that changed since the last one. Pure.

    Schedule        when one is due
    stream_digest   one stream, as far as the routes to a destination go
    digest          all of them together
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from lib.core.routing import passing, refusal
from lib.models import (
    Age,
    Baseline,
    Counts,
    DeliveryId,
    Destination,
    Digest,
    Filter,
    FindingId,
    FindingState,
    HistoryEntry,
    Image,
    Moment,
    RepositoryDigest,
    ResolvedVulnerability,
    Severity,
    StreamId,
    UnscannedImage,
)

STREAM: Final = StreamId("digest")
"""All digests of a destination are one thread."""
PERIODS: Final = 8
"""How many the trend goes back."""

_WEEK: Final = 7
_BANDS: Final = (
    (timedelta(days=7), "up to 7 days"),
    (timedelta(days=30), "8 to 30 days"),
    (timedelta(days=90), "31 to 90 days"),
    (None, "over 90 days"),
)
_RESOLVED: Final = 200
"""Vulnerabilities of one stream that are named as resolved; all are counted."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Every day, or every week on `weekday` (Monday is 0), at a time of day in UTC."""

    notify: tuple[Destination, ...]
    weekday: int | None
    at: time

    @property
    def period(self) -> timedelta:
        """What one digest tells of."""
        return timedelta(days=1 if self.weekday is None else _WEEK)

    def last_due(self, now: datetime) -> datetime:
        """Return the last time at or before `now` that a digest was due."""
        due = now.replace(
            hour=self.at.hour, minute=self.at.minute, second=0, microsecond=0, tzinfo=now.tzinfo
        )
        if self.weekday is not None:
            due -= timedelta(days=(due.weekday() - self.weekday) % _WEEK)
        return due if due <= now else due - self.period

    def moments(self, until: datetime) -> tuple[datetime, ...]:
        """Return the ends of the periods of a trend, oldest first, the last one `until`."""
        return tuple(until - self.period * n for n in reversed(range(PERIODS)))


def digest_id(stage: str, destination: Destination, until: datetime) -> DeliveryId:
    """
    Return the same id for the same digest, however often it is made.

    Two stages make their digests at the same times, and a receiver may drop what has the same id.
    """
    subject = f"digest\n{stage}\n{destination}\n{until.isoformat()}"
    return DeliveryId(hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()[:32])


# --- one stream -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What is stored about a stream."""

    now: Baseline
    """Its newest image."""
    before: Baseline | None
    """The newest one when the period began; None: there was none."""
    history: Sequence[HistoryEntry]
    """Oldest first, from before the first moment of the trend."""
    comparable: bool = True
    """False: there was one before, but it is not stored any more."""


@dataclass(frozen=True, slots=True)
class StreamDigest:
    """What one stream adds to a digest."""

    image: Image
    counts: Counts
    fixable: int
    exploitable: int
    new: Counts
    resolved: Counts
    resolved_vulnerabilities: tuple[tuple[str, Severity, str], ...]
    """Vulnerability id, severity, package."""
    ages: Mapping[str, Counts]
    oldest: datetime | None
    trend: tuple[Counts | None, ...]
    """None: nothing was known then."""
    complete: bool
    comparable: bool
    problem: UnscannedImage | None


def stream_digest(
    facts: StreamFacts, filters: Sequence[Filter], *, moments: Sequence[datetime]
) -> StreamDigest:
    """Return what the filters let through of a stream, now and at the moments of the trend."""
    known = facts.now
    now = _open(known, filters)
    before = _open(facts.before, filters) if facts.before is not None else {}
    before = before if facts.comparable else now
    new, resolved = now.keys() - before.keys(), before.keys() - now.keys()
    since = {each: known.since[each] for each in now if each in known.since}
    worst = sorted(resolved, key=lambda each: (-before[each].severity, each))[:_RESOLVED]
    return StreamDigest(
        image=known.image,
        counts=_count(now.values()),
        fixable=sum(each.fixable for each in now.values()),
        exploitable=sum(each.exploitable for each in now.values()),
        new=_count(now[each] for each in new),
        resolved=_count(before[each] for each in resolved),
        resolved_vulnerabilities=tuple((each[0], before[each].severity, each[1]) for each in worst),
        ages=_ages(now, since, until=moments[-1]),
        oldest=min(since.values(), default=None),
        trend=tuple(_at(moment, facts.history, filters) for moment in moments[:-1]),
        complete=known.scan.complete,
        comparable=facts.comparable,
        problem=_problem(known, facts.history),
    )


def _open(known: Baseline, filters: Sequence[Filter]) -> dict[FindingId, FindingState]:
    """Return what is open, not suppressed, and asked for."""
    return {
        each: standing
        for each, standing in known.standings.items()
        if standing.open
        and each not in known.suppressed
        and any(refusal(standing, known.image, filter_) is None for filter_ in filters)
    }


def _ages(
    now: Mapping[FindingId, FindingState], since: Mapping[FindingId, datetime], *, until: datetime
) -> Mapping[str, Counts]:
    bands: dict[str, Counter[Severity]] = {words: Counter() for _, words in _BANDS}
    for each, standing in now.items():
        age = until - since.get(each, until)
        words = next(words for most, words in _BANDS if most is None or age <= most)
        bands[words][standing.severity] += 1
    return bands


def _at(
    moment: datetime, history: Sequence[HistoryEntry], filters: Sequence[Filter]
) -> Counts | None:
    """Return what was open at a time, by the last usable scan until then; None before the first."""
    entry = next((each for each in reversed(history) if each.usable and each.at <= moment), None)
    if entry is None:
        return None
    numbers = {
        severity: passing(tally, severity, entry.image, filters)
        for severity, tally in entry.open.items()
    }
    return {severity: number for severity, number in numbers.items() if number}


def _problem(known: Baseline, history: Sequence[HistoryEntry]) -> UnscannedImage | None:
    """Say that the newest scan has no result, so that the numbers are those of an older one."""
    if not history or history[-1].usable:
        return None
    image = history[-1].image
    when = f", the scan before it of {known.scan.completed_at:%Y-%m-%d} is counted"
    return UnscannedImage(
        image, f"its last scan has no result{when if known.scan.completed_at else ''}"
    )


# --- all together -----------------------------------------------------------------------------


def digest(
    streams: Sequence[StreamDigest],
    *,
    stage: str,
    destination: Destination,
    routes: Iterable[str],
    schedule: Schedule,
    until: datetime,
    unscanned: Iterable[UnscannedImage],
    warnings: Iterable[str] = (),
) -> Digest:
    """Add up the streams that a destination asks about."""
    counts = _sum(each.counts for each in streams)
    new = _sum(each.new for each in streams)
    resolved = _sum(each.resolved for each in streams)
    dated = [each.oldest for each in streams if each.oldest is not None]
    moments = schedule.moments(until)
    return Digest(
        delivery_id=digest_id(stage, destination, until),
        destination=destination,
        stream=STREAM,
        since=until - schedule.period,
        until=until,
        routes=tuple(dict.fromkeys(routes)),
        images=len(streams),
        clean=sum(not each.counts and each.complete and not each.problem for each in streams),
        counts=counts,
        fixable=sum(each.fixable for each in streams),
        exploitable=sum(each.exploitable for each in streams),
        open_before=_open_before(counts, new, resolved),
        new=new,
        resolved=resolved,
        resolved_vulnerabilities=_resolved_vulnerabilities(streams),
        ages=tuple(Age(words, _sum(each.ages[words] for each in streams)) for _, words in _BANDS),
        oldest_open_since=min(dated, default=None),
        repositories=_repositories(streams),
        trend=(*_trend(streams, moments[:-1]), Moment(until, counts)),
        unscanned=_once((*(each.problem for each in streams if each.problem), *unscanned)),
        warnings=(*warnings, *_warnings(streams)),
    )


def _open_before(counts: Counts, new: Counts, resolved: Counts) -> Counts:
    return _worst_first(
        {
            severity: counts.get(severity, 0) + resolved.get(severity, 0) - new.get(severity, 0)
            for severity in Severity
        }
    )


def _trend(streams: Sequence[StreamDigest], moments: Sequence[datetime]) -> Iterable[Moment]:
    """Yield what was open at each time; nothing for times before anything was known."""
    for place, at in enumerate(moments):
        known = [each.trend[place] for each in streams]
        numbers = [each for each in known if each is not None]
        if numbers:
            yield Moment(at, _sum(numbers))


def _once(images: Iterable[UnscannedImage]) -> tuple[UnscannedImage, ...]:
    """Name each image once; the first reason stands."""
    named: dict[str, UnscannedImage] = {}
    for each in images:
        named.setdefault(each.image.key, each)
    return tuple(named.values())


def _warnings(streams: Sequence[StreamDigest]) -> Iterable[str]:
    partial = sum(not each.complete for each in streams)
    lost = sum(not each.comparable for each in streams)
    if partial:
        yield f"{partial:,} {_images(partial)} fewer findings listed than counted"
    if lost:
        yield f"{lost:,} {_images(lost)} nothing stored to compare with"


def _images(number: int) -> str:
    return "image has" if number == 1 else "images have"


def _resolved_vulnerabilities(streams: Sequence[StreamDigest]) -> tuple[ResolvedVulnerability, ...]:
    numbers = Counter(
        name for each in streams for name in dict.fromkeys(each.resolved_vulnerabilities)
    )
    found = (
        ResolvedVulnerability(name, severity, package, images)
        for (name, severity, package), images in numbers.items()
    )
    return tuple(
        sorted(
            found,
            key=lambda each: (-each.severity, -each.images, each.vulnerability_id, each.package),
        )
    )


def _repositories(streams: Sequence[StreamDigest]) -> tuple[RepositoryDigest, ...]:
    groups: dict[tuple[str, str, str], list[StreamDigest]] = {}
    for each in streams:
        place = (each.image.account, each.image.region, each.image.repository)
        groups.setdefault(place, []).append(each)
    found = [
        RepositoryDigest(
            *place,
            images=len(group),
            counts=_sum(each.counts for each in group),
            new=sum(sum(each.new.values()) for each in group),
            resolved=sum(sum(each.resolved.values()) for each in group),
        )
        for place, group in groups.items()
    ]
    open_ = (each for each in found if each.counts)
    return tuple(sorted(open_, key=_badness))


def _badness(each: RepositoryDigest) -> tuple[object, ...]:
    numbers = tuple(-each.counts.get(severity, 0) for severity in reversed(Severity))
    return (numbers, each.repository, each.account, each.region)


def _count(standings: Iterable[FindingState]) -> Counts:
    return _worst_first(Counter(each.severity for each in standings))


def _sum(counts: Iterable[Counts]) -> Counts:
    total: Counter[Severity] = Counter()
    for each in counts:
        total.update(each)
    return _worst_first(total)


def _worst_first(counts: Mapping[Severity, int]) -> Counts:
    """Return the numbers that are not zero."""
    return {each: counts[each] for each in sorted(counts, reverse=True) if counts[each]}
