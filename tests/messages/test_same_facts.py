"""Facts of one vulnerability stay with that vulnerability; what is unknown is no good news."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from lib.messages.paging import why_paged
from lib.messages.text import text_of
from lib.models import DeliveryId, Finding, Notice, Provenance, Score, Severity
from lib.models.streams import StreamState
from lib.notifiers.jira.text import comment, description, plain
from lib.notifiers.pagerduty.event import details_of
from lib.notifiers.slack.message import alert_message, plain_message, root_message
from tests.notifiers.test_contract import FORMATS
from tests.support.builders import NOW, a_filter, a_finding, a_report, an_image
from tests.support.every import every
from tests.support.notices import a_message, noticed, notices
from tests.support.receivers import notifier, tools
from tests.support.scenes import Scene
from tests.support.streams import a_state, a_watched

WITHOUT_THEM = {"webhook", "json", "ocsf", "amazon-q"}
"""Documents for programs; and the card of Amazon Q, which has no room for notes."""
with_notes = pytest.mark.parametrize(
    ("mode", "options"),
    [
        (mode, options)
        for mode, options in FORMATS
        if not {mode.partition("-")[0], options.get("format")} & WITHOUT_THEM
    ],
)


def notice_of(*findings: Any) -> Notice:
    return Notice(DeliveryId("1"), a_message(state_of(*findings)))


def state_of(*findings: Any) -> StreamState:
    return a_state(a_watched(*findings))


def test_a_platform_of_one_vulnerability_is_no_remark_about_its_package() -> None:
    """The other one is on every platform."""
    rows = (a_finding("CVE-2026-1", platforms=("linux/arm64",)), a_finding("CVE-2026-2"))

    message = json.dumps(alert_message(text_of(notice_of(*rows)))).replace("\\n", "\n")

    assert "2 HIGH* in `openssl" in message
    (line,) = re.findall(r"CVE-2026-1: [^\n]*reported only for linux/arm64", message)
    assert "CVE-2026-2" not in line


NO_DATA = "Amazon Inspector gave no exploit data"


@pytest.mark.parametrize(
    ("finding", "urgency"),
    [
        (a_finding(exploit_observed_at=NOW), "Urgency: high (used in attacks)"),
        (a_finding(severity="CRITICAL"), f"Urgency: high (1 CRITICAL; {NO_DATA})"),
        (a_finding(exploit_available="YES"), "Urgency: high (public exploit)"),
        (a_finding(), f"Urgency: medium (1 HIGH; {NO_DATA})"),
        (
            a_finding(package="linux", exploit_available="YES"),
            ("Urgency: high, check the hosts today (public exploit); low once they are patched"),
        ),
    ],
)
def test_an_alert_says_how_soon_to_look(finding: Any, urgency: str) -> None:
    """With the reason, so that nobody has to trust a word."""
    text = text_of(notice_of(finding))

    assert text.urgency is not None
    assert text.urgency.title == urgency
    assert (text.urgency.level == "high") is ("high" in urgency)
    assert f"*{urgency}*" in json.dumps(alert_message(text))


def test_a_page_names_a_single_vulnerability() -> None:
    """Beside one that is no news, too; several are counted."""
    old, new = a_finding("CVE-2026-1", package="zlib"), a_finding("CVE-2026-2", package="curl")
    more = a_finding("CVE-2026-3", package="curl")
    before = a_report(old, image=an_image(1))

    one, two = (
        details_of(text_of(noticed(Scene(a_report(old, *rows, image=an_image(2)), before))))
        for rows in ([new], [new, more])
    )

    assert one["What happened"].startswith("New HIGH CVE-2026-2 since ")
    assert two["What happened"].startswith("2 new HIGH since ")


def test_a_page_says_its_urgency_once_and_begins_with_an_act() -> None:
    """Whoever is woken reads no further than needed: nothing twice, and not what can wait."""
    kernel = a_finding(package="linux", version="4.19.118-2", fixed_version="4.19.304-1")
    text = text_of(notice_of(replace(kernel, exploit_available="YES")))

    details = details_of(text)

    shown = json.dumps(details)
    assert text.urgency is not None
    assert details["Urgency"] == (
        "High, check the hosts today (public exploit); low once they are patched"
    )
    assert details["Urgency"].lower() == text.urgency.title.removeprefix("Urgency: ").lower()
    assert shown.count("once they are patched") == 1
    assert details["What happened"] == "First scan: HIGH CVE-2024-0001 in the kernel (linux)"
    assert text.lasting.endswith(": 1 HIGH in the kernel, public exploit: check the hosts")
    assert details["What to do"][0].startswith("1. Run uname -r on the hosts")
    assert "Later" not in shown
    assert "Later" in text.to_do.later


def test_a_program_gets_the_condition_of_a_level_apart() -> None:
    """A rule on the level alone would page for hosts that are patched."""
    kernel = a_finding(package="linux", exploit_available="YES")
    events = [notifier("webhook", tools()).render(notice_of(row)) for row in (kernel, a_finding())]

    first, second = (event["data"]["urgency"] for event in events)

    assert (first["reason"], first["condition"], first["otherwise"]) == (
        "public exploit",
        "if the hosts run an unpatched kernel",
        "low",
    )
    assert first["condition_code"] == "hosts_kernel_unpatched"
    assert (second["condition"], second["condition_code"], second["otherwise"]) == (None,) * 3


def test_a_medium_urgency_of_hosts_is_low_elsewhere() -> None:
    """Working hours are when a medium one is looked at, too."""
    text = text_of(notice_of(a_finding(package="linux")))

    assert text.urgency is not None
    assert text.urgency.title == (
        f"Urgency: medium, check the hosts (1 HIGH; {NO_DATA}); low once they are patched"
    )


@pytest.mark.parametrize(
    ("vectors", "reason"),
    [
        (("CVSS:3.1/AV:L/AC:L", "CVSS:3.1/AV:L/AC:H"), "public exploit, needs local access"),
        (("CVSS:3.1/AV:L/AC:L", "CVSS:3.1/AV:N/AC:H"), "public exploit"),
        (("CVSS:3.1/AV:L/AC:L", None), "public exploit"),
    ],
)
def test_local_access_is_named_where_every_exploit_needs_it(
    vectors: tuple[str | None, ...], reason: str
) -> None:
    """An exploit whose vector is not known may need none."""
    rows = [
        a_finding(f"CVE-{n}", package="linux", exploit_available="YES", score=Score(7.8, "3.1", v))
        for n, v in enumerate(vectors)
    ]
    other = a_finding("CVE-9", package="linux", score=Score(7.8, "3.1", "CVSS:3.1/AV:N/AC:H"))

    text = text_of(notice_of(*rows, other))

    assert text.urgency is not None
    assert text.urgency.reason == reason


def test_what_is_no_news_has_no_urgency() -> None:
    """A scan without a result can wait; what is fixed asks for nothing."""
    assert text_of(notices()["all-fixed"]).urgency is None
    assert text_of(notices()["repository-fixed"]).urgency is None
    assert text_of(notices()["scan-failed"]).urgency_line == (
        "Urgency: medium, in working hours (the risk is unknown)"
    )


def test_a_setting_is_less_urgent_than_a_tag_that_moved() -> None:
    """A setting is no vulnerability; a tag that must not move may be an attack."""
    lines = [text_of(notices()[name]).urgency_line for name in ("repository-settings", "tag-moved")]

    assert lines == [
        "Urgency: medium (2 HIGH settings, not vulnerabilities)",
        (
            "Urgency: high, find out today who pushed it (the tag was not to move); low if that "
            "was meant"
        ),
    ]


@with_notes
def test_the_hosts_are_named_before_the_upgrade_of_a_kernel(mode: str, options: Any) -> None:
    """A new image does not change the kernel that runs; a page leaves it out."""
    kernel = a_finding(package="linux", version="4.19.118-2", fixed_version="4.19.304-1")

    payload = notifier(mode, tools(), **options).render(notice_of(kernel))

    words = " ".join(json.dumps(payload).replace("\\n", " ").split())
    hosts = words.find("use the host's kernel")
    replaced = words.find("update its AMI and replace it")
    assert 0 < hosts < replaced
    upgrade = words.find("4.19.304-1", hosts)
    assert upgrade == -1 if mode == "pagerduty" else upgrade > replaced


def test_an_issue_about_a_kernel_is_done_when_the_hosts_are_patched() -> None:
    """No scan of the image knows that, so a person closes it."""
    kernel, other = a_finding(package="linux"), a_finding("CVE-2024-0002", package="zlib")
    patched = (
        "the hosts run a patched kernel, or its risk is accepted. Then close the issue by hand"
    )
    listed = "no scan lists the vulnerability below, or its risk is accepted."
    several = "no scan lists the 2 vulnerabilities below, or each risk is accepted."
    both = "the hosts run a patched kernel and no scan lists what else is open below, or each risk"
    last = a_finding("CVE-2024-0003", package="zlib")
    for rows, done in (
        ((kernel,), patched),
        ((other,), listed),
        ((other, last), several),
        ((kernel, other), both),
    ):
        payload = json.dumps(notifier("jira", tools()).render(notice_of(*rows)))
        assert [words for words in (patched, listed, several, both) if words in payload] == [done]


def test_a_page_says_what_its_route_pages_about() -> None:
    """The name of a route alone is no reason."""
    failed = text_of(notices()["scan-failed"])
    found = text_of(notices()["new-and-resolved"])

    assert why_paged(failed) == (
        "Route everything pages for images that could not be scanned. To stop such pages, leave "
        "SCAN_FAILED and NOT_SCANNED out of kinds of the route in alerts.yml"
    )
    assert why_paged(found) == "2 CRITICAL (routes payments, security page for HIGH and above)"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (({"exploit_available": "YES"},), "HIGH with a public exploit"),
        (({"exploit_available": "YES"}, {}), "2 HIGH, some with a public exploit"),
        (({"exploit_observed_at": NOW},), "HIGH used in attacks"),
        (({},), "HIGH"),
    ],
)
def test_a_page_says_what_it_is_about(rows: tuple[dict[str, Any], ...], reason: str) -> None:
    """How bad it is, and then which rule of whom."""
    found = [a_finding(f"CVE-2024-{n}", **fields) for n, fields in enumerate(rows)]

    assert why_paged(text_of(notice_of(*found))).partition(" (")[0] == reason


def test_the_end_of_an_incident_pages_nobody() -> None:
    """Its details name the route all the same, and what is open under a title that says so."""
    details = details_of(text_of(notices()["repository-sound"]))

    assert "Why you are paged" not in details
    assert details["Open now"] == "Nothing is open"
    assert "route everything" in details["About"]


def test_a_page_does_not_say_what_happened_where_its_list_does() -> None:
    """The list is titled Newly reported, and names the vulnerability."""
    before, after = a_report(image=an_image(1)), a_report(a_finding(), image=an_image(1))

    details = details_of(text_of(noticed(Scene(after, before))))

    assert "What happened" not in details
    assert details["Newly reported"]


def test_a_remedy_with_a_release_is_whole_in_slack() -> None:
    """A step that ends in the middle of a word is none."""
    kernel = a_finding(package="linux", version="4.19.118-2", fixed_version="4.19.304-1")
    notice = Notice(
        DeliveryId("1"), a_message(a_state(a_watched(kernel, image=an_image(os="DEBIAN_10"))))
    )

    words = json.dumps(alert_message(text_of(notice)), ensure_ascii=False)

    assert "4. Later, in the image (no hurry): `linux 4.19.118-2` → `4.19.304-1` clears" in words
    assert (
        "for example Debian 13 (no free security updates for Debian 10 since June 2024)." in words
    )


def test_accepting_a_risk_is_no_advice() -> None:
    """It stands last, as the other way."""
    text = text_of(notice_of(a_finding()))

    assert text.accept_title == "Accept the risk for 90 days"
    last = alert_message(text)["blocks"][-1]["elements"][-1]["text"]
    assert last == f"Accept the risk for 90 days: `{text.accept_command}`"


def test_an_old_danger_has_a_line_of_its_own() -> None:
    """Its exploit counts as much as that of what is new, and the numbers do not name it again."""
    old = a_finding("CVE-2026-1", severity="MEDIUM", exploit_available="YES")
    more = [a_finding(f"CVE-2026-{n}", exploit_observed_at=NOW) for n in range(3, 7)]
    news = a_finding("CVE-2026-2", package="zlib")

    def lines(*rows: Finding) -> tuple[list[str], tuple[str, ...]]:
        before, after = a_report(*rows, image=an_image(1)), a_report(*rows, news, image=an_image(2))
        filters = (a_filter(severity=Severity.LOW),)
        text = text_of(noticed(Scene(after, before, filters)))
        return [danger.line for danger in text.dangers], text.numbers

    dangers, (since,) = lines(old)
    assert dangers == ["Also open: MEDIUM CVE-2026-1 in openssl, public exploit"]
    assert "1 unchanged" in since
    assert lines(*more)[0][0] == "Also open: HIGH CVE-2026-3 in openssl, used in attacks"
    assert lines(old, *more)[0][3] == "Also open: 2 more with an exploit"


def test_an_old_danger_is_linked_where_a_receiver_links() -> None:
    """PagerDuty has it under a key of its own, an issue in its description alone."""
    old = a_finding("CVE-2026-1001", severity="MEDIUM", exploit_available="YES")
    before, after = (
        a_report(old, image=an_image(1)),
        a_report(old, a_finding("CVE-2026-2", package="zlib"), image=an_image(2)),
    )
    notice = noticed(Scene(after, before, (a_filter(severity=Severity.LOW),)))
    text = text_of(notice)
    (danger,) = text.dangers

    assert danger.url is not None
    slack, jira = (json.dumps(one) for one in (alert_message(text), description(text)))
    assert f"*Also open:* MEDIUM <{danger.url}|CVE-2026-1001> in openssl, public exploit" in slack
    assert danger.url in jira
    assert danger.url not in json.dumps(comment(text))
    assert details_of(text)["Also open"] == ["MEDIUM CVE-2026-1001 in openssl, public exploit"]


def test_of_the_same_image_a_line_says_why_there_is_news() -> None:
    """Where the same image had nothing before."""
    before, after = a_report(image=an_image(1)), a_report(a_finding(), image=an_image(1))

    text = text_of(noticed(Scene(after, before)))

    assert text.verdict.startswith("1 HIGH newly reported")
    assert text.numbers == (
        "The image has not changed: the scanner added this vulnerability on 23 Nov 2026",
    )


def test_an_issue_names_each_exploit_of_a_package() -> None:
    """Not that of the most telling one alone."""
    rows = [
        a_finding(f"CVE-2026-{n}", exploit_available="YES" if n < 3 else "NO") for n in range(1, 4)
    ]

    issue = json.dumps(description(text_of(notice_of(*rows))))

    assert "Public exploit: CVE-2026-1 and CVE-2026-2" in issue
    assert "CVE-2026-3: " not in issue


@every(
    ("kinds", "words"),
    [
        ("..", ""),
        ("pp", "both with a public exploit"),
        ("ppp", "all 3 with a public exploit"),
        ("aa", "both used in attacks"),
        ("ap", "used in attacks: CVE-2026-0, public exploit: CVE-2026-1"),
        ("p.", "public exploit: CVE-2026-0"),
        ("ppppp.", "public exploit: CVE-2026-0, CVE-2026-1, CVE-2026-2 and 2 more"),
        ("p", ""),
    ],
)
def test_the_exploits_of_several_are_said_of_all_that_have_one(kinds: str, words: str) -> None:
    """Of one alone its own row says it."""
    facts: dict[str, Any] = {
        "a": {"exploit_observed_at": NOW},
        "p": {"exploit_available": "YES"},
        ".": {"exploit_available": "NO"},
    }
    rows = [a_finding(f"CVE-2026-{n}", **facts[kind]) for n, kind in enumerate(kinds)]

    text = text_of(notice_of(*rows))
    (package,) = text.open.packages

    assert package.exploits == words
    message = json.dumps(alert_message(text))
    assert words in message
    assert ("public exploit" in ", ".join(package.notes)) is (kinds == "p")


def test_a_message_describes_the_worst_packages_alone() -> None:
    """A list of many can be scanned."""
    rows = [
        a_finding(f"CVE-2026-{n}", package=f"p{n}", description="It crashes.") for n in range(5)
    ]

    message = json.dumps(alert_message(text_of(notice_of(*rows))))

    assert message.count("It crashes.") == 3


def test_a_link_that_a_step_names_stands_there_alone() -> None:
    """Where nothing has steps, the links at the end have it."""
    link = ("http://people.ubuntu.com/~ubuntu-security/cve/CVE-2026-1001",)
    old = a_finding("CVE-2026-1001", package="curl", links=link)
    new = replace(old, vulnerability_id="CVE-2026-2001", package=replace(old.package, name="fop"))
    commit = Provenance("1" * 40, "https://github.com/example/payments")
    scene = Scene(a_report(old, new, image=an_image(2)), a_report(old, image=an_image(1)))
    text = text_of(
        replace(
            noticed(scene), provenance=commit, provenance_before=replace(commit, commit="2" * 40)
        )
    )

    whole = [json.dumps(one) for one in (alert_message(text), description(text))]
    brief = [
        json.dumps(one)
        for one in (plain_message(text), plain(text), root_message(text, has_reply=False))
    ]

    assert [words.count("/compare/") for words in (*whole, *brief)] == [1] * 5
    at_end = ["Commits since 1.4.1" in words for words in (*whole, *brief)]
    assert at_end == [False, False, True, True, True]


def test_the_card_of_a_thread_leaves_the_fixes_of_hosts_to_the_thread() -> None:
    """Their links stand in the step that needs them, in every receiver that has links."""
    notice = notice_of(a_finding(package="linux"))
    text = text_of(notice)
    page = "https://explore.alas.aws.amazon.com/CVE-2024-0001.html"

    assert f"Amazon's page on <{page}|CVE-2024-0001> if the" in json.dumps(alert_message(text))
    assert page not in json.dumps(
        [root_message(text, has_reply=is_one) for is_one in (True, False)]
    )
    assert json.dumps(description(text)).count(page) == 1
    mail = json.loads(json.dumps(notifier("sns", tools()).render(notice)))["Message"]
    assert mail.index("advisory.") < mail.index(page) < mail.index("3. If a host")


@every("mode", ["slack", "sns", "pagerduty", "jira"])
def test_steps_for_parts_without_a_result_and_for_findings_are_one_list(mode: str) -> None:
    """One title, and no number twice."""
    payload = notifier(mode, tools()).render(notices()["thirty-platforms"])

    if mode == "jira":
        nodes = payload["create"]["fields"]["description"]["content"]
        lists = [node for node in nodes if node["type"] == "orderedList"]
        numbers = [
            node["attrs"]["order"] + place
            for node in lists
            for place in range(len(node["content"]))
        ]
        shown = json.dumps(nodes)
    else:
        shown = json.dumps(payload)
        numbers = [int(number) for number in re.findall(r'(?:\\n *|")(\d+)\. ', shown)]
    assert len(re.findall("what to do", shown, re.IGNORECASE)) == 1
    assert len(numbers) > 5
    assert numbers == [*range(1, len(numbers) + 1)]
