"""The report page in a real browser: with thousands of findings, silent, usable by everybody."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lib.models import Notice
from lib.page import render
from tests.support.accessibility import violations
from tests.support.browser_fixtures import OpenPage, Visit, expect
from tests.support.builders import NOW
from tests.support.pages import changed, course, failed, hostile
from tests.support.thorough import THOROUGH

pytestmark = pytest.mark.browser

LARGE = 10_000 if THOROUGH else 3_000
"""Findings of the largest page; `test_page.py` makes one of 10,000."""

Show = Callable[..., Visit]


@pytest.fixture
def show(open_page: OpenPage, tmp_path: Path) -> Show:
    """Write a page to a file and open it there, as people do with an attachment."""

    def shown(made: Notice, **options: object) -> Visit:
        file = tmp_path / "report.html"
        file.write_text(page_of(made), encoding="utf-8")
        return open_page(file.as_uri(), **options)

    return shown


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Write the page of thousands of findings, which takes seconds, and return its address."""
    file = tmp_path_factory.mktemp("large") / "report.html"
    file.write_text(page_of(changed(LARGE)), encoding="utf-8")
    return file.as_uri()


def page_of(made: Notice) -> str:
    return render(made, course(), now=NOW)


def ids(visit: Visit) -> list[str]:
    """Return the vulnerabilities in the table, from the top."""
    cells = visit.page.locator("#findings-rows > tr:not(.detail) > td:nth-child(2)")
    return [each.split()[0] for each in cells.all_inner_texts()]


def test_few_rows_have_no_filter(show: Show) -> None:
    """They are seen at a glance; a count only leads to the table."""
    visit = show(changed(4))

    visit.page.locator("a.card").first.click()

    expect(visit.page.locator("#controls")).to_be_hidden()
    assert len(ids(visit)) == int(visit.page.locator("#hits").inner_text().split()[0])


def test_a_hundred_of_thousands_stand_in_the_page(large: str, open_page: OpenPage) -> None:
    """The others are one page further; all of them are counted."""
    visit = open_page(large)

    expect(visit.page.locator("#hits")).to_have_text(f"{LARGE:,} vulnerabilities, 1 to 100 shown")
    assert len(ids(visit)) == 100

    first = ids(visit)
    visit.page.get_by_role("button", name="Next").click()

    expect(visit.page.locator("#hits")).to_have_text(f"{LARGE:,} vulnerabilities, 101 to 200 shown")
    assert not set(first) & set(ids(visit))


def test_a_search_looks_at_every_finding(large: str, open_page: OpenPage) -> None:
    """Also at texts that are not seen, on every page, and for several words."""
    visit = open_page(large)

    visit.page.get_by_label("Search").fill(f"needle-{LARGE - 124}")

    expect(visit.page.locator("#hits")).to_have_text(f"1 of {LARGE:,} vulnerabilities")
    assert ids(visit) == [f"CVE-2024-{LARGE - 124:05}"]

    visit.page.get_by_label("Search").fill("nothing like this")

    expect(visit.page.locator("#hits")).to_have_text(f"0 of {LARGE:,} vulnerabilities")


def test_filters_leave_out_what_is_not_asked_for(show: Show) -> None:
    """By severity, by fix, by exploit and by change; reset brings all back."""
    visit = show(changed(300, suppressed="CVE-2024-00006"))
    hits = visit.page.locator("#hits")

    for name in ("High", "Medium", "Low", "Informational", "Unrated"):
        visit.page.get_by_label(name, exact=True).uncheck()
    expect(hits).to_have_text("50 of 300 vulnerabilities")
    visit.page.get_by_label("with an exploit").check()
    expect(hits).to_have_text("10 of 300 vulnerabilities")
    visit.page.get_by_label("with a fix").check()
    expect(hits).to_have_text("0 of 300 vulnerabilities")

    visit.page.get_by_role("button", name="Reset").click()
    expect(hits).to_have_text("300 vulnerabilities, 1 to 100 shown")
    visit.page.get_by_role("combobox", name="Change").select_option("accepted")

    expect(hits).to_have_text("1 of 300 vulnerabilities")
    assert ids(visit) == ["CVE-2024-00006"]


def test_a_count_shows_the_rows_that_it_counts(show: Show) -> None:
    """By severity, by fix, by exploit, and what is suppressed; whatever was chosen before."""
    visit = show(changed(300, suppressed="CVE-2024-00006"))
    cards = visit.page.locator("a.card")
    visit.page.get_by_label("Search").fill("nothing like this")

    assert cards.count() > 6
    for card in cards.all():
        card.click()
        number = card.locator("strong").inner_text()
        expect(visit.page.locator("#hits")).to_contain_text(
            re.compile(rf"^{number} of 300 vulnerabilities")
        )


def test_every_column_sorts_both_ways(show: Show) -> None:
    """By keyboard, too, and it is said to whoever does not see the arrow."""
    visit = show(changed(300))
    head = visit.page.locator("th[data-sort=id]")

    head.get_by_role("button").focus()
    visit.page.keyboard.press("Enter")
    assert ids(visit)[:2] == ["CVE-2024-00000", "CVE-2024-00001"]
    expect(head).to_have_attribute("aria-sort", "ascending")

    visit.page.keyboard.press("Enter")
    assert ids(visit)[:2] == ["CVE-2024-00299", "CVE-2024-00298"]
    expect(head).to_have_attribute("aria-sort", "descending")

    for name in ("severity", "package", "fixed", "exploit", "change", "since"):
        visit.page.locator(f"th[data-sort={name}]").get_by_role("button").click()
        assert len(ids(visit)) == 100
    expect(head).not_to_have_attribute("aria-sort", "descending")


def test_details_open_on_request(show: Show) -> None:
    """Each finding has its texts one click away, and says whether they are open."""
    visit = show(changed(300))
    more = visit.page.get_by_role("button", name="Details of CVE-2024-00000")

    more.click()
    expect(visit.page.locator("tr.detail")).to_contain_text("Words about number 0, needle-0.")
    expect(more).to_have_attribute("aria-expanded", "true")

    more.click()
    expect(visit.page.locator("tr.detail")).to_have_count(0)


def test_nothing_of_a_finding_is_run(show: Show) -> None:
    """Whatever its name: neither in the page nor in what the script makes of it."""
    visit = show(hostile())
    visit.page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))

    visit.page.get_by_role("button", name="Details of").click()

    expect(visit.page.locator("tr.detail")).to_contain_text("alert(1)")
    assert visit.page.locator("img").count() == 0
    addresses = visit.page.locator("a").evaluate_all("all => all.map(each => each.protocol)")
    assert set(addresses) <= {"https:", "file:"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("made", [changed(300), failed()], ids=["findings", "no-result"])
def test_everybody_can_use_it(show: Show, scheme: str, made: Notice) -> None:
    """No violation of WCAG 2.1 A or AA that axe knows, in either colour scheme."""
    visit = show(made, color_scheme=scheme)
    if made.message.state.has_evidence:
        visit.page.get_by_role("button", name="Details of").first.click()

    assert violations(visit.page) == []


def test_dark_is_dark(show: Show) -> None:
    """The page follows the system."""
    colour = "getComputedStyle(document.body).backgroundColor"

    assert show(changed(1), color_scheme="light").page.evaluate(colour) == "rgb(255, 255, 255)"
    assert show(changed(1), color_scheme="dark").page.evaluate(colour) == "rgb(13, 17, 23)"


def test_a_telephone_is_wide_enough(show: Show) -> None:
    """Tables scroll by themselves; the page does not."""
    visit = show(hostile(), viewport={"width": 390, "height": 844})

    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_paper_has_all_that_was_chosen(show: Show) -> None:
    """No pager, no form, and every section open."""
    visit = show(changed(300))

    visit.page.emulate_media(media="print")
    visit.page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert len(ids(visit)) == 300
    assert visit.page.locator("details:not([open])").count() == 0
    expect(visit.page.locator("#controls")).to_be_hidden()
    visit.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(ids(visit)) == 100


def test_without_a_script_it_still_tells(show: Show) -> None:
    """Summary, upgrades and the worst hundred are in the page itself."""
    visit = show(changed(300), java_script_enabled=False)

    expect(visit.page.locator("#hits")).to_have_text("The worst 100 of 300.")
    expect(visit.page.locator("#controls")).to_be_hidden()
    assert len(ids(visit)) == 100
