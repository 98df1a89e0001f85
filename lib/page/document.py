"""The whole page: head, sections, data, script."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final

from lib.messages.advising import host_links
from lib.messages.content import Content
from lib.messages.inventory import ALL_OF_THEM, columns, missing
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import Notice
from lib.models.streams import HistoryPoint
from lib.page import sections, steps
from lib.page.controls import controls, silent_columns
from lib.page.findings import FIRST, Row, data, fitting, table
from lib.page.markup import Markup, element, joined
from lib.page.rows import rows

_HERE: Final = Path(__file__).parent
_VULNERABILITIES: Final = ("vulnerability", "vulnerabilities")
_SETTINGS: Final = ("finding", "findings")


def render(notice: Notice, history: Sequence[HistoryPoint], *, now: datetime) -> str:
    """
    Return the page of a notification as HTML.

    `history`: how its stream went, oldest first. Every vulnerability is in it, whatever the routes
    let through.
    """
    content = Content(notice.message)
    state, has_result = content.state, content.state.has_evidence
    text = text_of(notice, rows=steps.MOST, listed=sections.CHANGES, whole=True)
    noun = _SETTINGS if content.image.is_repository else _VULNERABILITIES
    all_rows, pushed = rows(content), content.image.pushed_at
    shown = fitting(all_rows)
    hosts = host_links(content)
    upgrades = steps.to_do(text)
    style, script = _asset("report.css"), _asset("report.js")
    body = (
        element("a", "Skip to all findings", href="#findings", class_="skip")
        if has_result
        else None,
        sections.header(text, content, (*hosts, *(text.problem.pages if text.problem else ()))),
        element(
            "main",
            steps.remedy(text, text.problem, is_all=upgrades is None)
            if text.problem is not None
            else None,
            upgrades,
            sections.changes(text, len(all_rows)),
            sections.platforms(text.platforms),
            _findings(text, shown, noun, pushed) if has_result else None,
            _missing(text, len(all_rows) - len(shown), noun),
            sections.history(history, with_suppressed=bool(text.suppressed)),
            sections.details(text, state.at),
        ),
        sections.footer(now),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("title", f"{text.name}: {text.kind.lower()}"),
        Markup(f"<style>{style}</style>"),
    )
    served = (data(shown, noun, content.image), Markup(f"<script>{script}</script>"))
    tail = served if has_result else ()
    html = element("html", head, element("body", body, tail), lang="en")
    return joined((Markup("<!DOCTYPE html>"), html, Markup("\n")))


def _missing(text: AlertText, number: int, noun: tuple[str, str]) -> Markup | None:
    """Return how many rows the page has no room for, and how to get at them."""
    if not number:
        return None
    command = text.list_command
    return element(
        "p",
        missing(number, noun),
        (f" {ALL_OF_THEM} ", element("code", command)) if command else None,
        id="missing",
    )


def _findings(
    text: AlertText, all_rows: Sequence[Row], noun: tuple[str, str], pushed: datetime | None
) -> Markup:
    """Return the table with its controls."""
    title = f"All {noun[1]}"
    titles = columns(text.columns, is_check=noun is _SETTINGS)
    hidden = len(all_rows) - FIRST
    first = (
        f"The worst {FIRST} of {len(all_rows):,}." if hidden > 0 else f"{len(all_rows):,} in all."
    )
    pager = element(
        "nav",
        element("button", "Previous", type="button", id="previous"),
        element("button", "Next", type="button", id="next"),
        id="pager",
        aria_label=f"Pages of {noun[1]}",
        hidden=True,
    )
    return element(
        "section",
        element("h2", title, id="findings-title"),
        controls(all_rows, noun[1]),
        element("p", first, id="hits", role="status"),
        element(
            "section",
            table(all_rows, title, titles, silent_columns(all_rows, pushed)),
            class_="wide",
            tabindex=0,
            aria_label=f"Table: {title}",
        ),
        pager,
        sections.account(text),
        id="findings",
        aria_labelledby="findings-title",
    )


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
