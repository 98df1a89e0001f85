"""Notices that notifiers lay out, and the texts of the notifications of a story."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from cli.simulation import receivers as simulated
from lib.core.delta import Today, delta
from lib.core.notification_rows import after_claim, new_row
from lib.core.routing import Route
from lib.core.states import next_state
from lib.core.sync import SyncRules, plan_view
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import Profile, profile_of
from lib.messages import text
from lib.messages.content import Content
from lib.messages.lists import Section
from lib.messages.parts import AlertText
from lib.models import DeliveryId, Finding, Image, Notice, Severity
from lib.models.streams import Arrival, Role, ScanRecord, StreamState, Watch
from lib.models.views import (
    Basis,
    Delta,
    DeltaItem,
    DesiredItem,
    Kind,
    PinnedMessage,
    ReportedItem,
    View,
)
from tests.support.builders import NOW, a_finding, a_report, an_image
from tests.support.scenes import (
    PAGE,
    RUNNING,
    Scene,
    injected_problem_scene,
    injected_scene,
    many,
    of_findings,
    openssl,
    scenes,
)
from tests.support.streams import (
    TEAM,
    TODAY,
    a_departure,
    a_part,
    a_reported,
    a_reported_condition,
    a_state,
    a_view,
    a_watched,
    an_agreement,
    an_unscanned_part,
    show,
    some_rules,
)
from tests.support.thorough import THOROUGH

ID: Final = DeliveryId(f"{1:032}")
PAGER: Final = profile_of("pagerduty", {})
_READER: Final = Profile()
_BEFORE: Final = an_image(1)
_NOW: Final = an_image(2, pushed_at=NOW)


def a_message(
    state: StreamState, view: View | None = None, *, profile: Profile = _READER, **rules: Any
) -> PinnedMessage:
    """Return the message that brings a view of the team up to date."""
    view = view or a_view()
    desired = show(state, **rules)
    difference = delta(view, state, desired, Today(some_rules(**rules), TODAY, profile))
    return PinnedMessage(
        difference,
        replace(view, reported=difference.after),
        Basis(state.version, "rules", TODAY),
        quiet=not difference.is_worth_a_message,
        state=state,
        before=view.agreement,
        refused=desired.refused,
        entries=desired.entries,
        quietly_ended=view.quietly_ended,
    )


def a_notice(state: StreamState, view: View | None = None, **options: Any) -> Notice:
    """Return the notice of that message, with a report page."""
    message = a_message(state, view, **options)
    return Notice(ID, message, report_url=PAGE.url, page_key=PAGE.key)


def noticed(scene: Scene, *, profile: Profile = _READER, running: bool = False) -> Notice:
    """
    Return the notice of a scene, as sync and claim make it; what came before was reported.

    `running`: the image before it still runs.
    """
    routes = tuple(Route(f.route, f, (TEAM,), continues=True) for f in scene.filters)
    rules = SyncRules(
        RuleSet(routes, scene.suppressions, "rules"), (), {TEAM: profile}, NOW - timedelta(days=9)
    )
    state, view = None, View(TEAM, scene.stream)
    images: list[Image] = []
    for number, report in enumerate(filter(None, (scene.before, scene.report))):
        now = NOW - timedelta(days=1 - number)
        images = [report.image, *(images if running else [])]
        watch = Watch(images[0], tuple(images[1:]), running, Arrival.PUSH, "pushed")
        records = {report.image.digest: ScanRecord(report, now)}
        state = next_state(scene.stream, state, watch, records, now=now)
        plan = plan_view(view, state, rules, cause="scan", now=now)
        row = new_row(view, basis=plan.context.basis, cause="scan", now=now, quiet=False)
        before, step = (
            view,
            after_claim(view, row, plan.delta, plan.context, keeps_current=plan.keeps_current),
        )
        view = step.view
    message = PinnedMessage(
        plan.delta, view, plan.context.basis, not plan.delta.is_worth_a_message, plan.state,
        before=before.agreement, refused=plan.desired.refused, entries=plan.desired.entries,
    )  # fmt: skip
    provenance = scene.report.provenance
    return Notice(
        ID,
        message,
        report_url=PAGE.url,
        page_key=PAGE.key,
        provenance=provenance,
        provenance_before=scene.before.provenance if scene.before is not None else None,
        attempt=scene.attempts,
    )


def reported(*findings: Finding) -> tuple[ReportedItem, ...]:
    """Return vulnerabilities as they were reported."""
    return tuple(
        a_reported(finding.vulnerability_id, severity=finding.severity) for finding in findings
    )


_TEN_THOUSAND: Final = "ten-thousand"


@cache
def notices() -> Mapping[str, Notice]:
    """
    Return a notice of every layout, each worth a message.

    That of 10,000 findings takes as long as half of the others: with `make thorough` alone.
    """
    left_out = {"no-findings", *([] if THOROUGH else [_TEN_THOUSAND])}
    return MappingProxyType(
        {
            **{name: noticed(scene) for name, scene in scenes().items() if name not in left_out},
            "still-running": replace(
                noticed(scenes()["new-and-resolved"], running=True), running=RUNNING
            ),
            "all-fixed": noticed(
                Scene(a_report(image=_NOW), a_report(openssl(2001), image=_BEFORE))
            ),
            "every-kind": _every_kind(),
            "one-left": _one_left(),
            "platform-failed": _platform_failed(),
            "hundreds": _hundreds(),
            "injection": injected("<!channel> `*|@here"),
            "instead": replace(_one_left(), note="Instead of team-jira, which refuses everything"),
        }
    )


@cache
def ten_thousand() -> Notice:
    """
    Return a notice of 10,000 findings, for the test that needs one: others take `thousands`.

    tests/notifiers/test_corpus.py lays out 1,000 for every receiver in each run.
    """
    return noticed(scenes()[_TEN_THOUSAND])


@cache
def thousands() -> Notice:
    """
    Return a notice of more findings than any receiver shows.

    Several tests lay it out, so that with `make thorough` alone it has as many as there can be.
    """
    return ten_thousand() if THOROUGH else noticed(of_findings(1_500))


@cache
def quiet_notices() -> Mapping[str, Notice]:
    """Return notices that are worth no message."""
    scanned = a_state(a_watched(image=_NOW), version=2)
    view = a_view(a_reported_condition(), agreed=an_agreement())
    return {
        "one-left": _quiet(1),
        "clear": _quiet(0),
        "scanned-again": a_notice(scanned, view),
    }


def _agreed() -> Any:
    return replace(an_agreement(), current=_BEFORE)


def _one_left() -> Notice:
    """Return a notice about a fix beside something that stays."""
    fixed, stays = openssl(1001), openssl(2001, "HIGH")
    departures = {fixed.vulnerability_id: a_departure(names=(fixed.vulnerability_id,))}
    state = a_state(a_watched(stays, image=_NOW), version=2, departures=departures)
    return a_notice(state, a_view(*reported(fixed, stays), agreed=_agreed()))


def _platform_failed() -> Notice:
    """Return a notice about a platform with something new, and one without a result."""
    parts = (a_part(openssl(2001), image=_NOW), an_unscanned_part(part="windows/amd64"))
    state = a_state(a_watched(image=_NOW, parts=parts), version=2)
    return a_notice(state, a_view(agreed=_agreed()))


def _quiet(left: int) -> Notice:
    """Return a notice about what is not listed any more, though nobody fixed it."""
    gone, stays = a_finding("CVE-2026-1"), many(left, "HIGH")
    departures = {gone.vulnerability_id: a_departure(names=(gone.vulnerability_id,), image=_NOW)}
    state = a_state(a_watched(*stays, image=_NOW), version=2, departures=departures)
    return a_notice(state, a_view(*reported(gone, *stays), agreed=_agreed()))


def _hundreds() -> Notice:
    """Return a notice whose lists are longer than any receiver has room for."""
    return _of_every_kind(60, _long)


def _every_kind() -> Notice:
    return _of_every_kind(1, lambda number: openssl(number, "HIGH"))


def _long(number: int) -> Finding:
    return a_finding(
        f"CVE-2026-{number}",
        severity=Severity(number % 6).name,
        package=f"a-package-with-a-long-name-{number}",
        version="2.9.14+dfsg-1.3",
        fixed_version=f"2.{number}.1" if number % 2 else None,
        epss=0.5,
        exploit_available="YES",
    )


def of_kinds(*kinds: Kind) -> Notice:
    """Return a notice with an item of each of these kinds."""
    return _of_every_kind(1, lambda number: openssl(number, "HIGH"), kinds)


def _of_every_kind(each: int, finding_of: Any, kinds: Sequence[Kind] = ()) -> Notice:
    """Return a notice with so many items of each kind; two images run."""
    kinds = kinds or [kind for kind in Kind if kind not in _NO_ITEMS]
    ended = (Kind.RESOLVED, Kind.NO_LONGER_REPORTED)
    listed = {
        kind: [finding_of(1000 * place + number) for number in range(each)]
        for place, kind in enumerate(kinds, 1)
    }
    images = (
        a_watched(*(row for kind in kinds if kind not in ended for row in listed[kind])),
        a_watched(
            *listed.get(Kind.FIX_READY, ()), image=an_image(1), role=Role.RUNNING, running=True
        ),
    )
    items = tuple(
        DeltaItem(
            kind,
            f"a reason for {kind.value.lower()}",
            reported(row)[0],
            None if kind in ended else DesiredItem(reported(row)[0], (row,), (_NOW,)),
            worth=kind is not Kind.NO_LONGER_REPORTED,
        )
        for kind in kinds
        for row in listed[kind]
    )
    after = {item.item.id: item.item for item in items if item.desired is not None}
    state = a_state(*images, version=2)
    view = a_view(*after.values(), agreed=_agreed())
    quietly_ended = reported(*(finding_of(90_000 + number) for number in range(each)))
    difference = Delta(items, 0, after, _agreed())
    message = PinnedMessage(
        difference, view, Basis(2, "rules", TODAY), quiet=False, state=state, before=_agreed(),
        quietly_ended=quietly_ended,
    )  # fmt: skip
    return Notice(ID, message, report_url=PAGE.url, page_key=PAGE.key)


_NO_ITEMS: Final = (
    Kind.BASELINE,
    Kind.UNCHANGED,
    Kind.SCAN_FAILED,
    Kind.NOT_SCANNED,
    Kind.MONITORING_ENDED,
)


@cache
def injected(text: str) -> Notice:
    """Return a notice in which every field that comes from outside is this text."""
    scene = injected_scene(text)
    part, *_ = scene.report.parts
    parts = (
        replace(part, reason=None, counts={Severity.CRITICAL: 1}),
        replace(part, platform=f"{text}2"),
    )
    report = replace(scene.report, parts=parts, scan=replace(scene.report.scan, complete=True))
    return replace(noticed(replace(scene, report=report)), note=text)


@cache
def injected_problem(text: str) -> Notice:
    """Return a notice about a failed scan in which every field from outside is this text."""
    return noticed(injected_problem_scene(text))


def texts_of(arrivals: Sequence[simulated.Arrival]) -> str:
    """Return the texts of all notifications of a story."""
    return "\n".join(written(arrival, text_of(arrival)) for arrival in arrivals)


def text_of(arrival: simulated.Arrival) -> AlertText:
    """Return the text of a notification of a story."""
    return text.text_of(Notice(arrival.row.id, arrival.message))


def sums_of(arrival: simulated.Arrival) -> set[int]:
    """Return the numbers of a message that are one: all that is open, however it is counted."""
    content = Content(arrival.message)
    suppressed = sum(content.suppressed.values())
    omitted = sum(sum(group.counts.values()) for group in content.left_out) - suppressed
    return {
        sum(content.totals.values()),
        content.shown + content.unchanged + omitted,
        text_of(arrival).open.count + omitted,
    }


def written(arrival: simulated.Arrival, text: AlertText) -> str:
    """Return the parts of a text that a person reads first, a line each."""
    quiet = ", quiet" if arrival.message.quiet else ""
    lines = [
        f"=== {arrival.at:%Y-%m-%d %H:%M} to {arrival.row.destination}{quiet}",
        f"{text.name}: {text.verdict}",
        f"    {text.state}. {text.totals}",
        f"    why: {text.why or '-'}",
        *_problem(text),
        *(f"    do: {upgrade.step}, {upgrade.effect}" for upgrade in text.to_do.upgrades),
        *(f"    do: {note}" for note in (*text.to_do.before, *text.to_do.notes) if note),
        *(line for section in (*text.sections, text.open) for line in _section(section)),
        *(f"    not here: {line}" for line in text.left_out.lines(8)),
        *(f"    {text.platforms.title}: {line}" for line in (text.platforms.sentence(8),) if line),
        *(f"    warning: {warning}" for warning in text.warnings),
        f"    compared with: {text.comparison.value if text.comparison else '-'}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _problem(text: AlertText) -> list[str]:
    if text.problem is None:
        return []
    return [
        f"    problem: {text.problem.reason} {text.problem.caution} {text.problem.quote}",
        f"    remedy: {text.problem.remedy}",
    ]


def _section(section: Section) -> Iterator[str]:
    if not section.count:
        return
    yield f"    {section.heading} {section.note}".rstrip()
    for row in section.rows:
        yield f"      {row.severity} {row.name} {row.details}".rstrip()
