"""
The words that every receiver uses, as plain text: each escapes and lays out in its own way.

Everything from outside is cleaned and cut here, so that one absurd field cannot fill a message.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from urllib.parse import quote

from lib.checks.settings import CLOUDFORMATION, COMMAND, MANAGER, REMARK
from lib.messages import checks
from lib.messages.alert import command_for
from lib.messages.provenance import in_words, links
from lib.messages.verdict import before, severity_word
from lib.models import (
    Alert,
    BasisKind,
    Change,
    ChangeKind,
    Counts,
    Finding,
    Image,
    LeftOut,
    Origin,
    Part,
    ScanSource,
    Severity,
    Upgrade,
    Workload,
)
from lib.text import ELLIPSIS, clean, one_line, truncate

_NAME: Final = 100
_VERSION: Final = 40
_REASON: Final = 160
_RISK: Final = 400
_TAGS: Final = 6
_VERSIONS: Final = 3
_PACKAGES: Final = 5
_WARNINGS: Final = 3
_ROUTES: Final = 5
_DIGEST: Final = 80
_ARN_FIELD: Final = 300
_PART: Final = 60
_WORKLOADS: Final = 5
_LIKELY: Final = 0.1
"""An EPSS that is worth a word: one in ten is exploited within a month."""

T = TypeVar("T")

_NOT_CLEAR: Final = "Nothing is known about its vulnerabilities: this is not an all-clear."
_NOT_CHECKED: Final = "Nothing is known about how it is set up: this is not an all-clear."


def not_clear(alert: Alert) -> str:
    """Say that no result is not a good one."""
    return _NOT_CHECKED if checks.is_check(alert) else _NOT_CLEAR


def subject(alert: Alert) -> str:
    """Return what an alert is about, in one word."""
    if not checks.is_check(alert):
        return "image"
    return "tag" if alert.image.tags else "repository"


def columns(alert: Alert) -> tuple[str, str]:
    """Return what identifies a finding, as titles of a table."""
    return ("Check", "Setting") if checks.is_check(alert) else ("Vulnerability", "Package")


def page_of(alert: Alert) -> str:
    """Return what the console shows: there is no page of a tag alone."""
    return "repository" if checks.is_check(alert) else "image"


def short(name: str, limit: int = _NAME) -> str:
    """Cut a name in its middle: both ends of a path tell more than its beginning alone."""
    name = one_line(name)
    if len(name) <= limit:
        return name
    tail = (limit - len(ELLIPSIS)) * 3 // 5
    return name[: limit - len(ELLIPSIS) - tail] + ELLIPSIS + name[-tail:]


def counts(numbers: Counts) -> str:
    """Return "4 CRITICAL, 12 HIGH", worst first, without the zeros."""
    return ", ".join(f"{n:,} {severity_word(each)}" for each, n in numbers.items() if n)


def by_severity(changes: Iterable[Change]) -> Counts:
    """Count changes by severity, worst first."""
    numbers = Counter(each.finding.severity for each in changes)
    return {each: numbers[each] for each in sorted(numbers, reverse=True)}


def all_findings(alert: Alert) -> str:
    """Return the counts of the whole scan, whatever of it is listed."""
    if checks.is_check(alert):
        if not alert.total:
            return "All settings are as they should be"
        return f"All results: {counts(alert.counts)} ({alert.total:,} in all)"
    if not alert.total:
        return "No findings" if alert.scan.complete else "No findings in an incomplete list"
    return f"All findings: {counts(alert.counts)} ({alert.total:,} in all)"


# --- where ------------------------------------------------------------------------------------


def facts(alert: Alert) -> list[tuple[str, str]]:
    """Return what was scanned, where and when, as labels and values."""
    image, scan = alert.image, alert.scan
    if checks.is_check(alert):
        return _facts_of_check(alert)
    partition = "" if image.partition == "aws" else f" ({image.partition})"
    platform = ", ".join(short(each, _VERSION) for each in (image.platform, image.os) if each)
    scanned = f"{scan.source.value}, {scan.status}"
    found = [
        ("Repository", short(image.repository)),
        ("Account", short(f"{image.account} in {image.region}{partition}")),
        ("Tags", _tags(image.tags)),
        ("Digest", truncate(one_line(image.digest), _DIGEST)),
        ("Platform", platform),
        ("Pushed", _time(image.pushed_at)),
        ("Run by", _workloads(alert.running.image) if alert.running is not None else ""),
        ("In use by", "" if image.in_use_count is None else f"{image.in_use_count} tasks or pods"),
        ("Scanned", ", ".join(filter(None, (short(scanned), _time(scan.completed_at))))),
        ("Compared with", _compared_with(alert)),
        (SOURCE, source(alert)),
    ]
    return [(label, value) for label, value in found if value]


def source(alert: Alert) -> str:
    """Return what the image was made from, or what to do so that it says so."""
    return in_words(alert.provenance, alert.image.tags)


def source_links(alert: Alert) -> list[tuple[str, str]]:
    """Return the pages of its commit, of what changed since the image before, and of the build."""
    return links(alert.provenance, alert.basis, before(alert.basis, alert.image))


SOURCE: Final = "Source"


def _facts_of_check(alert: Alert) -> list[tuple[str, str]]:
    image, moved = alert.image, checks.is_move(alert)
    partition = "" if image.partition == "aws" else f" ({image.partition})"
    found = [
        ("Repository", short(image.repository)),
        ("Account", short(f"{image.account} in {image.region}{partition}")),
        ("Tag", _several(image.tags)),
        ("Moved" if moved else "Checked", _time(alert.scan.completed_at)),
        ("Compared with", "" if moved else _compared_with(alert)),
    ]
    return [(label, value) for label, value in found if value]


def where(alert: Alert) -> str:
    """Return the same in one line, for the top of a message."""
    image = alert.image
    tags = f"tags: {_tags(image.tags)}" if image.tags or not checks.is_check(alert) else ""
    parts = (image.account, image.region, tags, image.platform)
    return " \N{MIDDLE DOT} ".join(short(each) for each in parts if each)


def repository_arn(image: Image) -> str:
    """Return the ARN of the image's repository, which is a URI whatever stands in the fields."""
    fields = (image.partition, "ecr", image.region, image.account, f"repository/{image.repository}")
    return ":".join(("arn", *(quote(short(each, _ARN_FIELD), safe="/") for each in fields)))


def platforms(parts: Sequence[Part], limit: int) -> list[str]:
    """Return what was found on each platform of an index, one line each; none for other images."""
    lines = [_platform(each) for each in parts]
    if len(lines) <= limit:
        return lines
    hidden = parts[limit - 1 :]
    unscanned = sum(each.counts is None for each in hidden)
    tail = f", {unscanned} of them not scanned" if unscanned else ""
    return [*lines[: limit - 1], f"and {len(hidden)} more platforms{tail}"]


def _platform(part: Part) -> str:
    name = short(part.platform, _VERSION)
    if part.counts is not None:
        return f"{name}: {counts(part.counts) or 'no findings'}"
    what = "scan failed" if part.status == "FAILED" else "not scanned"
    return f"{name}: {what}, {truncate(one_line(part.reason or part.status), _PART)}"


def _tags(tags: Sequence[str]) -> str:
    return _several(tags) if tags else "none (untagged)"


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - _TAGS} more" if len(names) > _TAGS else ""
    return ", ".join(short(each, _VERSION) for each in names[:_TAGS]) + more


def _compared_with(alert: Alert) -> str:
    if alert.problem is not None:
        return ""
    check = checks.is_check(alert)
    if alert.basis.kind is BasisKind.NONE:
        return f"nothing: the first {'check' if check else 'scan'} known here"
    said = before(alert.basis, alert.image)
    return said.replace("the last scan", "the last check", 1) if check else said


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def deploy(alert: Alert) -> str:
    """Say which deployments still run an image whose findings are resolved in this one."""
    still = alert.running.before if alert.running is not None else ()
    gone = sum(each.kind is ChangeKind.RESOLVED for each in alert.changes)
    if not still or not gone:
        return ""
    name = before(alert.basis, alert.image)
    run = "runs" if len(still) == 1 else "run"
    return f"Deploy it: {_workloads(still)} still {run} {name}, with {gone:,} resolved here"


def _workloads(workloads: Sequence[Workload]) -> str:
    shown = ", ".join(map(_workload, workloads[:_WORKLOADS]))
    hidden = len(workloads) - _WORKLOADS
    return f"{shown} and {hidden:,} more" if hidden > 0 else shown


def _workload(each: Workload) -> str:
    kind = "service" if each.service else "task"
    name, cluster = short(each.name, _VERSION), short(each.cluster, _VERSION)
    return f"{kind} {name} in {cluster} ({each.tasks:,} task{'s' if each.tasks > 1 else ''})"


def why(alert: Alert) -> str:
    """Return in one line what makes it likelier to hurt, of all that is open now."""
    findings = [each.finding for each in alert.standing]
    wild = sum(each.exploit_observed_at is not None for each in findings)
    known = sum(each.exploitable for each in findings) - wild
    epss = max((each.epss for each in findings if each.epss is not None), default=0.0)
    used = alert.image.in_use_count
    said = (
        f"{wild:,} exploited in the wild" if wild else "",
        f"{known:,} with a known exploit" if known else "",
        f"EPSS up to {epss * 100:.0f} %" if epss >= _LIKELY else "",
        f"in use by {used:,} {'task or pod' if used == 1 else 'tasks or pods'}" if used else "",
    )
    text = ", ".join(filter(None, said))
    return text[:1].upper() + text[1:] if findings else ""


# --- what changed -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Section:
    """Changes under one title. `note`: the reason that most of them share, so it is said once."""

    title: str
    note: str
    changes: tuple[Change, ...]

    def remarks(self, change: Change) -> list[str]:
        """Return what is special about one of them."""
        finding = change.finding
        new = self.title == OPEN and change.kind is ChangeKind.NEW
        said = ["new"] if new else [change.reason] if change.reason != self.note else []
        if finding.package.manager == MANAGER:
            return [truncate(one_line(each), _REASON) for each in said]
        if finding.exploit_observed_at is not None:
            said.append("exploited in the wild")
        elif finding.exploitable and change.kind is not ChangeKind.EXPLOIT_KNOWN:
            said.append("exploit known")
        if finding.epss is not None and finding.epss >= _LIKELY:
            said.append(f"EPSS {finding.epss * 100:.0f} %")
        if finding.package.path:
            said.append(f"in {short(finding.package.path, _VERSION)}")
        if finding.platforms:
            said.append(f"only on {_several(finding.platforms)}")
        return [truncate(one_line(each), _REASON) for each in said]


def sections(alert: Alert) -> list[Section]:
    """Return what is new, what is still there (where asked for), and what is resolved."""
    groups: dict[str, list[Change]] = {}
    for change in alert.changes:
        groups.setdefault(_title(change.kind, alert.basis.kind), []).append(change)
    return [
        Section(title, _shared_reason(groups[title]), tuple(groups[title]))
        for title in (FOUND, NEW, STILL_THERE, RESOLVED)
        if title in groups
    ]


PLATFORMS: Final = "By platform"
FOUND: Final = "What was found"
NEW: Final = "What is new"
STILL_THERE: Final = "Still there"
OPEN: Final = "Open now"
RESOLVED: Final = "Resolved"


def standing(alert: Alert) -> Section:
    """Return all that is open now; remarks are for what is special about it, like being new."""
    usual = (ChangeKind.UNCHANGED, ChangeKind.BASELINE)
    reasons = Counter(each.reason for each in alert.standing if each.kind in usual)
    note = reasons.most_common(1)[0][0] if reasons else ""
    return Section(OPEN, note, alert.standing)


def how_it_stands(alert: Alert) -> str:
    """Return what is open now in one line, and no more of an all-clear than is true."""
    if checks.is_check(alert):
        return checks.how_it_stands(alert)
    if alert.standing:
        fixable = sum(each.finding.fixable for each in alert.standing)
        tail = f", {fixable:,} fixable" if fixable else ""
        return f"{counts(by_severity(alert.standing))} open{tail}"
    if alert.total:
        return "nothing open of what is asked for here"
    return all_findings(alert).replace("No", "no", 1)


def _title(kind: ChangeKind, basis: BasisKind) -> str:
    match kind:
        case ChangeKind.RESOLVED:
            return RESOLVED
        case ChangeKind.UNCHANGED:
            return STILL_THERE
        case _:
            return FOUND if basis is BasisKind.NONE else NEW


def _shared_reason(changes: Sequence[Change]) -> str:
    reason, number = Counter(each.reason for each in changes).most_common(1)[0]
    return reason if number * 2 > len(changes) else ""


def installed(finding: Finding) -> str:
    """Return the package and its version."""
    version = truncate(one_line(finding.package.version or ""), _VERSION)
    return f"{short(finding.package.name)} {version}".rstrip()


def fix(finding: Finding) -> str:
    """Return what is known about a fix; nothing where the source does not say."""
    if finding.package.manager == MANAGER:
        # A setting has no version; what is wrong with it says more.
        return truncate(one_line(finding.title or ""), _REASON)
    if finding.fixed_version is not None:
        return f"fixed in {truncate(one_line(finding.fixed_version), _VERSION)}"
    if finding.fixable:
        return "a fix exists, its version is not named"
    return "no fix available" if finding.fix_available == "NO" else ""


def severity(finding: Finding) -> str:
    """Return the severity, with the source's own word where the scale has none for it."""
    if finding.severity is Severity.UNKNOWN and finding.source_severity:
        return f"UNKNOWN ({truncate(one_line(finding.source_severity), _VERSION)})"
    return finding.severity.name


def fitting(
    items: Sequence[T], render: Callable[[T], str], *, lines: int, characters: int
) -> tuple[list[str], Sequence[T]]:
    """Render as many items as there is room for; return their lines, and the items left over."""
    shown: list[str] = []
    for item in items[:lines]:
        line = render(item)
        characters -= len(line) + 1
        if characters < 0:
            break
        shown.append(line)
    return shown, items[len(shown) :]


def more(hidden: Sequence[Change]) -> str:
    """Say what is not listed, by severity; the numbers add up with what is listed."""
    return f"and {len(hidden):,} more: {counts(by_severity(hidden))}"


# --- what to do -------------------------------------------------------------------------------


def upgradable(alert: Alert) -> list[Upgrade]:
    """Return the upgrades that name a version to go to, those of a place together."""
    ready = [each for each in alert.upgrades if each.fixed is not None]
    return sorted(ready, key=lambda each: _ORIGINS.index(each.origin))


def by_origin(upgrades: Iterable[Upgrade]) -> dict[str, list[Upgrade]]:
    """Return upgrades under what is to be done about them."""
    groups: dict[str, list[Upgrade]] = {}
    for each in upgrades:
        groups.setdefault(each.origin.remedy, []).append(each)
    return groups


_ORIGINS: Final = (Origin.BASE_IMAGE, Origin.DEPENDENCY, Origin.UNKNOWN)


def without_fix(alert: Alert) -> str:
    """Count what no upgrade removes; nothing where the source says nothing about fixes."""
    stuck = [each for each in alert.standing if not each.finding.fixable]
    said = any(each.finding.fix_available is not None for each in alert.standing)
    if not stuck or not (said or len(stuck) < len(alert.standing)):
        return ""
    return f"{len(stuck):,} without a fix: {counts(by_severity(stuck))}"


def upgrade_from(upgrade: Upgrade) -> str:
    """Return the installed versions."""
    versions = [truncate(one_line(each), _VERSION) for each in upgrade.installed]
    hidden = f" and {len(versions) - _VERSIONS} more" if len(versions) > _VERSIONS else ""
    return ", ".join(versions[:_VERSIONS]) + hidden


def upgrade_to(upgrade: Upgrade) -> str:
    """Return the version to go to."""
    return truncate(one_line(upgrade.fixed or ""), _VERSION)


def more_upgrades(hidden: Sequence[Upgrade]) -> str:
    """Say how many more packages to upgrade there are, and what that fixes."""
    total: Counter[Severity] = Counter()
    for each in hidden:
        total.update(each.fixes)
    fixed = {each: total[each] for each in sorted(total, reverse=True)}
    return f"and {_packages(len(hidden))} to upgrade: {counts(fixed)}"


def without_version(alert: Alert) -> str:
    """Say which packages have no version to go to; empty when there are none."""
    packages = [each for each in alert.upgrades if each.fixed is None]
    if not packages:
        return ""
    named = ", ".join(
        f"{short(each.package)} ({counts(each.fixes)})" for each in packages[:_PACKAGES]
    )
    hidden = len(packages) - _PACKAGES
    named += f" and {_packages(hidden)}" if hidden > 0 else ""
    if alert.scan.source is ScanSource.ECR_BASIC:
        return (
            "Basic scanning names no fixed versions. Rebuild on an updated base image, "
            f"or look for newer versions of {named}."
        )
    return f"No fixed version is named for {named}."


def _packages(number: int) -> str:
    return f"{number:,} more package{'s' if number > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Step:
    """What mends one setting: whole commands, and the lines of a template."""

    title: str
    risk: str
    remark: str
    commands: tuple[str, ...]
    """Empty where they are too long, or too strange, to be shown as they are."""
    resource: str
    template: tuple[str, ...]


def steps(
    alert: Alert, *, command: int, limit: int, templates: bool = False
) -> tuple[list[Step], str]:
    """
    Return what to do about each setting, worst first, and what to say of those left out.

    A command is shown whole or not at all: of at most `command` characters, all within `limit`.
    """
    found: list[Step] = []
    wrong = [each.finding for each in alert.standing if COMMAND in each.finding.extra]
    for finding in wrong:
        step = _step(finding, command, templates=templates)
        limit -= sum(map(len, (step.title, step.risk, step.remark, *step.commands, *step.template)))
        if limit < 0:
            break
        found.append(step)
    hidden = len(wrong) - len(found)
    return found, f"and {hidden} more; {_AUDIT} shows them" if hidden else ""


_AUDIT: Final = "ecr-scan-alerts audit"


def _step(finding: Finding, limit: int, *, templates: bool) -> Step:
    commands = tuple(map(clean, finding.extra[COMMAND].splitlines()))
    remark = one_line(finding.extra.get(REMARK, ""))
    if any(len(each) > limit or "`" in each for each in commands):
        commands, remark = (), f"The command is too long to be shown here; {_AUDIT} shows it."
    resource, *lines = clean(finding.extra[CLOUDFORMATION]).splitlines()
    template = tuple(lines) if templates else ()
    title = truncate(one_line(f"{finding.vulnerability_id}: {finding.title}"), _REASON)
    risk = truncate(one_line(finding.description or ""), _RISK)
    return Step(title, risk, truncate(remark, _REASON), commands, resource, template)


# --- what was left out ------------------------------------------------------------------------


def left_out(alert: Alert, limit: int) -> list[str]:
    """Return what is not listed and why, one line each; beyond `limit` reasons are added up."""
    groups = list(alert.left_out)
    if alert.unchanged:
        groups.insert(0, LeftOut("there before, not repeated", alert.unchanged))
    return _lines(groups, limit)


def not_standing(alert: Alert, limit: int) -> list[str]:
    """Return the same for a text that lists everything open, whenever it came."""
    return _lines([each for each in alert.left_out if not each.standing], limit)


def _lines(groups: list[LeftOut], limit: int) -> list[str]:
    if len(groups) > limit:
        rest = groups[limit - 1 :]
        hidden = LeftOut(f"for {len(rest)} other reasons", sum(each.count for each in rest))
        groups = [*groups[: limit - 1], hidden]
    return [f"{each.count:,} {truncate(one_line(each.reason), _REASON)}" for each in groups]


def arithmetic(alert: Alert) -> str:
    """Return the sum that accounts for every finding of the scan."""
    told = sum(each.kind is not ChangeKind.RESOLVED for each in alert.changes)
    others = sum(each.count for each in alert.left_out)
    terms = [f"{told:,} told here"]
    terms += [f"{alert.unchanged:,} there before"] if alert.unchanged else []
    terms += [f"{others:,} left out"] if others else []
    return f"{_findings(alert)} = {' + '.join(terms)}"


def arithmetic_of_standing(alert: Alert) -> str:
    """Return the sum for a text that lists everything open."""
    others = sum(each.count for each in alert.left_out if not each.standing)
    return f"{_findings(alert)} = {len(alert.standing):,} open here + {others:,} left out"


def _findings(alert: Alert) -> str:
    return f"{alert.total:,} finding{'' if alert.total == 1 else 's'}"


def warnings(alert: Alert) -> list[str]:
    """Return what about the scan itself needs saying."""
    cleaned = filter(None, map(one_line, alert.scan.warnings[:_WARNINGS]))
    said = [truncate(each, _REASON) for each in cleaned]
    if not alert.scan.complete and not said and not checks.is_check(alert):
        said = ["Fewer findings were listed than counted: the list is incomplete"]
    return said


def report_command(alert: Alert) -> str:
    """
    Return the command that makes the report page of an image; "" where it is not needed.

    It is needed where pages are stored without links.
    """
    if alert.report_url is not None or alert.page_key is None:
        return ""
    return command_for(alert.image, "report.html")


def footer(alert: Alert) -> str:
    """Return why this destination hears of it, and the delivery to ask about."""
    names = ", ".join(short(each, _VERSION) for each in alert.routes[:_ROUTES])
    hidden = len(alert.routes) - _ROUTES
    names += f" and {hidden} more" if hidden > 0 else ""
    routes = f"Route{'s' if len(alert.routes) > 1 else ''}: {names}. " if names else ""
    repeat = ", may be a repeat" if alert.possible_repeat else ""
    notes = [f"attempt {alert.attempt}{repeat}"] if alert.attempt > 1 else []
    newer = "check" if checks.is_check(alert) else "scan"
    notes += [f"late: a newer {newer} was told before"] if alert.outdated else []
    said = f" ({', '.join(notes)})" if notes else ""
    return f"{routes}Delivery: {short(alert.delivery_id, 64)}{said}"
