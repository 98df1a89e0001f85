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
from cli.commands import deliveries
from lib.errors import DocumentError
from lib.models import (
    Delivery,
    DeliveryId,
    DeliveryState,
    Destination,
    HistoryEntry,
    Pause,
    PauseKind,
    Receipt,
)
from tests.cli.stage import Stage
from tests.support.builders import a_delivery, a_digest, an_image

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
DEAD = {"state": DeliveryState.DEAD, "due_at": None, "reason": "http-403"}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str, config: str | None = None) -> tuple[int, str, str]:
        words = ["deliveries", *arguments, "--stage", "prod"]
        options = parser().parse_args([*words, *(("--config", config) if config else ())])
        code = deliveries.run(options, connect=stage.connect, pause=stage.pause)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


class TestList:
    def test_rows_are_listed_newest_first(self, run: Run, stage: Stage) -> None:
        """With what a script needs; a table for people."""
        ledger = stage.ledger()
        ledger.add(a_delivery(1, created_at=NOW - HOUR, **DEAD))
        ledger.add(a_delivery(2, created_at=NOW, **DEAD))
        ledger.add(a_delivery(3, created_at=NOW, due_at=NOW))

        _, out, _ = run("list", "--state", "DEAD", "--format", "json")
        _, table, _ = run("list")

        assert [row["id"] for row in json.loads(out)] == [a_delivery(2).id, a_delivery(1).id]
        assert table.count("team-slack") == 3
        assert "http-403" in table

    def test_a_pipe_has_a_row_on_each_line(self, run: Run, stage: Stage) -> None:
        """With the full id and digest, and a reason of any length: grep finds the row."""
        ledger = stage.ledger()
        for number in range(5):
            ledger.add(a_delivery(number, created_at=NOW, **DEAD | {"reason": "why " * 200}))
        digest = a_delivery().image_key.partition("sha256:")[2]

        _, out, _ = run("list")

        rows = [line for line in out.splitlines() if digest in line]
        assert len(out.splitlines()) == 6
        assert len(rows) == 5
        assert all(line.endswith("why why") for line in rows)
        assert a_delivery(3).id in out

    def test_a_terminal_has_a_row_on_each_line(
        self, run: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What does not fit is cut; --full cuts nothing."""
        stage.ledger().add(a_delivery(created_at=NOW, **DEAD | {"reason": "why " * 200}))
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

        _, cut, _ = run("list")
        _, full, _ = run("list", "--full")

        assert max(map(len, cut.splitlines()[1:])) <= 120
        assert len(cut.splitlines()) == 2
        assert a_delivery().id[:12] in cut
        assert a_delivery().id not in cut
        assert a_delivery().id in full

    def test_the_tag_is_shown(self, run: Run, stage: Stage) -> None:
        """As the evaluation of the stream had it; an image without one has its digest."""
        ledger = stage.ledger()
        image = an_image(tags=("1.4.2",))
        row = a_delivery(1, created_at=NOW, image_key=image.key, **DEAD)
        other = a_delivery(2, created_at=NOW, **DEAD)
        ledger.add(row)
        ledger.add(replace(other, image_key=replace(image, digest=a_digest(9)).key))
        entry = HistoryEntry(
            NOW, image, 1, usable=True, open={}, new={}, resolved={}, suppressed=0, report_key="k"
        )
        stage.evaluated(row.stream, entry)

        _, out, _ = run("list", "--format", "json")
        _, found, _ = run("list", "--format", "json", "--image", ":1.4.2")

        names = {entry["id"]: entry["image_name"] for entry in json.loads(out)}
        assert names[row.id] == f"{image.repository}:1.4.2"
        assert names[other.id] == f"{image.repository}@{a_digest(9)[:19]}"
        assert [entry["id"] for entry in json.loads(found)] == [row.id]

    @pytest.mark.parametrize(
        ("arguments", "numbers", "said"),
        [
            ((), [1, 2, 4], "1 older delivery not shown"),
            (("--since", "30d"), [1, 3, 2, 4], ""),
            (("--since", "30m"), [1], "3 older deliveries not shown"),
            (("--state", "SENT"), [], "1 older delivery not shown"),
            (("--limit", "1"), [1], "2 more deliveries not shown: --limit 3"),
            (("--destination", "team-slack"), [1, 3], ""),
            (("--destination", "bot"), [2, 4], ""),
            (("--destination", "bot/C1"), [2], ""),
            (("--image", a_delivery().image_key.partition("@")[2]), [1, 2, 4], ""),
            (("--image", "nothing"), [], ""),
        ],
    )
    def test_rows_are_chosen(
        self,
        run: Run,
        stage: Stage,
        arguments: tuple[str, ...],
        numbers: list[int],
        said: str,
    ) -> None:
        """By age, destination with its channels, image; what is open or dead is never too old."""
        ledger = stage.ledger()
        day = 24 * HOUR
        sent = {"state": DeliveryState.SENT, "due_at": None}
        bot = {"destination": "bot/C1", "created_at": NOW - 2 * day}
        ledger.add(a_delivery(1, created_at=NOW, due_at=NOW))
        ledger.add(a_delivery(2, **DEAD | bot))
        ledger.add(a_delivery(3, created_at=NOW - 2 * day, **sent))
        ledger.add(a_delivery(4, destination="bot", created_at=NOW - 3 * day, due_at=NOW))

        since = ("--since", "30d") if "--destination" in arguments else ()
        _, out, err = run("list", *arguments, *since, "--format", "json", config="none.yml")

        assert [row["id"] for row in json.loads(out)] == [a_delivery(each).id for each in numbers]
        assert said in err

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("list", "--since", "1month"), "--since takes"),
            (("list", "--destination", "team-slak"), "did you mean team-slack?"),
            (("show", "f"), "no delivery f"),
            (("show", "0000000000"), "2 ids begin with"),
            (("redrive",), "redrive takes ids"),
        ],
    )
    def test_mistakes_are_answered_in_one_sentence(
        self, run: Run, stage: Stage, arguments: tuple[str, ...], said: str
    ) -> None:
        """What it takes, or what there is."""
        ledger = stage.ledger()
        ledger.add(a_delivery(1, created_at=NOW, **DEAD))
        ledger.add(a_delivery(2, created_at=NOW, **DEAD))

        with pytest.raises(DocumentError, match=said):
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
        ledger = stage.ledger()
        row = a_delivery(7, created_at=now - HOUR, due_at=now - HOUR)
        ledger.add(row)
        claim = ledger.claim(row.id, now=now, token="t")
        assert isinstance(claim, Delivery)
        due = now + HOUR
        ledger.retry(claim, due_at=due, reason="http-404: gone", counts=True, unsure=False, now=now)
        ledger.pause(row.destination, Pause(PauseKind.BROKEN, due, "http-404"))

        code, out, _ = run("show", row.id[-32:], row.id)

        lines = out.splitlines()
        assert code == 0
        assert "State:       RETRY: tried again when it is due" in lines
        assert "Attempts:    1, 1 counted failure" in lines
        assert "Answer:      http-404: gone" in lines
        assert re.search(r"Next try: .*, in 59m", out)
        assert "pauses remove team-slack --stage prod" in out
        assert re.search(
            r"Timeline:\n.* created \(1h ago\)\n.* last attempt that failed \(\d+s ago\)\n"
            r".* due \(to come\)\n",
            out,
        )

    def test_a_redriven_delivery_says_so(self, run: Run, stage: Stage) -> None:
        """Its first day and its second one; and that its time has come."""
        ledger = stage.ledger()
        row = a_delivery(created_at=NOW - 30 * HOUR, **DEAD)
        ledger.add(row)
        ledger.redrive(row.id, now=NOW)

        _, out, _ = run("show", row.id)
        _, document, _ = run("show", row.id[:20], "--format", "json")

        assert "redriven" in out
        assert "now: the sweep wakes it within a minute" in out
        assert json.loads(document)[0]["state"] == "PENDING"

    def test_a_sent_delivery_has_its_receipt(self, run: Run, stage: Stage) -> None:
        """And the address of the message."""
        ledger = stage.ledger()
        row = a_delivery(created_at=NOW, due_at=NOW)
        ledger.add(row)
        claim = ledger.claim(row.id, now=NOW, token="t")
        assert isinstance(claim, Delivery)
        ledger.sent(claim, Receipt("SEC-1", "https://a.example/SEC-1"), now=NOW)

        _, out, _ = run("show", row.id)

        assert "Address:     https://a.example/SEC-1" in out
        assert "accepted" in out


class TestVerify:
    @pytest.mark.parametrize(
        ("fields", "late"),
        [
            ({"created_at": NOW - 24 * HOUR, "due_at": NOW + HOUR}, False),
            ({"created_at": NOW - 26 * HOUR, "due_at": NOW + HOUR}, True),
            ({"created_at": NOW - 2 * HOUR, "due_at": NOW - HOUR / 2}, False),
            ({"created_at": NOW - 2 * HOUR, "due_at": NOW - HOUR * 1.5}, True),
            (
                {
                    "created_at": NOW - 2 * HOUR,
                    "due_at": NOW - HOUR * 1.5,
                    "state": DeliveryState.CLAIMED,
                },
                True,
            ),
            (
                {
                    "created_at": NOW - 99 * HOUR,
                    "due_at": None,
                    "state": DeliveryState.SUPPRESSED,
                },
                False,
            ),
        ],
        ids=["waits", "past its horizon", "just due", "never woken", "lease over", "final"],
    )
    def test_an_open_delivery_that_is_late_is_not_accounted_for(
        self, run: Run, stage: Stage, fields: dict[str, Any], *, late: bool
    ) -> None:
        """Past its horizon, or due for an hour and not tried: its id and destination are said."""
        stage.ledger().add(a_delivery(**fields))

        code, out, err = run("verify", "--format", "json")

        assert code == int(late)
        assert json.loads(out)["accounted_percent"] == (0 if late else 100)
        assert (f"{a_delivery().id} to team-slack" in err) is late

    def test_states_are_told_in_words(self, run: Run, stage: Stage) -> None:
        """What is final, what is open, what to do about the dead; empty states have no line."""
        ledger = stage.ledger()
        open_, final = {"created_at": NOW, "due_at": NOW}, {"created_at": NOW, "due_at": None}
        ledger.add(a_delivery(1, **open_))
        for number, state in enumerate(("SENT", "SUPPRESSED", "FOLDED", "DEAD"), start=2):
            ledger.add(a_delivery(number, state=DeliveryState(state), **final))

        code, out, err = run("verify")

        assert code == 1
        assert [line.split()[:2] for line in out.splitlines()[1:-1]] == [
            ["PENDING", "1"],
            ["SENT", "1"],
            ["DEAD", "1"],
            ["FOLDED", "1"],
            ["SUPPRESSED", "1"],
        ]
        assert "left out by an entry of alerts.yml" in out
        assert "5 of 5 accounted for (100.0 %), 1 of them given up" in out
        assert "deliveries redrive" in err

    def test_an_empty_ledger_is_fine(self, run: Run, stage: Stage) -> None:
        """Nothing was promised yet."""
        stage.ledger()

        assert run("verify")[0] == 0


class TestRedrive:
    def test_dead_deliveries_are_woken_one_by_one(self, run: Run, stage: Stage) -> None:
        """All of them, once each, at ten a second; sent ones are left alone."""
        ledger = stage.ledger()
        for number in range(30):
            ledger.add(a_delivery(number, created_at=NOW, **DEAD))
        ledger.add(a_delivery(30, created_at=NOW, state=DeliveryState.SENT, due_at=None))

        code, out, _ = run("redrive", "--all")

        woken = stage.taken("DeliveriesQueueUrl")
        assert code == 0
        assert "queued 30 of 30 deliveries for resend" in out
        assert sorted(json.loads(each)["delivery"] for each in woken) == [
            a_delivery(number).id for number in range(30)
        ]
        assert set(woken.values()) == {1}
        assert stage.pauses == [0.1] * 30

    def test_one_that_is_not_dead_is_said(self, run: Run, stage: Stage) -> None:
        """Exit code 1; the others are sent again."""
        stage.ledger().add(a_delivery(created_at=NOW, **DEAD))

        code, out, err = run("redrive", a_delivery().id, DeliveryId("f" * 32), "--rate", "2")

        assert code == 1
        assert "queued 1 of 2" in out
        assert "is not dead" in err
        assert stage.pauses == [0.5]

    def test_what_holds_it_is_said(self, run: Run, stage: Stage) -> None:
        """Until when, why, and the command that ends it."""
        ledger = stage.ledger()
        row = a_delivery(created_at=NOW, **DEAD)
        ledger.add(row)
        ledger.pause(row.destination, Pause(PauseKind.BROKEN, NOW + HOUR, "http-404: no_service"))

        code, _, err = run("redrive", row.id[:30])

        assert code == 0
        assert "team-slack is paused until" in err
        assert "(broken: http-404: no_service)" in err
        assert "`ecr-scan-alerts pauses remove team-slack --stage prod`" in err

    @pytest.mark.parametrize(
        ("outcome", "code", "said"),
        [
            ("sent", 0, "SENT: SEC-1"),
            ("dead", 1, "DEAD: http-404"),
            ("held", 1, "RETRY, next try at"),
            ("unsure", 1, "UNKNOWN, next try at"),
            ("nothing", 1, "not tried yet"),
        ],
    )
    def test_the_outcome_is_awaited(
        self, run: Run, stage: Stage, outcome: str, code: int, said: str
    ) -> None:
        """Exit code 0 only when it was sent; what is held or retried is an outcome, too."""
        ledger = stage.ledger()
        row = a_delivery(created_at=NOW, **DEAD)
        ledger.add(row)

        def deliver() -> None:
            now = datetime.now(UTC)
            if outcome == "held":
                ledger.defer(row.id, until=now + HOUR, reason="broken")
            if outcome in ("held", "nothing"):
                return
            claim = ledger.claim(row.id, now=now, token="t")
            if not isinstance(claim, Delivery):
                return
            match outcome:
                case "sent":
                    ledger.sent(claim, Receipt("SEC-1"), now=now)
                case "dead":
                    ledger.dead(claim, reason="http-404", now=now)
                case _:
                    due = now + HOUR
                    ledger.retry(
                        claim, due_at=due, reason="lost", counts=True, unsure=True, now=now
                    )

        stage.meanwhile = deliver

        ended, out, _ = run("redrive", row.id, "--wait", "3")

        assert ended == code
        assert said in out


def test_verify_says_what_is_on_hold(run: Run, stage: Stage) -> None:
    """Also where everything else is fine."""
    ledger = stage.ledger()
    ledger.pause(Destination("mail"), Pause(PauseKind.MANUAL, NOW + HOUR, "maintenance"))
    ledger.pause(Destination("old"), Pause(PauseKind.MANUAL, NOW - HOUR, "over"))

    code, out, err = run("verify", "--format", "json")

    assert code == 0
    assert list(json.loads(out)["on_hold"]) == ["mail"]
    assert "mail is paused until" in err
    assert "maintenance" in err
