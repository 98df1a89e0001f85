"""`deliveries`, over a table of the embedded AWS: what is late, how dead ones are sent again."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.__main__ import parser
from cli.commands import deliveries
from lib.errors import DocumentError
from lib.models import DeliveryId, DeliveryState
from tests.builders import a_delivery
from tests.cli.stage import Stage

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
DEAD = {"state": DeliveryState.DEAD, "due_at": None, "reason": "http-403"}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        options = parser().parse_args(["deliveries", *arguments, "--stage", "prod"])
        code = deliveries.run(options, connect=stage.connect, pause=stage.pause)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


class TestList:
    def test_rows_are_listed_by_state_oldest_first(self, run: Run, stage: Stage) -> None:
        """With what a script needs; a table for people."""
        ledger = stage.ledger()
        ledger.add(a_delivery(1, created_at=NOW, **DEAD))
        ledger.add(a_delivery(2, created_at=NOW - HOUR, **DEAD))
        ledger.add(a_delivery(3, created_at=NOW, due_at=NOW))

        _, out, _ = run("list", "--state", "DEAD", "--format", "json")
        _, table, _ = run("list")

        assert [each["id"] for each in json.loads(out)] == [a_delivery(2).id, a_delivery(1).id]
        assert table.count("team-slack") == 3
        assert "http-403" in table

    def test_one_row_is_shown(self, run: Run, stage: Stage) -> None:
        """By its id; one that does not exist is a mistake."""
        stage.ledger().add(a_delivery(created_at=NOW, **DEAD))

        _, out, _ = run("show", a_delivery().id, "--format", "json")

        assert json.loads(out)[0]["reason"] == "http-403"
        with pytest.raises(DocumentError, match="no delivery f"):
            run("show", "f")
        with pytest.raises(DocumentError, match="redrive takes ids"):
            run("redrive")


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
        assert "5 of 5 accounted for (100.0 %)" in out
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
        assert "30 of 30 deliveries" in out
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
        assert "1 of 2" in out
        assert "is not dead" in err
        assert stage.pauses == [0.5]
