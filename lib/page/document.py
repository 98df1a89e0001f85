"""The whole page: head, sections, data, script."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from lib.messages.alert import alert as build_alert
from lib.messages.inventory import ALL_OF_THEM, missing
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import (
    Alert,
    ChangeKind,
    Delivery,
    DeliveryId,
    DeliveryState,
    Destination,
    Evaluation,
    Filter,
    HistoryEntry,
    Report,
    ScanProblem,
    Severity,
)
from lib.page import sections
from lib.page.findings import FIRST, Row, data, fitting, rows, table
from lib.page.markup import Markup, element, joined

_HERE: Final = Path(__file__).parent
_ALL: Final = Filter("report", Severity.UNKNOWN, unknown_severity=True)


def render(evaluation: Evaluation, history: Sequence[HistoryEntry], *, now: datetime) -> str:
    """
    Return the page of an evaluation as HTML.

    `history`: what was evaluated in its stream so far, oldest first. Every finding is in it,
    whatever the routes let through.
    """
    alert, all_rows = whole(evaluation, now), rows(evaluation)
    text, shown = text_of(alert, rows=sections.MOST), fitting(all_rows)
    style, script = _asset("report.css"), _asset("report.js")
    usable = sections.usable(evaluation)
    body = (
        element("a", "Skip to all findings", href="#findings", class_="skip") if usable else None,
        sections.header(text, evaluation),
        element(
            "main",
            _result(text, alert, all_rows),
            sections.to_do(text),
            sections.changes(text),
            sections.platforms(text.platforms),
            sections.history(history),
            _findings(shown) if usable else None,
            _missing(text, len(all_rows) - len(shown)),
        ),
        sections.footer(alert, now),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("title", f"{alert.image.name}: {text.kind.lower()}"),
        Markup(f"<style>{style}</style>"),
    )
    tail = (data(shown), Markup(f"<script>{script}</script>")) if usable else ()
    page = element("html", head, element("body", body, tail), lang="en")
    return joined((Markup("<!doctype html>"), page, Markup("\n")))


def _result(text: AlertText, alert: Alert, all_rows: Sequence[Row]) -> Markup:
    if text.problem is not None:
        return sections.problem(text, text.problem)
    return sections.summary(text, alert, [row.finding for row in all_rows])


def _missing(text: AlertText, number: int) -> Markup | None:
    """Return how many findings the page has no room for, and how to get at them."""
    if not number:
        return None
    command = text.list_command
    return element(
        "p",
        missing(number),
        (f" {ALL_OF_THEM} ", element("code", command)) if command else None,
        id="missing",
    )


def whole(evaluation: Evaluation, now: datetime) -> Alert:
    """
    Return the alert of a destination that asks for everything.

    A scan that failed as the one before it asks for no message; on its page it is a problem.
    """
    delivery = Delivery(
        id=DeliveryId("report"),
        destination=Destination("report"),
        filters=(_ALL,),
        image_key=evaluation.report.image.key,
        stream=evaluation.stream,
        evaluation_key="",
        state=DeliveryState.PENDING,
        created_at=now,
        due_at=None,
    )
    alert, report = build_alert(evaluation, delivery), evaluation.report
    if isinstance(report, Report) or alert.problem is not None:
        return alert
    scan = report.scan
    reason = scan.reason or scan.status
    return replace(alert, problem=ScanProblem(ChangeKind.NOT_SCANNED, scan.status, reason, ""))


def _findings(all_rows: Sequence[Row]) -> Markup:
    """Return the table with its controls; these appear with the script that serves them."""
    severities = (
        element(
            "label",
            element("input", type="checkbox", name="severity", value=severity.value, checked=True),
            severity.name.capitalize(),
        )
        for severity in reversed(Severity)
    )
    changes = sorted({row.change for row in all_rows})
    choices = [element("option", "any change", value="")]
    choices += [element("option", change, value=change) for change in changes]
    controls = element(
        "form",
        element(
            "label",
            "Search",
            element(
                "input",
                type="search",
                id="search",
                autocomplete="off",
                placeholder="id, package, path or text",
            ),
            class_="search",
        ),
        element("fieldset", element("legend", "Severity"), severities),
        element(
            "fieldset",
            element("legend", "Only"),
            _check("fixable", "with a fix"),
            _check("exploit", "with an exploit"),
        ),
        element("label", "Change", element("select", choices, id="change")),
        element("button", "Reset", type="reset"),
        id="controls",
        role="search",
        aria_label="Filter the findings",
        hidden=True,
    )
    hidden = len(all_rows) - FIRST
    first = (
        f"The worst {FIRST} of {len(all_rows):,}." if hidden > 0 else f"{len(all_rows):,} in all."
    )
    pager = element(
        "nav",
        element("button", "Previous", type="button", id="previous"),
        element("button", "Next", type="button", id="next"),
        id="pager",
        aria_label="Pages of findings",
        hidden=True,
    )
    return element(
        "section",
        element("h2", "All findings", id="findings-title"),
        controls,
        element("p", first, id="hits", role="status"),
        element(
            "div",
            table(all_rows),
            class_="wide",
            tabindex=0,
            role="region",
            aria_label="All findings",
        ),
        pager,
        id="findings",
        aria_labelledby="findings-title",
    )


def _check(name: str, label: str) -> Markup:
    return element("label", element("input", type="checkbox", id=name), label)


def _policy(style: str, script: str) -> str:
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"


@cache
def _asset(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
