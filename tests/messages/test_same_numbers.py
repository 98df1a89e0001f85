"""One number for one thing: title, summary, lists, details of a page, tiles and documents agree."""

import re
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.core.vulnerabilities import vulnerabilities
from lib.messages.inventory import figures
from lib.messages.parts import AlertText
from lib.messages.text import text_of
from lib.models import Finding, Notice
from lib.page import render as render_page
from lib.text import one_line
from tests.messages.test_headlines import FILTERS, REPORTS
from tests.support.builders import NOW, a_finding, an_image
from tests.support.builders import a_report as report
from tests.support.every import every
from tests.support.notices import noticed, notices
from tests.support.receivers import OPTIONS, notifier, tools
from tests.support.scenes import Scene
from tests.support.shared_texts import shared_text
from tests.support.streams import an_entry

STORIES = {name: notice for name, notice in notices().items() if "injection" not in name}
SEVERITIES = "CRITICAL|HIGH|MEDIUM|LOW|INFORMATIONAL|unrated"
COUNTED = re.compile(rf"([\d,]+) ({SEVERITIES})")
FIXABLE = re.compile(r"open; (?:([\d,]+) of|(both|all)|(it)) ")
TILE = re.compile(r'data-severity="\d+"[^>]*><strong>([\d,]+)</strong>')
WITH_FIX = re.compile(r'data-box="fixable"><strong>([\d,]+)</strong>')


def number(text: str) -> int:
    """Return "1,200" as a number."""
    return int(text.replace(",", ""))


def total_of(line: str) -> int:
    """Return the sum of the severities in a total line, before its first semicolon."""
    return sum(number(count) for count, _ in COUNTED.findall(line.partition(" open")[0]))


def fixable_of(text: AlertText) -> int:
    """Return how many have a fix by the total line."""
    match = FIXABLE.search(text.totals)
    if match is None:
        return 0
    return number(match[1]) if match[1] else text.total if match[2] else 1


def strings(value: Any) -> Iterable[str]:
    """Yield each string of a payload, on one line."""
    match value:
        case str():
            yield one_line(value)
        case dict():
            for name, part in value.items():
                yield name
                yield from strings(part)
        case list():
            for part in value:
                yield from strings(part)


def payload(mode: str, notice: Notice) -> Any:
    """Return what a receiver gets."""
    return notifier(mode, tools()).render(notice)


def check(notice: Notice) -> None:
    """Fail where two places give two numbers for one thing."""
    text = shared_text(notice)
    is_check = text.image.is_repository
    if not is_check:
        assert total_of(text.totals) == text.total
        assert fixable_of(text) <= text.total
    for section in (*text.sections, text.open):
        remainder = sum(
            number(count) for count, _ in COUNTED.findall(section.more(3).partition("Also open")[0])
        )
        assert min(3, len(section.rows)) + remainder == section.count
        assert sum(section.counts.values()) == section.count
        assert not section.open or section.count <= sum(section.open.values())
    for mode in OPTIONS:
        if mode != "webhook" and (text.problem is None or text.total):
            said = " ".join(strings(payload(mode, notice))).replace("*", "")
            # Nothing is sent, or an incident is resolved without details.
            is_silent = not said or (mode == "pagerduty" and "custom_details" not in said)
            # A page has the counts of what is open instead of changes that its route may hide.
            hidden = text.changes if mode == "pagerduty" and text.not_open.groups else ""
            shown = [line for line in text.numbers if line != hidden]
            assert is_silent or all(line.partition(";")[0] in said for line in shown)
    document = payload("webhook", notice)["data"]
    assert document["counts"]["total"] == text.total
    assert document["suppressed"]["total"] == text.suppressed
    tiles = render_page(notice, (), now=NOW)
    if not is_check and text.total:
        assert sum(map(number, TILE.findall(tiles))) == text.total
        is_said = text.total == 1 and ", fix available" in text.verdict
        with_fix = 0 if is_said else fixable_of(text)
        assert sum(map(number, WITH_FIX.findall(tiles))) == with_fix


@every("story", STORIES)
def test_every_place_has_the_same_numbers(story: str) -> None:
    """Of each kept story."""
    check(STORIES[story])


@settings(deadline=None)
@given(old=REPORTS, new=REPORTS, filters=st.lists(FILTERS, min_size=1, max_size=2).map(tuple))
def test_any_alert_has_one_number_for_one_thing(
    old: list[Finding], new: list[Finding], filters: Any
) -> None:
    """Whatever routes ask for, and whatever an entry suppresses."""
    reports = report(*new, image=an_image(2)), report(*old, image=an_image(1))

    check(noticed(Scene(*reports, filters, suppressions=(an_entry("CVE-2026-1"),))))


OPEN_AMOUNT = re.compile(
    r"(?:: |, )([\d,]+) (?:new|newly reported|more severe|with a public exploit now|with a fix now"
    r"|in an image that started to run|no longer accepted|reported because alerts\.yml changed"
    r"|fixed but still running in an older image|found|unchanged)\b"
)
TOTAL = re.compile(r": ([^:]+) open(?:\. |$)")


@settings(deadline=None)
@given(old=REPORTS, new=REPORTS, filters=st.lists(FILTERS, min_size=1, max_size=2).map(tuple))
def test_what_changed_and_what_did_not_add_up_to_what_is_open(
    old: list[Finding], new: list[Finding], filters: Any
) -> None:
    """Whatever routes ask for: readers add the numbers of the line, and compare with the total."""
    reports = report(*new, image=an_image(2)), report(*old, image=an_image(1))
    text = text_of(noticed(Scene(*reports, filters, suppressions=(an_entry("CVE-2026-1"),))))

    amounts = [number(amount) for amount in OPEN_AMOUNT.findall(text.changes)]
    totals = TOTAL.findall(text.changes)
    said = [number(count) for line in totals for count, _ in COUNTED.findall(line)]
    assert not text.changes or sum(amounts) == text.total
    assert sum(said) in (0, text.total)


def test_a_tile_counts_what_has_a_fix() -> None:
    """In the image; a silence of the scanner is no number."""
    rows = vulnerabilities(
        [
            a_finding("CVE-1", fixed_version="2"),
            a_finding("CVE-2", fix_available="NO"),
            a_finding("CVE-3"),
            a_finding("CVE-4", package="linux", fixed_version="2"),
        ]
    )

    assert [(figure.number, figure.label) for figure in figures(rows)] == [
        ("1", "has a fix"),
        ("1", "in the kernel: check the hosts"),
    ]
