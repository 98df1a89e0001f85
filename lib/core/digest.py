"""
The digest of one destination: the shares of all streams, compared with the digest before. Pure.

A vulnerability counts once in a stream. An image that is watched in several streams counts once,
and so do its vulnerabilities.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from lib.core.digest_steps import packages_of
from lib.core.schedule import PERIODS, STREAM, Schedule, digest_id
from lib.core.shares import worst_first
from lib.core.upgrades import is_kernel
from lib.core.vulnerabilities import ByName
from lib.models import (
    Age,
    Counts,
    Destination,
    Digest,
    Image,
    Moment,
    OmissionKind,
    Omitted,
    OtherFixes,
    RepositoryDigest,
    ResolvedVulnerability,
    Severity,
    StreamId,
    Unknown,
    UnlistedVulnerability,
    UnscannedImage,
)
from lib.models.current import DigestBasis, OpenItem, StreamShare

_MONTH: Final = timedelta(days=30)
_BANDS: Final = (
    (timedelta(days=7), "up to 7 days"),
    (_MONTH, "8 to 30 days"),
    (timedelta(days=90), "31 to 90 days"),
    (None, "over 90 days"),
)
UNDATED: Final = "no date given"
"""The age of what was seen here first within these days: the scanner may have known it longer."""
_VERSION_TAG: Final = re.compile(r"v?\d", re.ASCII)
"""The beginning of a tag that names a release: others, such as production, move on."""
_ALTERNATING: Final = 3
"""Streams whose tags alternate that are named; the others are counted."""
_STREAMS: Final = 3
"""Streams of a repository or an image that are kept, for links to their alerts."""
RULES_CHANGED: Final = (
    "alerts.yml changed since the last digest: what it asks for now, or no longer, is new or gone"
)


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
    items = [entry.item for entry in now]
    new, resolved = _compared(now, _once(earlier or ()))
    oldest = min(now, key=lambda entry: entry.item.first_observed_at, default=None)
    since = {share.stream: share.oldest_here_since for share in shares}
    counts, came, gone = _count(now), _count(new), _count(resolved)
    images = _images(shares)
    packages, fixes_left_out = packages_of(items, images)
    distinct, shared, distinct_disputed = _distinct(now)
    unclean = {image.key for share in shares for image in share.images if not image.clean}
    return Digest(
        delivery_id=digest_id(stage, destination, until),
        destination=destination,
        stream=STREAM,
        since=until - schedule.period if before is None or earlier is None else before.until,
        until=until,
        routes=tuple(sorted({route for share in shares for route in share.routes})),
        images=len(images),
        clean=len(images.keys() - unclean),
        counts=counts,
        fixable=sum(map(_has_fix, items)),
        exploitable=sum(item.exploitable for item in items),
        unknown_fixes=_unknown(
            [item for item in items if item.fix_unknown and not item.described], images
        ),
        other_fixes=OtherFixes(
            hosts=sum(item.fixable and not _has_fix(item) for item in items),
            described=sum(bool(item.described) and not item.fixable for item in items),
        ),
        unknown_exploits=_unknown([item for item in items if item.exploit_unknown], images),
        open_before=worst_first(
            {
                severity: counts.get(severity, 0) + gone.get(severity, 0) - came.get(severity, 0)
                for severity in Severity
            }
        ),
        new=came,
        resolved=gone,
        resolved_vulnerabilities=_resolved(resolved),
        ages=_ages(now, until),
        oldest_open_since=(
            None if oldest is None or oldest.item.undated else oldest.item.first_observed_at
        ),
        oldest_here_since=None if oldest is None else since[oldest.stream],
        oldest="" if oldest is None else oldest.item.id,
        distinct=distinct,
        shared=shared,
        distinct_disputed=distinct_disputed,
        repositories=_repositories(shares, images, now, new, resolved),
        trend=(*_trend(before, destination), Moment(until, counts)),
        unscanned=_unscanned(shares),
        warnings=tuple(_warnings(shares, before, rules)),
        packages=packages,
        fixes_left_out=fixes_left_out,
        omitted=_all_omitted(shares),
        unlisted=_unlisted(shares),
    )


def _unlisted(shares: Iterable[StreamShare]) -> tuple[UnlistedVulnerability, ...]:
    """Return each vulnerability of an image once, worst first."""
    gone = dict.fromkeys(one for share in shares for one in share.unlisted)
    return tuple(sorted(gone, key=lambda one: (-one.severity, one.id, one.image)))


def _images(shares: Sequence[StreamShare]) -> dict[str, Image]:
    """
    Return the images with a result by their keys.

    As tags they have the names that their streams give them: that of a release comes first.
    """
    images: dict[str, Image] = {}
    names: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for share in sorted(shares, key=lambda share: share.stream):
        for counted in share.images:
            images.setdefault(counted.key, counted.image)
            names[counted.key] |= dict.fromkeys(counted.image.tags[:1])
    return {
        key: replace(image, tags=tuple(sorted(names[key], key=_is_moving)))
        for key, image in images.items()
    }


def _is_moving(tag: str) -> bool:
    return _VERSION_TAG.match(tag) is None


def _distinct(entries: Iterable[_Entry]) -> tuple[int, int, Mapping[str, int]]:
    """
    Return how many vulnerabilities there are, each once in all images, whatever its name.

    And how many of them are in several images, and how many are disputed wherever they are.
    """
    groups: dict[str, set[str]] = {}
    images: defaultdict[str, set[str]] = defaultdict(set)
    disputed: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        names = {entry.item.id, *entry.item.names}
        # A name that is in no group yet is one alone. One entry can join several groups.
        joined = names.union(*(groups[name] for name in names if name in groups))
        groups |= dict.fromkeys(joined, joined)
        images[entry.item.id].add(entry.item.image)
        disputed[entry.item.id].add(entry.item.disputed)
    distinct = {id(group): group for group in groups.values()}.values()
    places = [set().union(*(images.get(name, ()) for name in group)) for group in distinct]
    words = [set().union(*(disputed.get(name, ()) for name in group)) for group in distinct]
    sure = Counter(next(iter(word)) for word in words if len(word) == 1 and "" not in word)
    return len(places), sum(len(place) > 1 for place in places), sure


def _has_fix(item: OpenItem) -> bool:
    """Return whether a new image fixes an item: a kernel is that of the hosts, as pages count."""
    return item.fixable and not (is_kernel(item.package) and not item.others)


def _unknown(items: Sequence[OpenItem], images: Mapping[str, Image]) -> Unknown:
    keys = dict.fromkeys(item.image for item in items)
    return Unknown(len(items), tuple([images[key] for key in keys]))


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
    numbers = Counter(
        (entry.item.id, entry.item.severity, _package_words(entry.item)) for entry in entries
    )
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
    bands = {words: Counter[Severity]() for words in (*(words for _, words in _BANDS), UNDATED)}
    for entry in entries:
        age = until - entry.item.first_observed_at
        most, words = next(band for band in _BANDS if band[0] is None or age <= band[0])
        if entry.item.undated and most is not None:
            words = UNDATED
        bands[words][entry.item.severity] += 1
    old = {words for most, words in _BANDS if most is None or most > _MONTH}
    return tuple([Age(words, worst_first(counts), words in old) for words, counts in bands.items()])


def _package_words(item: OpenItem) -> str:
    others = item.other or f"{item.others:,} more"
    return f"{item.package} and {others}" if item.others else item.package


def _all_omitted(shares: Iterable[StreamShare]) -> Omitted:
    """
    Count what is left out of all images.

    Of an image of several streams counts what each of them leaves out: one may ask for more.
    """
    images: dict[str, Omitted] = {}
    for share in shares:
        for image in share.images:
            before = images.get(image.key, image.omitted)
            images[image.key] = {
                kind: _less(before.get(kind, {}), image.omitted.get(kind, {}))
                for kind in OmissionKind
            }
    totals = {
        kind: sum((Counter(omitted.get(kind, {})) for omitted in images.values()), Counter())
        for kind in OmissionKind
    }
    return {kind: worst_first(counts) for kind, counts in totals.items() if counts}


def _less(one: Counts, other: Counts) -> Counts:
    """Return the lower number of each severity."""
    return {severity: min(number, other.get(severity, 0)) for severity, number in one.items()}


def _repositories(
    shares: Iterable[StreamShare],
    images: Mapping[str, Image],
    now: Iterable[_Entry],
    new: Iterable[_Entry],
    resolved: Iterable[_Entry],
) -> tuple[RepositoryDigest, ...]:
    """Return the repositories with something open, worst first."""
    places: defaultdict[str, dict[str, StreamId]] = defaultdict(dict)
    streams: defaultdict[str, list[StreamId]] = defaultdict(list)
    for share in shares:
        streams[_repository(share.stream)] += [share.stream] if share.items else []
        for image in share.images:
            places[_repository(share.stream)].setdefault(image.key, share.stream)
    came = Counter(_repository(entry.stream) for entry in new)
    gone = Counter(_repository(entry.stream) for entry in resolved)
    groups: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in now:
        groups[_repository(entry.stream)].append(entry)
    repositories = []
    for name, group in groups.items():
        account, region, repository = name.split("/", 2)
        numbers = (len(places[name]), _count(group), came[name], gone[name])
        key, stream = next(iter(places[name].items()), ("", None))
        own = tuple(sorted(streams[name])[:_STREAMS])
        repositories.append(
            RepositoryDigest(account, region, repository, *numbers, images.get(key), stream, own)
        )
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
    streams: defaultdict[str, list[StreamId]] = defaultdict(list)
    for share in shares:
        for trouble in share.troubles:
            images.setdefault(trouble.image.key, trouble)
            streams[trouble.image.key].append(share.stream)
    return tuple(
        [
            replace(trouble, streams=tuple(sorted(streams[key])[:_STREAMS]))
            for key, trouble in images.items()
        ]
    )


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
    return worst_first(Counter(entry.item.severity for entry in entries))
