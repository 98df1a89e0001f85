"""PagerDuty: which incident is opened and closed when, what it says, and who may say it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lib.errors import (
    AmbiguousDeliveryError,
    ConfigError,
    PermanentDeliveryError,
    TemporaryDeliveryError,
)
from lib.models import Destination, Finding, HttpAnswer, Notice, Receipt, Severity, StreamId
from lib.notifiers.pagerduty.event import MAX_SUMMARY
from lib.notifiers.pagerduty.incidents import Incident, dedup_key
from lib.notifiers.pagerduty.notifier import PagerDutyNotifier
from lib.ports.notifiers import HttpClient
from tests.support import golden
from tests.support.builders import NOW, a_filter, a_finding, a_report, an_image, an_unusable_report
from tests.support.every import every
from tests.support.notices import PAGER, injected, injected_problem, noticed, notices
from tests.support.receivers import (
    ENQUEUED,
    OPTIONS,
    ROUTING_KEY,
    NamedSecrets,
    ScriptedHttp,
    tools,
)
from tests.support.scenes import INJECTIONS, STREAM, Scene, scenes

STORIES = notices()
URL = "https://events.pagerduty.com/v2/enqueue"
FIRST, NEXT = NOW - timedelta(days=2), NOW - timedelta(days=1)
"""When two images were pushed."""
OPEN = a_report(a_finding("CVE-2026-1"), image=an_image(2, pushed_at=NEXT))
CLEAN = a_report(image=an_image(2, pushed_at=NEXT))


def pagerduty(
    *answers: HttpAnswer | Exception,
    http: HttpClient | None = None,
    key: str = ROUTING_KEY,
    **options: Any,
) -> PagerDutyNotifier:
    secrets = NamedSecrets({"ecr-scan-alerts/pagerduty": key})
    given_tools = tools(*answers, secrets=secrets, http=http)
    return PagerDutyNotifier({**OPTIONS["pagerduty"], **options}, given_tools)


def done(alert: Notice, thread: str | None = None) -> list[str]:
    """Return what an alert does to its incidents, in short."""
    events = pagerduty().render(alert, thread=thread)["events"]
    return [f"{each['event_action']} {each['dedup_key'].rpartition('/')[2]}" for each in events]


def texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from texts(each)
        case list():
            for each in value:
                yield from texts(each)


def assert_valid(payload: Any) -> None:
    """Check an event as https://developer.pagerduty.com/docs/send-alert-event describes it."""
    for event in payload["events"]:
        body = event["payload"]
        assert "routing_key" not in event
        assert event["event_action"] in ("trigger", "resolve")
        assert 0 < len(event["dedup_key"]) <= 255
        assert 0 < len(body["summary"]) <= MAX_SUMMARY
        assert body["source"]
        assert body["severity"] in ("critical", "error", "warning", "info")
        assert len(json.dumps(event)) < 500_000
        for link in event["links"]:
            assert re.fullmatch(r"https://[!-~]+", link["href"])
        for text in texts(event):
            assert not re.search(
                "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ud800-\udfff]", text
            )


@every("story", STORIES)
def test_every_event_is_valid(story: str) -> None:
    """Each story has its kept events, within the limits."""
    payload = pagerduty().render(STORIES[story])

    assert_valid(payload)


@pytest.mark.parametrize("story", golden.LAYOUTS)
def test_events_look_as_kept(story: str) -> None:
    """One for each layout."""
    golden.check("pagerduty", story, pagerduty().render(STORIES[story]))


@every("text", INJECTIONS)
def test_text_from_outside_stays_text(text: str) -> None:
    """PagerDuty shows plain text: one line each, without what reorders or hides it."""
    for alert in (injected(text), injected_problem(text)):
        for payload in (pagerduty().render(alert), pagerduty().plain(alert)):
            assert payload["events"]
            assert_valid(payload)


@settings(deadline=None)
@given(listed=st.integers(0, 60), resolved=st.integers(0, 40))
def test_listed_and_counted_add_up(listed: int, resolved: int) -> None:
    """What is listed and what is "more" is as many as there are, for any number."""
    new = [a_finding(f"CVE-2026-{1000 + n}", package=f"p{n}") for n in range(listed)]
    gone = [a_finding(f"CVE-2025-{1000 + n}", package=f"q{n}") for n in range(resolved)]
    before = a_report(*gone, image=an_image(1))
    after = a_report(*new, image=an_image(2))
    assume(new)
    alert = noticed(Scene(after, before))

    details = pagerduty().render(alert)["events"][-1]["payload"]["custom_details"]

    lines = details["New"]
    more = [re.match(r"and \d+ more packages?: (\d+) HIGH", line) for line in lines]
    assert sum(int(match[1]) if match else 1 for match in more) == listed
    assert not resolved or f"{resolved} fixed (" in details["What changed"][0]


class TestIncidents:
    """Opened by news; resolved when nothing of their sort is shown any more."""

    def test_findings_open_theirs(self) -> None:
        """As soon as one is new."""
        assert done(noticed(Scene(OPEN, CLEAN))) == ["trigger findings"]

    @pytest.mark.parametrize(
        ("state", "events"),
        [
            ({"fix_available": "NO"}, []),
            ({"fix_available": "NO", "exploit_available": "YES"}, ["trigger findings"]),
            ({"fix_available": "YES"}, ["trigger findings"]),
            ({}, ["trigger findings"]),
        ],
    )
    def test_nobody_is_paged_for_what_nobody_can_fix(
        self, state: dict[str, str], events: list[str]
    ) -> None:
        """Unless an exploit is public. A scanner that says nothing of fixes rules none out."""
        new = a_report(a_finding("CVE-2026-9", **state), image=an_image(2))

        assert done(noticed(Scene(new, replace(CLEAN, image=an_image(1))))) == events

    def test_what_is_left_keeps_it_open(self) -> None:
        """A fix is no end: the next news says what still stands."""
        gone = a_finding("CVE-2026-2", severity="CRITICAL", package="zlib")
        new = a_finding("CVE-2026-4", package="curl")
        before = a_report(*OPEN.findings, gone, image=an_image(1))
        after = a_report(*OPEN.findings, new, image=an_image(2))

        alert = noticed(Scene(after, before))

        assert done(alert) == ["trigger findings"]
        details = pagerduty().render(alert)["events"][-1]["payload"]["custom_details"]
        assert details["What changed"] == [
            "Since 1.4.1: 1 new, 1 fixed (zlib), 1 unchanged: 2 HIGH open"
        ]
        assert "Open now" not in details

    def test_a_threshold_leaves_its_changes_out(self) -> None:
        """What it does not ask for is fixed unseen: its counts would not be those of others."""
        low = a_finding("CVE-2026-3", severity="LOW", package="zlib")
        before = a_report(*OPEN.findings, low, image=an_image(1))
        after = a_report(*OPEN.findings, low, a_finding("CVE-2026-4"), image=an_image(2))

        alert = noticed(Scene(after, before))

        details = pagerduty().render(alert)["events"][-1]["payload"]["custom_details"]
        assert details["Open now"] == "2 HIGH, 1 LOW"
        assert "What changed" not in details

    def test_nothing_left_closes_it(self) -> None:
        """Also where others are left that nobody asked for."""
        low = a_report(a_finding("CVE-2026-3", severity="LOW", package="zlib"), image=an_image(2))
        for after in (CLEAN, low):
            alert = noticed(Scene(after, replace(OPEN, image=an_image(1))))

            assert done(alert) == ["resolve findings"]

    def test_an_incomplete_list_closes_nothing(self) -> None:
        """What is missing in it may be open."""
        after = replace(CLEAN, scan=replace(CLEAN.scan, complete=False))

        assert done(noticed(Scene(after, replace(OPEN, image=an_image(1))))) == []

    @pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE"])
    def test_a_scan_without_a_result_has_its_own(self, status: str) -> None:
        """The next result resolves it; what is known of findings stands."""
        failed = an_unusable_report(status, an_image(2))

        assert done(paged(Scene(failed))) == ["trigger scan"]
        assert done(paged(Scene(CLEAN, failed))) == ["resolve scan"]

    def test_a_platform_without_a_result_wakes_nobody_beside_others(self) -> None:
        """One incident for what is known; messages of it say which part is not scanned."""
        alert = paged(scenes()["multi-platform"])

        # The first scan is no news at PagerDuty.
        assert done(alert) == []
        assert done(paged(scenes()["multi-platform-failed"])) == ["trigger scan"]

    def test_keys_are_those_of_stage_destination_stream_and_matter(self) -> None:
        """The same each time, and nobody else's."""
        stages, destinations = ("", "dev", "prod"), (Destination("a"), Destination("b"))
        streams = (STREAM, StreamId("other"))
        keys = {dedup_key(*each) for each in product(stages, destinations, streams, Incident)}

        assert len(keys) == 24
        assert dedup_key("dev", destinations[0], STREAM, Incident.SCAN) in keys

    @pytest.mark.parametrize("name", ["\ud800", "x" * 10_000])
    def test_any_name_makes_a_key(self, name: str) -> None:
        """However odd it is."""
        assert len(dedup_key("prod", Destination("a"), StreamId(name), Incident.FINDINGS)) <= 255


def paged(scene: Scene) -> Notice:
    """Return the notice of a scene to a destination of this type."""
    return noticed(scene, profile=PAGER)


@pytest.mark.parametrize("foreign", ["SEC-7", "C0123ALERTS:1795424400.000100", ""])
def test_the_thread_of_another_receiver_says_nothing(foreign: str) -> None:
    """The destination was another one once."""
    notice = noticed(Scene(OPEN, CLEAN))

    assert pagerduty().render(notice, thread=foreign) == pagerduty().render(notice)


class TestWhatItSays:
    """To whoever was woken by it."""

    def test_the_title_names_the_worst(self) -> None:
        """PagerDuty keeps the first one: it has no version to go to, which ages first."""
        event = pagerduty().render(STORIES["new-and-resolved"])["events"][-1]

        assert event["payload"]["summary"] == (
            "payments/api:1.4.2: 2 CRITICAL, 40 HIGH (worst: CVE-2026-2001 in openssl), "
            "fix available"
        )
        assert event["payload"]["source"].endswith(":repository/payments/api")
        assert event["payload"]["component"] == "payments/api:1.4.2"

    def test_details_say_what_to_do(self) -> None:
        """Counts, upgrades, what is new, and where it comes from."""
        details = pagerduty().render(STORIES["new-and-resolved"])["events"][-1]["payload"][
            "custom_details"
        ]

        assert list(details) == [
            "What happened",
            "Why you are paged",
            "Urgency",
            "What to do",
            "Resolve when",
            "New",
            "Open now",
            "Notes",
            "About",
        ]
        assert details["What happened"].startswith("2 new CRITICAL since 1.4.1")
        assert details["Urgency"] == "High (2 CRITICAL; no public exploit known)"
        assert details["What to do"][0].startswith(
            "Rebuild on the latest base image (Debian 12) with docker build --pull --no-cache ., "
            "then push: openssl from 3.0.11-1~deb12u1 to 3.0.14-1~deb12u2, removes "
        )
        assert details["New"][0].startswith("2 CRITICAL, up to CVSS 9.8: openssl 3.0.11-1~deb12u1")
        assert details["Open now"] == "2 CRITICAL, 40 HIGH, 12 MEDIUM"
        assert details["Notes"][0].startswith(
            "Accepted, not counted: 1 CRITICAL until 2027-01-31: CVE"
        )
        assert details["Why you are paged"] == (
            "2 CRITICAL (routes payments, security page for HIGH and above)"
        )
        assert details["What to do"][-1] == "No fix exists yet for 40 HIGH"
        assert "suppressions add" not in json.dumps(details)
        about = details["About"]
        assert about.endswith(f" \N{MIDDLE DOT} Delivery {STORIES['new-and-resolved'].delivery_id}")
        assert "route" not in about

    @pytest.mark.parametrize(
        ("rows", "sentence"),
        [
            ((a_finding(),), "No scan lists it, or its risk is accepted: then it resolves"),
            (
                (a_finding(package="linux", fixed_version="2"),),
                (
                    "The hosts run a patched kernel: resolve it by hand, a scan of the image "
                    "cannot see the hosts. Or its risk is accepted: then it resolves by itself"
                ),
            ),
            (
                (
                    a_finding("CVE-2026-1", package="linux", fixed_version="2"),
                    a_finding("CVE-2026-2", package="curl", fixed_version="2"),
                ),
                "The hosts run a patched kernel, and no scan lists the others: resolve it by hand",
            ),
        ],
    )
    def test_details_say_when_to_resolve(self, rows: tuple[Finding, ...], sentence: str) -> None:
        """Who is paged sees the end of it; a scan of an image cannot see the hosts."""
        notice = noticed(Scene(a_report(*rows)))

        details = pagerduty().render(notice)["events"][-1]["payload"]["custom_details"]

        assert details["Resolve when"].startswith(sentence)

    def test_an_image_without_a_result_says_when_to_resolve(self) -> None:
        """A result is what is missing."""
        events = pagerduty().render(STORIES["scan-failed"])["events"]

        assert events[-1]["payload"]["custom_details"]["Resolve when"] == (
            "A scan has a result, or the image is deleted: then it resolves by itself"
        )

    def test_links_lead_to_report_and_console(self) -> None:
        """The report first, where there is one."""
        alert = STORIES["baseline"]

        full = pagerduty().render(alert)["events"][-1]
        bare = pagerduty().render(replace(alert, report_url=None))["events"][-1]
        none = pagerduty().render(replace(injected("x" * 3000), report_url=None))["events"][-1]

        report, console = (link["href"] for link in full["links"])
        assert report == full["client_url"] == alert.report_url
        assert console == bare["client_url"]
        assert "console.aws.amazon.com" in console
        assert none["links"] == []
        assert "client_url" not in none

    @pytest.mark.parametrize("story", ["scan-failed", "not-scanned"])
    def test_a_scan_without_a_result_shows_no_numbers(self, story: str) -> None:
        """It says why, and what to do; nothing reads like zero findings."""
        event = pagerduty().render(STORIES[story])["events"][-1]

        details = event["payload"]["custom_details"]
        assert "not an all-clear" in details["No result"]
        assert details["What to do"]
        assert "Open now" not in details

    def test_the_first_event_says_it_in_short(self) -> None:
        """Who is interested finds everything in the last."""
        second, first = pagerduty().render(STORIES["platform-failed"])["events"]

        assert "What to do" in first["payload"]["custom_details"]
        details = second["payload"]["custom_details"]
        assert details.keys() == {"What happened", "No result", "Open now", "Delivery"}

    def test_plain_events_are_the_same_in_short(self) -> None:
        """For the attempt after a refusal of size or form."""
        full = pagerduty().render(STORIES["platform-failed"])
        plain = pagerduty().plain(STORIES["platform-failed"])

        assert plain["thread"] == full["thread"]
        for short, long in zip(plain["events"], full["events"], strict=True):
            assert short["dedup_key"] == long["dedup_key"]
            assert "What to do" not in short["payload"]["custom_details"]

    def test_usage_is_that_of_the_largest_event(self) -> None:
        """With the key that is added when it is sent; nothing where nothing is."""
        made = pagerduty()
        payload = made.render(STORIES["platform-failed"])
        sizes = [
            len(json.dumps({**each, "routing_key": ROUTING_KEY})) for each in payload["events"]
        ]

        size, summary = made.usage(payload)

        assert size.used == max(sizes) == sizes[-1]
        assert summary.used == len(payload["events"][-1]["payload"]["summary"])
        assert [each.used for each in made.usage({"events": []})] == [0, 0]


class TestSeverity:
    """That of the worst which is open; everything can be mapped otherwise."""

    @pytest.mark.parametrize(
        ("severity", "expected"),
        [
            ("CRITICAL", "critical"),
            ("HIGH", "error"),
            ("MEDIUM", "warning"),
            ("LOW", "info"),
            ("INFORMATIONAL", "info"),
            ("UNKNOWN", "info"),
        ],
    )
    def test_each_has_one(self, severity: str, expected: str) -> None:
        """As PagerDuty's documentation orders them."""
        assert self.of(severity) == expected
        assert self.of(severity, {severity: "critical"}) == "critical"
        assert self.of(severity, {"SCAN_FAILED": "critical"}) == expected

    def of(self, severity: str, mapping: Any = None) -> str:
        found = (
            a_finding("CVE-2026-1", severity=severity),
            a_finding("CVE-2026-2", severity="LOW"),
        )
        worst = found[:1] if severity in ("INFORMATIONAL", "UNKNOWN") else found
        everything = a_filter(severity=Severity.UNKNOWN, unknown_severity=True)
        options = {"severity": mapping} if mapping else {}
        notice = noticed(Scene(a_report(*worst), filters=(everything,)))
        payload = pagerduty(**options).render(notice)
        return str(payload["events"][-1]["payload"]["severity"])

    def test_a_scan_without_a_result_is_a_warning(self) -> None:
        """Each kind of it can be mapped."""
        failed = noticed(Scene(an_unusable_report("FAILED")))

        for options, expected in (
            ({}, "warning"),
            ({"severity": {"SCAN_FAILED": "error"}}, "error"),
            ({"severity": {"NOT_SCANNED": "error"}}, "warning"),
        ):
            event = pagerduty(**options).render(failed)["events"][-1]
            assert event["payload"]["severity"] == expected


class TestSending:
    """One call for each event, with the key."""

    def test_events_are_sent_in_order_with_the_key(self) -> None:
        """The key is added only now; the receipt names the incident."""
        http = ScriptedHttp([ENQUEUED])
        made = pagerduty(http=http, key=f" {ROUTING_KEY}\n")
        payload = made.render(STORIES["platform-failed"])

        receipt = made.send(payload)

        first, last = payload["events"]
        assert [(each.method, each.url) for each in http.calls] == [("POST", URL)] * 2
        assert [each.body for each in http.calls] == [
            {**first, "routing_key": ROUTING_KEY},
            {**last, "routing_key": ROUTING_KEY},
        ]
        assert receipt == Receipt(last["dedup_key"], thread=payload["thread"])

    def test_without_an_event_nothing_is_called(self) -> None:
        """What was told stays told."""
        http = ScriptedHttp([ENQUEUED])

        receipt = pagerduty(http=http).send({"events": [], "thread": None})

        assert http.calls == []
        assert receipt == Receipt("nothing to change")

    @pytest.mark.parametrize(
        ("options", "host"),
        [
            ({}, "https://events.pagerduty.com"),
            ({"region": "us"}, "https://events.pagerduty.com"),
            ({"region": "eu"}, "https://events.eu.pagerduty.com"),
            ({"site": "http://127.0.0.1:8765/"}, "http://127.0.0.1:8765"),
        ],
    )
    def test_each_region_has_its_host(self, options: Any, host: str) -> None:
        """Or the site that the options name."""
        http = ScriptedHttp([ENQUEUED])
        made = pagerduty(http=http, **options)

        made.send(made.render(STORIES["scan-failed"]))

        assert http.calls[0].url == f"{host}/v2/enqueue"

    def test_a_failure_in_between_sends_all_of_it_again(self) -> None:
        """Which changes nothing about the first."""
        http = ScriptedHttp([ENQUEUED, TemporaryDeliveryError("503"), ENQUEUED])
        made = pagerduty(http=http)
        payload = made.render(STORIES["platform-failed"])

        with pytest.raises(TemporaryDeliveryError):
            made.send(payload)
        made.send(payload)

        sent = [each.body["dedup_key"].rpartition("/")[2] for each in http.calls]
        assert sent == ["scan", "findings"] * 2

    @pytest.mark.parametrize(
        "text", ['{"status": "invalid event"}', '"success"', "<html>Sign in</html>", "[" * 100_000]
    )
    def test_a_2xx_without_success_proves_nothing(self, text: str) -> None:
        """It may come from a proxy; sending it again does no harm."""
        made = pagerduty(HttpAnswer(200, text))

        with pytest.raises(AmbiguousDeliveryError, match="answered 200 without success"):
            made.send(made.render(STORIES["scan-failed"]))

    @pytest.mark.parametrize(
        ("answer", "broken"),
        [
            ('{"status": "invalid event", "errors": ["Invalid routing key"]}', True),
            ("""{"errors": ["Length of 'routing_key' is incorrect"]}""", True),
            ("""{"errors": ["'payload.summary' is missing or blank"]}""", False),
            ('{"errors": 7}', False),
            ("[]", False),
            ("not JSON", False),
            ("[" * 100_000, False),
        ],
    )
    def test_a_key_that_is_refused_concerns_every_event(self, answer: str, broken: bool) -> None:  # noqa: FBT001  # a case
        """Then the others wait and the fallback is told; a bad event is tried in short."""
        refusal = PermanentDeliveryError("400", degradable=True, answer=answer, reason="http-400")
        made = pagerduty(refusal)

        with pytest.raises(PermanentDeliveryError) as caught:
            made.send(made.render(STORIES["scan-failed"]))

        assert caught.value.broken is broken
        assert caught.value.degradable is not broken
        assert caught.value.reason == "http-400"

    @pytest.mark.parametrize("key", ["", "short", "-" * 32, "\u00e9" * 32, ROUTING_KEY + "0"])
    def test_what_is_no_key_is_an_error_without_it(self, key: str) -> None:
        """A key of the REST API is the usual mistake; nothing is sent."""
        http = ScriptedHttp([ENQUEUED])
        made = pagerduty(http=http, key=key)

        with pytest.raises(ConfigError, match="must be the 32 letters and digits") as caught:
            made.send(made.render(STORIES["scan-failed"]))

        assert http.calls == []
        assert not key or key not in str(caught.value)
