"""The facts of a notice: what is watched, where, since when, and where to read on. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.core.conditions import conditions, meaning
from lib.core.problems import cause_of, is_unsupported
from lib.core.streams import pattern_of
from lib.core.vulnerabilities import vulnerabilities
from lib.messages.comparing import since
from lib.messages.content import Content, ordered, severity_of, worst_first
from lib.messages.parts import ONLY, Fact, Link, Platform, Platforms
from lib.messages.phrases import NAME, counts_text, moment_text, names_text
from lib.messages.provenance import in_words, links
from lib.messages.titles import REPORT_NAME
from lib.models import (
    Basis,
    BasisKind,
    Counts,
    Finding,
    Image,
    Notice,
    Part,
    ScanSource,
    Severity,
    Workload,
)
from lib.models.streams import Evidence, PartState, Role, WatchedImage
from lib.models.views import Condition
from lib.text import counted, one_line, short, truncate, unlinked
from lib.urls.console import console_url
from lib.urls.signed import end_of

_WORKLOADS: Final = 5
_IMAGE: Final = re.compile(r"[a-z0-9][a-z0-9._/-]{1,255}@sha256:[0-9a-f]{64}", re.ASCII)
_PLAIN: Final = re.compile(r"[A-Za-z0-9@][\w@./:+~-]{0,199}", re.ASCII)
"""A word that every shell and every receiver's markup leaves alone."""
_ACCEPTABLE: Final = (Condition.SCAN_FAILED, Condition.NOT_SCANNED)
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)
_DIGEST: Final = 19
_REASON: Final = 160
_PART: Final = 60
_WARNINGS: Final = 6
_ROUTES: Final = 5
_DELIVERY: Final = 64
_REFERENCE: Final = 12
"""Characters of an id that `deliveries show` is given; it takes as few as are unambiguous."""
_SMALL: Final = 160
_TWO: Final = 2
_SCANNERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        ScanSource.ECR_BASIC.scanner: "ECR basic scanning",
        ScanSource.ECR_ENHANCED.scanner: "Amazon Inspector",
        ScanSource.REPOSITORY.scanner: "settings of the repository",
    }
)


def subject(content: Content) -> str:
    """Return what a notice is about, in one word."""
    if not content.image.is_repository:
        return "image"
    return "tag" if content.image.tags else "repository"


def where(content: Content) -> str:
    """Return the account, the region and the tags in one line."""
    image = content.image
    tags = f"tags: {tags_text(image)}" if image.tags or not image.is_repository else ""
    return " \N{MIDDLE DOT} ".join(
        short(part) for part in (image.account, image.region, tags) if part
    )


def facts(content: Content, notice: Notice) -> tuple[Fact, ...]:
    """Return what is watched, where and since when, as labels and values."""
    image = content.image
    is_image = not image.is_repository
    listed = [
        *place(image),
        Fact("Stream", short(pattern_of(content.state.stream) or "", NAME)),
        Fact("Tags", tags_text(image) if is_image else names_text(image.tags), in_where=True),
        Fact("Digest", truncate(one_line(image.digest), _DIGEST)),
        Fact("Owner", _owner(notice)),
        Fact("Base image", _base_image(notice)),
        Fact("Pushed", moment_text(image.pushed_at)),
        Fact("Running", _running(content)),
        Fact("Run by", workloads_text(notice.running.image) if notice.running is not None else ""),
        Fact("Scanned" if is_image else "Checked", _scanned(content)),
        comparison(content) or Fact("", ""),
        source(content, notice) or Fact("", ""),
    ]
    return tuple(fact for fact in listed if fact.value)


def comparison(content: Content) -> Fact | None:
    """Return what a notice is compared with; None where it is about no image's result."""
    if content.conditions and not content.changes:
        return None
    other = content.state.comparison
    if other is not None:
        return Fact("Compared with", f"the image {other.digest[:_DIGEST]} of another stream")
    return Fact("Compared with", since(content) or "nothing (first scan)")


def source(content: Content, notice: Notice) -> Fact | None:
    """Return what the current image was made from; None where it is not known."""
    provenance = notice.provenance
    if provenance is None or content.image.is_repository:
        return None
    if provenance.commit is None and provenance.repository is None:
        return None
    return Fact("Source", in_words(provenance, content.image.tags))


def advice(content: Content, notice: Notice) -> Fact | None:
    """Return how the image can name its commit, or why that was not read; None: it does."""
    if notice.provenance is None or content.image.is_repository or source(content, notice):
        return None
    return Fact("Source", in_words(notice.provenance, content.image.tags))


def small(content: Content, notice: Notice) -> tuple[str, ...]:
    """Return where, since when and for whom, in a few words each: the small print of a message."""
    image = content.image
    running = names_text([seen.image.name for seen in content.state.images if seen.running])
    runners = workloads_text(notice.running.image) if notice.running is not None else ""
    scanner = _scanner(content)
    commit = source(content, notice) if not source_links(content, notice) else None
    owner = _owner(notice)
    texts = (
        f"owner: {owner}" if owner else "",
        f"runs as {runners}" if runners else f"running: {running}" if running else "",
        f"account {image.account}" if image.account else "",
        image.region,
        f"pushed {image.pushed_at.day} {image.pushed_at:%b %Y %H:%M} UTC"
        if image.pushed_at
        else "",
        scanner if scanner and not image.is_repository else "",
        commit.value if commit is not None else "",
        _routes(content),
        footer(notice) if notice.attempt > 1 else "",
    )
    return tuple(short(text, _SMALL) for text in texts if text)


def accept_command(content: Content) -> tuple[str, str]:
    """
    Return the id of the worst news, else of the worst that is open, and what suppresses it.

    A scan without a result has no id. Both are empty where nothing is open, and for a name that a
    shell could read in another way.
    """
    if content.is_check:
        return "", ""
    opened = [[entry for entry in kind if entry.is_open] for kind in content.changes.values()]
    # The worst of each kind is its first one.
    news = [entries[0] for entries in opened if entries]
    if content.conditions and not news:
        kind = content.conditions[0].item.condition
        return "", accepting(kind, [], content.image) if kind in _ACCEPTABLE else ""
    news = sorted(news, key=worst_first)
    for entry in (*news[:1], *content.open[:1]):
        command = accepting(entry.id, [package.name for package in entry.packages], content.image)
        return (short(entry.id), command) if command else ("", "")
    return "", ""


def accepting(id_: str, packages: Sequence[str], image: Image) -> str:
    """Return the command that suppresses a vulnerability; empty for a name that is too strange."""
    names = list(dict.fromkeys(packages))
    words = [id_, image.repository, *names[:1]]
    if not all(_PLAIN.fullmatch(word) and unlinked(word) == word for word in words):
        return ""
    package = f" --package {names[0]}" if len(names) == 1 else ""
    return (
        f"ecr-scan-alerts suppressions add {id_} --repository {image.repository}{package} "
        '--reason "WHY"'
    )


def platforms(content: Content) -> Platforms:
    """
    Return what the platforms of the current image share, and what each has alone.

    All lines add up. Without a result of each of them, nothing is said to be on one only.
    """
    current = content.state.current
    parts = current.parts if current is not None and len(current.parts) > 1 else ()
    scanned = [part for part in parts if part.reason is None]
    rows = [
        Platform(
            _platforms_text(places, parts, is_whole=len(scanned) == len(parts)),
            counts_text(counts) or "no vulnerabilities",
            "",
            is_scanned=True,
            number=sum(counts.values()),
        )
        for places, counts in _shared(scanned).items()
    ]
    others = [
        Platform(_part_name(part), _without_result(part), "", is_scanned=False)
        for part in parts
        if part.reason is not None
    ]
    return Platforms((*rows, *others))


def _shared(parts: Sequence[PartState]) -> Mapping[tuple[str, ...], Counts]:
    """Return what is on the same platforms, by their names: what most of them have first."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    levels: dict[str, Severity] = {}
    for part in parts:
        for group in vulnerabilities(_open_rows(part)):
            places[group.id].append(_part_name(part))
            levels[group.id] = max(severity_of(group), levels.get(group.id, Severity.UNKNOWN))
    groups: defaultdict[tuple[str, ...], Counter[Severity]] = defaultdict(Counter)
    for id_, names in places.items():
        groups[tuple(names)][levels[id_]] += 1
    if parts and not groups:
        groups[tuple(map(_part_name, parts))] = Counter()
    ranked = sorted(groups.items(), key=lambda item: (-len(item[0]), item[0]))
    return {names: ordered(counts) for names, counts in ranked}


def _platforms_text(names: Sequence[str], parts: Sequence[PartState], *, is_whole: bool) -> str:
    """Return "both", "all 4", "linux/amd64 only"."""
    if len(names) == len(parts):
        return "both" if len(parts) == _TWO else f"all {len(parts)}"
    return f"{names_text(names)}{ONLY if is_whole else ''}"


def _part_name(part: PartState) -> str:
    return short(part.part, NAME) or "unknown platform"


def warnings(content: Content) -> tuple[str, ...]:
    """Return what is not known for certain: old results, incomplete lists, ended monitoring."""
    about = {item.item.id for item in content.conditions}
    texts = [
        truncate(one_line(text), _REASON)
        for watched in content.state.images
        for part in watched.parts
        if about.isdisjoint(condition.key for condition in conditions(part))
        for text in _doubts(watched, part)
    ]
    return tuple(dict.fromkeys(texts))[:_WARNINGS]


def report_link(notice: Notice) -> Link | None:
    """Return the link to the report page, if there is one."""
    if notice.report_url is None:
        return None
    end = end_of(notice.report_url)
    note = f"works until {end:%Y-%m-%d}" if end is not None else ""
    return Link(REPORT_NAME, REPORT_NAME, "Open the full report", notice.report_url, note)


def console_link(content: Content) -> Link | None:
    """
    Return the link to the console: of the image, of the repository where no image is left.

    None where account or region is unknown.
    """
    url = console_url(content.image)
    if url is None:
        return None
    page = "repository" if content.image.is_repository else "image"
    label = f"{page.capitalize()} in the ECR console"
    action = f"Open the {page} in the ECR console"
    return Link("ECR console", label, action, url)


def source_links(content: Content, notice: Notice) -> tuple[Link, ...]:
    """Return the pages of the commit, of the commits since the image before, and of the build."""
    agreed = content.message.before
    image = agreed.current if agreed is not None else None
    moved = image is not None and image.key != content.image.key
    kind = BasisKind.PREVIOUS_IMAGE if moved else BasisKind.NONE
    basis = Basis(kind, image, provenance=notice.provenance_before if moved else None)
    pages = links(notice.provenance, basis, since(content))
    return tuple(Link(label, label, label, url) for label, url in pages)


def report_command(content: Content, notice: Notice) -> str:
    """Return the command that makes the report page; empty where there is a link, or no page."""
    if notice.report_url is not None or notice.page_key is None:
        return ""
    return command_for(content.image, "report.html")


def footer(notice: Notice) -> str:
    """Return the id of the notice to ask about."""
    return f"Delivery {short(notice.delivery_id, _DELIVERY)}{_attempts(notice)}"


def reference(notice: Notice) -> str:
    """Return as much of that id as commands need to find the notice."""
    return f"Delivery {notice.delivery_id[:_REFERENCE]}{_attempts(notice)}"


def _attempts(notice: Notice) -> str:
    """Return how often a notice was tried; empty for the first attempt."""
    repeat = ", may be a repeat" if notice.possible_repeat else ""
    return f" (attempt {notice.attempt}{repeat})" if notice.attempt > 1 else ""


def _routes(content: Content) -> str:
    """Return the routes of alerts.yml that ask for a notice."""
    delta = content.message.delta
    items = (*delta.after.values(), *(change.item for change in delta.items))
    routes = tuple(dict.fromkeys(route for item in items for route in item.routes))
    names = ", ".join(short(route, NAME) for route in routes[:_ROUTES])
    more = len(routes) - _ROUTES
    names += f" and {more} more" if more > 0 else ""
    return f"route{'s' if len(routes) > 1 else ''} {names}" if names else ""


def _owner(notice: Notice) -> str:
    return short(notice.owner.name, NAME) if notice.owner is not None else ""


def _base_image(notice: Notice) -> str:
    """Return the base image that the image names."""
    return short((notice.provenance and notice.provenance.base_image) or "")


def _running(content: Content) -> str:
    """Return which watched images run; the current one first."""
    running = [watched.image.name for watched in content.state.images if watched.running]
    return names_text(running)


def _scanned(content: Content) -> str:
    newest = _newest(content)
    if newest is None:
        return ""
    return f"{_SCANNERS.get(newest.scanner, newest.scanner)}, {moment_text(newest.at)}"


def _scanner(content: Content) -> str:
    """Return the scanner of the newest result, else the one that gave none; else empty."""
    newest = _newest(content)
    if newest is not None:
        return _SCANNERS.get(newest.scanner, newest.scanner)
    parts = (part for watched in content.state.images for part in watched.parts)
    source = next((part.source for part in parts if part.source is not None), None)
    return _SCANNERS.get(source.scanner, source.scanner) if source is not None else ""


def _newest(content: Content) -> Evidence | None:
    """Return the newest result of the first watched image itself."""
    watched = next(iter(content.state.images), None)
    entries = [part.evidence[0] for part in watched.parts if part.evidence] if watched else []
    own = [entry for entry in entries if watched and entry.image.key == watched.image.key]
    return max(own, key=lambda entry: entry.at, default=None)


def _without_result(part: PartState) -> str:
    """Return that a part has no result, and why."""
    key = meaning(part)
    failed = part.status == "FAILED" and not is_unsupported(key)
    cause = truncate(one_line(cause_of(key, part.reason or "")), _PART)
    words = "scan failed" if failed else "not scanned"
    return f"{words} ({cause})" if cause else words


def _open_rows(part: PartState) -> list[Finding]:
    return [row for entry in part.evidence for row in entry.findings if row.open]


def _doubts(watched: WatchedImage, part: PartState) -> list[str]:
    """Return what is not known for certain about one part of a watched image."""
    where = f"{watched.image.name}{f' on {part.part}' if part.part else ''}"
    role = "" if watched.role is Role.CURRENT else ", which still runs"
    if part.reason is not None:
        old = next((entry for entry in part.evidence if entry.image.key != watched.image.key), None)
        remainder = f"; what is listed is from {old.image.name}" if old is not None else ""
        return [f"{where}{role}: {_without_result(part)}{remainder}"]
    if not part.monitored:
        return [f"{where}{role}: not known to be monitored by the scanner; its result may be old"]
    if part.evidence and not part.evidence[0].complete:
        return [f"{where}{role}: the scanner listed fewer vulnerabilities than it counted"]
    return []


def place(image: Image) -> tuple[Fact, Fact]:
    """Return the repository and the account of an image."""
    partition = "" if image.partition == "aws" else f" ({image.partition})"
    account = short(" in ".join(filter(None, (image.account, image.region))) + partition)
    repository = Fact("Repository", short(image.repository), in_where=True)
    return repository, Fact("Account", account, in_where=True)


def tags_text(image: Image) -> str:
    """Return the tags of an image in one line."""
    return names_text(image.tags) if image.tags else "none (untagged)"


def workloads_text(workloads: Sequence[Workload]) -> str:
    """Return the first workloads by kind, name and cluster, and how many more there are."""
    shown = ", ".join(map(_workload, workloads[:_WORKLOADS]))
    more = len(workloads) - _WORKLOADS
    return f"{shown} and {more:,} more" if more > 0 else shown


def _workload(workload: Workload) -> str:
    kind, unit = "service" if workload.service else "task", "task"
    if workload.pods:
        kind, unit = "workload", "pod"
    name, cluster = short(workload.name, NAME), short(workload.cluster, NAME)
    return f"{kind} {name} in {cluster} ({counted(workload.tasks, unit)})"


def command_for(image: Image, output: str) -> str:
    """
    Return the command that writes the report of an image to a file, whose name says the format.

    Empty for a name that a shell or a receiver's markup could read in another way.
    """
    name = f"{image.repository}@{image.digest}"
    if not _IMAGE.fullmatch(name) or not _REGION.fullmatch(image.region):
        return ""
    return f"ecr-scan-alerts report {name} --region {image.region} -o {output}"


def platforms_of_report(parts: Iterable[Part]) -> Platforms:
    """Return what was found on each platform of an index."""
    return Platforms(tuple(map(_part, parts)))


def _part(part: Part) -> Platform:
    if part.counts is not None:
        result = counts_text(part.counts) or "no findings"
    else:
        what = "scan failed" if part.status == "FAILED" else "not scanned"
        result = f"{what}, {truncate(one_line(part.reason or part.status), _PART)}"
    digest = truncate(one_line(part.digest), _DIGEST)
    return Platform(short(part.platform, NAME), result, digest, part.counts is not None)
