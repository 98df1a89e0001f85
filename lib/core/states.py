"""
The state of a stream after something happened: its watched images, and what is known of each. Pure.

A part without a complete result of its own keeps what the same part had in the stream's last one:
no report is no news. `lib.core.lifecycles` says what that means for each vulnerability.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from lib.core.conditions import conditions
from lib.core.endings import unlisted
from lib.core.evidence import ENDED, NOT_FOUND, RUNNING, facts, part_states
from lib.core.lifecycles import course
from lib.core.vulnerabilities import vulnerabilities_of
from lib.models import Finding, Image, StreamId
from lib.models.streams import (
    Comparison,
    Departure,
    Evidence,
    PartState,
    Role,
    ScanRecord,
    Stamp,
    StreamState,
    Watch,
    WatchedImage,
)

_EXPECTED: Final = RUNNING | {NOT_FOUND}
"""A result may still come."""


def next_state(
    stream: StreamId,
    previous: StreamState | None,
    watch: Watch,
    records: Mapping[str, ScanRecord],
    *,
    now: datetime,
    reference: frozenset[str] | None = None,
    reported: Collection[str] | None = None,
) -> StreamState:
    """
    Return the state of a stream; `previous` itself where nothing differs.

    `records`: what is stored of the scans of the watched images, by digest. `reference`: for a
    stream that is compared with another one, the names of what that one's current image has.
    `reported`: the ids of what a view reports, or an open notification may have sent; None: it is
    not known. What left the stream is kept as long as it is among them, or not proven fixed though
    its package is the same: digests count that.
    """
    state = previous or StreamState(stream, 0, now, now)
    images = tuple(_images(state, watch, records))
    comparison = _comparison(state, images, reference)
    if previous is not None and (images, comparison) == (previous.images, previous.comparison):
        return previous
    stamp = Stamp(state.version + 1, now)
    evident = any(part.evidence for watched in images for part in watched.parts)
    lifecycles, departures = course(state, images, arrival=watch.arrival, stamp=stamp)
    return replace(
        state,
        version=stamp.version,
        at=now,
        images=images,
        lifecycles=lifecycles,
        departures=MappingProxyType(
            {**_kept(departures, stamp, reported), **unlisted(images, departures)}
        ),
        conditions=_conditions(state, images, stamp),
        comparison=comparison,
        first_result_at=state.result_since or (now if evident else None),
    )


def names_of(state: StreamState | None) -> frozenset[str]:
    """Return what the current image of a stream has open, each vulnerability under all names."""
    current = state.current if state is not None else None
    return _names(() if current is None else (current,))


def _names(images: Sequence[WatchedImage]) -> frozenset[str]:
    return frozenset(
        name
        for group in vulnerabilities_of(images)
        if any(finding.open for finding in group.findings)
        for name in group.names
    )


def _images(
    state: StreamState, watch: Watch, records: Mapping[str, ScanRecord]
) -> Iterator[WatchedImage]:
    images = [] if watch.current is None else [(watch.current, Role.CURRENT, watch.current_runs)]
    images += [(image, Role.RUNNING, True) for image in watch.running]
    for image, role, running in images:
        record = records.get(image.digest)
        provenance = record.provenance if record is not None else None
        parts = _parts(state, image, role, records)
        yield WatchedImage(image.settled, role, running, parts, provenance)


def _parts(
    state: StreamState, image: Image, role: Role, records: Mapping[str, ScanRecord]
) -> tuple[PartState, ...]:
    """
    Return the parts of a watched image.

    A new current image takes over what the one before it, else another one of the stream, had. An
    image behind it speaks for itself alone. Without an answer about its scans it stays as it was.
    """
    own = next((item for item in state.images if item.image.digest == image.digest), None)
    record = records.get(image.digest)
    if record is None and own is not None:
        return own.parts
    others = [item for item in state.images if item is not own]
    if role is Role.RUNNING or (own is not None and own.role is Role.CURRENT):
        others = []
    before = own or state.current
    names = () if before is None else tuple([part.part for part in before.parts])
    return tuple(
        [_part(part, image, own, others) for part in part_states(image.settled, record, names)]
    )


def _part(
    part: PartState, image: Image, own: WatchedImage | None, others: Iterable[WatchedImage]
) -> PartState:
    """Return a part with its evidence: its own, and what it takes over."""
    earlier = _evidence_of(own, part.part) if own is not None else ()
    lent = next(filter(None, (_evidence_of(other, part.part) for other in others)), ())
    news = tuple([_same_or_new(evidence, earlier) for evidence in part.evidence])
    evidence = tuple(_chain((*news, *earlier, *lent)))
    listed = bool(evidence) and evidence[0].image.digest == image.digest
    if part.status in ENDED and listed:
        return replace(part, reason=None, monitored=False, evidence=evidence)
    return replace(part, evidence=evidence)


def _evidence_of(watched: WatchedImage, name: str) -> tuple[Evidence, ...]:
    """Return the evidence of an image's part; a single one without a name stands for any."""
    single = len(watched.parts) == 1
    return next(
        (
            tuple([_named(evidence, name) for evidence in part.evidence])
            for part in watched.parts
            if part.part == name or (single and "" in (part.part, name))
        ),
        (),
    )


def _named(evidence: Evidence, name: str) -> Evidence:
    return evidence if evidence.part == name else replace(evidence, part=name)


def _same_or_new(evidence: Evidence, earlier: Iterable[Evidence]) -> Evidence:
    """Return the evidence that is known where a scan lists the same again, however new it is."""
    same = (old for old in earlier if _identity(old) == _identity(evidence))
    old = next((old for old in same if facts(old.findings) == facts(evidence.findings)), None)
    return evidence if old is None else _with_image(old, evidence.image)


def _with_image(evidence: Evidence, image: Image) -> Evidence:
    return evidence if evidence.image == image else replace(evidence, image=image)


def _identity(evidence: Evidence) -> tuple[object, ...]:
    return (evidence.image.digest, evidence.part, evidence.source, evidence.complete)


def _chain(candidates: Iterable[Evidence]) -> Iterator[Evidence]:
    """
    Yield evidence, the newest first, up to the first that is complete.

    Of an older one only that remains of which newer ones say nothing.
    """
    listed: set[tuple[str, str]] = set()
    for number, evidence in enumerate(candidates):
        findings = tuple([row for row in evidence.findings if _subject(row) not in listed])
        if number == 0 or len(findings) == len(evidence.findings) > 0:
            yield evidence
        elif findings:
            yield replace(evidence, findings=findings)
        if evidence.complete:
            return
        listed |= set(map(_subject, findings))


def _subject(finding: Finding) -> tuple[str, str]:
    return (finding.vulnerability_id.upper(), finding.package.name)


def _conditions(
    state: StreamState, images: Iterable[WatchedImage], stamp: Stamp
) -> Mapping[str, Stamp]:
    """Return what is wrong with the scans of parts, and since when."""
    keys = (
        condition.key for image in images for part in image.parts for condition in conditions(part)
    )
    return MappingProxyType({key: state.conditions.get(key, stamp) for key in keys})


def _comparison(
    state: StreamState, images: Sequence[WatchedImage], reference: frozenset[str] | None
) -> Comparison | None:
    """
    Return with what the current image is compared, which is settled by its first complete report.

    A part that failed then can have its first result later: what that lists counts, too.
    Without a `reference`, or without a current image, nothing changes.
    """
    current = next((image for image in images if image.role is Role.CURRENT), None)
    old = state.comparison
    if reference is None or current is None:
        return old
    digest = current.image.digest
    if old is not None and old.digest == digest and old.first is not None:
        late = _names(tuple(_late(state, current)))
        return old if late <= old.first else replace(old, first=old.first | late)
    return Comparison(digest, reference, _names((current,)) if _is_settled(current) else None)


def _late(state: StreamState, current: WatchedImage) -> Iterator[WatchedImage]:
    """Yield a watched image with those parts alone that have their first result now."""
    before = next(
        (item for item in state.images if item.image.digest == current.image.digest), None
    )
    if before is None:
        return
    parts = [
        part
        for part in current.parts
        if _has_result(part.evidence, current.image)
        and not _has_result(_evidence_of(before, part.part), current.image)
    ]
    if parts:
        yield replace(current, parts=tuple(parts))


def _has_result(evidence: Iterable[Evidence], image: Image) -> bool:
    return any(item.image.digest == image.digest for item in evidence)


def _is_settled(watched: WatchedImage) -> bool:
    """Return whether the first complete report is there; a failed part is not waited for."""
    scanned = [part for part in watched.parts if part.reason is None]
    expected = any(part.reason is not None and part.status in _EXPECTED for part in watched.parts)
    return bool(scanned) and not expected and all(part.evidence[0].complete for part in scanned)


def _kept(
    departures: Mapping[str, Departure], stamp: Stamp, reported: Collection[str] | None
) -> dict[str, Departure]:
    """Return what left now, and what left earlier and may still be reported."""
    ids = None if reported is None else {id_.upper() for id_ in reported}
    return {
        id_: departure
        for id_, departure in departures.items()
        if ids is None
        or departure.at == stamp
        or not ids.isdisjoint(name.upper() for name in departure.names)
    }
