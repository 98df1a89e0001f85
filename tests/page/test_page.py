"""The report page as text: complete, inert, and never an all-clear by mistake."""

import json
import re
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.checks.moved_tags import MOVED, Move, finding_of
from lib.core.vulnerabilities import vulnerabilities_of
from lib.errors import DocumentError
from lib.messages.content import Content
from lib.messages.phrases import percent, severity_name
from lib.messages.text import text_of
from lib.models import (
    AnyReport,
    Finding,
    Notice,
    Package,
    Provenance,
    Report,
    Scan,
    ScanSource,
    Score,
    Severity,
    UnusableReport,
)
from lib.models.program import VERSION
from lib.models.streams import HistoryPoint
from lib.normalizer.documents import normalize_document
from lib.page import charts, render
from lib.page import findings as page_findings
from lib.page.charts import MOST_COLUMNS, NO_RESULT
from lib.page.controls import silent_columns
from lib.page.rows import rows
from tests.checks.test_check import a_repository
from tests.support.builders import (
    NOW,
    a_digest,
    a_filter,
    a_finding,
    a_report,
    a_scan,
    an_image,
    an_unusable_report,
)
from tests.support.every import every
from tests.support.notices import noticed
from tests.support.pages import (
    HOSTILE,
    about,
    changed,
    course,
    failed,
    findings,
    hostile,
    index,
)
from tests.support.scenes import Scene, a_check
from tests.support.strategies import REPORTS
from tests.support.thorough import THOROUGH

DOCUMENTS = sorted((Path(__file__).parents[1] / "findings").glob("*/*.json"))
SIZES = (
    *(0, 1, 10, 300),
    *(
        pytest.param(count, marks=pytest.mark.untraced)
        for count in (1_000, *([10_000] if THOROUGH else []))
    ),
)


class Reader(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.data = ""
        self._inside = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.tags.append(tag)
        self._inside = dict(attributes).get("id", tag) if tag in ("script", "style") else ""
        for name, value in attributes:
            self.attributes.add(name)
            if name in ("href", "src", "action", "srcset", "data"):
                self.addresses.append(value)

    def handle_endtag(self, _tag: str) -> None:
        self._inside = ""

    def handle_data(self, text: str) -> None:
        if self._inside == "findings-data":
            self.data += text
        elif not self._inside:
            self.texts.append(text)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def reports_of(path: Path) -> Sequence[AnyReport]:
    """Return what a document holds; some hold only a part of what a source answers."""
    try:
        return normalize_document(json.loads(path.read_text("utf-8"))).reports
    except DocumentError:
        return ()


def read(made: Notice, **options: Any) -> Reader:
    return Reader(render(made, options.get("history", ()), now=NOW))


def numbers_add_up(made: Notice) -> None:
    """Assert that every vulnerability is on the page once, and that its sums are right."""
    page, content = read(made), Content(made.message)
    document = json.loads(page.data)
    groups = vulnerabilities_of(made.message.state.images)
    total = sum(content.totals.values())
    assert document["count"] == len(groups)
    assert {len(column) for column in document["columns"].values()} == {len(groups)}
    omitted = sum(sum(group.counts.values()) for group in content.left_out)
    assert content.shown + content.unchanged + omitted == total
    assert " not what the alert is about" not in page.text
    for severity, number in content.totals.items():
        assert f"{number:,} {severity_name(severity)}" in page.text


@pytest.mark.parametrize("count", SIZES)
def test_every_finding_is_on_the_page(count: int) -> None:
    """Whatever its size, and whatever changed."""
    numbers_add_up(changed(count))


@every("path", DOCUMENTS, ids=lambda path: path.stem[:60])
def test_real_documents_come_out_whole(path: Path) -> None:
    """As first scans; those without a result are said to be that."""
    for report in reports_of(path):
        made = about(report)
        if isinstance(report, Report):
            numbers_add_up(made)
        else:
            assert "not an all-clear" in read(made).text


@settings(deadline=None)
@given(report=REPORTS, before=st.none() | REPORTS)
def test_any_report_makes_a_page(report: Any, before: Any) -> None:
    """Whatever its source lists, in any letters."""
    made = about(report, before if isinstance(before, Report) else None)

    page = read(made, history=course())

    assert page.tags[:2] == ["html", "head"]
    assert bool(page.data) is made.message.state.has_evidence


def test_a_page_asks_nothing_of_anybody() -> None:
    """No address is loaded; links are followed only by people."""
    html = render(changed(300), course(), now=NOW)
    page = Reader(html)

    assert {each.split(":")[0] for each in page.addresses} <= {"https", "#findings"}
    assert not {"src", "style", "onclick", "onload", "srcset"} & page.attributes
    assert {"img", "iframe", "object", "link", "video"} & set(page.tags) == set()
    assert "default-src 'none'" in unescape(html.split("<style>")[0])
    assert "url(" not in html.split("<body>")[0]


def test_nothing_breaks_out_of_its_place() -> None:
    """Names and texts of a finding stay text, in the page and in the data for the script."""
    html = render(hostile(), course(), now=NOW)
    page = Reader(html)

    assert page.tags.count("script") == 2
    assert "img" not in page.tags
    assert not any(each.startswith("javascript:") for each in page.addresses)
    assert not re.search("[\u202e\ud800]", html)
    columns = json.loads(page.data)["columns"]
    assert columns["id"][0].startswith("</script><script>alert(1)")
    assert HOSTILE[:30] in page.text


def test_a_scan_without_a_result_is_not_a_clear_one() -> None:
    """The reason and what to do; no number of findings, no table, no script."""
    page = read(failed())

    assert "this is not an all-clear" in page.text
    assert "What to do" in page.text
    assert "All findings" not in page.text
    assert "script" not in page.tags


def test_an_image_without_findings_says_so() -> None:
    """Zero is a number here: the scan was usable."""
    page = read(about(a_report()))

    assert "First scan: nothing open" in page.text
    assert "not an all-clear" not in page.text


def test_an_incomplete_list_is_said_to_be_one() -> None:
    """Numbers that are too low are no good news."""
    page = read(about(a_report(a_finding(), complete=False)))

    assert "the scanner listed fewer vulnerabilities than it counted" in page.text


def test_a_suppressed_finding_is_listed_with_its_entry() -> None:
    """It is counted, and says by which entry, until when and why it is left out."""
    made = changed(20, suppressed="CVE-2024-00006")
    (row,) = [row for row in rows(Content(made.message)) if row.change == "accepted"]

    assert row.id == "CVE-2024-00006"
    assert row.reason == "by CVE-2024-00006 until 2026-12-23: not reachable"
    assert "Accepted, not counted: 1 CRITICAL until 2026-12-23: CVE-2024-00006" in read(made).text


def test_what_changed_is_told_by_kind() -> None:
    """New ones seen at once, resolved ones on request."""
    text = read(changed(300)).text

    assert "New (15)" in text
    assert "Fixed (3)" in text
    assert "Compared with 1.4.7" in text


def test_a_first_scan_has_nothing_to_compare_with() -> None:
    """It does not call its findings new."""
    text = read(about(a_report(*findings(5)))).text

    assert "What changed" not in text
    assert "first scan" in text


def test_upgrades_are_grouped_by_where_they_are_made() -> None:
    """The base image, and the dependencies; what has no version to go to is counted apart."""
    text = read(changed(300)).text

    assert "Rebuild on the latest base image" in text
    assert "Change your dependencies" in text
    assert "No fix exists yet for" in text


def steps_of(made: Notice) -> list[str]:
    """Return the numbered steps of a page, without markup."""
    numbered = re.search(r'<ol class="steps">(.*?)</ol>', render(made, (), now=NOW), re.DOTALL)
    items = numbered[1].split("<li>")[1:] if numbered else []
    return [unescape(re.sub(r"<[^>]+>", "", item)) for item in items]


def of_python(name: str, id_: str, description: str = "") -> Finding:
    """Return a finding in a package of an application."""
    finding = a_finding(id_, severity="CRITICAL", description=description)
    return replace(finding, package=Package(name, "1.7.0", "PYTHON", "/app"))


def test_steps_are_numbered_and_reach_each_package() -> None:
    """Also one of which nobody names a version; a single step has no number."""
    named = of_python("scipy", "CVE-2024-1", "SciPy before 1.8.0 crashes.")
    silent = of_python("flask", "CVE-2024-2")
    made = noticed(Scene(a_report(named, silent)))

    first, second = steps_of(made)

    assert first.startswith(
        "Upgrade or replace (versions from the CVE texts, not from the scanner):"
    )
    assert first.endswith("scipy1.7.01.8.0 or later1 CRITICAL")
    assert second.startswith("Where you pin versions, raise this to its newest release")
    assert second.endswith("flask1.7.01 CRITICAL")
    assert read(made).text.count("scipy 1.7.0 1.8.0 or later 1 CRITICAL") == 1
    assert steps_of(noticed(Scene(a_report(named)))) == []


def test_packages_that_nothing_asks_for_have_a_step() -> None:
    """A route asks for CRITICAL alone; its table has the others."""
    scipy = of_python("scipy", "CVE-2024-1", "SciPy before 1.8.0 crashes.")
    flask = replace(of_python("flask", "CVE-2024-2"), severity=Severity.HIGH)
    made = noticed(Scene(a_report(scipy, flask), None, (a_filter(severity=Severity.CRITICAL),)))

    assert steps_of(made)[-1].endswith("flask1.7.01 HIGH")
    upgraded = replace(flask, vulnerability_id="CVE-2024-3", fixed_version="2")
    upgraded = replace(upgraded, severity=Severity.CRITICAL)
    made = noticed(Scene(a_report(flask, upgraded), None, (a_filter(severity=Severity.CRITICAL),)))
    assert "Look for" not in read(made).text
    assert "No fix version named 1 package Package Installed Open flask" in read(made).text


def test_packages_to_look_for_are_in_one_table() -> None:
    """In a step of its own, after the upgrades."""
    rows = [
        replace(of_python(f"lib{n}", f"CVE-2024-1{n}"), severity=Severity.HIGH) for n in range(5)
    ]
    worst = replace(of_python("flask", "CVE-2024-3"), fixed_version="2")
    made = noticed(Scene(a_report(worst, *rows), None, (a_filter(severity=Severity.CRITICAL),)))

    (_, look) = steps_of(made)
    assert look.startswith("Where you pin versions, raise these to their newest release")
    assert ":5 packages" in look
    assert all(f"lib{n}1.7.01 HIGH" in look for n in range(5))


def test_new_packages_are_marked_where_others_are_not() -> None:
    """In the table of packages to look for."""
    old, new = of_python("flask", "CVE-2024-1"), of_python("werkzeug", "CVE-2024-2")
    before = a_report(old, image=an_image(1))

    both = read(noticed(Scene(a_report(old, new, image=an_image(2)), before))).text
    first = read(noticed(Scene(a_report(old, new)))).text

    assert "werkzeug new 1.7.0" in both
    assert "flask 1.7.0" in both
    assert " new 1.7.0" not in first


def test_pages_about_the_fixes_of_hosts_stand_beside_the_step() -> None:
    """And only there."""
    html = render(
        noticed(Scene(a_report(a_finding("CVE-2024-1001", package="linux")))), (), now=NOW
    )

    page = "https://explore.alas.aws.amazon.com/CVE-2024-1001.html"
    assert html.count(page) == 1
    assert (
        html.index("the fixed version: see ") < html.index(page) < html.index(" if the hosts run")
    )
    assert f'{page}" rel="noopener noreferrer" aria-label="Amazon Linux fix for CVE-2024-1001"' in (
        html
    )


def test_a_package_without_a_version_is_linked_in_its_table() -> None:
    """The page of its distribution names the fixed versions."""
    links = ("http://people.ubuntu.com/~ubuntu-security/cve/CVE-2024-1001",)
    html = render(noticed(Scene(a_report(a_finding("CVE-2024-1001", links=links)))), (), now=NOW)

    start = '<td><code><a href="https://ubuntu.com/security/CVE-2024-1001"'
    assert html.count(start) == 1


def test_a_table_of_packages_that_nobody_asked_for_has_their_command() -> None:
    """A route for CRITICAL ones gets a page with all."""
    worst = of_python("scipy", "CVE-2024-1", "SciPy before 1.8.0 crashes.")
    other = replace(of_python("grpcio", "CVE-2024-2", "It crashes."), severity=Severity.HIGH)
    urls = {"scipy": "pkg:pypi/scipy@1.7.0", "grpcio": "pkg:pypi/grpcio@1.7.0"}
    rows = [
        replace(row, package=replace(row.package, purl=urls[row.package.name]))
        for row in (worst, other)
    ]
    scene = Scene(a_report(*rows), filters=(a_filter(severity=Severity.CRITICAL),))

    assert steps_of(noticed(scene))[1].startswith(
        "In requirements.txt (or where you pin versions), raise this to its newest release"
    )


def test_steps_stand_in_the_order_of_messages() -> None:
    """Packages to look for come before the move off a release, here as a table."""
    made = noticed(
        Scene(
            a_report(
                of_python("scipy", "CVE-2024-1", "It crashes."), image=an_image(os="DEBIAN_10")
            )
        )
    )

    first, last = text_of(made).to_do.after
    search = "Where you pin versions, raise this to its newest release, then rebuild and push:"
    assert first.startswith(f"{search} scipy")
    assert last.startswith("Plan the move to a supported release")
    words = read(made).text
    assert 0 < words.index(search) < words.index("Plan the move to")


def test_a_version_that_removes_some_says_of_how_many() -> None:
    """By the numbers of the package, which the messages have, too."""
    some = [of_python("scipy", f"CVE-2024-{n}", "SciPy before 1.8.0 crashes.") for n in (1, 2)]
    other = replace(some[0], vulnerability_id="CVE-2024-3", description="", severity=Severity.HIGH)
    last = replace(some[1], severity=Severity.HIGH)
    made = noticed(
        Scene(a_report(some[0], last, other), None, (a_filter(severity=Severity.CRITICAL),))
    )

    assert (
        "scipy 1.7.0 1.8.0 or later 1 CRITICAL, 1 HIGH; 1 more HIGH has no known fixed "
        "version" in read(made).text
    )


def test_an_upgrade_that_rests_on_a_dispute_says_so() -> None:
    """In the table of its step, as the messages do in their sentence."""
    disputed = of_python(
        "scipy", "CVE-2024-1", "SciPy before 1.8.0 crashes. NOTE: this is disputed."
    )

    text = read(noticed(Scene(a_report(disputed)))).text

    assert "scipy 1.7.0 1.8.0 or later 1 CRITICAL (optional: disputed" in text


def test_pages_about_a_remedy_stand_beside_it() -> None:
    """And only there."""
    html = render(about(an_unusable_report(status="UNSUPPORTED_SYSTEM")), (), now=NOW)

    steps = steps_of(about(an_unusable_report(status="UNSUPPORTED_SYSTEM")))
    assert html.count(">Inspector&#x27;s list</a>") == 1
    assert [step.partition(" ")[0] for step in steps] == ["If", "Otherwise", "If"]


def cards_of(made: Notice) -> list[str]:
    """Return the numbers under the verdict, each of which filters the table."""
    cards = re.findall(r'<a href="#findings" class="card.*?</a>', render(made, (), now=NOW))
    return [unescape(re.sub(r"<[^>]+>", "", card)) for card in cards]


def test_a_kernel_is_no_fix_of_the_image() -> None:
    """The numbers count it for the hosts."""
    kernel = a_finding("CVE-2024-1", package="linux", fixed_version="2")
    zlib = a_finding("CVE-2024-2", package="zlib", fixed_version="2")

    numbers = ["2 HIGH open", "1 has a fix", "1 in the kernel: check the hosts"]
    assert cards_of(noticed(Scene(a_report(kernel, zlib)))) == numbers


def test_a_kernel_without_a_fix_version_is_in_no_table() -> None:
    """The steps for the hosts are about it."""
    text = read(noticed(Scene(a_report(a_finding("CVE-2024-1", package="linux"))))).text

    assert "No fix version named" not in text
    assert "Look for newer versions" not in text


def test_what_can_wait_does_not_stand_out() -> None:
    """A step is a paragraph, not a heading."""
    made = noticed(Scene(a_report(a_finding(package="linux", fixed_version="2"))))

    assert steps_of(made)[3].startswith("Later, in the image (no hurry): linux ")
    assert "<h3>Later, in the image" not in render(made, (), now=NOW)


def test_what_no_scanner_says_is_no_empty_cell() -> None:
    """An empty one reads as "none"."""
    silent = a_finding("CVE-2024-1")
    denied = a_finding("CVE-2024-2", fix_available="NO", exploit_available="NO")
    made = noticed(Scene(a_report(silent, denied)))

    columns = json.loads(read(made).data)
    by_id = dict(zip(columns["columns"]["id"], range(2), strict=True))

    def cells(id_: str) -> list[str]:
        row = by_id[id_]
        return [columns["texts"][columns["columns"][name][row]] for name in ("fix", "exploits")]

    assert cells("CVE-2024-1") == ["not named", "unknown"]
    assert cells("CVE-2024-2") == ["no fix yet", "none known"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"fixed_version": "4.19.304-1"}, "check the hosts (image: fixed in 4.19.304-1)"),
        ({"fix_available": "NO"}, "check the hosts (image: no fix yet)"),
        ({}, "check the hosts"),
    ],
)
def test_the_fix_of_a_kernel_is_on_the_hosts(fields: Any, word: str) -> None:
    """The image's version is named, as in what to do; and it is no fix that counts."""
    page = read(noticed(Scene(a_report(a_finding("CVE-2024-1", package="linux", **fields)))))

    assert word in page.text
    assert not re.search("(with|has|have) a fix", page.text)


def test_a_list_without_remarks_has_no_column_for_them() -> None:
    """The title of an empty column makes a reader look for what is not there."""
    bare = a_finding("CVE-2024-2")
    said = replace(bare, description="A flaw lets in users.")

    def page(after: Finding) -> str:
        many = [a_finding(f"CVE-2025-{n}", package="many") for n in range(20)]
        before = a_report(a_finding("CVE-2024-1", package="zlib"), *many, image=an_image(1))
        return read(noticed(Scene(a_report(after, *many, image=an_image(2)), before))).text

    assert "Remarks" not in page(bare).partition("Fixed (1)")[0]
    assert "Remarks" in page(said).partition("Fixed (1)")[0]


def test_a_package_without_a_version_links_to_its_page() -> None:
    """The distribution names the versions that are fixed, which the scanner does not."""
    rows = [
        replace(row, package=replace(row.package, purl=f"pkg:deb/ubuntu/{row.package.name}@1"))
        for row in (a_finding(f"CVE-2024-100{n}", package=f"lib{n}") for n in range(2))
    ]

    html = render(noticed(Scene(a_report(*rows))), (), now=NOW)

    assert re.search(r'<td><code><a href="https://ubuntu[^"]+"[^>]*>lib0</a></code>', html)


def test_what_is_new_stands_once() -> None:
    """A short table marks it, and one of the same rows; beside a long one it has a list."""
    first, second = a_finding("CVE-2024-1"), a_finding("CVE-2024-2", package="curl")
    many = [a_finding(f"CVE-2025-{n}") for n in range(20)]

    def page(*after: Finding) -> str:
        scene = Scene(a_report(*after), a_report(first, complete=False))
        return render(noticed(scene), (), now=NOW)

    gone = render(noticed(Scene(a_report(second), a_report())), (), now=NOW)

    assert "in the table below" not in page(first, second)
    assert "not changed: the scanner added 1 vulnerability on " in page(first, second)
    assert "not changed: the scanner added this vulnerability on " in gone
    assert "in the table below" not in gone
    scene = Scene(a_report(second, *many), a_report(*many, complete=False))
    assert "<details open><summary>New" in render(noticed(scene), (), now=NOW)


def test_what_may_be_there_all_the_same_is_seen_at_once() -> None:
    """The totals do not count it, which its list says."""
    listed = a_finding("CVE-2024-1"), a_finding("CVE-2024-2")
    scene = Scene(a_report(listed[0]), a_report(*listed))

    assert "<details open><summary>No longer reported (1), not counted as open</summary>" in render(
        noticed(scene), (), now=NOW
    )


def test_a_day_that_all_rows_share_with_the_push_is_no_column() -> None:
    """It stays where an image was pushed on another day."""
    scene = Scene(a_report(a_finding(first_observed_at=NOW)))
    shown = rows(Content(noticed(scene).message))

    (since,) = {row.since for row in shown}
    assert since is not None
    assert "no-since" in silent_columns(shown, since)
    assert "no-since" not in silent_columns(shown, since - timedelta(days=3))
    assert "no-since" not in silent_columns(shown, None)


def test_what_the_alert_leaves_out_is_no_change() -> None:
    """It was open before or is new, as the rest is; the reason is a detail."""
    low = {"severity": "LOW", "package": "curl"}
    before = a_report(a_finding("CVE-2024-1"), a_finding("CVE-2024-2", **low), image=an_image(1))
    after = a_report(
        a_finding("CVE-2024-1"), a_finding("CVE-2024-2", **low), a_finding("CVE-2024-3", **low),
        a_finding("CVE-2024-4"), image=an_image(2),
    )  # fmt: skip
    made = noticed(Scene(after, before, (a_filter(severity=Severity.HIGH),)))

    found = {row.id: (row.change, row.left_out) for row in rows(Content(made.message))}

    assert found == {
        "CVE-2024-1": ("open before", ""),
        "CVE-2024-2": ("open before", "below HIGH"),
        "CVE-2024-3": ("new", "below HIGH"),
        "CVE-2024-4": ("new", ""),
    }
    assert "below HIGH" in read(made).data


def controls_of(made: Notice) -> tuple[set[str], str]:
    """Return the names of the controls of the table, and the classes that hide its columns."""
    page = render(made, (), now=NOW)
    form = re.search(r'<form id="controls".*?</form>', page, re.DOTALL)
    names = (
        set(re.findall(r'<(?:input|select)[^>]* (?:id|name)="(\w+)"', form[0])) if form else set()
    )
    table = re.search(r'<table id="findings-table"(?: class="([^"]*)")?', page)
    return names, (table[1] or "") if table else ""


def test_only_what_tells_rows_apart_has_a_control() -> None:
    """And a column: what is the same everywhere is said once."""
    silent = noticed(Scene(a_report(a_finding("CVE-2024-1"), a_finding("CVE-2024-2"))))
    everything = {"search", "severity", "open", "fixable", "exploit", "change"}

    assert controls_of(silent) == ({"search"}, "no-fix no-exploit no-change")
    assert controls_of(changed(300, suppressed="CVE-2024-00006")) == (everything, "")


def a_first_scan_by_threshold() -> Notice:
    """Return a notice of a route that asks for CRITICAL, of packages that have more than that."""
    rows = [
        a_finding(f"CVE-2024-1{n}", severity=severity, package=package, score=Score(score))
        for n, (severity, package, score) in enumerate(
            [("CRITICAL", "flow", 9.8), ("HIGH", "flow", 7.5), ("HIGH", "flow", 7)]
            + [("HIGH", f"pip-{n}", 7.8) for n in range(7)]
        )
    ]
    return noticed(Scene(a_report(*rows), None, (a_filter(severity=Severity.CRITICAL),)))


def test_packages_have_all_that_is_open_in_them() -> None:
    """Not only what a route asks for; the worst at once, the others are counted in words."""
    text = read(a_first_scan_by_threshold()).text

    assert "flow 3.0.11-1 1 CRITICAL, 2 HIGH up to CVSS 9.8" in text
    assert "pip-0 3.0.11-1 1 HIGH CVSS 7.8" in text
    assert "and 4 more packages (1 HIGH each)" in text


def test_the_end_of_a_page_says_what_made_it_and_when() -> None:
    """Without the key of a stream."""
    page = read(changed(3)).text

    assert page.endswith(f"Generated by ecr-scan-alerts {VERSION} on {NOW:%d %b %Y, %H:%M} UTC")


def test_each_platform_of_an_index_has_a_line() -> None:
    """One that was not scanned says why."""
    text = read(index()).text

    assert "linux/amd64 1 HIGH" in text
    assert "linux/arm64 not scanned (not supported by the scanner)" in text


def test_the_course_of_a_stream_is_a_chart_and_a_table() -> None:
    """A scan without a result is a gap in both, not a zero; the legend says so."""
    page = read(changed(5), history=course())

    assert "Open by release" in page.text
    assert "CRITICAL HIGH ? no scan result" in page.text
    assert "no result" in page.text
    assert page.tags.count("svg") == 1


def test_each_column_of_a_chart_has_a_name() -> None:
    """Its release and its day; of narrow columns those that there is room for, the newest first."""
    few = [replace(point, scanned=True) for point in course(3)]
    named = [replace(point, image=an_image(n, tags=(f"1.0.{n}",))) for n, point in enumerate(few)]

    (legend, chart) = charts.history(named)

    assert re.findall(r">(1\.0\.\d)<", chart) == ["1.0.0", "1.0.1", "1.0.2"]
    assert chart.count(f">{named[-1].at:%d %b}<") == 1
    assert NO_RESULT not in legend
    assert 4 < charts.history(course(MOST_COLUMNS))[1].count(" middle") // 2 < MOST_COLUMNS // 2


def test_what_is_not_rated_is_not_drawn() -> None:
    """And the legend says so."""
    (first, *rest) = course(3)
    rated = replace(first, open={Severity.HIGH: 1, Severity.UNKNOWN: 40})

    (legend, chart) = charts.history([rated, *rest])

    assert "unrated not drawn" in legend
    assert "unrated not drawn" not in charts.history(rest)[0]
    assert ": 1 open" in chart


def test_a_chart_with_suppressed_ones_says_so() -> None:
    """The counts above it are without them."""
    words = "accepted ones included"

    assert words in read(changed(20, suppressed="CVE-2024-00006"), history=course()).text
    assert words not in read(changed(20), history=course()).text


def test_a_setting_has_titles_of_its_own() -> None:
    """It is no package, no scan lists it, and what fixes it is a command."""
    page = read(noticed(Scene(a_check(a_repository(scan_on_push=False)))))

    assert "Severity Check Setting Fix" in page.text
    assert "Known to the scanner" not in page.text
    assert not re.search("(with|has|have) a fix", page.text)


@every(
    "points",
    [course(1), course(2), course(2)[1:], [replace(p, scanned=False) for p in course(4)], ()],
)
def test_a_release_or_two_have_no_course(points: Sequence[HistoryPoint]) -> None:
    """A chart of one column, or of none, says nothing; of two, what changed says it."""
    page = read(changed(5), history=points)

    assert "svg" not in page.tags
    assert "Open by release" not in page.text


def test_a_course_begins_with_the_first_result() -> None:
    """Nothing is known of the time before, which is no gap."""
    points = [replace(point, scanned=n > 3) for n, point in enumerate(course())]

    page = read(changed(5), history=points)

    assert page.tags.count("g") == 4
    assert "no scan result" not in page.text


def test_a_long_course_draws_its_newest_part() -> None:
    """The table has the others."""
    page = read(changed(5), history=course(MOST_COLUMNS + 5))

    assert page.tags.count("g") == MOST_COLUMNS
    assert page.text.count("10 HIGH") == 1


def test_without_a_script_the_worst_are_there() -> None:
    """A hundred rows stand in the page itself, and it says of how many."""
    page = read(about(a_report(*findings(300))))

    assert "The worst 100 of 300." in page.text
    assert page.tags.count("tr") >= 100


def test_the_same_evaluation_makes_the_same_page() -> None:
    """It is stored under the name of its content."""
    assert render(changed(50), course(), now=NOW) == render(changed(50), course(), now=NOW)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "below 0.1 %"),
        (0.0004, "below 0.1 %"),
        (0.034, "3.4 %"),
        (0.126, "13 %"),
        (1, "100 %"),
    ],
)
def test_a_probability_reads_as_one(value: float, words: str) -> None:
    """A small one is not zero."""
    assert percent(value) == words


def test_the_source_is_named_and_linked() -> None:
    """Commit, comparison with the image before, and build."""
    repository = "https://github.com/example/payments"
    before = replace(a_report(a_finding()), provenance=Provenance("9f8e7d6", repository))
    after = replace(
        a_report(a_finding(), image=an_image(2)), provenance=Provenance("1a2b3c4", repository)
    )

    html = render(about(after, before=before), (), now=NOW)

    assert "example/payments at 1a2b3c4" in html
    assert f'href="{repository}/commit/1a2b3c4"' in html
    assert f'href="{repository}/compare/9f8e7d6...1a2b3c4"' in html


# --- repositories -------------------------------------------------------------------------------

WRONG = a_repository(tag_mutability="MUTABLE", lifecycle_policy=None)


def page_of(report: AnyReport, before: Report | None = None) -> Reader:
    made = about(report, before)
    return Reader(render(made, (), now=NOW))


def test_a_check_of_a_repository_says_what_mends_it() -> None:
    """With commands to copy, and without a word about scans and versions."""
    text = " ".join(page_of(a_check(WRONG)).texts)

    assert "Repository check" in text
    assert "aws ecr put-image-tag-mutability" in text
    assert "CloudFormation, AWS::ECR::Repository:" in text
    assert "Open the repository in the ECR console" in text
    for absent in ("Scan report", "Without a named version", "Digest", "first scan known"):
        assert absent not in text


def test_a_fixed_setting_is_listed_as_resolved() -> None:
    text = " ".join(page_of(a_check(a_repository()), a_check(WRONG)).texts)

    assert "Fixed (2)" in text
    assert "What to do" not in text


def test_a_tag_that_moved_has_a_page() -> None:
    move = Move(an_image(digest="", tags=("1.4.2",)), a_digest(1), a_digest(2), NOW)
    scan = Scan(ScanSource.REPOSITORY, MOVED, completed_at=NOW, complete=False)
    report = Report(move.tag, scan, (finding_of(move),))

    text = " ".join(page_of(report).texts)

    assert "Tag 1.4.2 points to another image" in text
    assert "aws cloudtrail lookup-events" in text
    assert "What changed" not in text


def test_a_repository_that_may_not_be_read_is_not_a_sound_one() -> None:
    scan = a_scan(source=ScanSource.REPOSITORY, status="ACCESS_DENIED", reason="AWS denies it")

    text = " ".join(page_of(UnusableReport(WRONG.image, scan)).texts)

    assert "Settings unknown: this is not an all-clear." in text


# --- what does not fit --------------------------------------------------------------------------


def absurd(count: int, **fields: Any) -> Notice:
    """Return an evaluation whose every text is as long as a source may make it."""
    names = ("title", "description", "remediation", "path", "package", "version", "fixed_version")
    return about(
        a_report(
            *(
                a_finding(
                    f"CVE-2024-{number}",
                    severity="CRITICAL" if number >= count - 2 else "LOW",
                    **{name: f"{name}-{number}-".ljust(1_000, "x") for name in names},
                    links=tuple(
                        f"https://e.example/{number}/{k}/".ljust(400, "y") for k in range(10)
                    ),
                    **fields,
                )
                for number in range(count)
            )
        )
    )


def test_findings_without_room_are_counted_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst are on the page, wherever they stood; a command has all of them."""
    monkeypatch.setattr(page_findings, "MOST_TEXT", 400_000)
    made = absurd(200)

    page = read(made)
    document = json.loads(page.data)
    shown = document["count"]

    assert 10 < shown < 100
    assert {len(column) for column in document["columns"].values()} == {shown}
    assert document["columns"]["id"][:2] == ["CVE-2024-198", "CVE-2024-199"]
    assert f"{200 - shown} more vulnerabilities, the least severe, are counted above" in page.text
    assert "200 CRITICAL" not in page.text
    assert "198 LOW" in page.text
    image = Content(made.message).image
    command = f"ecr-scan-alerts report {image.repository}@{image.digest} --region {image.region}"
    assert f"All of them: {command} -o findings.csv" in page.text


@pytest.mark.parametrize(
    ("most", "words"), [(2, "1 more vulnerability, the"), (1, "2 more vulnerabilities, the")]
)
def test_there_is_an_end_of_rows(monkeypatch: pytest.MonkeyPatch, most: int, words: str) -> None:
    """However short they are; a strange name gets no command."""
    monkeypatch.setattr(page_findings, "MOST_ROWS", most)
    made = about(a_report(*findings(3), image=an_image(repository="`reboot`")))

    page = read(made)

    assert json.loads(page.data)["count"] == most
    assert words in page.text
    assert "ecr-scan-alerts report" not in page.text


def test_a_text_that_repeats_takes_room_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One vulnerability in many packages has one description."""
    monkeypatch.setattr(page_findings, "MOST_TEXT", 20_000)
    texts = {"title": "t" * 1_000, "description": "d" * 3_000, "links": ()}
    report = a_report(*(replace(each, **texts) for each in findings(300)))

    assert json.loads(read(about(report)).data)["count"] == 300


@pytest.mark.untraced
@pytest.mark.slow
def test_the_largest_scan_has_all_its_findings_on_the_page() -> None:
    """10,000 with texts of the usual length."""
    report = a_report(
        *(
            replace(each, title=f"{n} ".ljust(100, "t"), description=f"{n} ".ljust(600, "d"))
            for n, each in enumerate(findings(10_000))
        )
    )

    assert "more vulnerabilities, the least severe" not in render(about(report), (), now=NOW)


def test_a_row_says_what_it_is_and_what_the_release_did_not_bring() -> None:
    """Its score by the version of the scale, and the word of the list."""
    old = a_finding("CVE-2026-1", package="linux", version="4.19")
    new = a_finding(
        "CVE-2026-2", package="linux", version="4.19", description="A flaw lets in users.",
        score=Score(5.0, "2.0", "AV:L/AC:L"),
    )  # fmt: skip
    scene = Scene(a_report(new, image=an_image(2)), a_report(old, image=an_image(1)))
    notice = noticed(scene)

    (row,) = [row for row in rows(Content(notice.message)) if row.id == "CVE-2026-2"]

    assert row.change == "newly reported for this image"
    assert row.note == ("CVSS v2 5.0, needs local access. A flaw lets in users.")
    assert row.note in render(notice, (), now=NOW)


@pytest.mark.untraced
@pytest.mark.slow
def test_the_memory_of_a_page_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """In proportion to what it may hold, not to what the scan holds: here a tenth of it."""
    most = page_findings.MOST_TEXT // 10
    monkeypatch.setattr(page_findings, "MOST_TEXT", most)
    made = absurd(1_000)
    tracemalloc.start()

    render(made, (), now=NOW)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # Its share of 512 MB is 51; without the limit it takes 70 MB.
    assert peak < 27_000_000
