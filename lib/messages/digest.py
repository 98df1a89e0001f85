"""`digest_text_of`: all that is said about a digest, once, for all that lay it out. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from lib.messages.digest_fixes import fixes, no_data
from lib.messages.digest_parts import (
    DigestLine,
    DigestLink,
    DigestList,
    DigestText,
    image_name,
    linked,
)
from lib.messages.digest_steps import more_fixes, steps
from lib.messages.phrases import counts_text, severity_word
from lib.messages.titles import DELIVERY
from lib.models import (
    Counts,
    Digest,
    Image,
    OmissionKind,
    RepositoryDigest,
    ResolvedVulnerability,
    Severity,
    UnscannedImage,
)
from lib.text import capitalized, counted, fitting, one_line, short, truncate
from lib.urls.console import console_url

_DAY: Final = timedelta(days=1)
_BAR: Final = 20
_FULL: Final = "\N{FULL BLOCK}"
_EIGHTHS: Final = ("", *map(chr, range(0x258F, 0x2588, -1)))
"""Parts of a block, one eighth to seven."""
_ROUTES: Final = 5
_NAME: Final = 60
_REASON: Final = 120
_REMEDY: Final = 200
_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_OCCASION: Final = 200
_WARNINGS: Final = 5
_BOTH: Final = 2
_DOT: Final = " \N{MIDDLE DOT} "

STEPS: Final = "Next steps"
COUNTED: Final = (
    "the newest image of each repository and tag pattern, and older ones that still run"
)
AGES: Final = "Age since first seen by the scanner"
AGE_COLUMNS: Final = ("Age", "Open")
REPOSITORIES: Final = "Repositories, worst first"
IMAGES: Final = "Images, worst first"
IMAGE: Final = "Image"
RESOLVED: Final = "Fixed or gone since the last digest, worst first"
REPORT: Final = "Latest report"
WITH_REPORTS: Final = "with links to the latest reports"
"""After the title of a list whose links have no words."""
CONSOLE: Final = "ECR console"
UNSCANNED: Final = "Not scanned"
TREND: Final = "Open over time"

T = TypeVar("T")


IssueOf = Callable[[str], DigestLink | None]


def _no_issue(_thread: str) -> None:
    return None


def digest_text_of(
    digest: Digest,
    *,
    lines: int,
    characters: int,
    issue: IssueOf = _no_issue,
) -> DigestText:
    """
    Return what is said about a digest.

    `lines` and `characters`: room for each list. `issue`: the issue that a thread is, where the
    receiver has issues.
    """
    rows: list[RepositoryDigest | UnscannedImage] = [*digest.repositories, *digest.unscanned]
    issues = {link for row in rows for link in _issues(row, issue)}
    name = _name(digest)
    return DigestText(
        name=name,
        title=f"{name}: {_headline(digest)}",
        opening=_opening(digest),
        ages=_ages(digest),
        trend=() if _is_unchanged(digest) else tuple(_trend(digest)),
        lists=tuple(
            section for section in _lists(digest, lines, characters, issue) if section.lines
        ),
        warnings=tuple(
            truncate(one_line(warning), _REASON) for warning in digest.warnings[:_WARNINGS]
        ),
        footer=_DOT.join(_footer(digest)),
        delivery=f"{DELIVERY} {digest.delivery_id}",
        issues=tuple([link.label for link in sorted(issues, key=_by_number)]),
        alike=tuple(dict.fromkeys(_alike(rows, issue))),
    )


def _name(digest: Digest) -> str:
    if digest.occasion:
        return "Summary"
    name = f"{'daily' if digest.until - digest.since <= _DAY else 'weekly'} digest"
    return f"First {name}" if _is_first(digest) else capitalized(name)


# --- the numbers ------------------------------------------------------------------------------


def _headline(digest: Digest) -> str:
    """Return what changed, and what is open; no all-clear without a result."""
    if not digest.images:
        return "no scan results yet"
    change = _net(digest)
    if not digest.counts:
        doubts = ", as far as known" if digest.unscanned or digest.warnings else ""
        return f"{change}{_nothing(digest)} in {counted(digest.images, 'image')}{doubts}"
    where = f"{digest.images - digest.clean:,} of " if digest.clean else ""
    where += counted(digest.images, "image")
    verb = "has" if digest.exploitable == 1 else "have"
    exploits = f"; {digest.exploitable:,} {verb} a public exploit" if digest.exploitable else ""
    # The number before "in 2 images" is that of all, not that of the last severity.
    numbers = f"{counts_text(digest.counts)} open in {where}"
    if len(digest.counts) > 1:
        numbers = f"{digest.total:,} open in {where} ({counts_text(digest.counts)})"
    return f"{change}{numbers}{exploits}"


def _net(digest: Digest) -> str:
    """Return "7 new, 13 gone; ", "no change since 2026-11-16; "; empty without a former digest."""
    if _is_first(digest) or digest.occasion:
        return ""
    if _is_unchanged(digest):
        return f"no change since {digest.since:%Y-%m-%d}; "
    numbers = {"new": sum(digest.new.values()), "gone": sum(digest.resolved.values())}
    return f"{', '.join(f'{number:,} {word}' for word, number in numbers.items() if number)}; "


def _nothing(digest: Digest) -> str:
    above = f" above the threshold of {_routes(digest)}"
    return f"nothing open{above if OmissionKind.BELOW in digest.omitted else ''}"


def _opening(digest: Digest) -> tuple[str, ...]:
    """Return what the title does not say, in a few lines; one line where nothing changed."""
    verdict = capitalized("; ".join(filter(None, (_fact(digest), _unknown(digest)))))
    fixed = capitalized("; ".join(filter(None, fixes(digest)))) if digest.counts else ""
    others = ", ".join(_left_out(digest))
    not_counted = f"not counted: {others}" if others else ""
    left_out = capitalized("; ".join(filter(None, (_also_open(digest), not_counted))))
    if _is_unchanged(digest) and digest.images:
        return tuple(filter(None, (". ".join(filter(None, (verdict, fixed, left_out))),)))
    occasion = truncate(one_line(digest.occasion), _OCCASION)
    is_compared = digest.images and not (occasion or _is_first(digest))
    movement = _movement(digest) if is_compared else ""
    return tuple(filter(None, (movement, verdict, fixed, left_out, occasion)))


def _fact(digest: Digest) -> str:
    """Return what the numbers of the title stand for, and no more of an all-clear than is true."""
    if not digest.images:
        unknown = len(digest.unscanned)
        none = "No scanned image matches the routes of this destination yet"
        return f"Nothing is known about {counted(unknown, 'image')}" if unknown else none
    return _distinct(digest) if digest.counts else ""


def _distinct(digest: Digest) -> str:
    """Return how many vulnerabilities the numbers of all images stand for, where that differs."""
    number, shared = digest.distinct, digest.shared
    if number is None or number == digest.total:
        return ""
    images = "both images" if digest.images == _BOTH else "more than one image"
    if number == shared == 1:
        return f"the same vulnerability in {images}"
    different = counted(number, "different vulnerability", "different vulnerabilities")
    return f"{different}{f', {shared:,} of them in {images}' if shared else ''}"


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
    words = {
        OmissionKind.BELOW: f"below the threshold of {_routes(digest)}",
        OmissionKind.FILTERED: f"left out by other filters of {_routes(digest)}",
        OmissionKind.SUPPRESSED: "suppressed",
    }
    for kind, reason in words.items():
        counts = dict(digest.omitted.get(kind, {}))
        unrated = counts.pop(Severity.UNKNOWN, 0) if kind is OmissionKind.BELOW else 0
        is_said = kind is OmissionKind.BELOW and _also_open(digest)
        if counts and not is_said:
            yield f"{counts_text(counts)} ({reason})"
        if unrated:
            yield f"{unrated:,} unrated (the scanner gave no severity)"


def _routes(digest: Digest) -> str:
    return "these routes" if len(digest.routes) > 1 else "this route"


def _unknown(digest: Digest) -> str:
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


def _is_first(digest: Digest) -> bool:
    """Return whether nothing was known when the period began: then nothing is new, either."""
    return bool(digest.images or digest.occasion) and len(digest.trend) == 1


def _is_unchanged(digest: Digest) -> bool:
    """Return whether nothing came or went: then a digest is one line."""
    return not (digest.new or digest.resolved or digest.occasion or _is_first(digest))


def _ages(digest: Digest) -> tuple[tuple[str, str], ...]:
    """Return how many are of which age; of a single band there is nothing to compare."""
    bands = [(age.words, counts_text(age.counts)) for age in digest.ages if age.counts]
    return tuple(bands) if len(bands) > 1 and not _is_unchanged(digest) else ()


# --- the lists --------------------------------------------------------------------------------


def _lists(digest: Digest, lines: int, characters: int, issue: IssueOf) -> tuple[DigestList, ...]:
    if _is_unchanged(digest):
        return ()

    def lines_of(items: Sequence[T], line: Callable[[T], DigestLine]) -> tuple[DigestLine, ...]:
        shown = fitting(items, lambda item: line(item).text, lines=lines, characters=characters)
        others = len(items) - len(shown)
        more = [DigestLine(f"and {others:,} more")] if others else []
        return (*map(line, items[: len(shown)]), *more)

    return (
        DigestList(STEPS, tuple(_steps(digest, issue))),
        DigestList(_places(digest), tuple(_repositories(digest, lines, characters, issue))),
        DigestList(RESOLVED, lines_of(digest.resolved_vulnerabilities, _vulnerability)),
        DigestList(UNSCANNED, lines_of(digest.unscanned, partial(_unscanned, issue=issue))),
    )


def _steps(digest: Digest, issue: IssueOf) -> Iterator[DigestLine]:
    """Yield the steps; several are numbered, as they are in the order of their effect."""
    issues = {
        row.image.key: _of_one_image(_issues(row, issue))
        for row in digest.repositories
        if row.image is not None and row.images == 1
    }
    lines = [*steps(digest.packages, digest.until.date(), issues)]
    numbered = [line._replace(place=place) for place, line in enumerate(lines, 1)]
    yield from numbered if len(lines) > 1 else lines
    yield from more_fixes(digest.fixes_left_out)


def _places(digest: Digest) -> str:
    """Return the title of a list whose lines are images, or repositories with several."""
    single = all(row.image and row.images == 1 for row in digest.repositories)
    if single:
        return IMAGE if len(digest.repositories) == 1 else IMAGES
    return REPOSITORIES


def _repositories(digest: Digest, lines: int, characters: int, issue: IssueOf) -> list[DigestLine]:
    """Return the worst repositories, and count what is open in the others."""
    rows = [_repository(repository, digest, issue) for repository in digest.repositories]
    if _places(digest) == IMAGE:  # the title has its numbers
        rows = [row._replace(text=_subject(digest.repositories[0])) for row in rows]
    shown = rows[: len(fitting(rows, lambda row: row.text, lines=lines, characters=characters))]
    others = digest.repositories[len(shown) :]
    if others:
        total = sum(sum(repository.counts.values()) for repository in others)
        name = counted(len(others), "more repository", "more repositories")
        shown.append(DigestLine(f"and {name}: {total:,} open"))
    return shown


def _repository(repository: RepositoryDigest, digest: Digest, issue: IssueOf) -> DigestLine:
    changes = (
        f"{repository.new:,} new" if repository.new else "",
        f"{repository.resolved:,} gone" if repository.resolved else "",
    )
    changed = ", ".join(filter(None, changes))
    image = repository.image
    images = f" in {counted(repository.images, 'image')}" if repository.images > 1 else ""
    numbers = f": {counts_text(repository.counts)}{images}"
    if changed and not _is_first(digest):
        numbers += f" ({changed})"
    line = _subject(repository, numbers)
    issues = _issues(repository, issue)
    if repository.images == 1:
        issues = _of_one_image(issues)
    if image is None:
        return linked(line, *issues)
    report = digest.reports.get(image.key) if repository.images == 1 else None
    console = console_url(_page(image, repository.images))
    return linked(line, *issues, (REPORT, report), (CONSOLE, console))


def _issues(row: RepositoryDigest | UnscannedImage, issue: IssueOf) -> list[DigestLink]:
    """Return the issues of a repository, which one image of several streams may have, too."""
    links = [link for thread in row.threads if (link := issue(thread)) is not None]
    return sorted(links, key=_by_number)


def _alike(
    rows: Sequence[RepositoryDigest | UnscannedImage], issue: IssueOf
) -> Iterator[tuple[str, ...]]:
    """Yield the names of the issues of each image that has several."""
    for row in rows:
        names = tuple(dict.fromkeys(link.label for link in _issues(row, issue)))
        is_image = isinstance(row, UnscannedImage) or row.images == 1
        if is_image and len(names) > 1:
            yield names


def _of_one_image(issues: Sequence[DigestLink]) -> list[DigestLink]:
    """Return the issues of one image; behind the last of several stands that they are alike."""
    if len(issues) < _BOTH:
        return [*issues]
    *others, last = issues
    return [*others, last._replace(label=f"{last.label} (the same image)")]


def _by_number(link: DigestLink) -> tuple[int, str]:
    """Return a key that has SEC-9 before SEC-10."""
    return len(link.label), link.label


def _subject(repository: RepositoryDigest, numbers: str = "") -> str:
    """Return the name of an image, or of a repository with several, with numbers and owner."""
    image, name = repository.image, short(repository.repository, _NAME)
    if image and repository.images == 1:
        name = image_name(image)
    owner = repository.owner
    owned = f"{_DOT}owner: {short(owner.name, _NAME)}" if owner is not None else ""
    return f"{name}{numbers}{owned}"


def _page(image: Image, images: int) -> Image:
    """Return an image, or its repository where it has several."""
    return image if images == 1 else replace(image, digest="", tags=())


def _vulnerability(vulnerability: ResolvedVulnerability) -> DigestLine:
    number = vulnerability.images
    images = f", from {counted(number, 'image')}" if number > 1 else ""
    name = short(vulnerability.vulnerability_id, _NAME)
    package = short(vulnerability.package, _NAME)
    return DigestLine(f"{severity_word(vulnerability.severity)} {name} in {package}{images}")


def _unscanned(unscanned: UnscannedImage, issue: IssueOf) -> DigestLine:
    """Return why an image has no result, and the first step that helps; alerts have the others."""
    reason = truncate(one_line(unscanned.reason), _REASON)
    (step, *_) = _SENTENCES.split(one_line(unscanned.remedy))
    remedy = truncate(step, _REMEDY).removesuffix(".")
    text = f"{short(unscanned.image.name)}: {reason}{f'. {remedy}' if remedy else ''}"
    issues = _of_one_image(_issues(unscanned, issue))
    return linked(text, *issues, (CONSOLE, console_url(unscanned.image)))


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


def _footer(digest: Digest) -> Iterator[str]:
    """Yield what the numbers rest on, in a few words each."""
    unknown = no_data(digest)
    if unknown:
        yield unknown
    yield f"Counted on {digest.until:%Y-%m-%d %H:%M} UTC: {COUNTED}"
    names = ", ".join(short(route, _NAME) for route in digest.routes[:_ROUTES])
    more = len(digest.routes) - _ROUTES
    names += f" and {more} more" if more > 0 else ""
    if names:
        yield f"route{'s' if len(digest.routes) > 1 else ''} {names}"
    if digest.attempt > 1:
        yield f"attempt {digest.attempt}{', may be a repeat' if digest.possible_repeat else ''}"
