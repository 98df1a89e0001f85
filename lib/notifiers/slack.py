"""
Slack, by incoming webhook: one message in Block Kit, readable in ten seconds.

A webhook answers "ok" and nothing else, so a message cannot be updated or threaded; a lost answer
cannot be verified, either: then the message may appear twice.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from types import MappingProxyType
from typing import ClassVar, Final

from lib.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
    ThrottledError,
)
from lib.interfaces import Json, NotifierTools
from lib.models import (
    Alert,
    Change,
    HttpAnswer,
    NotThere,
    Receipt,
    ScanProblem,
    Severity,
    Upgrade,
    Usage,
    Verdict,
)
from lib.notifiers import wording
from lib.report import vulnerability_url
from lib.text import escape_slack, one_line, slack_link, truncate

# https://docs.slack.dev/reference/block-kit/blocks
MAX_BLOCKS: Final = 50
MAX_SECTION: Final = 3000
MAX_HEADER: Final = 150
MAX_CHARACTERS: Final = 10_000
"""Slack refuses about 13,200 in all ("msg_blocks_too_long", not documented); this is well below."""

# How much of the total each part may use, after escaping. With markup they stay below the total.
_VERDICT: Final = 700
_FACT: Final = 110
_COUNTS: Final = 200
_WHERE: Final = 300
_FALLBACK: Final = 600
_FOOTER: Final = 450
_WARNING: Final = 150
_PROBLEM: Final = 1200
_LINK: Final = 160
_CONSOLE: Final = 900
_NEW: Final = 2400
_OTHERS: Final = 600
_TO_DO: Final = 1200
_LEFT_OUT: Final = 900
_LINES: Final = 8
_REASONS: Final = 6

_MARKS: Final[Mapping[Severity, str]] = MappingProxyType(
    {
        Severity.CRITICAL: "\N{LARGE RED CIRCLE}",
        Severity.HIGH: "\N{LARGE ORANGE CIRCLE}",
        Severity.MEDIUM: "\N{LARGE YELLOW CIRCLE}",
        Severity.LOW: "\N{LARGE BLUE CIRCLE}",
        Severity.INFORMATIONAL: "\N{MEDIUM WHITE CIRCLE}",
        Severity.UNKNOWN: "\N{BLACK QUESTION MARK ORNAMENT}",
    }
)
_PROBLEM_MARK: Final = "\N{WARNING SIGN}"
_BETTER_MARK: Final = "\N{CHART WITH DOWNWARDS TREND}"
_CLEAR_MARK: Final = "\N{WHITE HEAVY CHECK MARK}"

_RATE_LIMITED: Final = frozenset({"rate_limited", "ratelimited"})
_TEMPORARY: Final = frozenset(
    {
        "accesslimited",
        "internal_error",
        "request_timeout",
        "rollup_error",
        "service_unavailable",
        "team_added_to_org",
    }
)
_DEGRADABLE: Final = frozenset(
    {
        "block_mismatch",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_payload",
        "missing_text_or_fallback_or_attachments",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
_MAX_PAUSE: Final = 3600.0


class SlackNotifier:
    """Options: `webhook`, a reference to the secret that holds the webhook's URL."""

    hosts: ClassVar[tuple[str, ...]] = ("hooks.slack.com", "hooks.slack-gov.com")
    threaded: ClassVar[bool] = False
    interval: ClassVar[float] = 1.0
    """https://docs.slack.dev/apis/web-api/rate-limits: one message per second and channel."""

    def __init__(self, options: Mapping[str, Json], tools: NotifierTools) -> None:
        self._webhook = options["webhook"]
        self._tools = tools

    def render(self, alert: Alert, *, thread: str | None = None) -> Json:  # noqa: ARG002  # a webhook has no threads
        """See `Notifier.render`."""
        blocks = _problem(alert, alert.problem) if alert.problem else _findings(alert)
        return _message(_fallback(alert, _FALLBACK), blocks)

    def plain(self, alert: Alert, *, thread: str | None = None) -> Json:  # noqa: ARG002  # same
        """See `Notifier.plain`: the text alone."""
        lines = (
            _fallback(alert, 2 * _FALLBACK),
            _console(alert),
            _say(wording.footer(alert), _FOOTER),
        )
        return _message("\n".join(filter(None, lines)), [])

    def verify(
        self,
        alert: Alert,  # noqa: ARG002  # the port's
        *,
        since: datetime,  # noqa: ARG002  # the port's
        now: datetime,  # noqa: ARG002  # the port's
        thread: str | None = None,  # noqa: ARG002  # the port's
    ) -> Verdict:
        """See `Notifier.verify`. A webhook cannot be asked; the message says "may be a repeat"."""
        return NotThere()

    def usage(self, payload: Json) -> tuple[Usage, ...]:
        """See `Notifier.usage`."""
        return (
            Usage("characters", _characters(payload), MAX_CHARACTERS),
            Usage("blocks", len(payload.get("blocks", ())), MAX_BLOCKS),
            Usage("characters of the longest section", _longest(payload), MAX_SECTION),
        )

    def send(self, payload: Json) -> Receipt:
        """See `Notifier.send`. Slack may answer 200 with an error in the body."""
        url = self._tools.secrets.read(self._webhook).strip()
        error = failure(self._tools.http.post(url, payload))
        if error is not None:
            raise error
        return Receipt("ok")


def failure(answer: HttpAnswer) -> DeliveryError | None:
    """
    Return the error that a 2xx answer stands for; None when the message was taken.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors and
    the errors of https://docs.slack.dev/reference/methods/chat.postMessage
    """
    if answer.text.strip() == "ok":
        return None
    body = _object(answer.text)
    if body.get("ok") is True:
        return None
    error = body.get("error", answer.text)
    word = truncate(one_line(error), 100) if isinstance(error, str) else ""
    text = f"Slack answered {answer.status} with the error {word!r}"
    if word in _RATE_LIMITED:
        return ThrottledError(text, retry_after=_pause(body.get("retry_after")), reason=word)
    if word in _TEMPORARY:
        return TemporaryDeliveryError(text, reason=word)
    if word == "fatal_error":
        # "It's possible some aspect of the operation succeeded before the error was raised."
        return AmbiguousDeliveryError(text, reason=word)
    degradable = word in _DEGRADABLE
    return PermanentDeliveryError(
        text,
        degradable=degradable,
        # What is not about this message is about the webhook or its channel.
        broken=not degradable,
        reason=word if degradable else "slack-error",
    )


def _object(text: str) -> Mapping[str, Json]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _pause(seconds: Json) -> float | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not isfinite(seconds):
        return None
    return min(max(float(seconds), 0.0), _MAX_PAUSE)


# --- the message ------------------------------------------------------------------------------


def _message(text: str, blocks: Sequence[Json]) -> Json:
    message: dict[str, Json] = {"text": text, "unfurl_links": False, "unfurl_media": False}
    return message | {"blocks": list(blocks)} if blocks else message


def _findings(alert: Alert) -> list[Json]:
    numbers = _say(wording.all_findings(alert), _COUNTS)
    where = _say(wording.where(alert), _WHERE)
    lists = [
        _listing(each, _NEW if each.title in (wording.FOUND, wording.NEW) else _OTHERS)
        for each in wording.sections(alert)
    ]
    parts = (
        _header(_mark(alert), alert),
        _section(f"*{_say(alert.verdict, _VERDICT)}*\n{numbers}\n{where}"),
        *map(_section, lists),
        _section(_to_do(alert)),
        _section(_left_out(alert)),
        _facts(alert),
        *_ending(alert),
    )
    return [each for each in parts if each]


def _mark(alert: Alert) -> str:
    """Return the colour of the worst that is told. Green is for an image without any finding."""
    if alert.worst is not None:
        return _MARKS[alert.worst]
    return _BETTER_MARK if alert.total or not alert.scan.complete else _CLEAR_MARK


def _problem(alert: Alert, problem: ScanProblem) -> list[Json]:
    what = alert.verdict.split(":", 1)[0]
    parts = (
        _header(_PROBLEM_MARK, alert),
        _section(
            f"*{_say(what, _VERDICT)}:* {_say(problem.reason, _PROBLEM)}\n{wording.NOT_CLEAR}"
        ),
        _section(f"*What to do*\n{_say(problem.remedy, _PROBLEM, code=True)}"),
        _facts(alert),
        *_ending(alert),
    )
    return [each for each in parts if each]


def _ending(alert: Alert) -> list[Json]:
    footer = _say(wording.footer(alert), _FOOTER)
    notes = [_say(each, _WARNING) for each in wording.warnings(alert)]
    return [
        _section(_console(alert)),
        {"type": "context", "elements": [_mrkdwn(each) for each in (*notes, footer)]},
    ]


def _header(mark: str, alert: Alert) -> Json:
    name = wording.short(alert.image.name, MAX_HEADER // 2)
    text = f"{mark} {_say(name, MAX_HEADER - len(mark) - 1)}"
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}


def _section(text: str) -> Json | None:
    return {"type": "section", "text": _mrkdwn(text)} if text else None


def _facts(alert: Alert) -> Json:
    fields = [
        _mrkdwn(f"*{label}*\n{_say(value, _FACT)}") for label, value in wording.facts(alert)[:10]
    ]
    return {"type": "section", "fields": fields}


def _mrkdwn(text: str) -> Json:
    """Return a text object; `verbatim`: Slack makes links of nothing but what is marked as one."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _listing(section: wording.Section, characters: int) -> str:
    lines, hidden = wording.fitting(
        section.changes,
        lambda each: _line(section, each),
        lines=_LINES,
        characters=characters,
    )
    note = f" {_say(section.note, _FACT)}" if section.note else ""
    title = f"*{section.title} ({len(section.changes):,})*{note}"
    return "\n".join((title, *lines, *([f"_{wording.more(hidden)}_"] if hidden else ())))


def _line(section: wording.Section, change: Change) -> str:
    finding = change.finding
    parts = (
        f"*{_say(wording.severity(finding), 60)}* {_vulnerability(change)}",
        _code(wording.installed(finding)),
        _say(wording.fix(finding), 60),
        *(_say(each, 90) for each in section.remarks(change)),
    )
    return "• " + " · ".join(filter(None, parts))


def _vulnerability(change: Change) -> str:
    name = wording.short(change.finding.vulnerability_id, 40) or "(unnamed)"
    url = vulnerability_url(change.finding)
    link = slack_link(url, _flat(name)) if url else ""
    return link if link and len(link) <= _LINK else _say(name, 60)


def _to_do(alert: Alert) -> str:
    ready = wording.upgradable(alert)
    lines, hidden = wording.fitting(ready, _upgrade, lines=_LINES, characters=_TO_DO)
    if hidden:
        lines.append(f"_{wording.more_upgrades(hidden)}_")
    unfixed = wording.without_version(alert)
    if unfixed:
        lines.append(_say(unfixed, _OTHERS))
    return "\n".join(("*What to do*", *lines)) if lines else ""


def _upgrade(upgrade: Upgrade) -> str:
    package = _code(f"{wording.short(upgrade.package)} {wording.upgrade_from(upgrade)}".rstrip())
    return (
        f"• Upgrade {package} to {_code(wording.upgrade_to(upgrade))}: "
        f"fixes {wording.counts(upgrade.fixes)}"
    )


def _left_out(alert: Alert) -> str:
    reasons = wording.left_out(alert, _REASONS)
    if not reasons:
        return ""
    lines = [f"• {_say(each, _LEFT_OUT // _REASONS)}" for each in reasons]
    return "\n".join(("*Not listed here*", *lines, wording.arithmetic(alert)))


def _console(alert: Alert) -> str:
    link = slack_link(alert.console_url, "Open the image in the ECR console")
    return link if len(link) <= _CONSOLE else ""


def _fallback(alert: Alert, limit: int) -> str:
    """Return the message in one line: what notifications and screen readers say."""
    image = alert.image
    where = f"{wording.short(image.name)} ({image.account}, {image.region})"
    numbers = wording.NOT_CLEAR if alert.problem else f"{wording.all_findings(alert)}."
    return _say(f"{where}: {alert.verdict.rstrip('.')}. {numbers}", limit)


# --- text -------------------------------------------------------------------------------------

# Slack has no escape for these; they only change how text looks, but that can hide or stress it.
_FORMATTING: Final = str.maketrans({"*": "\N{ASTERISK OPERATOR}", "`": "'"})


def _flat(text: str) -> str:
    return one_line(text).translate(_FORMATTING)


def _say(text: str, limit: int, *, code: bool = False) -> str:
    """Return outside text as one line of mrkdwn of at most `limit` characters after escaping."""
    return _fit(one_line(text) if code else _flat(text), limit)


def _fit(text: str, limit: int) -> str:
    """Cut before escaping, so that no entity is cut apart."""
    cut = truncate(text, limit)
    while len(escaped := escape_slack(cut)) > limit:
        cut = truncate(text, len(cut) - max(1, (len(escaped) - limit) // 5))
    return escaped


def _code(text: str) -> str:
    return f"`{_say(text, 150)}`"


def _longest(payload: Json) -> int:
    blocks = payload.get("blocks", ())
    return max((len(each["text"]["text"]) for each in blocks if "text" in each), default=0)


def _characters(payload: Json) -> int:
    """Count every character of text, wherever it stands."""
    match payload:
        case str():
            return len(payload)
        case dict():
            return sum(map(_characters, payload.values()))
        case list():
            return sum(map(_characters, payload))
        case _:
            return 0
