"""
`text_of`: all that is said about an alert, once, for all that lay it out. Pure.

    parts       the text as a tree
    verdict     what happened, in one sentence
    facts       what was scanned, where, when, what runs it, where to read on
    findings    the lists
    to_do       what fixes the findings
    phrases     what several of them share
"""

from typing import Final

from lib.messages import checks, facts, findings
from lib.messages.notices.text import notice_text_of
from lib.messages.parts import AlertText, Omissions, Problem
from lib.messages.to_do import to_do
from lib.models import Alert, ChangeKind, Notice, Omission, ScanProblem, by_severity
from lib.text import counted, one_line, short, truncate

ROWS: Final = 8
_VERDICT: Final = 1000
_REASON: Final = 160
_PROBLEM: Final = 1200
_REMEDY: Final = 2000
_NOT_CLEAR: Final = "Nothing is known about its vulnerabilities: this is not an all-clear."
_NOT_CHECKED: Final = "Nothing is known about how it is set up: this is not an all-clear."


def text_of(alert: Alert | Notice, *, rows: int = ROWS) -> AlertText:
    """Return what is said about an alert. `rows`: how many findings and packages a list has."""
    if isinstance(alert, Notice):
        return notice_text_of(alert, rows=rows)
    is_check = checks.is_check(alert)
    counts = by_severity(alert.standing)
    return AlertText(
        kind="Repository check" if is_check else "Scan report",
        subject=facts.subject(alert),
        image=alert.image,
        name=short(alert.image.name),
        where=facts.where(alert),
        verdict=truncate(one_line(alert.verdict), _VERDICT),
        state=findings.state(alert, counts),
        total=alert.total,
        is_complete=alert.problem is None and alert.scan.complete,
        totals=findings.totals(alert),
        why=findings.why(alert),
        problem=None if alert.problem is None else _problem(alert, alert.problem),
        facts=tuple(facts.facts(alert)),
        comparison=facts.comparison(alert),
        source=facts.source(alert),
        platforms=facts.platforms(alert.parts),
        to_do=to_do(alert, rows),
        sections=findings.sections(alert, rows),
        open=findings.open_section(alert, counts, rows),
        left_out=_left_out(alert),
        not_open=_not_open(alert),
        columns=("Check", "Setting") if is_check else ("Vulnerability", "Package"),
        warnings=facts.warnings(alert),
        report=facts.report_link(alert),
        console=facts.console_link(alert),
        sources=facts.source_links(alert),
        report_command=facts.report_command(alert),
        list_command=facts.command_for(alert.image, "findings.csv"),
        footer=facts.footer(alert),
    )


def scan_notes(alert: Alert, *, platforms: int) -> tuple[str, ...]:
    """
    Return what a document says about a scan: its warnings, and a count of the platforms left out.

    `platforms`: lines for them; the last one counts the others. Costs nothing for each finding.
    """
    lines = facts.platforms(alert.parts).lines(platforms)
    return (*facts.warnings(alert), *lines[platforms - 1 :])


def _problem(alert: Alert, problem: ScanProblem) -> Problem:
    return Problem(
        title=one_line(alert.verdict.split(":", 1)[0]),
        reason=truncate(one_line(problem.reason), _PROBLEM),
        caution=_NOT_CHECKED if checks.is_check(alert) else _NOT_CLEAR,
        remedy=truncate(one_line(problem.remedy), _REMEDY),
    )


def _left_out(alert: Alert) -> Omissions:
    """Return what the sections do not list."""
    groups = list(alert.left_out)
    if alert.unchanged:
        groups.insert(0, Omission("there before, not repeated", alert.unchanged))
    listed = sum(change.kind is not ChangeKind.RESOLVED for change in alert.changes)
    others = sum(group.count for group in alert.left_out)
    terms = [f"{listed:,} told here"]
    terms += [f"{alert.unchanged:,} there before"] if alert.unchanged else []
    terms += [f"{others:,} left out"] if others else []
    return _omissions(alert, groups, " + ".join(terms))


def _not_open(alert: Alert) -> Omissions:
    """Return what a list of everything open does not have."""
    groups = [group for group in alert.left_out if not group.standing]
    others = sum(group.count for group in groups)
    return _omissions(alert, groups, f"{len(alert.standing):,} open here + {others:,} left out")


def _omissions(alert: Alert, groups: list[Omission], terms: str) -> Omissions:
    cleaned = (Omission(truncate(one_line(group.reason), _REASON), group.count) for group in groups)
    return Omissions(tuple(cleaned), f"{counted(alert.total, 'finding')} = {terms}")
