"""The numbers of a digest beside its title: a line on top, and small print. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from lib.messages.digest_fixes import fixes
from lib.messages.phrases import NAME, counts_text, listed, severity_word
from lib.models import Age, Counts, Digest, OmissionKind, Severity, UnlistedVulnerability
from lib.text import capitalized, counted, first, short

_BOTH: Final = 2
_NAMED: Final = 2
"""Vulnerabilities that a remark names."""
_AGES: Final = "First reported"


def counts_line(digest: Digest) -> str:
    """Return the one line of numbers that stands before the steps; empty where there is none."""
    if not digest.images:
        return _no_result(digest)
    if is_unchanged(digest):
        return "" if digest.counts else unknown(digest)  # else the title says it
    is_compared = not (digest.occasion or is_first(digest))
    return _movement(digest) if is_compared else capitalized(_distinct(digest))


def details(digest: Digest) -> Iterator[str]:
    """Yield the other numbers, in a sentence each: small print."""
    if digest.counts:
        distinct = capitalized(_distinct(digest))
        if distinct != counts_line(digest):
            yield distinct
        yield capitalized("; ".join(filter(None, fixes(digest))))
    yield left_out(digest)
    yield _ages(digest)


def left_out(digest: Digest) -> str:
    """Return what is open and not counted; empty for nothing."""
    others = ", ".join(_left_out(digest))
    not_counted = f"not counted: {others}" if others else ""
    return capitalized("; ".join(filter(None, (_also_open(digest), not_counted))))


def _no_result(digest: Digest) -> str:
    """Return that nothing is known; no all-clear."""
    unknown = len(digest.unscanned)
    none = "No scanned image matches the routes of this destination yet"
    return f"Nothing is known about {counted(unknown, 'image')}" if unknown else none


def _distinct(digest: Digest) -> str:
    """Return how many vulnerabilities the numbers of all images stand for, where that differs."""
    number, shared = digest.distinct, digest.shared
    if number is None or number == digest.total:
        return ""
    images = "both images" if digest.images == _BOTH else "more than one image"
    if number == shared == 1:
        return f"the same vulnerability in {images}"
    different = counted(number, "different vulnerability", "different vulnerabilities")
    disputed = "".join(f"; {many:,} {word}" for word, many in digest.distinct_disputed.items())
    return f"{different}{f', {shared:,} in {images}' if shared else ''}{disputed}"


def _also_open(digest: Digest) -> str:
    """Return what is open below all that is counted; empty where the numbers do not show that."""
    below: dict[Severity, int] = {
        severity: number
        for severity, number in digest.omitted.get(OmissionKind.BELOW, {}).items()
        if severity is not Severity.UNKNOWN
    }
    above = max(below, default=Severity.CRITICAL) + 1
    is_highest = above == Severity.CRITICAL
    is_shown = len(digest.routes) == 1 and is_highest
    if not (min(digest.counts) == above if digest.counts else is_shown):
        return ""
    counts = "CRITICAL only" if is_highest else f"{severity_word(Severity(above))} and above"
    name = "summary" if digest.occasion else "digest"
    return f"also open: {counts_text(below)} (this {name} counts {counts})"


def _left_out(digest: Digest) -> Iterator[str]:
    """Yield what else is open in the same images, with the rule that leaves it out."""
    if digest.unlisted:
        yield _unlisted(digest.unlisted)
    words = {
        OmissionKind.BELOW: f"below the threshold of {routes(digest)}",
        OmissionKind.FILTERED: f"left out by other filters of {routes(digest)}",
        OmissionKind.SUPPRESSED: "accepted",
    }
    for kind, reason in words.items():
        counts = dict(digest.omitted.get(kind, {}))
        unrated = counts.pop(Severity.UNKNOWN, 0) if kind is OmissionKind.BELOW else 0
        is_said = kind is OmissionKind.BELOW and _also_open(digest)
        if counts and not is_said:
            yield f"{counts_text(counts)} ({reason})"
        if unrated:
            yield f"{unrated:,} unrated (the scanner gave no severity)"


def _unlisted(gone: Sequence[UnlistedVulnerability]) -> str:
    """Return what scanners list no more, by name where it is little: it may still be there."""
    counts = Counter(one.severity for one in gone)
    numbers = counts_text({severity: counts[severity] for severity in sorted(counts, reverse=True)})
    names = [f"{short(one.id, NAME)} in {short(one.image, NAME)}" for one in first(gone, _NAMED)]
    more = len(gone) - len(names)
    names += [f"{more:,} more"] if more else []
    them = "it" if len(gone) == 1 else "them"
    return f"{numbers} no longer listed by the scanner (check {them}: {listed(names)})"


def routes(digest: Digest) -> str:
    """Return how a sentence names the routes of a digest."""
    return "these routes" if len(digest.routes) > 1 else "this route"


def unknown(digest: Digest) -> str:
    """Return how many images have no result, whose names a list has; empty for none."""
    unknown = len(digest.without_result)
    return f"{counted(unknown, 'image')} not scanned" if unknown and digest.images else ""


def _movement(digest: Digest) -> str:
    """Return what came and went since the last digest."""
    changes = (_change(digest.new, "new"), _change(digest.resolved, "gone"))
    return f"Since {digest.since:%Y-%m-%d}: {', '.join(filter(None, changes))}"


def _change(counts: Counts, word: str) -> str:
    """Return "7 new (1 CRITICAL, 6 HIGH)", "6 HIGH new"; empty without any."""
    if len(counts) > 1:
        return f"{sum(counts.values()):,} {word} ({counts_text(counts)})"
    return f"{counts_text(counts)} {word}" if counts else ""


def is_first(digest: Digest) -> bool:
    """Return whether nothing was known when the period began: then nothing is new, either."""
    return bool(digest.images or digest.occasion) and len(digest.trend) == 1


def is_unchanged(digest: Digest) -> bool:
    """Return whether nothing came or went: then a digest is one line."""
    return not (digest.new or digest.resolved or digest.occasion or is_first(digest))


def _ago(age: Age) -> str:
    return f"{age.words} ago" if age.words.endswith("days") else age.words


def _ages(digest: Digest) -> str:
    """Return how many are of which age; nothing where none is known to be older than a month."""
    if is_unchanged(digest) or not any(age.is_old and age.counts for age in digest.ages):
        return ""
    bands = [f"{_ago(age)} ({counts_text(age.counts)})" for age in digest.ages if age.counts]
    return f"{_AGES}: {', '.join(bands)}"
