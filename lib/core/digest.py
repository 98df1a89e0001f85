"""
The digest: open findings of a destination, and the changes since the last digest. Pure.

    Schedule        the times at which a digest is due
    stream_digest   the share of one stream, filtered by the routes to a destination
    digest          all streams together
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
"""The stream of all digests: those of a destination form one thread."""
PERIODS: Final = 8
"""The number of periods in the trend."""

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
        """The time that one digest covers."""
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
    Return the id of a digest, which is the same each time the digest is created.

    Two stages create their digests at the same times, and a receiver may drop a repeated id: so the
    stage is a part of it.
    """
    subject = f"digest\n{stage}\n{destination}\n{until.isoformat()}"
    return DeliveryId(hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()[:32])


# --- one stream -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """The stored facts about a stream."""

    now: Baseline
    """The newest image."""
    before: Baseline | None
    """The newest image when the period began; None if there was none."""
    history: Sequence[HistoryEntry]
    """Evaluations, oldest first, from before the first moment of the trend."""
    comparable: bool = True
    """False if there was an image before that is not stored any more."""


@dataclass(frozen=True, slots=True)
class StreamDigest:
    """The share of one stream in a digest."""

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
    """None for moments before the first scan."""
    complete: bool
    comparable: bool
    problem: UnscannedImage | None


def stream_digest(
    facts: StreamFacts, filters: Sequence[Filter], *, moments: Sequence[datetime]
) -> StreamDigest:
    """Return the findings of a stream that pass the filters, now and at the trend's moments."""
    newest = facts.now
    now = _open(newest, filters)
    before = _open(facts.before, filters) if facts.before is not None else {}
    before = before if facts.comparable else now
    new, resolved = now.keys() - before.keys(), before.keys() - now.keys()
    since = {finding: newest.since[finding] for finding in now if finding in newest.since}
    worst = sorted(resolved, key=lambda finding: (-before[finding].severity, finding))[:_RESOLVED]
    return StreamDigest(
        image=newest.image,
        counts=_count(now.values()),
        fixable=sum(state.fixable for state in now.values()),
        exploitable=sum(state.exploitable for state in now.values()),
        new=_count(now[finding] for finding in new),
        resolved=_count(before[finding] for finding in resolved),
        resolved_vulnerabilities=tuple(
            (vulnerability_id, before[vulnerability_id, package, path].severity, package)
            for vulnerability_id, package, path in worst
        ),
        ages=_ages(now, since, until=moments[-1]),
        oldest=min(since.values(), default=None),
        trend=tuple(_at(moment, facts.history, filters) for moment in moments[:-1]),
        complete=newest.scan.complete,
        comparable=facts.comparable,
        problem=_problem(newest, facts.history),
    )


def _open(baseline: Baseline, filters: Sequence[Filter]) -> dict[FindingId, FindingState]:
    """Return the open, unsuppressed findings that pass a filter."""
    return {
        finding: state
        for finding, state in baseline.standings.items()
        if state.open
        and finding not in baseline.suppressed
        and any(refusal(state, baseline.image, filter_) is None for filter_ in filters)
    }


def _ages(
    now: Mapping[FindingId, FindingState], since: Mapping[FindingId, datetime], *, until: datetime
) -> Mapping[str, Counts]:
    bands: dict[str, Counter[Severity]] = {words: Counter() for _, words in _BANDS}
    for finding, state in now.items():
        age = until - since.get(finding, until)
        words = next(words for most, words in _BANDS if most is None or age <= most)
        bands[words][state.severity] += 1
    return bands


def _at(
    moment: datetime, history: Sequence[HistoryEntry], filters: Sequence[Filter]
) -> Counts | None:
    """Return the open findings at a time, by the last usable scan; None before the first scan."""
    earlier = (entry for entry in reversed(history) if entry.usable and entry.at <= moment)
    entry = next(earlier, None)
    if entry is None:
        return None
    numbers = {
        severity: passing(tally, severity, entry.image, filters)
        for severity, tally in entry.open.items()
    }
    return {severity: number for severity, number in numbers.items() if number}


def _problem(counted: Baseline, history: Sequence[HistoryEntry]) -> UnscannedImage | None:
    """Return why the numbers are those of an older scan; None if they are not."""
    if not history or history[-1].usable:
        return None
    image = history[-1].image
    when = f", the scan before it of {counted.scan.completed_at:%Y-%m-%d} is counted"
    return UnscannedImage(
        image, f"its last scan has no result{when if counted.scan.completed_at else ''}"
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
    """Return the digest of a destination: the sum of its streams."""
    counts = _sum(stream.counts for stream in streams)
    new = _sum(stream.new for stream in streams)
    resolved = _sum(stream.resolved for stream in streams)
    oldest = [stream.oldest for stream in streams if stream.oldest is not None]
    moments = schedule.moments(until)
    return Digest(
        delivery_id=digest_id(stage, destination, until),
        destination=destination,
        stream=STREAM,
        since=until - schedule.period,
        until=until,
        routes=tuple(dict.fromkeys(routes)),
        images=len(streams),
        clean=sum(
            not stream.counts and stream.complete and not stream.problem for stream in streams
        ),
        counts=counts,
        fixable=sum(stream.fixable for stream in streams),
        exploitable=sum(stream.exploitable for stream in streams),
        open_before=_open_before(counts, new, resolved),
        new=new,
        resolved=resolved,
        resolved_vulnerabilities=_resolved_vulnerabilities(streams),
        ages=tuple(
            Age(words, _sum(stream.ages[words] for stream in streams)) for _, words in _BANDS
        ),
        oldest_open_since=min(oldest, default=None),
        repositories=_repositories(streams),
        trend=(*_trend(streams, moments[:-1]), Moment(until, counts)),
        unscanned=_once((*(stream.problem for stream in streams if stream.problem), *unscanned)),
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
    """Yield the open findings at each time; nothing for times before the first scan."""
    for index, at in enumerate(moments):
        counts = [stream.trend[index] for stream in streams]
        numbers = [number for number in counts if number is not None]
        if numbers:
            yield Moment(at, _sum(numbers))


def _once(images: Iterable[UnscannedImage]) -> tuple[UnscannedImage, ...]:
    """Return every image once, with the first reason."""
    first: dict[str, UnscannedImage] = {}
    for image in images:
        first.setdefault(image.image.key, image)
    return tuple(first.values())


def _warnings(streams: Sequence[StreamDigest]) -> Iterable[str]:
    partial = sum(not stream.complete for stream in streams)
    lost = sum(not stream.comparable for stream in streams)
    if partial:
        yield f"{partial:,} {_images(partial)} fewer findings listed than counted"
    if lost:
        yield f"{lost:,} {_images(lost)} nothing stored to compare with"


def _images(number: int) -> str:
    return "image has" if number == 1 else "images have"


def _resolved_vulnerabilities(streams: Sequence[StreamDigest]) -> tuple[ResolvedVulnerability, ...]:
    numbers = Counter(
        name for stream in streams for name in dict.fromkeys(stream.resolved_vulnerabilities)
    )
    vulnerabilities = (
        ResolvedVulnerability(name, severity, package, images)
        for (name, severity, package), images in numbers.items()
    )
    return tuple(
        sorted(
            vulnerabilities,
            key=lambda entry: (
                -entry.severity,
                -entry.images,
                entry.vulnerability_id,
                entry.package,
            ),
        )
    )


def _repositories(streams: Sequence[StreamDigest]) -> tuple[RepositoryDigest, ...]:
    groups: dict[tuple[str, str, str], list[StreamDigest]] = {}
    for stream in streams:
        image = stream.image
        groups.setdefault((image.account, image.region, image.repository), []).append(stream)
    repositories = [
        RepositoryDigest(
            *names,
            images=len(group),
            counts=_sum(stream.counts for stream in group),
            new=sum(sum(stream.new.values()) for stream in group),
            resolved=sum(sum(stream.resolved.values()) for stream in group),
        )
        for names, group in groups.items()
    ]
    with_findings = (repository for repository in repositories if repository.counts)
    return tuple(sorted(with_findings, key=_worst_repository_first))


def _worst_repository_first(repository: RepositoryDigest) -> tuple[object, ...]:
    numbers = tuple(-repository.counts.get(severity, 0) for severity in reversed(Severity))
    return (numbers, repository.repository, repository.account, repository.region)


def _count(states: Iterable[FindingState]) -> Counts:
    return _worst_first(Counter(state.severity for state in states))


def _sum(counts: Iterable[Counts]) -> Counts:
    total: Counter[Severity] = Counter()
    for numbers in counts:
        total.update(numbers)
    return _worst_first(total)


def _worst_first(counts: Mapping[Severity, int]) -> Counts:
    """Return the numbers that are not zero."""
    return {
        severity: counts[severity] for severity in sorted(counts, reverse=True) if counts[severity]
    }
