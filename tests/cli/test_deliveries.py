"""`deliveries`, over a table of the embedded AWS: what is late, how dead ones are sent again."""

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.__main__ import parser
from cli.alerts_file import configured, understand
from cli.commands import deliveries
from cli.view_checks import check_views
from lib.core.attempts import claimed, one_shot_dead, redriven
from lib.core.notification_rows import new_row
from lib.errors import DocumentError
from lib.flows.summaries import welcome_ids
from lib.flows.sync_rules import sync_rules
from lib.models import DeliveryId, Destination, Pause, PauseKind, Receipt
from lib.models.views import (
    Basis,
    Delta,
    DeltaItem,
    Kind,
    Notification,
    Pin,
    PinnedMessage,
    Purpose,
    RowState,
    View,
)
from lib.ports.rules import RulesRecord
from lib.ports.streams import StreamRow, ViewWrite
from lib.store.rules import DynamoRulesStore
from tests.cli.stage import Stage
from tests.support.builders import NOW as SCANNED_AT
from tests.support.builders import a_finding, an_image
from tests.support.rows import SLACK, a_row
from tests.support.streams import (
    STREAM,
    TODAY,
    a_lifecycle,
    a_reported,
    a_state,
    a_watched,
    an_agreement,
)

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
DEAD: dict[str, Any] = {"state": RowState.DEAD, "reason": "http-403"}
ALERTS = """\
version: 1
destinations:
  team-slack: {type: slack, webhook: {secret: ecr-scan-alerts/team}}
  other: {type: slack, webhook: {secret: ecr-scan-alerts/other}}
routes:
  - {name: high, severity: HIGH, notify: [team-slack]}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Run:
    stage.make_table()

    def command(*arguments: str, config: str | None = None) -> tuple[int, str, str]:
        words = ["deliveries", *arguments, "--stage", "prod"]
        options = parser().parse_args([*words, *(("--config", config) if config else ())])
        code = deliveries.run(options, connect=stage.connect, pause=stage.pause)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def stored_view(stage: Stage, view: View, row: Notification | None, **fields: Any) -> None:
    """Write a stream with a view and its newest row."""
    after = StreamRow(STREAM, current=an_image(), **fields)
    stage.streams().write(StreamRow(STREAM), after, [ViewWrite(view, None, row)])


def a_view(**fields: Any) -> View:
    """Return a view that shows nothing yet."""
    return View(SLACK, STREAM, **fields)


def opened(view: View, **fields: Any) -> tuple[View, Notification]:
    """Return a view with its open notification."""
    basis = Basis(1, "rules", TODAY)
    row = replace(new_row(view, basis=basis, cause="scan", now=NOW, quiet=False), **fields)
    return replace(view, row=row.id, rows=1), row


class TestList:
    def test_rows_are_listed_newest_first(self, run: Run, stage: Stage) -> None:
        """With what a script needs; a table for people."""
        rows = stage.rows()
        rows.add(a_row(1, created_at=NOW - HOUR, **DEAD))
        rows.add(a_row(2, created_at=NOW, **DEAD))
        rows.add(a_row(3, created_at=NOW, quiet=True))

        _, out, _ = run("list", "--state", "DEAD", "--format", "json")
        _, table, _ = run("list")

        assert [row["id"] for row in json.loads(out)] == [a_row(2).id, a_row(1).id]
        assert table.count("team-slack") == 3
        assert "http-403" in table
        assert "PENDING, quiet" in table

    def test_a_pipe_has_a_row_on_each_line(self, run: Run, stage: Stage) -> None:
        """With the full id and stream, and a reason of any length: grep finds the row."""
        for number in range(5):
            stage.rows().add(a_row(number, created_at=NOW, **DEAD | {"reason": "why " * 200}))

        _, out, _ = run("list")

        rows = [line for line in out.splitlines() if "summary" in line]
        assert len(out.splitlines()) == 6
        assert len(rows) == 5
        assert all(line.endswith("why why") for line in rows)
        assert a_row(3).id in out

    def test_a_terminal_has_a_row_on_each_line(
        self, run: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What does not fit is cut; --full cuts nothing."""
        row = a_row(int("f" * 32, 16), created_at=NOW, **DEAD | {"reason": "why " * 200})
        stage.rows().add(row)
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

        _, cut, _ = run("list")
        _, full, _ = run("list", "--full")

        assert max(map(len, cut.splitlines()[1:])) <= 120
        assert len(cut.splitlines()) == 2
        assert row.id[:12] in cut
        assert row.id not in cut
        assert row.id in full

    def test_the_tag_of_the_current_image_is_shown(self, run: Run, stage: Stage) -> None:
        """Of a row about a stream; another one is named by its purpose."""
        stored_view(stage, *opened(a_view()))
        stage.rows().add(a_row(1, created_at=NOW))

        _, out, _ = run("list", "--format", "json")
        _, matching, _ = run("list", "--format", "json", "--image", ":1.4.1")

        names = {entry["stream"]: entry["name"] for entry in json.loads(out)}
        assert names == {STREAM: "payments/api:1.4.1", "summary": "summary"}
        assert [entry["name"] for entry in json.loads(matching)] == ["payments/api:1.4.1"]

    @pytest.mark.parametrize(
        ("arguments", "numbers", "remark"),
        [
            ((), [1, 2, 4], "1 older delivery not shown"),
            (("--since", "30d"), [1, 3, 2, 4], ""),
            (("--since", "30m"), [1], "3 older deliveries not shown"),
            (("--state", "SENT"), [], "1 older delivery not shown"),
            (("--state", "PENDING"), [1, 4], ""),
            (("--limit", "1"), [1], "2 more deliveries not shown: --limit 3"),
            (("--destination", "team-slack"), [1, 3], ""),
            (("--destination", "bot"), [2, 4], ""),
            (("--destination", "bot/C1"), [2], ""),
            (("--image", "summa"), [1, 2, 4], ""),
            (("--image", "nothing"), [], ""),
        ],
    )
    def test_rows_are_chosen(
        self,
        run: Run,
        stage: Stage,
        arguments: tuple[str, ...],
        numbers: list[int],
        remark: str,
    ) -> None:
        """By age, destination with its channels, image; what is open or dead is never too old."""
        rows, day = stage.rows(), 24 * HOUR
        rows.add(a_row(1, created_at=NOW))
        rows.add(a_row(2, destination=Destination("bot/C1"), created_at=NOW - 2 * day, **DEAD))
        rows.add(a_row(3, created_at=NOW - 2 * day, state=RowState.SENT))
        rows.add(a_row(4, destination=Destination("bot"), created_at=NOW - 3 * day))

        since = ("--since", "30d") if "--destination" in arguments else ()
        _, out, err = run("list", *arguments, *since, "--format", "json", config="none.yml")

        assert [row["id"] for row in json.loads(out)] == [a_row(number).id for number in numbers]
        assert remark in err

    @pytest.mark.parametrize(
        ("arguments", "answer"),
        [
            (("list", "--since", "1month"), "--since takes"),
            (("list", "--destination", "team-slak"), "did you mean team-slack?"),
            (("show", "f"), "no delivery f"),
            (("show", "0000000000"), "2 ids begin with"),
            (("redrive",), "redrive takes ids"),
        ],
    )
    def test_mistakes_are_answered_in_one_sentence(
        self, run: Run, stage: Stage, arguments: tuple[str, ...], answer: str
    ) -> None:
        """What it takes, or what there is."""
        stage.rows().add(a_row(1, created_at=NOW, **DEAD))
        stage.rows().add(a_row(2, created_at=NOW, **DEAD))

        with pytest.raises(DocumentError, match=answer):
            run(*arguments)

    @pytest.mark.parametrize("limit", ["0", "x"])
    def test_a_limit_is_a_number(self, run: Run, limit: str) -> None:
        """Anything else is wrong usage."""
        with pytest.raises(SystemExit):
            run("list", "--limit", limit)


class TestShow:
    def test_a_delivery_is_shown_in_full(self, run: Run, stage: Stage) -> None:
        """State, attempts, next try, answer, what holds it, and its times; by part of its id."""
        now = datetime.now(UTC)
        due = now + HOUR
        row = a_row(
            int("7" * 32, 16), created_at=now - HOUR, due_at=due, state=RowState.RETRY, attempts=1,
            failures=1, tried_at=now, reason="http-404: gone",
        )  # fmt: skip
        stage.rows().add(row)
        stage.held_back().pause(row.destination, Pause(PauseKind.BROKEN, due, "http-404"))
        stage.objects()

        code, out, _ = run("show", row.id[:12], row.id)

        lines = out.splitlines()
        assert code == 0
        assert "Attempts:    1, 1 counted failure" in lines
        assert "Answer:      http-404: gone" in lines
        assert "Cause:       rules" in lines
        assert any(
            line.startswith("State:       RETRY: tried again when it is due") for line in lines
        )
        assert re.search(r"Next try: .*, in 59m", out)
        assert "pauses remove team-slack --stage prod" in out
        assert re.search(
            r"Timeline:\n.* created \(1h ago\)\n.* last attempt that failed \(\d+s ago\)\n"
            r".* due \(to come\)\n",
            out,
        )

    def test_a_redriven_delivery_says_so(self, run: Run, stage: Stage) -> None:
        """Its first day and its second one; and that its time has come."""
        dead = one_shot_dead(
            a_row(created_at=NOW - 30 * HOUR), now=NOW - 5 * HOUR, reason="http-403"
        )
        again = redriven(dead, now=NOW)
        assert again is not None
        stage.rows().add(again)
        stage.objects()

        _, out, _ = run("show", again.id)
        _, document, _ = run("show", again.id[:20], "--format", "json")

        assert "redriven" in out
        assert "now: the sweep wakes it within a minute" in out
        assert json.loads(document)[0]["state"] == "PENDING"

    def test_a_sent_delivery_has_its_receipt_and_what_it_said(self, run: Run, stage: Stage) -> None:
        """The address of the message, and the kind and reason of each item."""
        item = DeltaItem(Kind.NEW, "came with 1.4.1", a_reported("CVE-1"), worth=True)
        delta = Delta((item,), 0, {"CVE-1": item.item}, an_agreement())
        basis = Basis(1, "rules", TODAY)
        message = PinnedMessage(delta, a_view(), basis, False, a_state(a_watched(a_finding())))
        key = stage.objects().put_pinned(message)
        receipt = Receipt("SEC-1", "https://a.example/SEC-1")
        row = a_row(
            state=RowState.SENT, pin=Pin(key, basis), receipt=receipt, purpose=Purpose.VIEW,
            stream=STREAM, quiet=True, created_at=NOW, tried_at=NOW,
        )  # fmt: skip
        loud = replace(row, id=DeliveryId("8" * 32), quiet=False, cause="scan")
        loud = replace(loud, tried_at=SCANNED_AT + timedelta(seconds=4))
        stage.rows().add(row)
        stage.rows().add(loud)

        _, out, _ = run("show", row.id)
        _, document, _ = run("show", row.id, "--format", "json")
        _, after_scan, _ = run("show", loud.id)
        _, loud_document, _ = run("show", loud.id, "--format", "json")

        assert "After scan:  4s" in after_scan
        assert json.loads(loud_document)[0]["seconds_after_scan"] == 4.0
        assert json.loads(document)[0]["seconds_after_scan"] is None
        assert "Address:     https://a.example/SEC-1" in out
        assert "quiet: the receiver is brought up to date without a message" in out
        assert "  NEW CVE-1: came with 1.4.1" in out
        assert "accepted" in out
        assert json.loads(document)[0]["changes"] == [
            {"kind": "NEW", "id": "CVE-1", "reason": "came with 1.4.1"}
        ]


def a_deployed_stream(stage: Stage, view: View | None, row: Notification | None = None) -> None:
    """Store a stream whose image has a HIGH vulnerability, and the deployed rules."""
    stage.deploy(ALERTS)
    lifecycle = a_lifecycle(first_observed_at=NOW)
    state = a_state(
        a_watched(a_finding("CVE-1", severity="HIGH"), a_finding("CVE-2", severity="LOW")),
        lifecycles={"CVE-1": lifecycle, "CVE-2": lifecycle},
    )
    key = stage.objects().put_state(state)
    after = StreamRow(STREAM, current=an_image(), state_key=key, state_version=1)
    writes = [ViewWrite(view, None, row)] if view is not None else []
    stage.streams().write(StreamRow(STREAM), after, writes)


AGREED = a_view(reported={"CVE-1": a_reported("CVE-1", routes=("high",))}, agreement=an_agreement())
OPEN_VIEW, OPEN_ROW = opened(a_view())
DEAD_VIEW, DEAD_ROW = opened(a_view(), state=RowState.DEAD, due_at=None, reason="http-403: gone")


class TestExplain:
    def test_a_message_that_came_is_explained(self, run: Run, stage: Stage) -> None:
        """What was reported, what should be shown, and why the rest is left out."""
        a_deployed_stream(stage, AGREED)

        code, out, _ = run("explain", "payments/api", "--to", "team-slack")

        assert code == 0
        lines = dict(line.split(":", 1) for line in out.splitlines() if ":" in line)
        values = {name: value.strip() for name, value in lines.items()}
        assert values["Stream"] == "payments/api"
        assert values["Current image"] == "payments/api:1.4.1"
        assert values["Reported"] == "1, by 0 messages"
        assert values["Should show"] == "1"
        assert values["Delivery"] == "none"
        assert values["So"].startswith("what was reported is what the rules ask for")
        assert "left out: CVE-2" in out

    def test_a_new_destination_waits_for_its_summary(self, run: Run, stage: Stage) -> None:
        """What was open before is agreed and in no message, until the summary is there."""
        a_deployed_stream(stage, AGREED)
        added = datetime.now(UTC) - HOUR / 2
        rules = DynamoRulesStore(stage.boto("dynamodb"), stage.table)
        rules.put(None, RulesRecord("rules", SCANNED_AT - HOUR, {SLACK: added}, {}))

        _, out, _ = run("explain", "payments/api", "--to", "team-slack")
        _, text, _ = run("explain", STREAM, "--to", "team-slack", "--format", "json")
        code, verified, _ = run("verify")
        row_id = welcome_ids("prod", {SLACK: added})[SLACK]
        stage.rows().add(replace(a_row(), id=row_id, purpose=Purpose.SUMMARY))
        _, later, _ = run("explain", "payments/api", "--to", "team-slack")

        until = added + HOUR * 1.5
        assert f"at the latest at {until:%Y-%m-%d %H:%M} UTC" in out
        assert "was open before the destination was added comes in one summary" in out
        assert json.loads(text)["standing"] == "waits-for-summary"
        assert json.loads(text)["summary_until"] == until.isoformat()
        assert "(without a message, because the stream is older than the destination)" in out
        assert code == 0
        assert "waits-for-summary" in verified
        assert "what was reported is what the rules ask for" in later

    def test_a_stream_that_is_younger_waits_for_no_summary(self, stage: Stage) -> None:
        """Its messages came one by one."""
        stage.make_table()
        a_deployed_stream(stage, AGREED)
        record = RulesRecord("rules", SCANNED_AT - 2 * HOUR, {SLACK: NOW - HOUR}, {})
        check = check_views(
            stage.streams().read(STREAM),
            replace(a_state(a_watched(a_finding("CVE-1"))), created_at=NOW),
            sync_rules(configured(understand(ALERTS, "alerts.yml"), today=TODAY), record),
            now=NOW,
            summaries={SLACK: NOW + HOUR},
        )

        assert [view.summary_until for view in check] == [None]

    def test_a_message_that_did_not_come_is_explained(self, run: Run, stage: Stage) -> None:
        """What differs, with its kind and reason, and what holds it up."""
        a_deployed_stream(stage, DEAD_VIEW, DEAD_ROW)

        _, out, _ = run("explain", "payments/api", "--to", "team-slack")
        _, text, _ = run("explain", STREAM, "--to", "team-slack", "--format", "json")

        document = json.loads(text)
        assert re.search(r"BASELINE +CVE-1 +message", out)
        assert "given up" in out
        assert (document["standing"], document["state"]) == ("given-up", "DEAD")
        assert document["cause"] == "scan"
        assert [change["id"] for change in document["changes"]] == ["CVE-1"]
        assert list(document["left_out"]) == ["CVE-2"]

    def test_the_delivery_that_was_sent_last_is_named(self, run: Run, stage: Stage) -> None:
        """A view keeps the open one alone; of those to others and before it, none counts."""
        a_deployed_stream(stage, replace(AGREED, version=2))
        sent = {"state": RowState.SENT, "due_at": None}
        rows = stage.rows()
        rows.add(a_row(id="first", stream=STREAM, tried_at=NOW - 2 * HOUR, **sent))
        rows.add(a_row(id="last0123456789", stream=STREAM, tried_at=NOW - HOUR, **sent))
        rows.add(a_row(id="others", stream="other", tried_at=NOW, **sent))

        _, out, _ = run("explain", "payments/api", "--to", "team-slack")

        assert "none open; last last01234567 SENT 1h ago" in out

    @pytest.mark.parametrize("tag", ["1.4.1", "latest"])
    def test_a_stream_is_found_by_a_tag(self, run: Run, stage: Stage, tag: str) -> None:
        """As alerts name images; a tag belongs to one stream of a repository."""
        a_deployed_stream(stage, AGREED)

        code, out, _ = run("explain", f"payments/api:{tag}", "--to", "team-slack")

        assert code == 0
        assert "payments/api\n" in out

    @pytest.mark.parametrize(
        ("stream", "destination", "answer"),
        [
            ("payments/apo", "team-slack", "none of that repository; did you mean payments/api?"),
            ("zzz:1", "team-slack", "no stream 'zzz:1'; there are: none of that repository$"),
            ("payments", "team-slack", "there are: payments/api"),
            ("payments:1", "team-slack", "no stream 'payments:1'; there are: payments/api$"),
            ("payments/api", None, "^To which destination. Add --to NAME; there are: team-slack$"),
            ("payments/api", "other", "No route leads from payments/api to other; there are: team"),
        ],
    )
    def test_what_is_not_there_is_answered_in_one_sentence(
        self, run: Run, stage: Stage, stream: str, destination: str | None, answer: str
    ) -> None:
        """With what there is."""
        a_deployed_stream(stage, AGREED)

        with pytest.raises(DocumentError, match=answer):
            run("explain", stream, *(("--to", destination) if destination else ()))

    def test_two_streams_of_a_name_are_told_apart_by_their_ids(
        self, run: Run, stage: Stage
    ) -> None:
        """Of two accounts."""
        a_deployed_stream(stage, AGREED)
        other = type(STREAM)(STREAM.replace("000474600478", "111122223333"))
        stage.streams().write(StreamRow(other), StreamRow(other, state_version=1), ())

        with pytest.raises(DocumentError, match="Several streams are called so"):
            run("explain", "payments/api", "--to", "team-slack")
        with pytest.raises(DocumentError, match="Several streams are called so: 000474600478/eu"):
            run("explain", "payments/api:1.4.1", "--to", "team-slack")
        with pytest.raises(DocumentError, match="there are: none"):
            run("explain", other, "--to", "team-slack")

    def test_a_stage_without_rules_explains_nothing(self, run: Run, stage: Stage) -> None:
        """Its configuration is of another version."""
        a_deployed_stream(stage, AGREED)
        stage.deploy_text("[]")

        with pytest.raises(DocumentError, match="missing or of another version"):
            run("explain", "payments/api", "--to", "team-slack")


class TestVerify:
    @pytest.mark.parametrize(
        ("fields", "late"),
        [
            ({"created_at": NOW - 24 * HOUR, "due_at": NOW + HOUR}, False),
            ({"created_at": NOW - 26 * HOUR, "due_at": NOW + HOUR}, True),
            ({"created_at": NOW - 26 * HOUR, "redriven_at": NOW, "due_at": NOW + HOUR}, False),
            ({"created_at": NOW - 2 * HOUR, "due_at": NOW - HOUR / 2}, False),
            ({"created_at": NOW - 2 * HOUR, "due_at": NOW - HOUR * 1.5}, True),
            ({"created_at": NOW - 2 * HOUR, "due_at": NOW - HOUR * 1.5, "quiet": True}, False),
            (
                {
                    "created_at": NOW - 2 * HOUR,
                    "due_at": NOW - HOUR * 1.5,
                    "state": RowState.CLAIMED,
                },
                True,
            ),
            ({"created_at": NOW - 99 * HOUR, "state": RowState.OBSOLETE}, False),
        ],
        ids=[
            "waits", "past its horizon", "redriven", "just due", "never woken", "quiet",
            "lease over", "final",
        ],
    )  # fmt: skip
    def test_an_open_delivery_that_is_late_is_a_fault(
        self, run: Run, stage: Stage, fields: dict[str, Any], *, late: bool
    ) -> None:
        """Past its horizon, or due for an hour and not tried: its id and destination are named."""
        stage.rows().add(a_row(**fields))

        code, out, err = run("verify", "--format", "json")

        assert code == int(late)
        assert json.loads(out)["late"] == ([a_row().id] if late else [])
        assert (f"{a_row().id} to team-slack" in err) is late

    def test_states_are_described_in_words(self, run: Run, stage: Stage) -> None:
        """What is final, what is open, what to do about the dead; empty states have no line."""
        rows = stage.rows()
        rows.add(a_row(1, created_at=NOW))
        for number, state in enumerate(("SENT", "OBSOLETE", "FOLDED", "DEAD"), start=2):
            rows.add(a_row(number, state=RowState(state), created_at=NOW, reason="http-403"))

        code, out, err = run("verify")

        assert code == 1
        assert [line.split()[:2] for line in out.splitlines()[1:6]] == [
            ["PENDING", "1"],
            ["SENT", "1"],
            ["OBSOLETE", "1"],
            ["DEAD", "1"],
            ["FOLDED", "1"],
        ]
        assert f"{a_row(5).id} to team-slack (summary) was given up: http-403" in err
        assert "deliveries redrive" in err

    def test_what_a_dead_summary_speaks_for_counts_as_dead(self, run: Run, stage: Stage) -> None:
        """Its redrive covers them; those of a summary that was sent are done."""
        rows = stage.rows()
        rows.add(a_row(1, created_at=NOW, **DEAD))
        rows.add(a_row(2, created_at=NOW, state=RowState.SENT))
        for number in range(3, 9):
            summary = a_row(1 if number < 6 else 2).id
            folded = {"state": RowState.FOLDED, "folded_into": summary}
            rows.add(a_row(number, created_at=NOW, **folded))

        code, out, err = run("verify", "--format", "json")

        states = json.loads(out)["states"]
        assert (code, states["DEAD"], states["FOLDED"], states["SENT"]) == (1, 4, 3, 1)
        assert f"{a_row(1).id} to team-slack (summary, about 3 streams) was given up" in err

    @pytest.mark.parametrize(
        ("view", "row", "standing", "code"),
        [
            (AGREED, None, "agrees", 0),
            (OPEN_VIEW, OPEN_ROW, "on-its-way", 0),
            (DEAD_VIEW, DEAD_ROW, "given-up", 1),
            (a_view(), None, "lost", 1),
            (None, None, "lost", 1),
            (
                replace(AGREED, reported={**AGREED.reported, "CVE-9": a_reported("CVE-9")}),
                None,
                "not-worth-a-message",
                0,
            ),
        ],
        ids=["agrees", "open", "dead", "no row", "no view", "quiet"],
    )
    def test_each_view_is_what_it_should_be_or_on_its_way(
        self,
        run: Run,
        stage: Stage,
        view: View | None,
        row: Notification | None,
        standing: str,
        code: int,
    ) -> None:
        """Or given up, or not worth a message; anything else is a fault, and is named."""
        a_deployed_stream(stage, view, row)

        ended, out, err = run("verify", "--format", "json")
        _, table, _ = run("verify")

        views = {name: number for name, number in json.loads(out)["views"].items() if number}
        assert views == {standing: 1}
        assert ended == code
        assert standing in table
        assert ("payments/api to team-slack: " in err) is bool(code)

    def test_an_empty_stage_is_fine(self, run: Run) -> None:
        """Nothing was promised yet."""
        assert run("verify")[0] == 0

    def test_verify_says_what_is_on_hold(self, run: Run, stage: Stage) -> None:
        """Also where everything else is fine."""
        pauses = stage.held_back()
        pauses.pause(Destination("mail"), Pause(PauseKind.MANUAL, NOW + HOUR, "maintenance"))
        pauses.pause(Destination("old"), Pause(PauseKind.MANUAL, NOW - HOUR, "over"))

        code, out, err = run("verify", "--format", "json")

        assert code == 0
        assert list(json.loads(out)["on_hold"]) == ["mail"]
        assert "mail is paused until" in err
        assert "maintenance" in err


class TestRedrive:
    def test_dead_deliveries_are_woken_one_by_one(self, run: Run, stage: Stage) -> None:
        """All of them, once each, at ten a second; sent ones are left alone."""
        for number in range(30):
            stage.rows().add(a_row(number, created_at=NOW, **DEAD))
        stage.rows().add(a_row(30, created_at=NOW, state=RowState.SENT))

        code, out, _ = run("redrive", "--all")

        woken = stage.taken("DeliveriesQueueUrl")
        assert code == 0
        assert "queued 30 of 30 deliveries for resend" in out
        assert sorted(json.loads(body)["delivery"] for body in woken) == [
            a_row(number).id for number in range(30)
        ]
        assert set(woken.values()) == {1}
        assert stage.pauses == [0.1] * 30

    def test_a_view_says_what_there_is_to_say_now(self, run: Run, stage: Stage) -> None:
        """Its stream is synced for this destination; a row that was replaced counts no more."""
        view, row = opened(a_view(), **DEAD, due_at=None)
        stored_view(stage, view, row)
        replaced = a_row(9, purpose=Purpose.VIEW, stream=STREAM, created_at=NOW, **DEAD)
        stage.rows().add(replaced)

        _, out, _ = run("redrive", "--all")
        code, _, err = run("redrive", replaced.id)

        (body,) = stage.taken("SyncQueueUrl")
        assert json.loads(body) == {"cause": "redrive of team-slack", "streams": [STREAM]}
        assert "queued 1 of 1" in out
        assert (code, "does not count any more" in err) == (1, True)

    def test_one_that_is_not_dead_is_named(self, run: Run, stage: Stage) -> None:
        """Exit code 1; the others are sent again."""
        stage.rows().add(a_row(created_at=NOW, **DEAD))

        code, out, err = run("redrive", a_row().id, DeliveryId("f" * 32), "--rate", "2")

        assert code == 1
        assert "queued 1 of 2" in out
        assert "is not dead" in err
        assert stage.pauses == [0.5]

    def test_what_holds_it_is_named(self, run: Run, stage: Stage) -> None:
        """Until when, why, and the command that ends it."""
        row = a_row(int("a" * 32, 16), created_at=NOW, **DEAD)
        stage.rows().add(row)
        pause = Pause(PauseKind.BROKEN, NOW + HOUR, "http-404: no_service")
        stage.held_back().pause(row.destination, pause)

        code, _, err = run("redrive", row.id[:30])

        assert code == 0
        assert "team-slack is paused until" in err
        assert "(broken: http-404: no_service)" in err
        assert "`ecr-scan-alerts pauses remove team-slack --stage prod`" in err

    @pytest.mark.parametrize(
        ("changes", "code", "outcome"),
        [
            ({"state": RowState.SENT, "receipt": Receipt("SEC-1"), "reason": ""}, 0, "SENT: SEC-1"),
            ({"state": RowState.DEAD, "attempts": 1, "reason": "http-404"}, 1, "DEAD: http-404"),
            ({"state": RowState.RETRY, "due_at": NOW + HOUR}, 1, "RETRY, next try at"),
            ({"state": RowState.UNKNOWN, "attempts": 1, "due_at": NOW + HOUR}, 1, "UNKNOWN, next"),
            (None, 1, "not tried yet"),
        ],
        ids=["sent", "dead", "held", "unsure", "nothing"],
    )
    def test_the_outcome_is_awaited(
        self, run: Run, stage: Stage, changes: dict[str, Any] | None, code: int, outcome: str
    ) -> None:
        """Exit code 0 only when it was sent; what is held or retried is an outcome, too."""
        row = a_row(created_at=NOW, **DEAD)
        stage.rows().add(row)

        def deliver() -> None:
            stored = stage.rows().notification(row.id)
            if changes is None or stored is None or stored.state is not RowState.PENDING:
                return
            after = replace(stored, **{"attempts": 1, "due_at": None, **changes})
            stage.rows().update(stored, after)

        stage.meanwhile = deliver

        ended, out, _ = run("redrive", row.id, "--wait", "3")

        assert ended == code
        assert outcome in out

    @pytest.mark.parametrize(
        ("how", "code", "outcome"),
        [
            ("sent", 0, "SENT: SEC-1"),
            ("sent at once", 0, "SENT"),
            ("cleared", 0, "nothing is left to say"),
            ("refused", 1, "DEAD: http-403"),
            ("taken", 1, "not tried yet"),
            ("nothing", 1, "not tried yet"),
        ],
    )
    def test_the_outcome_of_a_view_is_that_of_its_next_row(
        self, run: Run, stage: Stage, how: str, code: int, outcome: str
    ) -> None:
        """Or of none, where a sync finds that nothing is left to say."""
        view, row = opened(a_view(), **DEAD, due_at=None)
        stored_view(stage, view, row)
        steps = iter(range(10))
        basis = Basis(2, "rules", TODAY)
        following = replace(
            new_row(view, basis=basis, cause="redrive", now=NOW, quiet=False), replaces=row.id
        )

        def happen() -> None:
            step, store = next(steps), stage.streams()
            partition = store.read(STREAM)
            before, stored = partition.row, partition.views[SLACK]
            if how in ("sent at once", "cleared") and step == 1:
                version = stored.version + (how == "sent at once")
                after = replace(stored, row=None, version=version)
                store.write(before, before, [ViewWrite(after, stored)])
            elif how in ("sent", "refused", "taken") and step == 1:
                after = replace(stored, row=following.id)
                store.write(before, before, [ViewWrite(after, stored, following)])
            elif how != "nothing" and step == 2:
                _end(stage, how, following)

        stage.meanwhile = happen

        ended, out, _ = run("redrive", row.id, "--wait", "4")

        assert (ended, outcome in out) == (code, True)


def _end(stage: Stage, how: str, row: Notification) -> None:
    """Let a worker take a row, and send it or not."""
    rows = stage.rows()
    if rows.notification(row.id) is None:
        return
    taken = claimed(row, now=NOW, token="t")
    assert isinstance(taken, Notification)
    rows.update(row, taken)
    if how == "sent":
        sent = replace(taken, state=RowState.SENT, due_at=None, receipt=Receipt("SEC-1"))
        rows.update(taken, sent)
    elif how == "refused":
        rows.update(taken, one_shot_dead(taken, now=NOW, reason="http-403"))
