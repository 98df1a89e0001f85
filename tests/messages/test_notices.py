"""What no story shows: odd rows, settings of a repository, lost images, pages and repeats."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from lib.checks.findings import MANAGER
from lib.messages.lists import SectionKind
from lib.messages.parts import AlertText, Fact
from lib.messages.text import text_of
from lib.models import DeliveryId, Image, Notice, Package, Provenance, ScanSource, Severity
from lib.models.streams import Comparison, Role, StreamState
from lib.models.views import View
from tests.support.builders import NOW, a_finding, an_image
from tests.support.every import every
from tests.support.notices import a_message, notices
from tests.support.scenes import INJECTIONS
from tests.support.streams import (
    a_departure,
    a_lifecycle,
    a_part,
    a_reported,
    a_reported_condition,
    a_state,
    a_view,
    a_watched,
    an_agreement,
    an_entry,
    an_unscanned_part,
)

ID = "CVE-2024-0001"


def text(state: StreamState, view: View | None = None, **rules: Any) -> AlertText:
    """Return the text of that message."""
    return text_of(Notice(DeliveryId("1"), a_message(state, view, **rules)))


def test_shown_unchanged_and_left_out_are_all_that_is_open() -> None:
    """In vulnerabilities, with the reason for whatever is not shown."""
    findings = [a_finding(f"CVE-2024-000{number}") for number in range(1, 4)]
    low = [a_finding(f"CVE-2024-010{number}", severity="LOW") for number in range(2)]
    state = a_state(
        a_watched(*findings, *low, a_finding("CVE-2024-0200", severity="MEDIUM")),
        version=2,
        lifecycles={ID: a_lifecycle(1), "CVE-2024-0002": a_lifecycle(2)},
    )

    made = text(
        state, a_view(a_reported(), agreed=an_agreement()),
        suppressions=(an_entry("CVE-2024-0003"),),
    )  # fmt: skip

    assert made.left_out.lines(8) == [
        "1 unchanged HIGH (CVE-2024-0001)",
        "3 (1 MEDIUM, 2 LOW) in openssl (listed here: HIGH and above)",
        '1 HIGH accepted until 2026-11-23: CVE-2024-0003 ("not reachable")',
    ]
    assert made.changes == ("Since 2026-11-23: 1 new, 4 unchanged: 2 HIGH, 1 MEDIUM, 2 LOW open")


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        ({"repository": "pay*"}, ID),
        ({"package": "openssl", "repository": "pay*"}, f"{ID} in openssl"),
        ({"repository": "pay*", "digest": an_image().digest}, f"{ID} in {an_image().digest[:19]}"),
    ],
)
def test_what_is_accepted_is_named_as_in_the_image(limits: dict[str, str], what: str) -> None:
    """That the entry is for its repository needs no words."""
    state = a_state(a_watched(a_finding(), a_finding("CVE-2024-0002")))

    made = text(state, suppressions=(an_entry(ID, **limits),))

    assert made.left_out.lines(8) == [f'1 HIGH accepted until 2026-11-23: {what} ("not reachable")']


def test_packages_of_a_vulnerability_are_details() -> None:
    """One vulnerability is one row, however many packages have it, and one removal of each."""
    rows = [
        a_finding(package=name, fixed_version=fix, version=str(number))
        for number, (name, fix) in enumerate([("liba", "2"), ("libb", "3"), ("libc", None)])
    ]

    made = text(a_state(a_watched(*rows)))
    pair = text(a_state(a_watched(*rows[:2])))

    assert made.verdict == "First scan: 1 HIGH, fix available"
    assert made.state == "1 HIGH open; it has a fix"
    assert made.open.rows[0].installed == "liba 0, libb 1 and 1 more package"
    assert [upgrade.removes for upgrade in made.to_do.upgrades] == ["1 HIGH", "1 HIGH"]
    assert made.to_do.fixes == {Severity.HIGH: 1}
    assert pair.open.rows[0].fix == "liba fixed in 2, libb fixed in 3"


def test_many_different_fixes_are_counted() -> None:
    """A row says in how many packages there is a fix."""
    rows = [a_finding(package=f"lib{number}", fixed_version=str(number)) for number in range(3)]

    made = text(a_state(a_watched(*rows, a_finding(package="none", fix_available="NO"))))

    assert made.open.rows[0].fix == "fix available in 3 of 4 packages"


def test_what_makes_it_likelier_to_hurt_is_said() -> None:
    """Exploits, probability, whether it runs; of a finding and in one line."""
    wild = a_finding(exploit_observed_at=NOW, epss=0.42)
    known = a_finding("CVE-2024-0002", exploit_available="YES", fixed_version="2")

    made = text(a_state(a_watched(wild, known, running=True)))

    assert made.why == (
        "Used in attacks (according to Amazon Inspector): CVE-2024-0001 (HIGH); public exploit "
        "(according to Amazon Inspector): CVE-2024-0002 (HIGH); EPSS up to 42 % within 30 days; "
        "running now"
    )
    assert made.verdict == "First scan: 2 HIGH, fix available for 1 of them, 1 used in attacks"
    remarks = {row.name: row.remarks for row in made.open.rows}
    assert remarks["CVE-2024-0001"] == ("used in attacks", "EPSS 42 %")
    assert remarks["CVE-2024-0002"] == ("public exploit",)


def test_a_vulnerability_that_the_view_keeps_at_its_worst_is_shown_as_it_is_now() -> None:
    """And not as bad as a row of it that an entry leaves out."""
    lower = a_view(a_reported(severity=Severity.CRITICAL), agreed=an_agreement())

    made = text(a_state(a_watched(a_finding()), lifecycles={ID: a_lifecycle()}), lower)

    assert made.verdict == "Nothing new"
    assert made.state == "1 HIGH open"


def test_settings_of_a_repository_have_steps_and_no_upgrades() -> None:
    """The words are those of a check."""
    image = an_image(digest="", tags=())
    setting = replace(
        a_finding("SCAN_ON_PUSH", title="images are not scanned when they are pushed"),
        package=Package("scanOnPush", manager=MANAGER),
    )
    check = a_watched(setting, image=image, source=ScanSource.REPOSITORY)

    made = text(a_state(check))

    assert (made.kind, made.subject, made.columns[0]) == ("Repository check", "repository", "Check")
    assert made.verdict == ("1 setting to fix (HIGH): images are not scanned when they are pushed")
    assert made.to_do.upgrades == ()
    assert made.open.rows[0].details == "scanOnPush, images are not scanned when they are pushed"


def test_a_check_without_an_answer_says_so() -> None:
    """No result is not a good one."""
    image = an_image(digest="", tags=("1.0",))
    part = an_unscanned_part("DENIED", source=ScanSource.REPOSITORY)

    made = text(a_state(a_watched(image=image, parts=(part,))))

    assert made.subject == "tag"
    assert made.problem is not None
    assert made.problem.caution == "Settings unknown: this is not an all-clear."


@pytest.mark.parametrize("agreed", [False, True])
def test_a_stream_without_images_is_about_what_was_there(agreed: bool) -> None:  # noqa: FBT001  # a parameter
    """The image that was current, else the repository."""
    before = replace(an_agreement(), current=an_image()) if agreed else an_agreement()

    made = text(a_state(version=2), a_view(a_reported(), agreed=before))

    assert made.name == ("payments/api:1.4.1" if agreed else "payments/api")
    assert made.verdict == "1 HIGH no longer reported"
    assert made.state == "no image is watched"


def test_parts_without_a_result_are_warned_of() -> None:
    """Also where the message is about something else; the end of monitoring, too."""
    image = an_image(2)
    old = a_part(a_finding(), image=an_image(1)).evidence
    single = a_watched(image=image, parts=(an_unscanned_part("FAILED", *old),))
    index = a_watched(
        parts=(a_part(monitored=False), a_part(part="linux/arm64", complete=False),
               an_unscanned_part(part="", status="PENDING")),
    )  # fmt: skip
    view = a_view(a_reported(), a_reported_condition(), agreed=an_agreement())
    state = a_state(single, version=2, lifecycles={ID: a_lifecycle()})

    made = text(state, view)
    parts = text(a_state(index), a_view(a_reported_condition("PENDING"), agreed=an_agreement()))

    assert made.verdict.endswith("payments/api:1.4.2 is not scanned")
    assert "what is listed is from payments/api:1.4.1" in made.warnings[0]
    assert any("fewer vulnerabilities" in warning for warning in parts.warnings)
    assert parts.problem is not None
    assert parts.problem.word == "not known to be monitored"
    assert parts.problem.reason.startswith("linux/amd64: ")
    assert parts.problem.caution == "What was listed before stays open."
    assert [row.name for row in parts.platforms.rows][-1] == "unknown platform"
    later = a_view(a_reported_condition("MONITORING_ENDED linux/amd64"),
                   a_reported_condition("PENDING"), agreed=an_agreement())  # fmt: skip
    assert any(
        "not known to be monitored" in warning for warning in text(a_state(index), later).warnings
    )


def test_links_commits_and_repeats_stand_at_the_end() -> None:
    """The report page, or the command for it; the attempt; the commit and those since."""
    state = a_state(a_watched(a_finding(), image=an_image(2)), version=2)
    view = a_view(agreed=replace(an_agreement(), current=an_image(1)))
    commit = Provenance("1" * 40, "https://github.com/example/payments")
    notice = Notice(
        DeliveryId("1"),
        a_message(state, view),
        report_url="https://pages.example/a.html",
        provenance=commit,
        provenance_before=replace(commit, commit="2" * 40),
        attempt=2,
        possible_repeat=True,
    )

    linked = text_of(notice)
    stored = text_of(replace(notice, report_url=None, page_key="a.html", attempt=1))

    assert [link.label for link in linked.links] == [
        "Full report", "Image in the ECR console", "Commit 1111111", "Commits since 1.4.1",
    ]  # fmt: skip
    assert linked.source is not None
    assert linked.footer == "Delivery 1 (attempt 2, may be a repeat)"
    assert stored.report is None
    assert stored.report_command.endswith("-o report.html")
    assert stored.footer == "Delivery 1"


def test_reasons_of_their_own_stand_at_each_row() -> None:
    """Where most share none, the section has no note."""
    departures = {
        f"CVE-2024-000{number}": a_departure(
            names=(f"CVE-2024-000{number}",), image=an_image(number)
        )
        for number in (1, 2)
    }
    view = a_view(*(a_reported(id_) for id_ in departures), agreed=an_agreement())
    state = a_state(a_watched(image=an_image(3)), version=3, departures=departures)

    made = text(state, view)

    assert [section.kind for section in made.sections] == [SectionKind.FIXED]
    assert made.sections[0].note == ""
    assert len({row.remarks for row in made.sections[0].rows}) == 2


def test_a_comparison_names_the_other_image() -> None:
    """Of a stream with `compare_with`."""
    comparison = Comparison("sha256:" + "1" * 64, frozenset())

    made = text(a_state(a_watched(a_finding()), comparison=comparison))

    assert made.comparison is not None
    assert made.comparison.value == "the image sha256:111111111111 of another stream"
    assert "that the compared stream does not have" in made.verdict


def test_a_finding_of_one_platform_says_so_and_where_it_still_runs() -> None:
    """An image behind the current one is named at the row, unless the note names it."""
    behind = an_image(1)
    state = a_state(
        a_watched(image=an_image(2)),
        a_watched(
            a_finding(platforms=("linux/arm64",)), image=behind, role=Role.RUNNING, running=True
        ),
        version=2,
        lifecycles={ID: a_lifecycle(2)},
    )

    made = text(state, a_view(agreed=an_agreement()))

    assert made.verdict == "1 new HIGH since 2026-11-23 in payments/api:1.4.1, which still runs"
    assert made.to_do.unversioned_count == 0
    assert made.to_do.deploy == (
        "Deploy payments/api:1.4.2. payments/api:1.4.1 still runs, with 1 HIGH "
        "that payments/api:1.4.2 does not list"
    )
    assert made.open.rows[0].remarks == (
        "new", "in payments/api:1.4.1", "reported only for linux/arm64",
    )  # fmt: skip


def test_no_data_about_exploits_is_not_shown_as_none() -> None:
    """Whatever the scanner: its silence is no zero."""
    silent = text(a_state(a_watched(a_finding(exploit_available=None))))
    asked = text(a_state(a_watched(a_finding(exploit_available="NO"))))

    assert silent.to_do.gaps.endswith("nor exploit data.")
    assert "exploit" not in asked.to_do.gaps


@every("injection", INJECTIONS)
def test_every_text_is_clean_and_short(injection: str) -> None:
    """Whatever stands in names, versions, reasons and platforms."""
    hostile = a_finding(
        injection, package=injection, version=injection, fixed_version=injection,
        platforms=(injection,),
    )  # fmt: skip
    old, new = (an_image(number, tags=(injection + str(number),)) for number in (1, 2))
    evidence = a_part(hostile, image=old, part=injection).evidence
    failed = an_unscanned_part("FAILED", *evidence, part=injection, reason=injection)
    state = a_state(
        a_watched(image=new, parts=(failed, a_part(part="b"))),
        a_watched(a_finding("CVE-2024-0009"), image=old, role=Role.RUNNING, running=True),
    )

    made = text(state)

    for part in strings(made):
        assert not any(ord(letter) < 32 or letter in "\u202e\u2066\u200b" for letter in part)
        assert len(part) <= 2_000


def strings(value: object) -> Iterator[str]:
    """Yield every string of a text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from strings(part)
    elif is_dataclass(value) and not isinstance(value, Image):
        for field in fields(value):
            yield from strings(getattr(value, field.name))


def test_an_upgrade_counts_vulnerabilities_not_rows() -> None:
    """A package in two places is upgraded once, and removes each vulnerability once."""
    rows = [a_finding(path=path, fixed_version="3.0.14") for path in ("a/lib", "b/lib")]

    made = text(a_state(a_watched(*rows)))

    assert [upgrade.removes for upgrade in made.to_do.upgrades] == ["1 HIGH"]


def test_workloads_are_named_where_they_are_known() -> None:
    """Beside the images: what runs the current one, and what to deploy it to."""
    made = text_of(notices()["still-running"])

    assert made.to_do.deploy == (
        "Deploy payments/api:1.4.2. Service api in prod (3 tasks), task etl in batch (1 task) "
        "still run payments/api:1.4.1, with 3 HIGH that payments/api:1.4.2 does not list"
    )
    assert Fact("Run by", "service api in staging (1 task)") in made.facts


def test_a_notice_in_place_of_another_destination_says_so_first() -> None:
    """Its reader wonders why it comes here."""
    made = text_of(notices()["instead"])

    assert made.verdict.startswith("Instead of team-jira, which refuses everything: 1 CRITICAL")
