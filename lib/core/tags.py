"""
Which image a tag points to: what events and ECR's answers add to the rows of a stream. Pure.

Rows are facts with their times: two pushes and a deletion give the same rows in whatever order
their events arrive.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from lib.models import Removal, StreamId
from lib.models.streams import UNTAGGED, TagFact, TagNews, TagRow

_EVER: Final = datetime.min.replace(tzinfo=UTC)
_SETTLED: Final = timedelta(minutes=1)
"""For how long an answer may not know of a push."""
_JUST_AFTER: Final = timedelta(microseconds=1)


def pushed(tags: Sequence[TagRow], tag: str, digest: str, at: datetime) -> tuple[TagRow, ...]:
    """
    Return the rows after the event of a push, which may come late or twice.

    Where a pass saw the tag first, the time of the event replaces its guess, unless the tag was
    pushed for another image between the two.
    """
    row = _row(tags, tag, digest)
    if row is None:
        return (*tags, TagRow(tag, digest, at))
    between = any(at <= other.pushed_at <= row.pushed_at for other in _others(tags, row))
    if at > row.pushed_at or (row.observed and not between):
        return _with(tags, replace(row, pushed_at=at, observed=False))
    return tuple(tags)


def added(tags: Sequence[TagRow], fact: TagFact) -> tuple[TagRow, ...]:
    """Return the rows after a fact about a tag."""
    if fact.removal is not None:
        archived = fact.removal is Removal.ARCHIVED
        return deleted(tags, fact.tag, fact.digest, fact.at, archived=archived)
    if fact.observed_at is None:
        return pushed(tags, fact.tag, fact.digest, fact.at)
    return observed(
        tags, fact.tag, fact.digest, fact.observed_at, image_pushed_at=fact.at, since=fact.since
    )


def informed(tags: Sequence[TagRow], stream: StreamId, news: TagNews) -> tuple[TagRow, ...]:
    """Return the rows of a stream with what an event brings about them."""
    rows = tuple(tags)
    for fact in news.facts:
        if fact.stream == stream:
            rows = added(rows, fact)
    answer = news.answer
    if answer is None or stream not in answer.streams:
        return rows
    return confirmed(rows, answer.image.digest, answer.image.tags, answer.at)


def observed(
    tags: Sequence[TagRow],
    tag: str,
    digest: str,
    at: datetime,
    *,
    image_pushed_at: datetime | None = None,
    since: datetime | None = None,
) -> tuple[TagRow, ...]:
    """
    Return the rows after ECR answered at a time that a tag points to an image.

    What events say of a later time stands. A push without an event is dated by the push of the
    image. Where that is older than an earlier answer about the image, which did not name the tag
    (`since`), the tag was pushed after that answer: it is dated by this one.
    """
    row = _row(tags, tag, digest) or TagRow(tag, digest, _EVER)
    last = max((other.pushed_at for other in _others(tags, row)), default=_EVER)
    newest = row.pushed_at > last
    if (newest and not is_deleted(row)) or max(last, row.deleted_at or _EVER) > at:
        return tuple(tags)
    if newest and row.archived:
        return _with(tags, replace(row, deleted_at=None, archived=False))
    guess = at if image_pushed_at is None else min(image_pushed_at, at)
    if since is not None and guess <= since:
        guess = at
    earliest = max(last, row.deleted_at or _EVER) + _JUST_AFTER
    return _with(tags, TagRow(tag, digest, max(guess, earliest), observed=True))


def deleted(
    tags: Sequence[TagRow], tag: str, digest: str, at: datetime, *, archived: bool = False
) -> tuple[TagRow, ...]:
    """Return the rows after a tag was deleted from an image, or the image was archived."""
    row = _row(tags, tag, digest) or TagRow(tag, digest, _EVER)
    if row.deleted_at is not None and row.deleted_at >= at:
        return tuple(tags)
    return _with(tags, replace(row, deleted_at=at, archived=archived))


def confirmed(
    tags: Sequence[TagRow], digest: str, names: Collection[str], at: datetime
) -> tuple[TagRow, ...]:
    """
    Return the rows after ECR answered at a time which tags an image has, and that it has no others.

    Else a tag whose deletion was not announced would point to the image for ever. A tag that moved
    is left alone, and so is one that was pushed just before the answer.
    """
    rows = tuple(tags)
    for row in tags:
        there = row.tag in names if row.tag != UNTAGGED else not names
        last = max((other.pushed_at for other in _others(tags, row)), default=_EVER)
        points = row.pushed_at >= last and not is_deleted(row)
        if row.digest == digest and points and not there and row.pushed_at < at - _SETTLED:
            rows = deleted(rows, row.tag, digest, at)
    return rows


def joined(tags: Sequence[TagRow], others: Iterable[TagRow]) -> tuple[TagRow, ...]:
    """Return the rows with those that another stream kept: of the same tag and image the newest."""
    rows = tuple(tags)
    for other in others:
        row = _row(rows, other.tag, other.digest)
        if row is None or _latest(other) > _latest(row):
            rows = _with(rows, other)
    return rows


def _latest(row: TagRow) -> datetime:
    return max(row.pushed_at, row.deleted_at or row.pushed_at)


def is_deleted(row: TagRow) -> bool:
    """Return whether a tag was deleted after its last push for the image."""
    return row.deleted_at is not None and row.deleted_at >= row.pushed_at


def kept(tags: Sequence[TagRow], *, limit: int, needed: Iterable[str] = ()) -> tuple[TagRow, ...]:
    """
    Return the newest rows, oldest first, and with them those of the images that are `needed`.

    Up to the limit the rows stay as they are.
    """
    older = len(tags) - limit
    if older <= 0:
        return tuple(tags)
    digests = set(needed)
    ordered = enumerate(sorted(tags, key=_age))
    return tuple([row for place, row in ordered if place >= older or row.digest in digests])


def _row(tags: Iterable[TagRow], tag: str, digest: str) -> TagRow | None:
    return next((row for row in tags if row.tag == tag and row.digest == digest), None)


def _others(tags: Iterable[TagRow], row: TagRow) -> list[TagRow]:
    """Return the rows of the same tag for other images."""
    if row.tag == UNTAGGED:
        return []
    return [other for other in tags if other.tag == row.tag and other.digest != row.digest]


def _with(tags: Iterable[TagRow], row: TagRow) -> tuple[TagRow, ...]:
    """Return the rows with one in place of its earlier version."""
    rest = (other for other in tags if (other.tag, other.digest) != (row.tag, row.digest))
    return (*rest, row)


def _age(row: TagRow) -> tuple[datetime, str, str]:
    return (row.pushed_at, row.digest, row.tag)
