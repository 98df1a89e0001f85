"""`digest_text_of`: all that is said about a digest, once, for all that lay it out. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

from lib.messages.digest_fixes import no_data
from lib.messages.digest_notes import (
    counts_line,
    details,
    is_first,
    is_unchanged,
    left_out,
    routes,
    unknown,
)
from lib.messages.digest_parts import (
    DigestLine,
    DigestLink,
    DigestList,
    DigestText,
    image_name,
    linked,
)
from lib.messages.digest_steps import Pages, more_fixes, plans, steps
from lib.messages.digest_urgency import urgency_of
from lib.messages.phrases import counts_text, moment_text, severity_word
from lib.messages.titles import DELIVERY
from lib.models import (
    Digest,
    Image,
    OmissionKind,
    RepositoryDigest,
    ResolvedVulnerability,
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
_STEPS: Final = 2
"""Steps of a remedy; alerts have the others."""
_COMMAND: Final = re.compile(r":? `[^`]*`")
_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_OCCASION: Final = 200
_WARNINGS: Final = 5
_FEW: Final = 2
"""Images without a result that are steps; more are a list. Images whose pages a step has."""
_DOT: Final = " \N{MIDDLE DOT} "

STEPS: Final = "Next steps"
COUNTED: Final = "the newest, and older ones that still run"
REPOSITORIES: Final = "Repositories, worst first"
IMAGES: Final = "Images, worst first"
IMAGE: Final = "Image"
RESOLVED: Final = "Fixed or gone since the last digest, worst first"
REPORT: Final = "Report"
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
    name, opening = _name(digest), tuple(_opening(digest))
    return DigestText(
        name=name,
        title=f"{name}: {_headline(digest)}",
        opening=opening,
        details=tuple([line for line in details(digest) if line and line not in opening]),
        trend=() if is_unchanged(digest) else tuple(_trend(digest)),
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
    return f"First {name}" if is_first(digest) else capitalized(name)


# --- the numbers ------------------------------------------------------------------------------


def _headline(digest: Digest) -> str:
    """Return what changed, and what is open; no all-clear without a result."""
    if not digest.images:
        return "no scan results yet"
    change = _net(digest)
    if not digest.counts:
        doubts = (
            ", as far as known" if digest.unscanned or digest.warnings or digest.unlisted else ""
        )
        return f"{change}{_nothing(digest)} in {counted(digest.images, 'image')}{doubts}"
    where = f"{digest.images - digest.clean:,} of " if digest.clean else ""
    where += counted(digest.images, "image")
    verb = "has" if digest.exploitable == 1 else "have"
    exploits = f"; {digest.exploitable:,} {verb} a public exploit" if digest.exploitable else ""
    gap = f"; {unknown(digest)}" if unknown(digest) else ""
    # The number before "in 2 images" is that of all, not that of the last severity.
    numbers = f"{counts_text(digest.counts)} open in {where}"
    if len(digest.counts) > 1:
        numbers = f"{digest.total:,} open in {where} ({counts_text(digest.counts)})"
    return f"{change}{numbers}{exploits}{gap}"


def _net(digest: Digest) -> str:
    """Return "7 new, 13 gone; ", "no change since 2026-11-16; "; empty without a former digest."""
    if is_first(digest) or digest.occasion:
        return ""
    if is_unchanged(digest):
        return f"no change since {digest.since:%Y-%m-%d}; "
    numbers = {"new": sum(digest.new.values()), "gone": sum(digest.resolved.values())}
    return f"{', '.join(f'{number:,} {word}' for word, number in numbers.items() if number)}; "


def _nothing(digest: Digest) -> str:
    above = f" above the threshold of {routes(digest)}"
    return f"nothing open{above if OmissionKind.BELOW in digest.omitted else ''}"


def _opening(digest: Digest) -> Iterator[str]:
    """Yield how urgent it is, one line of numbers, and why a summary is sent."""
    urgency = urgency_of(digest)
    title = urgency.title if urgency is not None else ""
    line = counts_line(digest)
    yield from filter(None, (title, "" if line in title else line))
    if not (title or line):
        yield from filter(None, (left_out(digest),))
    if digest.occasion:
        yield truncate(one_line(digest.occasion), _OCCASION)


# --- the lists --------------------------------------------------------------------------------


def _lists(digest: Digest, lines: int, characters: int, issue: IssueOf) -> tuple[DigestList, ...]:
    if is_unchanged(digest):
        return ()

    def lines_of(items: Sequence[T], line: Callable[[T], DigestLine]) -> tuple[DigestLine, ...]:
        shown = fitting(items, lambda item: line(item).text, lines=lines, characters=characters)
        others = len(items) - len(shown)
        more = [DigestLine(f"and {others:,} more")] if others else []
        return (*map(line, items[: len(shown)]), *more)

    is_listed = not _is_in_steps(digest)
    places = _repositories(digest, lines, characters, issue) if is_listed else ()
    unscanned = digest.unscanned if len(digest.unscanned) > _FEW else ()
    return (
        DigestList(STEPS, tuple(_steps(digest, issue, is_listed=is_listed))),
        DigestList(_places(digest), tuple(places)),
        DigestList(RESOLVED, lines_of(digest.resolved_vulnerabilities, _vulnerability)),
        DigestList(
            f"{UNSCANNED} ({len(unscanned):,})",
            lines_of(unscanned, partial(_unscanned, digest=digest, issue=issue)),
        ),
    )


def _is_in_steps(digest: Digest) -> bool:
    """Return whether steps name each image, and a list of images has nothing to add."""
    few = (step.images for step in digest.packages if len(step.images) <= _FEW)
    named = {image.key for images in few for image in images}
    rows = digest.repositories
    is_course = len(rows) > 1 and any(row.new or row.resolved for row in rows)
    is_plain = is_first(digest) or not is_course
    return is_plain and all(
        row.image is not None and row.images == 1 and row.image.key in named and row.owner is None
        for row in rows
    )


def _steps(digest: Digest, issue: IssueOf, *, is_listed: bool) -> Iterator[DigestLine]:
    """
    Yield the steps; several are numbered, as they are in the order of their effect.

    `is_listed`: whether a list has the pages of each image; else the first step about it has.
    """
    pages = {
        row.image.key: _pages(row, row.image, digest, issue, is_listed=is_listed)
        for row in digest.repositories
        if row.image is not None and row.images == 1
    }
    lines = [*steps(digest.packages, digest.until.date(), pages, is_listed=is_listed)]
    if len(digest.unscanned) <= _FEW:
        lines += [_scan(unscanned, digest, issue) for unscanned in digest.unscanned]
    rows = (row.image for row in digest.repositories if row.images == 1)
    lines += plans(digest.packages, [image for image in rows if image], digest.until.date())
    numbered = [line._replace(place=place) for place, line in enumerate(lines, 1)]
    yield from numbered if len(lines) > 1 else lines
    yield from more_fixes(digest.fixes_left_out)


def _pages(
    row: RepositoryDigest, image: Image, digest: Digest, issue: IssueOf, *, is_listed: bool
) -> Pages:
    """Return the issues of an image, and its report where no list has it."""
    link = _main_page(image, digest)
    return Pages(tuple(_issues(row, issue)), () if is_listed else linked("", link).links)


def _main_page(image: Image, digest: Digest) -> tuple[str, str | None]:
    """Return the report of an image with its label, else its page in the console."""
    report = digest.reports.get(image.key)
    return (REPORT, report) if report else (CONSOLE, console_url(image))


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
    if changed and not is_first(digest):
        numbers += f" ({changed})"
    line = _subject(repository, numbers)
    issues = _issues(repository, issue)
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


def _unscanned(unscanned: UnscannedImage, digest: Digest, issue: IssueOf) -> DigestLine:
    """Return why an image has no result, and the first step that helps; alerts have the others."""
    reason = truncate(one_line(unscanned.reason), _REASON)
    text = f"{short(unscanned.image.name)}: {reason}{_remedy(unscanned)}"
    return linked(text, *_issues(unscanned, issue), _main_page(unscanned.image, digest))


def _scan(unscanned: UnscannedImage, digest: Digest, issue: IssueOf) -> DigestLine:
    """Return the same as a step, which begins with what to do."""
    reason = truncate(one_line(unscanned.reason), _REASON)
    scanned = "scanned again" if unscanned.has_result else "scanned"
    name = short(unscanned.image.name)
    # The alert has the steps; a single one is short.
    remedy = "" if "\n" in unscanned.remedy else _remedy(unscanned)
    text = f"Get {name} {scanned}, or delete it ({reason}){remedy}"
    return linked(text, *_issues(unscanned, issue), _main_page(unscanned.image, digest))


def _remedy(unscanned: UnscannedImage) -> str:
    """Return the first steps that help, or the first sentence of a single one."""
    steps = [*map(one_line, unscanned.remedy.splitlines())]
    text = " ".join(steps[:_STEPS]) if len(steps) > 1 else _SENTENCES.split("".join(steps))[0]
    remedy = truncate(_COMMAND.sub("", text), _REMEDY).removesuffix(".")
    return f". {remedy}" if remedy else ""


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
    images = counted(digest.images + len(digest.without_result), "image")
    yield f"{images} looked at on {moment_text(digest.until)}: {COUNTED}"
    names = ", ".join(short(route, _NAME) for route in digest.routes[:_ROUTES])
    more = len(digest.routes) - _ROUTES
    names += f" and {more} more" if more > 0 else ""
    if names:
        yield f"route{'s' if len(digest.routes) > 1 else ''} {names}"
    if digest.attempt > 1:
        yield f"attempt {digest.attempt}{', may be a repeat' if digest.possible_repeat else ''}"
