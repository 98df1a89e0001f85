"""The e-mail: plain text of fixed width, the sentence first, then what to do, then the lists."""

import textwrap
from collections.abc import Iterable
from typing import Final

from lib.messages import wording
from lib.models import Alert, Change, ScanProblem, Upgrade
from lib.text import one_line, truncate
from lib.urls.advisories import vulnerability_url

_COLUMNS: Final = 76
_LISTED: Final = 50
"""Findings per section; the `json` format has them all, as far as the bytes go."""
_SECTION: Final = 12_000
"""Characters per section: at most 4 bytes each, and there are at most four long sections."""
_REASONS: Final = 30
_FIELD: Final = 1000
_MAX_URL: Final = 2000


def render(alert: Alert, _room: int) -> tuple[str, bool]:
    """Return a plain text of at most 76 columns (but for links), and whether it was cut."""
    lines = [*_opening(alert), *_platforms(alert)]
    truncated = False
    lines += [*_to_do(alert), *_steps(alert)]
    for section in wording.sections(alert):
        listed, cut = _listing(section)
        lines += listed
        truncated = truncated or cut
    lines += _left_out(alert)
    lines += [*_title("Links"), *_links(alert), ""]
    lines += [line for each in wording.warnings(alert) for line in _wrapped(f"Note: {each}")]
    lines += _wrapped(wording.footer(alert))
    return "\n".join(lines) + "\n", truncated


def render_plain(alert: Alert, _room: int) -> tuple[str, bool]:
    """Return the beginning alone: what happened, where, and where to look."""
    lines = (*_opening(alert), *_title("Links"), *_links(alert), "", wording.footer(alert))
    return "\n".join(lines) + "\n", bool(alert.changes)


def _links(alert: Alert) -> list[str]:
    lines = _indented(f"{_shown(alert)} in the ECR console: {_console(alert)}")
    for label, url in wording.source_links(alert):
        lines += _indented(f"{label}: {url}")
    if command := wording.report_command(alert):
        return [f"  Full report: {command}", *lines]
    if alert.report_url is None or len(alert.report_url) > _MAX_URL:
        return lines
    return [*_indented(f"Full report, for some weeks: {alert.report_url}"), *lines]


def _shown(alert: Alert) -> str:
    return wording.page_of(alert).capitalize()


def _console(alert: Alert) -> str:
    return alert.console_url if len(alert.console_url) <= _MAX_URL else "(too long to print)"


def _opening(alert: Alert) -> list[str]:
    if alert.problem is not None:
        told = _told_problem(alert, alert.problem)
    else:
        numbers = filter(None, (wording.all_findings(alert), wording.why(alert)))
        told = [
            *_wrapped(alert.verdict),
            "",
            *(line for each in numbers for line in _wrapped(each)),
        ]
    facts = wording.facts(alert)
    width = max(len(label) for label, _ in facts) + 2
    return [
        *_wrapped(f"{wording.subject(alert).capitalize()} {wording.short(alert.image.name)}"),
        "",
        *told,
        "",
        *(line for label, value in facts for line in _labelled(label, value, width)),
    ]


def _platforms(alert: Alert) -> list[str]:
    lines = wording.platforms(alert.parts, _LISTED)
    if not lines:
        return []
    listed = [line for each in lines for line in _indented(each, bullet="- ")]
    return [*_title(wording.PLATFORMS), *listed]


def _told_problem(alert: Alert, problem: ScanProblem) -> list[str]:
    what = alert.verdict.split(":", 1)[0].upper()
    return [
        *_wrapped(f"{what}: {truncate(one_line(problem.reason), _FIELD)}"),
        *_wrapped(wording.not_clear(alert)),
        *_title("What to do"),
        *_advice(truncate(one_line(problem.remedy), 2 * _FIELD)),
    ]


def _advice(remedy: str) -> Iterable[str]:
    """Yield prose wrapped, and each `command` on a line of its own: a wrapped one cannot be run."""
    for place, part in enumerate(remedy.split("`")):
        if place % 2:
            yield f"    {part}"
        else:
            yield from _indented(part.lstrip(" .").rstrip())


def _to_do(alert: Alert) -> list[str]:
    ready = wording.upgradable(alert)
    fitting, hidden = wording.fitting(ready, _upgrade, lines=_LISTED, characters=_SECTION)
    lines: list[str] = []
    for title, group in wording.by_origin(ready[: len(fitting)]).items():
        lines += [*_indented(f"{title}:"), *map(_upgrade, group)]
    if hidden:
        lines += _indented(wording.more_upgrades(hidden))
    for said in (
        wording.deploy(alert),
        wording.without_fix(alert),
        wording.without_version(alert),
    ):
        lines += _indented(said) if said else []
    return [*_title("What to do"), *lines] if lines else []


def _steps(alert: Alert) -> list[str]:
    """Return what mends each setting; a wrapped command could not be run."""
    steps, hidden = wording.steps(alert, command=_SECTION, limit=_SECTION, templates=True)
    lines = _title("What to do") if steps else []
    for each in steps:
        lines += _indented(each.title, bullet="- ")
        for said in filter(None, (each.risk, each.remark)):
            lines += _indented(said, indent="    ")
        lines += [f"    {line}" for line in each.commands]
        lines += _indented(f"CloudFormation, {each.resource}:", indent="    ")
        lines += [f"      {line}" for line in each.template]
    return [*lines, *(_indented(hidden) if hidden else [])]


def _upgrade(upgrade: Upgrade) -> str:
    versions = wording.upgrade_from(upgrade)
    words = (
        wording.short(upgrade.package),
        f"from {versions}" if versions else "",
        f"to {wording.upgrade_to(upgrade)}: removes {wording.counts(upgrade.fixes)}",
    )
    return "\n".join(_indented(" ".join(filter(None, words)), bullet="- "))


def _listing(section: wording.Section) -> tuple[list[str], bool]:
    lines, hidden = wording.fitting(
        section.changes,
        lambda each: _entry(section, each),
        lines=_LISTED,
        characters=_SECTION,
    )
    note = truncate(one_line(section.note), _FIELD)
    title = _title(f"{section.title} ({len(section.changes):,})", note)
    return [*title, *lines, *(_indented(wording.more(hidden)) if hidden else [])], bool(hidden)


def _entry(section: wording.Section, change: Change) -> str:
    """Return two or three lines: what, in which package, and where to read about it."""
    finding = change.finding
    name = wording.short(finding.vulnerability_id)
    remarks = (wording.fix(finding), *section.remarks(change))
    about = ", ".join(filter(None, (wording.installed(finding), *remarks)))
    lines = _indented(f"{wording.severity(finding):<13} {name}  {about}", hanging=14)
    url = vulnerability_url(finding)
    return "\n".join([*lines, f"{'':16}{url}"] if url else lines)


def _left_out(alert: Alert) -> list[str]:
    reasons = wording.left_out(alert, _REASONS)
    if not reasons:
        return []
    lines = [line for each in reasons for line in _indented(each, bullet="- ")]
    return [*_title("Not listed here"), *lines, *_indented(wording.arithmetic(alert))]


def _title(title: str, note: str = "") -> list[str]:
    return ["", title.upper(), *(_indented(note) if note else [])]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(one_line(text), _COLUMNS, break_long_words=False, break_on_hyphens=False)


def _labelled(label: str, value: str, width: int) -> list[str]:
    return _indented(value, bullet=f"{label:<{width}}", indent="")


def _indented(
    text: str, *, bullet: str = "", hanging: int | None = None, indent: str = "  "
) -> list[str]:
    return textwrap.wrap(
        text,
        _COLUMNS,
        initial_indent=indent + bullet,
        subsequent_indent=indent + " " * (len(bullet) if hanging is None else hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
