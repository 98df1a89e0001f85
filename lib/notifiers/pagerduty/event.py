"""The texts of an event: summary, details, links, within PagerDuty's limits. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from lib.messages import wording
from lib.models import (
    Alert,
    Change,
    Json,
    ScanProblem,
    Upgrade,
)
from lib.text import one_line, truncate

# https://developer.pagerduty.com/docs/send-alert-event and, for the size of an event, the overview.
MAX_SUMMARY: Final = 1024


_LINES: Final = 20


_CHARACTERS: Final = 4000
"""Of each list: five of them fit whatever letters they are of, at 12 bytes in ASCII."""


_REASONS: Final = 12


_PROBLEM: Final = 1000


NAME: Final = 200


_MAX_URL: Final = 2000


def summary_of(alert: Alert) -> str:
    """Return the summary, within the receiver's limit."""
    name = wording.short(alert.image.name, NAME)
    if alert.problem is not None:
        return truncate(one_line(f"{name}: {alert.verdict}"), MAX_SUMMARY)
    said = f"{name}: {wording.how_it_stands(alert)}. {alert.verdict}"
    return truncate(one_line(said), MAX_SUMMARY)


def links_of(alert: Alert) -> list[Json]:
    """Return the links of an event."""
    links = (
        ("Full report", alert.report_url),
        (f"{wording.page_of(alert).capitalize()} in the ECR console", alert.console_url),
        *wording.source_links(alert),
    )
    return [{"href": url, "text": text} for text, url in links if url and len(url) <= _MAX_URL]


def in_short(alert: Alert) -> Json:
    """Return the details that every event has, however large it is."""
    known = wording.not_clear(alert) if alert.problem else wording.all_findings(alert)
    command = wording.report_command(alert)
    return {
        "verdict": truncate(one_line(alert.verdict), MAX_SUMMARY),
        "findings": known,
        **({"full_report": command} if command else {}),
        "delivery": wording.footer(alert),
    }


def details_of(alert: Alert) -> Json:
    """Return what there is to read, under the names that event rules can refer to."""
    found = {
        **in_short(alert),
        "open": wording.counts(wording.by_severity(alert.standing)),
        "why": wording.why(alert),
        "what_to_do": _remedy(alert.problem) if alert.problem else list(_to_do(alert)),
        **{_name(each.title): _listing(each) for each in wording.sections(alert)},
        "filtered_out": wording.left_out(alert, _REASONS),
        "platforms": wording.platforms(alert.parts, _LINES),
        "warnings": wording.warnings(alert),
        **{_name(label): value for label, value in wording.facts(alert)},
    }
    return {name: value for name, value in found.items() if value}


def _name(words: str) -> str:
    return words.lower().replace(" ", "_")


def _remedy(problem: ScanProblem) -> str:
    return truncate(one_line(problem.remedy), _PROBLEM)


def _to_do(alert: Alert) -> Iterator[str]:
    ready = wording.upgradable(alert)
    shown, hidden = wording.fitting(ready, _upgrade, lines=_LINES, characters=_CHARACTERS)
    yield from shown
    if hidden:
        yield wording.more_upgrades(hidden)
    mended, rest = wording.steps(alert, command=_CHARACTERS, limit=_CHARACTERS)
    for each in mended:
        yield f"{each.title}: {' ; '.join(each.commands) or each.remark}"
    yield from filter(None, (rest,))
    yield from filter(
        None, (wording.deploy(alert), wording.without_fix(alert), wording.without_version(alert))
    )


def _upgrade(upgrade: Upgrade) -> str:
    versions = wording.upgrade_from(upgrade)
    start = f" from {versions}" if versions else ""
    return (
        f"{upgrade.origin.remedy}: {wording.short(upgrade.package)}{start} to "
        f"{wording.upgrade_to(upgrade)}, removes {wording.counts(upgrade.fixes)}"
    )


def _listing(section: wording.Section) -> list[str]:
    shown, hidden = wording.fitting(
        section.changes,
        lambda each: _finding(section, each),
        lines=_LINES,
        characters=_CHARACTERS,
    )
    return [*shown, *([wording.more(hidden)] if hidden else [])]


def _finding(section: wording.Section, change: Change) -> str:
    finding = change.finding
    name = f"{wording.severity(finding)} {wording.short(finding.vulnerability_id)}"
    about: Iterable[str] = (
        wording.installed(finding),
        wording.fix(finding),
        *section.remarks(change),
    )
    return f"{name}: {', '.join(filter(None, about))}"
