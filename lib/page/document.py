"""The whole page: head, sections, data, script."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from lib.messages.alert import alert as build_alert
from lib.messages.checks import is_check
from lib.messages.facts import command_for
from lib.models import (
    Alert,
    Delivery,
    DeliveryId,
    DeliveryState,
    Destination,
    Evaluation,
    Filter,
    HistoryEntry,
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
    shown = fitting(all_rows)
    style, script = _asset("report.css"), _asset("report.js")
    usable = sections.usable(evaluation)
    body = (
        element("a", "Skip to all findings", href="#findings", class_="skip") if usable else None,
        sections.header(alert, evaluation),
        element(
            "main",
            sections.problem(alert) if not usable else sections.summary(alert, all_rows),
            sections.upgrades(alert),
            sections.changes(alert) if usable else None,
            sections.platforms(alert.parts),
            sections.history(history),
            _findings(shown) if usable else None,
            _missing(alert, len(all_rows) - len(shown)),
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
        element("title", f"{alert.image.name}: {'check' if is_check(alert) else 'scan report'}"),
        Markup(f"<style>{style}</style>"),
    )
    tail = (data(shown), Markup(f"<script>{script}</script>")) if usable else ()
    page = element("html", head, element("body", body, tail), lang="en")
    return joined((Markup("<!doctype html>"), page, Markup("\n")))


def _missing(alert: Alert, number: int) -> Markup | None:
    """Return how many findings the page has no room for, and how to get at them."""
    if not number:
        return None
    command = command_for(alert.image, "findings.csv")
    return element(
        "p",
        f"{number:,} more finding{'s' if number > 1 else ''}, the least severe, "
        f"{'are' if number > 1 else 'is'} counted above, but not listed on this page.",
        (" All of them: ", element("code", command)) if command else None,
        id="missing",
    )


def whole(evaluation: Evaluation, now: datetime) -> Alert:
    """Return what a destination would be told that asks for everything."""
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
    return build_alert(evaluation, delivery)


def _findings(all_rows: Sequence[Row]) -> Markup:
    """Return the table with its controls; these appear with the script that serves them."""
    severities = (
        element(
            "label",
            element("input", type="checkbox", name="severity", value=each.value, checked=True),
            each.name.capitalize(),
        )
        for each in reversed(Severity)
    )
    changes = sorted({each.change for each in all_rows})
    choices = [element("option", "any change", value="")]
    choices += [element("option", each, value=each) for each in changes]
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
