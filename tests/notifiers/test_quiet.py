"""Quiet updates: what a receiver shows is brought up to date, and nobody is notified."""

from dataclasses import replace
from typing import Any

import pytest

from lib.errors import PermanentDeliveryError, TemporaryDeliveryError
from lib.models import HttpAnswer, Notice, NotReceived, Receipt
from lib.models.views import Kind
from lib.notifiers.pagerduty.incidents import Incident, dedup_key
from lib.ports.notifiers import Verifiable
from tests.support.builders import NOW
from tests.support.notices import noticed, notices, of_kinds, quiet_notices
from tests.support.receivers import (
    ENQUEUED,
    POSTED,
    THREADS,
    ScriptedHttp,
    jira_issue,
    notifier,
    tools,
)
from tests.support.scenes import scenes

NOTICES = notices()
QUIET, CLEAR, SCANNED = (quiet_notices()[name] for name in ("one-left", "clear", "scanned-again"))
NO_CONTENT = HttpAnswer(204, "")
GONE = PermanentDeliveryError("404", reason="http-404")
WAYS = HttpAnswer(200, '{"transitions": [{"id": "31", "to": {"statusCategory": {"key": "done"}}}]}')


def sent(
    mode: str, notice: Notice, *answers: HttpAnswer | Exception, **options: Any
) -> tuple[list[str], Receipt]:
    """Send a notice of a stream that has a thread; return the calls, and the receipt."""
    http = ScriptedHttp(list(answers))
    made = notifier(mode, tools(http=http), **options)
    receipt = made.send(made.render(notice, thread=THREADS[mode]))
    return [
        f"{call.method} {call.url.rpartition('/')[2].partition('?')[0]}" for call in http.calls
    ], receipt


@pytest.mark.parametrize("mode", ["slack-bot", "jira"])
@pytest.mark.parametrize("notice", [QUIET, CLEAR])
def test_nothing_is_begun_quietly(mode: str, notice: Notice) -> None:
    """Without a root or an issue there is nothing to bring up to date, in full and plain."""
    http = ScriptedHttp([])
    made = notifier(mode, tools(http=http))

    for render in (made.render, made.plain):
        payload = render(notice, thread=None)
        assert payload == {}
        assert made.usage(payload) == ()
        assert made.send(payload) == Receipt("nothing to change")

    assert http.calls == []


@pytest.mark.parametrize("mode", ["slack-bot", "jira"])
def test_a_quiet_update_is_not_asked_for(mode: str) -> None:
    """It leaves no id behind, and making it again changes nothing."""
    http = ScriptedHttp([])
    made = notifier(mode, tools(http=http))

    assert isinstance(made, Verifiable)
    assert made.verify(QUIET, since=NOW, now=NOW, thread=THREADS[mode]) == NotReceived()
    assert http.calls == []


class TestSlack:
    """A bot edits the root of the thread."""

    def test_the_root_is_edited_and_nothing_posted(self) -> None:
        """The receipt is that of the root."""
        calls, receipt = sent("slack-bot", QUIET, POSTED)

        assert calls == ["POST chat.update"]
        assert receipt.thread == THREADS["slack-bot"]
        assert receipt.remark is None

    @pytest.mark.parametrize("error", ["message_not_found", "edit_window_closed"])
    def test_a_root_that_cannot_be_edited_stays(self, error: str) -> None:
        """Nothing is posted in its place."""
        refused = HttpAnswer(200, f'{{"ok": false, "error": "{error}"}}')

        calls, receipt = sent("slack-bot", QUIET, refused)

        assert calls == ["POST chat.update"]
        assert receipt.remark == f"not edited: {error}"

    def test_another_refusal_is_an_error(self) -> None:
        """A token that was revoked is for people to repair."""
        with pytest.raises(PermanentDeliveryError, match="token_revoked"):
            sent("slack-bot", QUIET, HttpAnswer(200, '{"ok": false, "error": "token_revoked"}'))

    def test_the_plain_edit_takes_the_blocks_away(self) -> None:
        """As that of a loud one does."""
        payload = notifier("slack-bot", tools()).plain(QUIET, thread=THREADS["slack-bot"])

        assert list(payload) == ["update"]
        assert payload["update"]["blocks"] == []


class TestJira:
    """The description of an issue that people did not close."""

    def test_the_issue_is_edited_without_a_comment(self) -> None:
        """It is read first: it could be closed, gone, or not ours."""
        calls, receipt = sent("jira", QUIET, jira_issue(QUIET), NO_CONTENT)

        assert calls == ["GET SEC-7", "PUT SEC-7"]
        assert receipt.thread == THREADS["jira"]

    @pytest.mark.parametrize("resolution", [None, "Won't Do"])
    def test_a_closed_issue_is_left_alone(self, resolution: str | None) -> None:
        """What people decided is theirs."""
        closed = jira_issue(CLEAR, category="done", resolution=resolution)

        calls, receipt = sent("jira", CLEAR, closed, close=True)

        assert calls == ["GET SEC-7"]
        assert receipt.thread == THREADS["jira"]

    @pytest.mark.parametrize("answer", [GONE, HttpAnswer(200, '{"fields": {}, "properties": {}}')])
    def test_an_issue_that_is_gone_or_not_ours_is_not_replaced(
        self, answer: HttpAnswer | Exception
    ) -> None:
        """There is no search, and no other issue; the next message finds one, or creates it."""
        calls, receipt = sent("jira", QUIET, answer)

        assert calls == ["GET SEC-7"]
        assert receipt == Receipt("SEC-7", remark="the stored issue SEC-7 is gone or not ours")

    @pytest.mark.parametrize(
        ("notice", "close", "moves"),
        [(CLEAR, True, True), (CLEAR, False, False), (QUIET, True, False)],
    )
    def test_an_issue_with_nothing_left_is_closed_where_that_is_wanted(
        self, notice: Notice, *, close: bool, moves: bool
    ) -> None:
        """However it ended; nobody gets a comment."""
        answers = (jira_issue(notice), NO_CONTENT, WAYS, NO_CONTENT)

        calls, _ = sent("jira", notice, *answers, close=close)

        moved = ["GET transitions", "POST transitions"] if moves else []
        assert calls == ["GET SEC-7", "PUT SEC-7", *moved]

    def test_the_plain_edit_has_no_table(self) -> None:
        """For the one attempt after a description that was refused."""
        made = notifier("jira", tools())

        full, plain = (r(QUIET, thread=THREADS["jira"]) for r in (made.render, made.plain))

        assert list(full) == list(plain) == ["edit"]
        assert len(str(plain)) < len(str(full))
        assert [usage.what for usage in made.usage(plain)] == [
            "characters of the summary", "characters of the description",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("kinds", "expected"),
        [
            ((Kind.NEW,), {"if_closed": "reopen"}),
            ((Kind.DEPLOYED, Kind.RESOLVED), {"if_closed": "reopen"}),
            ((Kind.FIX_READY, Kind.RESOLVED), {}),
            ((Kind.RESOLVED,), {"if_open": "close"}),
            ((Kind.NO_LONGER_REPORTED,), {"if_open": "close"}),
        ],
    )
    def test_only_news_opens_an_issue_again(self, kinds: tuple[Kind, ...], expected: Any) -> None:
        """A fix that is not deployed everywhere is none."""
        payload = notifier("jira", tools(), close=True).render(of_kinds(*kinds))

        update = payload["update"]
        assert {name: update[name] for name in update if name.startswith("if_")} == expected


def keys(notice: Notice) -> tuple[str, str]:
    """Return the keys of the two incidents of a stream."""
    findings, scan = (
        dedup_key("", notice.destination, notice.group, incident) for incident in Incident
    )
    return findings, scan


def events(notice: Notice) -> list[tuple[str, str]]:
    """Return what PagerDuty is sent."""
    payload = notifier("pagerduty", tools()).render(notice)
    return [(event["event_action"], event["dedup_key"]) for event in payload["events"]]


class TestPagerDuty:
    """An incident is opened by news alone, and lives as long as something of its sort is shown."""

    @pytest.mark.parametrize(
        ("kind", "opens"),
        [
            *((kind, True) for kind in (Kind.NEW, Kind.RAISED, Kind.EXPLOIT_KNOWN, Kind.DEPLOYED)),
            (Kind.RESOLVED, False),
            (Kind.NO_LONGER_REPORTED, False),
        ],
    )
    def test_news_opens_the_incident(self, kind: Kind, *, opens: bool) -> None:
        """What ended resolves it, where nothing else is left."""
        notice = of_kinds(kind)

        action = "trigger" if opens else "resolve"
        assert events(notice) == [(action, keys(notice)[0])]

    def test_a_fix_beside_others_that_stay_changes_nothing(self) -> None:
        """A trigger would wake people for good news, if they resolved the incident meanwhile."""
        assert events(NOTICES["one-left"]) == []

    def test_nothing_is_triggered_quietly(self) -> None:
        """Even an item that is desired: its kind is not worth a message."""
        notice = of_kinds(Kind.NEW)
        message = replace(notice.message, quiet=True)

        assert events(replace(notice, message=message)) == []

    @pytest.mark.parametrize(("notice", "number"), [(CLEAR, 0), (SCANNED, 1)])
    def test_what_has_nothing_left_of_its_sort_is_resolved(
        self, notice: Notice, number: int
    ) -> None:
        """Vulnerabilities and scans without a result are incidents of their own."""
        assert events(notice) == [("resolve", keys(notice)[number])]

    def test_a_scan_without_result_is_an_incident_of_its_own(self) -> None:
        """Beside that of the findings, which comes last, as it is what people look at."""
        failed, both = NOTICES["scan-failed"], NOTICES["platform-failed"]

        assert events(failed) == [("trigger", keys(failed)[1])]
        assert events(both) == [("trigger", keys(both)[1]), ("trigger", keys(both)[0])]

    def test_the_thread_is_kept_once_an_incident_was_opened(self) -> None:
        """Operators are shown what stays open when a destination is removed."""
        made = notifier("pagerduty", tools())
        opened = made.render(of_kinds(Kind.NEW))["thread"]

        assert keys(CLEAR)[0] == f"{opened}/findings"
        assert made.render(CLEAR, thread=opened)["thread"] == opened
        assert made.render(CLEAR, thread=None)["thread"] is None
        assert made.render(CLEAR, thread="SEC-7")["thread"] is None

    def test_nothing_to_do_calls_nobody(self) -> None:
        """The notification is settled all the same."""
        calls, receipt = sent("pagerduty", NOTICES["one-left"], ENQUEUED)

        assert calls == []
        assert receipt.reference == "nothing to change"

    def test_the_severity_of_a_scan_is_that_of_its_condition(self) -> None:
        """Options can give each condition a level."""
        made = notifier("pagerduty", tools(), severity={"SCAN_FAILED": "error"})

        def levels(name: str) -> list[str]:
            shown = made.render(NOTICES[name])["events"]
            return [event["payload"]["severity"] for event in shown]

        assert levels("scan-failed") == ["error"]
        assert levels("not-scanned") == ["warning"]
        assert levels("all-fixed") == ["info"]


@pytest.mark.parametrize("mode", ["slack-bot", "jira"])
def test_a_scan_without_result_updates_what_is_shown(mode: str) -> None:
    """It still says what is open, as the view keeps what the last result had."""
    scene = scenes()["new-and-resolved"]
    failed = replace(scenes()["scan-failed"], before=scene.report)

    payload = notifier(mode, tools()).render(noticed(failed), thread=THREADS[mode])

    update = payload["update"] if mode == "slack-bot" else payload["update"]["fields"]
    assert "3 CRITICAL, 40 HIGH, 12 MEDIUM open" in str(update)


def test_a_notice_in_place_of_another_destination_stands_for_itself() -> None:
    """It neither edits the issue of the fallback's own stream nor touches its incidents."""
    own, instead = NOTICES["one-left"], NOTICES["instead"]
    marks = {
        str(notifier("jira", tools()).render(notice)["create"]["properties"])
        for notice in (own, instead)
    }

    assert len(marks) == 2
    assert keys(own) != keys(instead)
    assert "Instead of team-jira" in str(notifier("slack", tools()).render(instead))
    bot = notifier("slack-bot", tools()).render(instead, thread=THREADS["slack-bot"])
    assert list(bot) == ["reply", "post"]
    assert "key" not in notifier("jira", tools()).render(instead, thread=THREADS["jira"])["update"]


@pytest.mark.parametrize("mode", ["slack-bot", "jira", "pagerduty"])
def test_a_receiver_that_is_down_at_a_quiet_update_is_tried_again(mode: str) -> None:
    """Its error reaches the flow, which keeps the row."""
    with pytest.raises(TemporaryDeliveryError):
        sent(mode, CLEAR, TemporaryDeliveryError("503"))
