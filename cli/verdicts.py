"""The verdict on a scan, and what to do about it, for a reader who asks for everything."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from cli.judging import Case, judge, notice_of
from cli.terminal import say
from lib.config.model import Config, DestinationConfig
from lib.core.routing import Route
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import AnyReport, Destination, Filter, Notice, Severity

_READER: Final = Destination("report")
EVERYTHING: Final = Filter("report", Severity.UNKNOWN, unknown_severity=True)
"""The filter of a reader who asks for all findings."""
_SHOWN: Final = 8
"""Packages that are listed."""


def full_notice(
    report: AnyReport, config: Config, now: datetime, shown: Filter = EVERYTHING
) -> Notice:
    """Return the notice of a report as a first scan; of the configuration, suppressions hold."""
    route = Route(shown.route, shown, (_READER,))
    reader = DestinationConfig("slack", MappingProxyType({}))
    everything = replace(
        config, destinations=MappingProxyType({_READER: reader}), routes=(route,), streams=()
    )
    case = Case(report)
    (stream,) = judge(case, everything, now)
    return notice_of(case, stream.views[_READER], config.owners)


def print_verdict(
    report: AnyReport, config: Config, now: datetime, shown: Filter = EVERYTHING
) -> None:
    """Print the verdict, then the upgrades that remove most, or why there is no result."""
    text = text_of(full_notice(report, config, now, shown), rows=_SHOWN)
    say(text.verdict, style="bold")
    for line in _steps(text):
        say(line)


def _steps(text: AlertText) -> Iterator[str]:
    if text.problem is not None:
        yield text.problem.remedy
    yield from text.to_do.before
    for remedy, upgrades in text.to_do.groups(_SHOWN).items():
        yield f"{remedy}:"
        yield from (f"- {upgrade.step}: {upgrade.effect}" for upgrade in upgrades)
    more = text.to_do.more_upgrades(_SHOWN)
    if more:
        yield more
    yield from (*text.to_do.after, *text.to_do.remarks)
