"""`digest_text_of`: all that is said about a digest, once, for all that lay it out. Pure."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final, NamedTuple, TypeVar

from lib.messages.phrases import counts_text, names_text, severity_word
from lib.models import (
    Digest,
    PackageDigest,
    RepositoryDigest,
    ResolvedVulnerability,
    UnscannedImage,
)
from lib.text import counted, fitting, one_line, short, truncate

_DAY: Final = timedelta(days=1)
_BAR: Final = 20
_FULL: Final = "\N{FULL BLOCK}"
_EIGHTHS: Final = ("", *map(chr, range(0x258F, 0x2588, -1)))
"""Parts of a block, one eighth to seven."""
_ROUTES: Final = 5
_NAME: Final = 60
_REASON: Final = 120
_WARNINGS: Final = 5

STEPS: Final = "Most effective next steps"
AGES: Final = "Age of open vulnerabilities"
AGE_COLUMNS: Final = ("Age", "Open")
REPOSITORIES: Final = "Most open vulnerabilities"
RESOLVED: Final = "Fixed or gone since the last digest"
UNSCANNED: Final = "Not scanned"
TREND: Final = "Open over time"

T = TypeVar("T")


class DigestList(NamedTuple):
    """Lines under a title; the last one counts what there is no room for."""

    title: str
    lines: tuple[str, ...]


class DigestText(NamedTuple):
    """All that is said about one digest."""

    name: str
    """"Weekly digest", without its numbers."""
    title: str
    verdict: str
    """What is open, and no more of an all-clear than is true."""
    sums: tuple[str, ...]
    """What became of the numbers since the last digest; what is new; what is resolved."""
    ages: tuple[tuple[str, str], ...]
    """For how long findings are open, and how many each time; none without any."""
    oldest: str
    trend: DigestList
    """A chart of fixed width with a line for each period; none while there is no course."""
    lists: tuple[DigestList, ...]
    """Repositories, resolved vulnerabilities, images without a result; none is empty."""
    warnings: tuple[str, ...]
    """Why the numbers may be incomplete."""
    footer: str

    @property
    def movement(self) -> str:
        """The first of the sums."""
        return self.sums[0]


def digest_text_of(digest: Digest, *, lines: int, characters: int) -> DigestText:
    """Return what is said about a digest. `lines` and `characters`: room for each list."""
    name = f"{'Daily' if digest.until - digest.since <= _DAY else 'Weekly'} digest"
    return DigestText(
        name=name,
        title=f"{name}: {_deltas(digest) or 'nothing'} open",
        verdict=_verdict(digest),
        sums=tuple(filter(None, (_movement(digest), _new(digest), _resolved(digest)))),
        ages=_ages(digest),
        oldest=_oldest(digest),
        trend=DigestList(TREND, () if _is_unchanged(digest) else tuple(_trend(digest))),
        lists=tuple(section for section in _lists(digest, lines, characters) if section.lines),
        warnings=tuple(
            truncate(one_line(warning), _REASON) for warning in digest.warnings[:_WARNINGS]
        ),
        footer=_footer(digest),
    )


# --- the numbers ------------------------------------------------------------------------------


def _verdict(digest: Digest) -> str:
    unknown = len(digest.unscanned)
    if not digest.images:
        return "No scanned image matches the routes of this destination yet"
    if digest.counts:
        open_images = f"{digest.images - digest.clean:,} of {counted(digest.images, 'image')}"
        fixable = f", {digest.fixable:,} fixable" if digest.fixable else ""
        exploitable = (
            f", {digest.exploitable:,} with a public exploit" if digest.exploitable else ""
        )
        sentence = f"{counts_text(digest.counts)} open in {open_images}{fixable}{exploitable}"
    elif unknown or digest.warnings:
        sentence = f"No open vulnerabilities in {counted(digest.images, 'image')}, as far as known"
    else:
        sentence = f"No open vulnerabilities in {counted(digest.images, 'image')}"
    return f"{sentence}; {counted(unknown, 'image')} not scanned" if unknown else sentence


def _movement(digest: Digest) -> str:
    """Return the sum from the last digest to this one; nothing was known before the first."""
    if _is_first(digest):
        return f"First digest, nothing to compare with: {digest.total:,} open"
    if _is_unchanged(digest):
        return f"Nothing changed since {digest.since:%Y-%m-%d}"
    before, new, resolved = (
        sum(counts.values()) for counts in (digest.open_before, digest.new, digest.resolved)
    )
    return (
        f"{before:,} on {digest.since:%Y-%m-%d} + {new:,} new - {resolved:,} gone"
        f" = {digest.total:,} now"
    )


def _is_first(digest: Digest) -> bool:
    """Return whether nothing was known when the period began: then nothing is new, either."""
    return bool(digest.images) and len(digest.trend) == 1


def _is_unchanged(digest: Digest) -> bool:
    """Return whether nothing came or went: then a digest is a line, and its steps."""
    return not (digest.new or digest.resolved or _is_first(digest))


def _deltas(digest: Digest) -> str:
    """Return "3 CRITICAL (-1), 40 HIGH (-5)": what is open, and how that differs from before."""
    if _is_first(digest) or _is_unchanged(digest):
        return counts_text(digest.counts)
    pieces = [
        f"{number:,} {severity_word(severity)} ({number - digest.open_before.get(severity, 0):+,})"
        for severity, number in digest.counts.items()
    ]
    return ", ".join(pieces)


def _ages(digest: Digest) -> tuple[tuple[str, str], ...]:
    """Return how many are of which age; one band says no more than the oldest one."""
    bands = [(age.words, counts_text(age.counts)) for age in digest.ages if age.counts]
    return tuple(bands) if len(bands) > 1 and not _is_unchanged(digest) else ()


def _new(digest: Digest) -> str:
    return f"New: {counts_text(digest.new)}" if digest.new and not _is_first(digest) else ""


def _resolved(digest: Digest) -> str:
    return f"Gone: {counts_text(digest.resolved)}" if digest.resolved else ""


def _oldest(digest: Digest) -> str:
    since = digest.oldest_open_since
    return f"Oldest open since {since:%Y-%m-%d}" if since else ""


# --- the lists --------------------------------------------------------------------------------


def _lists(digest: Digest, lines: int, characters: int) -> tuple[DigestList, ...]:
    def listed(items: Sequence[T], line: Callable[[T], str]) -> tuple[str, ...]:
        shown = fitting(items, line, lines=lines, characters=characters)
        others = len(items) - len(shown)
        return (*shown, *([f"and {others:,} more"] if others else ()))

    steps = DigestList(STEPS, listed(digest.packages, _step))
    unscanned = DigestList(UNSCANNED, listed(digest.unscanned, _unscanned))
    if _is_unchanged(digest):
        return (steps, unscanned)
    return (
        steps,
        DigestList(REPOSITORIES, tuple(_repositories(digest, lines, characters))),
        DigestList(RESOLVED, listed(digest.resolved_vulnerabilities, _vulnerability)),
        unscanned,
    )


def _step(package: PackageDigest) -> str:
    """Return which package to upgrade or replace, what that would remove, and where it is."""
    verb = "Upgrade" if package.fixable else "Look for a newer version of"
    names = names_text(package.repositories)
    return f"{verb} {short(package.package, _NAME)}: {counts_text(package.counts)} in {names}"


def _repositories(digest: Digest, lines: int, characters: int) -> list[str]:
    """Return the worst repositories, and count what is open in the others."""
    is_first = _is_first(digest)
    shown = fitting(
        digest.repositories,
        lambda repository: _repository(repository, is_first=is_first),
        lines=lines,
        characters=characters,
    )
    others = digest.repositories[len(shown) :]
    if others:
        total = sum(sum(repository.counts.values()) for repository in others)
        name = counted(len(others), "more repository", "more repositories")
        shown.append(f"and {name}: {total:,} open")
    return shown


def _repository(repository: RepositoryDigest, *, is_first: bool) -> str:
    changes = (
        f"{repository.new:,} new" if repository.new else "",
        f"{repository.resolved:,} gone" if repository.resolved else "",
    )
    changed = ", ".join(filter(None, changes))
    images = f" in {counted(repository.images, 'image')}" if repository.images > 1 else ""
    line = f"{short(repository.repository, _NAME)}: {counts_text(repository.counts)}{images}"
    return f"{line} ({changed})" if changed and not is_first else line


def _vulnerability(vulnerability: ResolvedVulnerability) -> str:
    number = vulnerability.images
    images = f", from {counted(number, 'image')}" if number > 1 else ""
    name = short(vulnerability.vulnerability_id, _NAME)
    package = short(vulnerability.package, _NAME)
    return f"{vulnerability.severity.name} {name} in {package}{images}"


def _unscanned(unscanned: UnscannedImage) -> str:
    return f"{short(unscanned.image.name)}: {truncate(one_line(unscanned.reason), _REASON)}"


def _trend(digest: Digest) -> list[str]:
    numbers = [sum(moment.counts.values()) for moment in digest.trend]
    if not any(numbers) or len(numbers) == 1:
        return []
    most = max(numbers)
    width = len(f"{most:,}")
    return [
        f"{moment.at:%d %b}  {_bar(number, most):<{_BAR}}  {number:>{width},}"
        for moment, number in zip(digest.trend, numbers, strict=True)
    ]


def _bar(number: int, most: int) -> str:
    eighths = round(number * _BAR * 8 / most)
    # What is there is seen, however little it is.
    full, part = divmod(max(eighths, 1) if number else 0, 8)
    return _FULL * full + _EIGHTHS[part]


def _footer(digest: Digest) -> str:
    names = ", ".join(short(route, _NAME) for route in digest.routes[:_ROUTES])
    more = len(digest.routes) - _ROUTES
    names += f" and {more} more" if more > 0 else ""
    routes = f"Route{'s' if len(digest.routes) > 1 else ''}: {names}. " if names else ""
    repeat = ", may be a repeat" if digest.possible_repeat else ""
    remark = f" (attempt {digest.attempt}{repeat})" if digest.attempt > 1 else ""
    what = f"Current and running images, {digest.until:%Y-%m-%d %H:%M} UTC"
    return f"{routes}{what}. Delivery {digest.delivery_id}{remark}"
