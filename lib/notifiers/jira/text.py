"""
What a Jira issue and its comments say: ADF within Jira's limits. Pure.

The description says how things stand, a comment what changed.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Final

from lib.messages import wording
from lib.models import Alert, Change, Json, ScanProblem, Upgrade
from lib.notifiers.jira import adf, identity
from lib.text import one_line, truncate
from lib.urls.advisories import vulnerability_url

# https://support.atlassian.com/jira-cloud-administration/docs/jira-cloud-field-limits and
# https://jira.atlassian.com/browse/JRACLOUD-78553: a refused create still uses up an issue number.
MAX_SUMMARY: Final = 255
MAX_TEXT: Final = 32_767
"""Characters of a description or comment; counted over its JSON, which is the safe reading."""

_ROWS: Final = (20, 10, 5, 2)
"""Rows per table of the description, when the one before is too long."""
_ITEMS: Final = (20, 10, 5, 2)
"""Findings in a comment, likewise."""
_REASONS: Final = 12
_PLATFORMS: Final = 30
_PROBLEM: Final = 1000
_COMMAND: Final = 4000
_STEPS: Final = 10_000
_VERDICT: Final = 800
_NOTE: Final = 600
"""Characters kept free in a comment for what `send` says about the issue's status."""
_MAX_URL: Final = 2000


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- the issue --------------------------------------------------------------------------------


def summary(alert: Alert) -> str:
    """Return the title of the issue: how things stand."""
    name = wording.short(alert.image.name, MAX_SUMMARY // 2)
    worst = f"[{alert.standing[0].finding.severity.name}] " if alert.standing else ""
    said = alert.verdict if alert.problem else wording.how_it_stands(alert)
    return truncate(one_line(f"{worst}{name}: {said}"), MAX_SUMMARY)


def description(alert: Alert) -> Json:
    """Return how things stand, with room for the line that marks the issue."""
    return _fitting(lambda rows: _nodes(alert, rows), _ROWS, MAX_TEXT - identity.MARK_ROOM)


def comment(alert: Alert) -> Json:
    """Return what changed, with room for a note about the status of the issue."""
    return _fitting(lambda items: _told(alert, items), _ITEMS, MAX_TEXT - _NOTE)


def _fitting(build: Callable[[int], Iterable[Json]], sizes: Sequence[int], limit: int) -> Json:
    """Return the document with as many rows as fit; every row left out is counted in it."""
    for size in sizes[:-1]:
        body = adf.document(build(size))
        if length(body) <= limit:
            return body
    return adf.document(build(sizes[-1]))


def length(body: Json) -> int:
    """Count as Java does, in UTF-16: an emoji is two characters."""
    return len(json.dumps(body, ensure_ascii=False).encode("utf-16-le", "replace")) // 2


def _nodes(alert: Alert, rows: int) -> Iterable[Json]:
    facts = (
        adf.paragraph(adf.text(f"{label}: ", "strong"), adf.text(value, "code"))
        for label, value in wording.facts(alert)
    )
    yield from verdict(alert, wording.how_it_stands(alert))
    yield adf.bullets(facts)
    yield from _platforms(alert)
    yield from _to_do(alert, rows)
    yield from _open(alert, rows)
    yield from _changed_last(alert, rows)
    yield from _left_out(alert)
    for each in wording.warnings(alert):
        yield adf.panel("warning", adf.paragraph(adf.text(each)))
    yield links(alert)
    yield adf.paragraph(adf.text(wording.footer(alert), "em"))


def verdict(alert: Alert, said: str) -> Iterable[Json]:
    """Return the first paragraphs: a sentence with its numbers, or why there is no result."""
    if alert.problem is not None:
        return _problem(alert, alert.problem)
    sentence = adf.text(_first_upper(truncate(said, _VERDICT)), "strong")
    why = wording.why(alert)
    return [
        adf.paragraph(sentence),
        adf.paragraph(adf.text(wording.all_findings(alert))),
        *([adf.paragraph(adf.text(why, "strong"))] if why else ()),
    ]


def _problem(alert: Alert, problem: ScanProblem) -> list[Json]:
    what = alert.verdict.split(":", 1)[0]
    return [
        adf.panel(
            "error",
            adf.paragraph(
                adf.text(f"{what}: ", "strong"),
                adf.text(truncate(one_line(problem.reason), _PROBLEM)),
            ),
            adf.paragraph(adf.text(wording.not_clear(alert))),
        ),
        adf.heading("What to do"),
        adf.prose(truncate(one_line(problem.remedy), _PROBLEM)),
    ]


def _platforms(alert: Alert) -> Iterable[Json]:
    lines = wording.platforms(alert.parts, _PLATFORMS)
    if lines:
        yield adf.heading(wording.PLATFORMS)
        yield adf.bullets(adf.paragraph(adf.text(each)) for each in lines)


def _to_do(alert: Alert, rows: int) -> Iterable[Json]:
    ready = wording.upgradable(alert)
    unfixed, deploy = wording.without_version(alert), wording.deploy(alert)
    yield from _steps(alert)
    if not ready and not unfixed and not deploy:
        return
    yield adf.heading("What to do")
    for title, group in wording.by_origin(ready[:rows]).items():
        yield adf.paragraph(adf.text(title, "strong"))
        yield adf.table(("Package", "From", "To", "Removes"), map(_upgrade, group))
    if ready[rows:]:
        yield adf.paragraph(adf.text(wording.more_upgrades(ready[rows:])))
    for said in filter(None, (deploy, wording.without_fix(alert), unfixed)):
        yield adf.paragraph(adf.text(said))


def _steps(alert: Alert) -> Iterable[Json]:
    steps, hidden = wording.steps(alert, command=_COMMAND, limit=_STEPS, templates=True)
    if steps:
        yield adf.heading("What to do")
    for each in steps:
        yield adf.paragraph(adf.text(each.title, "strong"))
        for said in filter(None, (each.risk, each.remark)):
            yield adf.paragraph(adf.text(said))
        if each.commands:
            yield adf.code_block(each.commands)
        yield adf.paragraph(adf.text(f"CloudFormation, {each.resource}:"))
        yield adf.code_block(each.template)
    if hidden:
        yield adf.paragraph(adf.text(hidden))


def _upgrade(upgrade: Upgrade) -> Iterable[Json]:
    return (
        adf.text(wording.short(upgrade.package), "code"),
        adf.text(wording.upgrade_from(upgrade)),
        adf.text(wording.upgrade_to(upgrade), "code"),
        adf.text(wording.counts(upgrade.fixes)),
    )


def _open(alert: Alert, rows: int) -> Iterable[Json]:
    if not alert.standing:
        return
    section = wording.standing(alert)
    shown, hidden = section.changes[:rows], section.changes[rows:]
    yield adf.heading(f"{section.title} ({len(section.changes):,})")
    yield adf.table(
        ("Severity", *wording.columns(alert), "Remarks"),
        (_row(section, each) for each in shown),
    )
    if hidden:
        yield adf.paragraph(adf.text(wording.more(hidden)))


def _changed_last(alert: Alert, rows: int) -> Iterable[Json]:
    """Yield the last change. What is found or still there is all in the table of what is open."""
    if alert.problem is not None:
        return
    yield adf.heading("What changed last")
    yield adf.paragraph(adf.text(truncate(alert.verdict, _VERDICT)))
    for section in wording.sections(alert):
        if section.title in (wording.NEW, wording.RESOLVED):
            yield from _listing(section, rows)


def _listing(section: wording.Section, items: int) -> Iterable[Json]:
    shown, hidden = section.changes[:items], section.changes[items:]
    yield adf.heading(f"{section.title} ({len(section.changes):,})", level=4)
    yield adf.bullets(_item(section, each) for each in shown)
    if hidden:
        yield adf.paragraph(adf.text(wording.more(hidden)))


def _row(section: wording.Section, change: Change) -> Iterable[Json]:
    return (
        adf.text(wording.severity(change.finding), "strong"),
        _vulnerability(change),
        adf.text(wording.installed(change.finding), "code"),
        adf.text(", ".join(filter(None, _remarks(section, change)))),
    )


def _remarks(section: wording.Section, change: Change) -> Iterable[str]:
    return chain((wording.fix(change.finding),), section.remarks(change))


def _vulnerability(change: Change) -> Json:
    name = wording.short(change.finding.vulnerability_id)
    return adf.text(name, link=vulnerability_url(change.finding))


def _left_out(alert: Alert) -> Iterable[Json]:
    reasons = wording.not_standing(alert, _REASONS)
    if not reasons:
        return
    yield adf.heading("Not listed here")
    yield adf.bullets(adf.paragraph(adf.text(each)) for each in reasons)
    yield adf.paragraph(adf.text(wording.arithmetic_of_standing(alert)))


def links(alert: Alert) -> Json:
    """Return one paragraph with all links; None without any."""
    targets = (
        ("Open the full report", alert.report_url),
        (f"Open the {wording.page_of(alert)} in the ECR console", alert.console_url),
        *wording.source_links(alert),
    )
    nodes: list[Json] = []
    for text, url in targets:
        if url and len(url) <= _MAX_URL:
            nodes += [adf.text(" \N{MIDDLE DOT} ")] if nodes else []
            nodes.append(adf.text(text, link=url))
    if command := wording.report_command(alert):
        nodes += [adf.text(" \N{MIDDLE DOT} ")] if nodes else []
        nodes += [adf.text("Full report: "), adf.text(command, "code")]
    return adf.paragraph(*nodes) if nodes else None


# --- the comment ------------------------------------------------------------------------------


def _told(alert: Alert, items: int) -> Iterable[Json]:
    """Yield what this alert says; the description says how things stand."""
    yield from verdict(alert, alert.verdict)
    yield adf.paragraph(
        adf.text(f"{wording.subject(alert).capitalize()}: ", "strong"),
        adf.text(wording.short(alert.image.name), "code"),
    )
    yield from _platforms(alert)
    for section in wording.sections(alert):
        yield from _listing(section, items)
    yield links(alert)
    yield adf.paragraph(adf.text(wording.footer(alert), "em"))


def _item(section: wording.Section, change: Change) -> Json:
    about = (wording.installed(change.finding), *filter(None, _remarks(section, change)))
    return adf.paragraph(
        adf.text(wording.severity(change.finding), "strong"),
        adf.text(" "),
        _vulnerability(change),
        adf.text(f" {', '.join(about)}"),
    )
