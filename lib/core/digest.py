"""
The digest by the states of streams and today's rules. Pure.

    stream_share    what one destination's routes ask for in one stream
    digest_of       all shares together, compared with those of the digest before

A vulnerability counts once in a stream, at the first image that has it. An image that is watched in
several streams counts once, and so do its vulnerabilities.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from sys import intern
from typing import Final, NamedTuple

from lib.core.desired import desired
from lib.core.problems import in_short
from lib.core.schedule import PERIODS, STREAM, Schedule, digest_id
from lib.core.streams import is_settings
from lib.core.verdicts import Judge, RuleSet
from lib.core.vulnerabilities import ByName, find
from lib.models import (
    Age,
    Counts,
    Destination,
    Digest,
    Finding,
    Moment,
    PackageDigest,
    RepositoryDigest,
    ResolvedVulnerability,
    Severity,
    StreamId,
    UnscannedImage,
)
from lib.models.current import CountedImage, CurrentCopy, DigestBasis, OpenItem, StreamShare
from lib.models.streams import PartState, StreamState, WatchedImage
from lib.models.views import Desired, DesiredItem

_BANDS: Final = (
    (timedelta(days=7), "up to 7 days"),
    (timedelta(days=30), "8 to 30 days"),
    (timedelta(days=90), "31 to 90 days"),
    (None, "over 90 days"),
)
_PACKAGES: Final = 3
"""Packages that a digest names: the next steps of its readers."""
_ALTERNATING: Final = 3
"""Streams whose tags alternate that are named; the others are counted."""
RULES_CHANGED: Final = (
    "alerts.yml changed since the last digest: what it asks for now, or no longer, is new or gone"
)


# --- one stream -------------------------------------------------------------------------------


def stream_share(
    copy: CurrentCopy,
    destination: Destination,
    rules: RuleSet,
    *,
    today: date,
) -> StreamShare | None:
    """
    Return the share of a stream; None: no route leads from its images to the destination.

    The settings of a repository are no image, and have no share.

    """
    state = copy.state
    if is_settings(state.stream):
        return None
    wanted = desired(state, destination, rules, today=today)
    if not wanted.applies:
        return None
    judges = [Judge(watched, destination, rules, today, {}) for watched in state.images]
    routed = [judge.watched for judge in judges if judge.applies]
    items = [item for item in wanted.items.values() if item.reported.condition is None]
    affected = {image.key for item in items for image in item.images}
    return StreamShare(
        state.stream,
        routes=tuple(sorted({route for judge in judges for route in judge.routes})),
        images=tuple([_counted(watched, affected) for watched in routed if _has_result(watched)]),
        items=tuple([_open_item(item, state) for item in items]),
        troubles=tuple(_troubles(wanted, state)),
        alternating=copy.alternating,
    )


def _has_result(watched: WatchedImage) -> bool:
    return any(part.evidence for part in watched.parts)


def _counted(watched: WatchedImage, affected: Iterable[str]) -> CountedImage:
    current = all(part.reason is None and part.monitored for part in watched.parts)
    complete = all(entry.complete for part in watched.parts for entry in part.evidence[:1])
    key = watched.image.key
    return CountedImage(key, clean=current and complete and key not in affected, complete=complete)


def _open_item(item: DesiredItem, state: StreamState) -> OpenItem:
    reported = item.reported
    lifecycle = find(state.lifecycles, (reported.id, *reported.names))
    # Of 5,000 streams: the same names come again and again, and are kept once.
    return OpenItem(
        intern(reported.id),
        tuple([intern(name) for name in reported.names if name != reported.id]),
        reported.severity,
        reported.fixable,
        reported.exploitable,
        intern(_package(item.findings)),
        state.at if lifecycle is None else lifecycle.first_observed_at,
        intern(item.images[0].key),
    )


def _package(findings: Iterable[Finding]) -> str:
    names = list(dict.fromkeys(finding.package.name for finding in findings))
    others = len(names) - 1
    return f"{names[0]} and {others:,} more" if others else names[0]


def _troubles(wanted: Desired, state: StreamState) -> Iterator[UnscannedImage]:
    """Yield each image with a condition that is not suppressed, and all its conditions."""
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for item in wanted.items.values():
        if item.reported.condition is not None:
            for image in item.images:
                reasons[image.key].append(in_short(item.reported.id, item.reason))
    for watched in state.images:
        words = reasons.get(watched.image.key)
        if words:
            since = _counted_since(watched)
            yield UnscannedImage(watched.image, "; ".join([*words, *since]))


def _counted_since(watched: WatchedImage) -> Iterator[str]:
    """Yield of which day the results are that still count; nothing where there is none."""
    parts = [part for part in watched.parts if part.evidence and _is_behind(part)]
    if parts:
        at = min(part.evidence[0].at for part in parts)
        yield f"the scan of {at:%Y-%m-%d} is counted"


def _is_behind(part: PartState) -> bool:
    return part.reason is not None or not part.monitored


# --- all together -----------------------------------------------------------------------------


class _Entry(NamedTuple):
    """A vulnerability that counts, in the stream where it does."""

    stream: StreamId
    item: OpenItem


def digest_of(
    shares: Sequence[StreamShare],
    *,
    before: DigestBasis | None,
    rules: str,
    stage: str,
    destination: Destination,
    schedule: Schedule,
    until: datetime,
) -> Digest:
    """Return the digest of a destination. `before`: the basis of the digest before; None: none."""
    earlier = None if before is None else before.shares.get(destination)
    now = _once(shares)
    new, resolved = _compared(now, _once(earlier or ()))
    counts, came, gone = _count(now), _count(new), _count(resolved)
    images = {image.key for share in shares for image in share.images}
    unclean = {image.key for share in shares for image in share.images if not image.clean}
    return Digest(
        delivery_id=digest_id(stage, destination, until),
        destination=destination,
        stream=STREAM,
        since=until - schedule.period if before is None or earlier is None else before.until,
        until=until,
        routes=tuple(sorted({route for share in shares for route in share.routes})),
        images=len(images),
        clean=len(images - unclean),
        counts=counts,
        fixable=sum(entry.item.fixable for entry in now),
        exploitable=sum(entry.item.exploitable for entry in now),
        open_before=_worst_first(
            {
                severity: counts.get(severity, 0) + gone.get(severity, 0) - came.get(severity, 0)
                for severity in Severity
            }
        ),
        new=came,
        resolved=gone,
        resolved_vulnerabilities=_resolved(resolved),
        ages=_ages(now, until),
        oldest_open_since=min([entry.item.first_observed_at for entry in now], default=None),
        repositories=_repositories(shares, now, new, resolved),
        trend=(*_trend(before, destination), Moment(until, counts)),
        unscanned=_unscanned(shares),
        warnings=tuple(_warnings(shares, before, rules)),
        packages=_packages(now),
    )


def _once(shares: Iterable[StreamShare]) -> list[_Entry]:
    """Return what counts: each vulnerability of an image once, in the first stream that has it."""
    entries: dict[tuple[str, str], _Entry] = {}
    for share in sorted(shares, key=lambda share: share.stream):
        for item in share.items:
            entries.setdefault((item.image, item.id), _Entry(share.stream, item))
    return list(entries.values())


def _compared(
    now: Sequence[_Entry], before: Sequence[_Entry]
) -> tuple[Sequence[_Entry], Sequence[_Entry]]:
    """
    Return what is new, and what is resolved.

    The same vulnerability of the same stream is neither, in whatever image, under whatever name;
    nor is that of the same image, in whatever stream: rules and tags can divide streams anew.
    """
    new, resolved = _unmatched(now, before, lambda entry: entry.stream)
    return _unmatched(new, resolved, lambda entry: entry.item.image)


def _unmatched(
    now: Sequence[_Entry], before: Sequence[_Entry], place: Callable[[_Entry], str]
) -> tuple[Sequence[_Entry], Sequence[_Entry]]:
    """Return the entries without a partner of the same place and vulnerability."""
    groups: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in before:
        groups[place(entry)].append(entry)
    lookups = {
        name: ByName((entry.item.id, entry.item.names, entry) for entry in group)
        for name, group in groups.items()
    }
    new, matched = [], set()
    for entry in now:
        lookup = lookups.get(place(entry))
        partner = lookup and lookup.get(entry.item.id, entry.item.names)
        if partner and id(partner) not in matched:
            matched.add(id(partner))
        else:
            new.append(entry)
    return new, [entry for entry in before if id(entry) not in matched]


def _trend(before: DigestBasis | None, destination: Destination) -> Sequence[Moment]:
    return () if before is None else before.trends.get(destination, ())[1 - PERIODS :]


def _resolved(entries: Iterable[_Entry]) -> tuple[ResolvedVulnerability, ...]:
    numbers = Counter((entry.item.id, entry.item.severity, entry.item.package) for entry in entries)
    resolved = [
        ResolvedVulnerability(name, severity, package, images)
        for (name, severity, package), images in numbers.items()
    ]
    return tuple(
        sorted(
            resolved,
            key=lambda entry: (
                -entry.severity,
                -entry.images,
                entry.vulnerability_id,
                entry.package,
            ),
        )
    )


def _ages(entries: Iterable[_Entry], until: datetime) -> tuple[Age, ...]:
    bands: dict[str, Counter[Severity]] = {words: Counter() for _, words in _BANDS}
    for entry in entries:
        age = until - entry.item.first_observed_at
        words = next(words for most, words in _BANDS if most is None or age <= most)
        bands[words][entry.item.severity] += 1
    return tuple([Age(words, _worst_first(counts)) for words, counts in bands.items()])


def _packages(entries: Iterable[_Entry]) -> tuple[PackageDigest, ...]:
    """Return the packages whose upgrade would help most, the worst first."""
    groups: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.item.package].append(entry)
    packages = [
        PackageDigest(
            name,
            _count(group),
            sum(entry.item.fixable for entry in group),
            tuple(dict.fromkeys(_name(entry.stream) for entry in group)),
        )
        for name, group in groups.items()
    ]
    return tuple(sorted(packages, key=_worst_package_first)[:_PACKAGES])


def _worst_package_first(package: PackageDigest) -> tuple[object, ...]:
    numbers = tuple([-package.counts.get(severity, 0) for severity in reversed(Severity)])
    return (*numbers, package.package)


def _repositories(
    shares: Iterable[StreamShare],
    now: Iterable[_Entry],
    new: Iterable[_Entry],
    resolved: Iterable[_Entry],
) -> tuple[RepositoryDigest, ...]:
    """Return the repositories with something open, worst first."""
    images: defaultdict[str, set[str]] = defaultdict(set)
    for share in shares:
        images[_repository(share.stream)] |= {image.key for image in share.images}
    came = Counter(_repository(entry.stream) for entry in new)
    gone = Counter(_repository(entry.stream) for entry in resolved)
    groups: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in now:
        groups[_repository(entry.stream)].append(entry)
    repositories = []
    for name, group in groups.items():
        account, region, repository = name.split("/", 2)
        numbers = (len(images[name]), _count(group), came[name], gone[name])
        repositories.append(RepositoryDigest(account, region, repository, *numbers))
    return tuple(sorted(repositories, key=_worst_repository_first))


def _repository(stream: StreamId) -> str:
    """Return account, region and name of the repository of a stream."""
    return stream.partition("|")[0]


def _name(stream: StreamId) -> str:
    """Return the name of the repository of a stream."""
    return _repository(stream).split("/", 2)[2]


def _worst_repository_first(repository: RepositoryDigest) -> tuple[object, ...]:
    numbers = tuple([-repository.counts.get(severity, 0) for severity in reversed(Severity)])
    return (numbers, repository.repository, repository.account, repository.region)


def _unscanned(shares: Iterable[StreamShare]) -> tuple[UnscannedImage, ...]:
    """Return each image once, as the first stream has it."""
    images: dict[str, UnscannedImage] = {}
    for share in shares:
        for trouble in share.troubles:
            images.setdefault(trouble.image.key, trouble)
    return tuple(images.values())


def _warnings(
    shares: Sequence[StreamShare], before: DigestBasis | None, rules: str
) -> Iterator[str]:
    if before is not None and before.rules != rules:
        yield RULES_CHANGED
    partial = len({image.key for share in shares for image in share.images if not image.complete})
    if partial:
        images = "image has" if partial == 1 else "images have"
        yield f"{partial:,} {images} fewer findings listed than counted"
    yield from _alternating([share for share in shares if share.alternating])


def _alternating(shares: Sequence[StreamShare]) -> Iterator[str]:
    """Yield the streams with tags of two kinds, and count most: other warnings need room."""
    for share in shares[:_ALTERNATING]:
        kinds = " and ".join(share.alternating)
        place = _name(share.stream)
        yield f"tags of the kinds {kinds} alternate in {place}: name them in `streams`"
    others = len(shares) - _ALTERNATING
    if others > 0:
        yield f"tags of two kinds alternate in {others:,} more stream{'s' * (others > 1)}"


def _count(entries: Iterable[_Entry]) -> Counts:
    return _worst_first(Counter(entry.item.severity for entry in entries))


def _worst_first(counts: Mapping[Severity, int]) -> Counts:
    """Return the numbers that are not zero."""
    return {
        severity: counts[severity] for severity in sorted(counts, reverse=True) if counts[severity]
    }
