"""
The custom notification: what Amazon Q Developer in chat applications shows in Slack or Teams.

https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html. Escaped as Slack asks for,
and without what Teams' markdown or a chat takes for a link; our own links are bare addresses,
because the two write others differently. Alerts of a stream share a thread.
"""

import hashlib
import json
from typing import Final

from lib.messages import wording
from lib.models import Alert, Change, Json, Severity, Upgrade
from lib.notifiers.slack.mrkdwn import escape_slack, slack_flat, slack_text
from lib.text import one_line, truncate, unlinked

# Titles and descriptions beyond these are dropped without a word. The lists have no documented
# limit; a chat shows few lines of them anyway.
MAX_TITLE: Final = 250
MAX_DESCRIPTION: Final = 8_000
_STEPS: Final = 5
_STEP: Final = 300
_COMMAND: Final = 800
_MENDED: Final = 3_000
_KEYWORD: Final = 70
_NAME: Final = 100
_VALUE: Final = 250

_VERDICT: Final = 500
_PROBLEM: Final = 700
_LINE: Final = 250
_LISTED: Final = 8
_SECTION: Final = 1_000
_URL: Final = 1_000


def render(alert: Alert, _room: int) -> tuple[str, bool]:
    """Return the notification, and whether findings that are told are not listed in it."""
    told = [_opening(alert)]
    listed = 0
    for section in wording.sections(alert):
        text, number = _listing(section)
        told.append(text)
        listed += number
    others = (wording.deploy(alert), wording.without_fix(alert))
    told += [_say(each, _LINE) for each in others if each]
    return _document(alert, told, _steps(alert)), listed < len(alert.changes)


def render_plain(alert: Alert, _room: int) -> tuple[str, bool]:
    """Return what happened and where to look."""
    return _document(alert, [_opening(alert)], []), bool(alert.changes)


def _document(alert: Alert, told: list[str], steps: list[str]) -> str:
    description = "\n\n".join((*told, _ending(alert)))
    content = {
        "textType": "client-markdown",
        "title": f"{_mark(alert)} {_say(alert.image.name, _NAME)}",
        "description": description,
        "keywords": _keywords(alert),
    }
    return json.dumps(
        {
            "version": "1.0",
            "source": "custom",
            "id": alert.delivery_id,
            "content": content | ({"nextSteps": steps} if steps else {}),
            "metadata": {
                "threadId": hashlib.sha256(alert.stream.encode("utf-8", "replace")).hexdigest(),
                "summary": _say(f"{alert.image.name}: {alert.verdict}", _VALUE),
                "eventType": "scan-problem" if alert.problem else "scan-findings",
                "additionalContext": _context(alert),
            },
        }
    )


def _opening(alert: Alert) -> str:
    where = _say(wording.where(alert), _LINE)
    if alert.problem is not None:
        what = alert.verdict.split(":", 1)[0]
        reason, remedy = alert.problem.reason, alert.problem.remedy
        return (
            f"*{_say(what, _VERDICT)}:* {_say(reason, _PROBLEM)}\n{wording.not_clear(alert)}\n"
            f"{where}"
            f"\n\n*What to do*\n{slack_text(unlinked(one_line(remedy)), _PROBLEM)}"
        )
    numbers = (wording.all_findings(alert), wording.why(alert))
    lines = (_say(each, _LINE) for each in numbers if each)
    platforms = (f"- {_say(each, _LINE)}" for each in wording.platforms(alert.parts, _STEPS))
    return "\n".join((f"*{_say(alert.verdict, _VERDICT)}*", *lines, where, *platforms))


def _listing(section: wording.Section) -> tuple[str, int]:
    lines, hidden = wording.fitting(
        section.changes, lambda each: _entry(section, each), lines=_LISTED, characters=_SECTION
    )
    rest = [_say(wording.more(hidden), _LINE)] if hidden else []
    return "\n".join((f"*{section.title}*", *lines, *rest)), len(lines)


def _entry(section: wording.Section, change: Change) -> str:
    finding = change.finding
    remarks = filter(None, (wording.fix(finding), *section.remarks(change)))
    name = wording.short(finding.vulnerability_id)
    said = ", ".join((wording.installed(finding), *remarks))
    return f"- {_say(f'{wording.severity(finding)} {name}: {said}', _LINE)}"


def _steps(alert: Alert) -> list[str]:
    ready = wording.upgradable(alert)
    shown = [_say(_upgrade(each), _STEP) for each in ready[: _STEPS - 1]]
    hidden = ready[_STEPS - 1 :]
    if len(hidden) == 1:
        return [*shown, _say(_upgrade(hidden[0]), _STEP)]
    mended, rest = wording.steps(alert, command=_COMMAND, limit=_MENDED)
    for each in mended:
        command = "; ".join(each.commands) or each.remark
        shown.append(slack_text(unlinked(one_line(f"{each.title}: {command}")), 4 * _COMMAND))
    if rest:
        return [*shown, _say(rest, _STEP)]
    more = wording.more_upgrades(hidden) if hidden else wording.without_version(alert)
    return [*shown, *([_say(more, _STEP)] if more else [])]


def _upgrade(upgrade: Upgrade) -> str:
    versions = wording.upgrade_from(upgrade)
    words = (
        f"{upgrade.origin.remedy}:",
        wording.short(upgrade.package),
        f"from {versions}" if versions else "",
        f"to {wording.upgrade_to(upgrade)}, removes {wording.counts(upgrade.fixes)}",
    )
    return " ".join(filter(None, words))


def _ending(alert: Alert) -> str:
    links = (
        ("Full report", alert.report_url),
        ("ECR console", alert.console_url),
        *((_say(label, _NAME), url) for label, url in wording.source_links(alert)),
    )
    source = wording.source(alert)
    lines = [_say(f"{wording.SOURCE}: {source}", _LINE)] if source else []
    lines += [f"{label}: {escape_slack(url)}" for label, url in links if url and len(url) <= _URL]
    command = wording.report_command(alert)
    lines += [f"Full report: `{command}`"] if command else []
    notes = [_say(f"Note: {each}", _LINE) for each in wording.warnings(alert)]
    return "\n".join((*lines, *notes, _say(wording.footer(alert), _LINE)))


def _mark(alert: Alert) -> str:
    if alert.problem is not None:
        return "\N{WARNING SIGN}"
    if alert.worst is None:
        clear = not alert.total and alert.scan.complete
        return "\N{WHITE HEAVY CHECK MARK}" if clear else "\N{CHART WITH DOWNWARDS TREND}"
    return "\N{LARGE RED CIRCLE}" if alert.worst is Severity.CRITICAL else "\N{LARGE ORANGE CIRCLE}"


def _keywords(alert: Alert) -> list[str]:
    worst = alert.worst.name if alert.worst is not None else ""
    said = (worst, alert.image.repository, alert.image.account, alert.image.region)
    return [text for each in said if (text := _say(each, _KEYWORD))]


def _severity(alert: Alert) -> str:
    """Return the worst severity that is listed; UNKNOWN for a scan without a result."""
    if alert.problem is not None:
        return "UNKNOWN"
    return alert.worst.name if alert.worst is not None else "NONE"


def _context(alert: Alert) -> Json:
    """Return what custom actions can take as variables."""
    image = alert.image
    values = {
        "repository": image.repository,
        "digest": image.digest,
        "account": image.account,
        "region": image.region,
        "severity": _severity(alert),
        "findings": str(alert.total) if alert.problem is None else "unknown",
    }
    return {name: truncate(one_line(value), _VALUE) or "-" for name, value in values.items()}


def _say(text: str, limit: int) -> str:
    return slack_text(unlinked(slack_flat(text)), limit)
