"""What stands in the page without any script: what it is about, what changed, what to do."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from lib.checks.settings import CLOUDFORMATION, COMMAND, REMARK
from lib.messages.checks import is_check, is_move
from lib.messages.provenance import in_words, links
from lib.messages.verdict import before
from lib.models import (
    Alert,
    BasisKind,
    Change,
    ChangeKind,
    Counts,
    Evaluation,
    Finding,
    HistoryEntry,
    Part,
    Report,
    Severity,
    Upgrade,
)
from lib.page import charts
from lib.page.findings import (
    WORDS,
    Row,
    badge,
    exploit,
    fix,
    identifier,
    installed,
    linked,
    percent,
)
from lib.page.markup import Markup, Node, element
from lib.text import clean, counted, one_line, truncate

_NAME: Final = 200
_REASON: Final = 500
MOST: Final = 200
"""Rows of a list; the table of all findings has the others."""
_CHANGES: Final = 25
_FIRST: Final = 12
"""Upgrades that are seen at once."""
NOT_CLEAR: Final = "Nothing is known about its vulnerabilities. This is not an all-clear."
NOT_CHECKED: Final = "Nothing is known about how it is set up. This is not an all-clear."


def header(alert: Alert, evaluation: Evaluation) -> Markup:
    """Return what was scanned, where and when, and what came out in one sentence."""
    image, scan = alert.image, alert.scan
    platform = ", ".join(filter(None, (image.platform, image.os)))
    check = is_check(alert)
    shown = "repository" if check else "image"
    facts = (
        ("Repository", image.repository),
        ("Account", f"{image.account} in {image.region}"),
        ("Tags", ", ".join(image.tags) or ("" if check else "none")),
        ("Digest", image.digest),
        ("Platform", platform),
        ("Pushed", _time(image.pushed_at)),
        ("In use by", "" if image.in_use_count is None else f"{image.in_use_count} tasks or pods"),
        ("Checked", _time(scan.completed_at) if check else ""),
        (
            "Scanned",
            ""
            if check
            else f"{scan.source.value}, {scan.status} {_time(scan.completed_at)}".rstrip(),
        ),
        ("Compared with", "" if is_move(alert) else _basis(alert)),
        ("Source", "" if check else in_words(alert.provenance, image.tags)),
        ("Evaluated", _time(evaluation.evaluated_at)),
    )
    return element(
        "header",
        element("p", f"{'Repository check' if check else 'Scan report'}", class_="kicker"),
        element("h1", _short(image.name)),
        element("p", truncate(one_line(alert.verdict), _REASON), class_="verdict"),
        element(
            "dl",
            (
                element("div", element("dt", label), element("dd", _short(value)))
                for label, value in facts
                if value
            ),
            class_="facts",
        ),
        element(
            "p",
            linked(f"Open the {shown} in the ECR console", alert.console_url),
            _source(alert),
        ),
    )


def _source(alert: Alert) -> Iterable[Node]:
    for label, url in links(alert.provenance, alert.basis, before(alert.basis, alert.image)):
        yield " \N{MIDDLE DOT} "
        yield linked(label, url)


def _basis(alert: Alert) -> str:
    if alert.problem is not None:
        return ""
    if alert.basis.kind is BasisKind.NONE:
        return f"nothing: the first {'check' if is_check(alert) else 'scan'} known here"
    said = before(alert.basis, alert.image)
    return said.replace("the last scan", "the last check", 1) if is_check(alert) else said


def problem(alert: Alert) -> Markup | None:
    """Return why nothing is known, and what to do; None for a usable scan."""
    scan = alert.scan
    if alert.problem is None and scan.reason is None:
        return None
    reason = alert.problem.reason if alert.problem else scan.reason
    remedy = alert.problem.remedy if alert.problem else ""
    return _section(
        "problem",
        "No result",
        element("p", NOT_CHECKED if is_check(alert) else NOT_CLEAR, class_="alarm"),
        element("p", truncate(one_line(reason or scan.status), 4 * _REASON)),
        element("h3", "What to do") if remedy else None,
        element("p", _commands(truncate(one_line(remedy), 8 * _REASON))) if remedy else None,
    )


def _commands(text: str) -> Iterable[Node]:
    for place, part in enumerate(text.split("`")):
        yield element("code", part) if place % 2 else part


def summary(alert: Alert, rows: Sequence[Row]) -> Markup:
    """Return the numbers: by severity, by what can be done, and by what is likely to hurt."""
    findings = [each.finding for each in rows]
    wild = sum(each.exploit_observed_at is not None for each in findings)
    known = sum(each.exploitable for each in findings)
    epss = max((each.epss for each in findings if each.epss is not None), default=None)
    fixable = sum(each.fixable for each in findings)
    unsaid = sum(not each.fixable and each.fix_available is None for each in findings)
    numbers = [
        (f"{len(findings):,}", "findings"),
        (f"{fixable:,}", "with a fix"),
        (f"{len(findings) - fixable - unsaid:,}", "without a fix"),
        *([(f"{unsaid:,}", "whose fix its source does not name")] if unsaid else ()),
        (f"{known:,}", "with a known exploit"),
        (f"{wild:,}", "exploited in the wild"),
    ]
    if epss is not None:
        numbers.append((percent(epss), "highest EPSS"))
    notes = [*alert.scan.warnings]
    if not alert.scan.complete and not notes:
        notes.append("Fewer findings were listed than counted: the list is incomplete")
    return _section(
        "summary",
        "Summary",
        [element("p", one_line(each), class_="note") for each in notes],
        element(
            "ul",
            (
                element("li", element("strong", number), element("span", label))
                for number, label in numbers
            ),
            class_="numbers",
        ),
        charts.severities(alert.counts),
        element("p", _arithmetic(alert), class_="quiet"),
    )


def _arithmetic(alert: Alert) -> str:
    told = sum(each.kind is not ChangeKind.RESOLVED for each in alert.changes)
    terms = [f"{told:,} new or changed", f"{alert.unchanged:,} there before"]
    terms += [f"{each.count:,} {one_line(each.reason)}" for each in alert.left_out]
    many = "" if alert.total == 1 else "s"
    return truncate(f"{alert.total:,} finding{many} = {' + '.join(terms)}", 8 * _REASON)


def changes(alert: Alert) -> Markup | None:
    """Return what is different from before; a first scan has nothing to compare with."""
    if alert.basis.kind is BasisKind.NONE or is_move(alert):
        return None
    kinds = Counter(each.kind for each in alert.changes)
    order = (
        ChangeKind.NEW,
        ChangeKind.RAISED,
        ChangeKind.EXPLOIT_KNOWN,
        ChangeKind.FIX_AVAILABLE,
        ChangeKind.RESOLVED,
    )
    since = f"Compared with {_basis(alert)}."
    if not kinds:
        return _section("changes", "What changed", element("p", f"Nothing. {since}"))
    lists = (
        _changed(kind, [each for each in alert.changes if each.kind is kind]) for kind in order
    )
    return _section("changes", "What changed", element("p", since), lists)


def _changed(kind: ChangeKind, found: Sequence[Change]) -> Markup | None:
    if not found:
        return None
    title = f"{WORDS[kind].capitalize()} ({len(found):,})"
    reasons = Counter(each.reason for each in found)
    shared = next(iter(reasons)) if len(reasons) == 1 else None
    titles = ("Severity", "Vulnerability", "Package", "Fixed in", "Exploit")
    return element(
        "details",
        element("summary", title),
        element("p", _reason(shared), class_="quiet") if shared else None,
        _table(
            title,
            titles if shared else (*titles, "Why"),
            (_change(each, told=shared is None) for each in found[:_CHANGES]),
        ),
        _rest(len(found), _CHANGES),
        open=kind is not ChangeKind.RESOLVED,
    )


def _change(change: Change, *, told: bool) -> Markup:
    finding = change.finding
    return element(
        "tr",
        element("td", badge(finding)),
        element("td", identifier(finding)),
        element("td", installed(finding)),
        element("td", fix(finding)),
        element("td", exploit(finding)),
        element("td", _reason(change.reason)) if told else None,
    )


def _reason(text: str) -> str:
    return truncate(one_line(text), _REASON)


def upgrades(alert: Alert) -> Markup | None:
    """Return what to upgrade, grouped by where that is done, and what has no fix."""
    if is_check(alert):
        return _remedies(alert)
    if not alert.upgrades:
        return None
    ready = [each for each in alert.upgrades if each.fixed is not None]
    groups: dict[str, list[Upgrade]] = {}
    for each in ready:
        groups.setdefault(each.origin.remedy, []).append(each)
    missing = [each for each in alert.upgrades if each.fixed is None]
    return _section(
        "upgrades",
        "What to do",
        [_upgrades(title, group) for title, group in groups.items()],
        _without_version(missing),
    )


def _remedies(alert: Alert) -> Markup | None:
    """Return what mends each setting: commands to copy, and what to write into a template."""
    wrong = [each.finding for each in alert.standing if COMMAND in each.finding.extra]
    if not wrong:
        return None
    return _section("upgrades", "What to do", [_remedy(each) for each in wrong[:MOST]])


def _remedy(finding: Finding) -> list[Markup | None]:
    remark = finding.extra.get(REMARK)
    resource, _, lines = clean(finding.extra.get(CLOUDFORMATION, "")).partition("\n")
    name = f"{finding.vulnerability_id}: {finding.title}"
    return [
        element("h3", _reason(name)),
        element("p", _reason(finding.description or ""), class_="quiet"),
        element("p", _reason(remark)) if remark else None,
        _code(f"Commands: {name}", clean(finding.extra[COMMAND])),
        element("p", f"CloudFormation, {_short(resource)}:", class_="quiet"),
        _code(f"CloudFormation: {name}", lines),
    ]


def _code(label: str, text: str) -> Markup:
    # What scrolls must be reachable by keyboard.
    shown = element("pre", element("code", text))
    return element("div", shown, class_="wide", tabindex=0, role="region", aria_label=_short(label))


def _upgrades(title: str, group: Sequence[Upgrade]) -> list[Markup | None]:
    titles, heading = ("Package", "From", "To", "Removes"), f"{title} ({len(group):,})"
    parts: list[Markup | None] = [
        element("h3", heading),
        _table(heading, titles, map(_upgrade, group[:_FIRST])),
    ]
    others = group[_FIRST:MOST]
    if others:
        more = f"{len(group) - _FIRST:,} more"
        table = _table(f"{title}, {more}", titles, map(_upgrade, others))
        parts.append(element("details", element("summary", more), table, _rest(len(group))))
    return parts


def _upgrade(upgrade: Upgrade) -> Markup:
    return element(
        "tr",
        element("td", element("code", _short(upgrade.package))),
        element("td", ", ".join(map(_short, upgrade.installed[:5]))),
        element("td", element("code", _short(upgrade.fixed or ""))),
        element("td", _counted(upgrade.fixes)),
    )


def _without_version(missing: Sequence[Upgrade]) -> list[Markup | None]:
    if not missing:
        return []
    total: Counter[Severity] = Counter()
    for each in missing:
        total.update(each.fixes)
    heading = f"Without a named version to go to ({total.total():,})"
    rows = (
        element(
            "tr",
            element("td", element("code", _short(each.package))),
            element("td", ", ".join(map(_short, each.installed[:5]))),
            element("td", _counted(each.fixes)),
        )
        for each in missing[:MOST]
    )
    return [
        element("h3", heading),
        element("p", _counted({each: total[each] for each in sorted(total, reverse=True)})),
        element(
            "details",
            element("summary", counted(len(missing), "package")),
            _table(heading, ("Package", "Installed", "Findings"), rows),
            _rest(len(missing)),
        ),
    ]


def platforms(parts: Sequence[Part]) -> Markup | None:
    """Return what was found on each platform of an index."""
    if not parts:
        return None
    rows = (
        element(
            "tr",
            element("td", _short(each.platform)),
            element("td", _on_platform(each)),
            element("td", element("code", _short(each.digest))),
        )
        for each in parts
    )
    return _section(
        "platforms", "Platforms", _table("Platforms", ("Platform", "Found", "Digest"), rows)
    )


def _on_platform(part: Part) -> str:
    if part.counts is None:
        return truncate(one_line(f"not scanned: {part.reason or part.status}"), _REASON)
    return _counted(part.counts) or "no findings"


def history(entries: Sequence[HistoryEntry]) -> Markup | None:
    """Return how the stream went, as a chart and as a table."""
    if not entries:
        return None
    rows = (
        element(
            "tr",
            element("td", f"{each.at:%Y-%m-%d %H:%M}"),
            element("td", _short(each.image.name)),
            element(
                "td",
                (_counted(charts.by_severity(each)) or "none") if each.usable else "no result",
            ),
            element("td", _counted(each.new) or "none"),
            element("td", _counted(each.resolved) or "none"),
        )
        for each in reversed(entries[-MOST:])
    )
    titles = ("Evaluated", "Image", "Open", "New", "Resolved")
    return _section(
        "history",
        "History of this stream",
        charts.history(entries),
        element(
            "details",
            element("summary", counted(len(entries), "evaluation")),
            _table("History", titles, rows),
            _rest(len(entries)),
        ),
    )


def footer(alert: Alert, now: datetime) -> Markup:
    """Return where it comes from, and when."""
    text = f"Made by ecr-scan-alerts at {_time(now)} of delivery stream {_short(alert.stream)}."
    return element("footer", element("p", text))


def usable(evaluation: Evaluation) -> bool:
    """Whether anything is known about findings."""
    return isinstance(evaluation.report, Report)


def _section(name: str, title: str, *children: Node) -> Markup:
    heading = f"{name}-title"
    return element(
        "section", element("h2", title, id=heading), *children, id=name, aria_labelledby=heading
    )


def _table(caption: str, titles: Sequence[str], rows: Iterable[Markup]) -> Markup:
    head = element("thead", element("tr", [element("th", each, scope="col") for each in titles]))
    table = element(
        "table", element("caption", caption, class_="hidden"), head, element("tbody", rows)
    )
    # What scrolls must be reachable by keyboard.
    return element("div", table, class_="wide", tabindex=0, role="region", aria_label=caption)


def _rest(count: int, most: int = MOST) -> Markup | None:
    hidden = count - most
    return element("p", f"and {hidden:,} more", class_="quiet") if hidden > 0 else None


def _counted(counts: Counts) -> str:
    return ", ".join(f"{number:,} {each.name}" for each, number in counts.items() if number)


def _short(text: str) -> str:
    return truncate(one_line(text), _NAME)


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
