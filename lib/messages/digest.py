"""The words of a digest, as plain text: each receiver escapes and lays out in its own way."""

from datetime import timedelta
from typing import Final

from lib.messages.wording import counts, fitting, short
from lib.models import Digest, RepositoryDigest, ResolvedVulnerability, UnscannedImage
from lib.text import one_line, truncate

_DAY: Final = timedelta(days=1)
_BAR: Final = 20
_FULL: Final = "\N{FULL BLOCK}"
_EIGHTHS: Final = ("", *map(chr, range(0x258F, 0x2588, -1)))
"""Parts of a block, one eighth to seven."""
_ROUTES: Final = 5
_NAME: Final = 60
_REASON: Final = 120
_DOUBTS: Final = 5

OPEN: Final = "How long it is open"
REPOSITORIES: Final = "Worst repositories"
REMOVED: Final = "Gone since then"
NOT_SCANNED: Final = "Not scanned"
TREND: Final = "Open over time"


def name(digest: Digest) -> str:
    """Return "Weekly digest"."""
    return f"{'Daily' if digest.until - digest.since <= _DAY else 'Weekly'} digest"


def title(digest: Digest) -> str:
    """Return "Weekly digest: 3 CRITICAL, 40 HIGH open"."""
    return f"{name(digest)}: {counts(digest.counts) or 'nothing'} open"


def verdict(digest: Digest) -> str:
    """Return how things stand, and no more of an all-clear than is true."""
    unknown = len(digest.unscanned)
    if not digest.images:
        return "No scanned image is known yet that the routes to here ask about"
    where = f"in {digest.images - digest.clean:,} of {_images(digest.images)}"
    if digest.counts:
        said = f"{counts(digest.counts)} open {where}"
        fixable = f", {digest.fixable:,} fixable" if digest.fixable else ""
        exploitable = f", {digest.exploitable:,} with a known exploit" if digest.exploitable else ""
        said += fixable + exploitable
    elif unknown or digest.warnings:
        said = f"Nothing open of what is known in {_images(digest.images)}"
    else:
        said = f"Nothing open in {_images(digest.images)}"
    return f"{said}; {_images(unknown)} without a result" if unknown else said


def movement(digest: Digest) -> str:
    """Return the sum from the last digest to this one; nothing was known before the first."""
    if _first(digest):
        return f"{digest.total:,} known for the first time"
    before, came, gone = (
        sum(each.values()) for each in (digest.open_before, digest.new, digest.resolved)
    )
    return (
        f"{before:,} on {digest.since:%Y-%m-%d} + {came:,} new - {gone:,} gone"
        f" = {digest.total:,} now"
    )


def _first(digest: Digest) -> bool:
    """Say whether nothing was known when the period began: then nothing is new, either."""
    return bool(digest.images) and len(digest.trend) == 1


def came(digest: Digest) -> str:
    """Return what is new since then; nothing where nothing is."""
    return f"New: {counts(digest.new)}" if digest.new and not _first(digest) else ""


def gone(digest: Digest) -> str:
    """Return what is gone since then; nothing where nothing is."""
    return f"Gone: {counts(digest.resolved)}" if digest.resolved else ""


def ages(digest: Digest) -> list[tuple[str, str]]:
    """Return for how long findings are open, and how many each time; none without any."""
    return [(each.words, counts(each.counts)) for each in digest.ages if each.counts]


def oldest(digest: Digest) -> str:
    """Return since when the oldest one is known."""
    return (
        f"The oldest is known since {digest.oldest_open_since:%Y-%m-%d}"
        if digest.oldest_open_since
        else ""
    )


def repositories(digest: Digest, lines: int, characters: int) -> list[str]:
    """Return the worst repositories, and count the others."""
    first = _first(digest)
    shown, hidden = fitting(
        digest.repositories,
        lambda each: _repository(each, first=first),
        lines=lines,
        characters=characters,
    )
    if hidden:
        rest = sum(sum(each.counts.values()) for each in hidden)
        shown.append(
            f"and {_number(len(hidden), 'more repository', 'more repositories')}: {rest:,} open"
        )
    return shown


def _repository(each: RepositoryDigest, *, first: bool) -> str:
    moved = ", ".join(
        filter(
            None,
            (
                f"{each.new:,} new" if each.new else "",
                f"{each.resolved:,} gone" if each.resolved else "",
            ),
        )
    )
    images = f" in {_images(each.images)}" if each.images > 1 else ""
    said = f"{short(each.repository, _NAME)}: {counts(each.counts)}{images}"
    return f"{said} ({moved})" if moved and not first else said


def removed(digest: Digest, lines: int, characters: int) -> list[str]:
    """Return what is gone, worst first, and count the rest."""
    shown, hidden = fitting(
        digest.resolved_vulnerabilities, _removed, lines=lines, characters=characters
    )
    return [*shown, f"and {len(hidden):,} more"] if hidden else shown


def _removed(each: ResolvedVulnerability) -> str:
    images = f", from {_images(each.images)}" if each.images > 1 else ""
    name = short(each.vulnerability_id, _NAME)
    return f"{each.severity.name} {name} in {short(each.package, _NAME)}{images}"


def not_scanned(digest: Digest, lines: int, characters: int) -> list[str]:
    """Return images without a result, and count the rest."""
    shown, hidden = fitting(digest.unscanned, _not_scanned, lines=lines, characters=characters)
    return [*shown, f"and {len(hidden):,} more"] if hidden else shown


def _not_scanned(each: UnscannedImage) -> str:
    return f"{short(each.image.name)}: {truncate(one_line(each.reason), _REASON)}"


def trend(digest: Digest) -> list[str]:
    """Return a chart of fixed width, one line for each period; none while there is no course."""
    numbers = [sum(each.counts.values()) for each in digest.trend]
    if not any(numbers) or len(numbers) == 1:
        return []
    most = max(numbers)
    width = len(f"{most:,}")
    return [
        f"{each.at:%d %b}  {_bar(number, most):<{_BAR}}  {number:>{width},}"
        for each, number in zip(digest.trend, numbers, strict=True)
    ]


def _bar(number: int, most: int) -> str:
    eighths = round(number * _BAR * 8 / most)
    # What is there is seen, however little it is.
    full, part = divmod(max(eighths, 1) if number else 0, 8)
    return _FULL * full + _EIGHTHS[part]


def doubts(digest: Digest) -> list[str]:
    """Return what may be missing in the numbers."""
    return [truncate(one_line(each), _REASON) for each in digest.warnings[:_DOUBTS]]


def footer(digest: Digest) -> str:
    """Return of what it tells, and the delivery to ask about."""
    names = ", ".join(short(each, _NAME) for each in digest.routes[:_ROUTES])
    more = len(digest.routes) - _ROUTES
    names += f" and {more} more" if more > 0 else ""
    routes = f"Route{'s' if len(digest.routes) > 1 else ''}: {names}. " if names else ""
    repeat = ", may be a repeat" if digest.possible_repeat else ""
    said = f" (attempt {digest.attempt}{repeat})" if digest.attempt > 1 else ""
    what = f"Newest image of each stream, {digest.until:%Y-%m-%d %H:%M} UTC"
    return f"{routes}{what}. Delivery: {digest.delivery_id}{said}"


def _images(number: int) -> str:
    return _number(number, "image", "images")


def _number(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
