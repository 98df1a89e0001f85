"""`dead-letters`, over queues of the embedded AWS and the outputs of a made-up stack."""

import json
from collections.abc import Callable

import pytest

from cli.__main__ import parser
from cli.commands import dead_letters
from lib.errors import DocumentError, EventError
from lib.store.queues import SqsDeadLetters
from lib.text import clean
from tests.cli.stage import Stage

SCAN = {
    "detail-type": "ECR Image Scan",
    "detail": {"repository-name": "payments/api", "image-digest": "sha256:1a"},
}
SCANS = ("--queue", "scan-events")
WAKE_UP = {"delivery": "1", "destination": "team-slack"}


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(stage: Stage, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        options = parser().parse_args(["dead-letters", *arguments, "--stage", "prod"])
        code = dead_letters.run(options, connect=stage.connect, pause=stage.pause)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


class TestHostileText:
    @pytest.mark.parametrize(
        "arguments",
        [("list",), ("list", "--format", "json"), ("show",), ("show", "--format", "json")],
    )
    def test_no_letter_steers_the_terminal(
        self, run: Run, stage: Stage, arguments: tuple[str, ...]
    ) -> None:
        """What a queue gave up may be anything, and people look at just that."""
        letters = SqsDeadLetters(stage.sqs, stage.urls["ScanEventsDlqUrl"])
        hostile = "\x9b2J\x9d0;title\x07\u202e\u2066\u200b\x7f"
        scan = {"detail-type": hostile, "detail": {hostile: hostile, "repository-name": hostile}}
        letters.put(json.dumps(scan), EventError(f"$.time: {hostile}"))
        _, listed, _ = run("list", "--format", "json")
        action, *options = arguments
        ids = [json.loads(listed)[0]["id"]] if action == "show" else []

        code, out, err = run(action, *ids, *options)

        assert (code, err) == (0, "")
        assert out
        assert clean(out) == out


class TestList:
    def test_each_letter_says_what_it_is_about_and_why_it_is_here(
        self, run: Run, stage: Stage
    ) -> None:
        """Of all three queues: rejected, tried too often, not put by EventBridge."""
        letters = SqsDeadLetters(stage.sqs, stage.urls["ScanEventsDlqUrl"])
        letters.put(json.dumps(SCAN), EventError("$.time: expected a time"))
        stage.put(
            WAKE_UP,
            queue="DeliveriesDlqUrl",
            MessageGroupId="team-slack",
            MessageDeduplicationId="1",
        )
        code = {"DataType": "String", "StringValue": "NO_PERMISSIONS"}
        stage.put(
            {"detail-type": "Inspector2 Scan"},
            queue="UndeliveredEventsDlqUrl",
            MessageAttributes={"ERROR_CODE": code},
        )

        code, out, err = run("list", "--format", "json")

        found = json.loads(out)
        assert (code, err) == (0, "")
        assert [(each["queue"], each["about"], each["reason"]) for each in found] == [
            ("scan-events", "ECR Image Scan: payments/api@sha256:1a", "bad-event"),
            ("deliveries", "delivery 1 to team-slack", "tried too often"),
            ("undelivered-events", "Inspector2 Scan", "NO_PERMISSIONS"),
        ]
        assert found[0]["error"] == "$.time: expected a time"
        assert [each["receives"] for each in found] == [1, 1, 1]

    def test_people_get_a_table(self, run: Run, stage: Stage) -> None:
        """One line for each; a second command sees the same at once."""
        first = stage.put("no event")

        _, out, _ = run("list")
        _, again, _ = run("list", *SCANS)

        assert out.splitlines()[0].split() == [
            "MESSAGE", "QUEUE", "SENT", "RECEIVES", "ABOUT", "WHY",
        ]  # fmt: skip
        assert first in out
        assert "not an event" in out
        assert first in again

    def test_what_could_not_be_read_is_said(self, run: Run, stage: Stage) -> None:
        """Somebody else may be looking at it."""
        stage.put("x")
        stage.sqs.receive_message(QueueUrl=stage.urls["ScanEventsDlqUrl"])

        code, out, err = run("list", "--format", "json", *SCANS)

        assert (code, json.loads(out)) == (0, [])
        assert "scan-events: about 1 more" in err


class TestShow:
    def test_the_whole_message_is_shown(self, run: Run, stage: Stage) -> None:
        """Its body is JSON where it can be, beside what is known about it."""
        deep = "[" * 100_000
        first, second, third = stage.put(SCAN), stage.put("not json"), stage.put(deep)

        code, out, _ = run("show", second, first, third, "--format", "json", *SCANS)

        found = json.loads(out)
        assert code == 0
        assert [letter["id"] for letter in found] == [second, first, third]
        assert [letter["body"] for letter in found] == ["not json", SCAN, deep]

    def test_people_get_fields_and_body(self, run: Run, stage: Stage) -> None:
        """With the attributes that were given along."""
        reason = {"DataType": "String", "StringValue": "not-json"}
        first = stage.put(SCAN, MessageAttributes={"reason": reason})

        _, out, _ = run("show", first, *SCANS)

        assert "reason: not-json" in out
        assert '"repository-name": "payments/api"' in out

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("redrive",), "or --all"),
            (("redrive", "1", "--all"), "or --all"),
            (("show", "1"), "no dead letter 1"),
        ],
    )
    def test_mistakes_are_answered_in_one_sentence(
        self, run: Run, arguments: tuple[str, ...], said: str
    ) -> None:
        """What it takes, or what there is not."""
        with pytest.raises(DocumentError, match=said):
            run(*arguments)


class TestRedrive:
    def test_all_go_back_where_they_belong(self, run: Run, stage: Stage) -> None:
        """Thirty events, a wake-up and one of EventBridge: none lost, none twice."""
        for number in range(30):
            stage.put(f"event {number}")
        stage.put("undelivered", queue="UndeliveredEventsDlqUrl")
        stage.put(WAKE_UP, queue="DeliveriesDlqUrl", MessageGroupId="a", MessageDeduplicationId="1")

        code, out, _ = run("redrive", "--all")

        expected = {f"event {number}": 1 for number in range(30)} | {"undelivered": 1}
        assert code == 0
        assert "32 of 32 dead letters" in out
        assert stage.taken("ScanEventsQueueUrl") == expected
        assert stage.taken("DeliveriesQueueUrl") == {json.dumps(WAKE_UP): 1}
        assert not stage.taken("ScanEventsDlqUrl")

    def test_the_rate_is_kept(self, run: Run, stage: Stage) -> None:
        """Ten a second, unless asked otherwise."""
        for number in range(3):
            stage.put(f"event {number}")

        run("redrive", "--all", *SCANS)
        stage.put("one more")
        run("redrive", "--all", "--rate", "50", *SCANS)

        assert stage.pauses == [0.1, 0.1, 0.1, 0.02]

    def test_one_goes_back_alone(self, run: Run, stage: Stage) -> None:
        """The others stay, and can be seen at once."""
        first, second = stage.put("first"), stage.put("second")

        code, _, _ = run("redrive", second, *SCANS)
        _, out, _ = run("list", *SCANS)

        assert code == 0
        assert stage.taken("ScanEventsQueueUrl") == {"second": 1}
        assert first in out
        assert second not in out

    def test_one_that_is_not_there_is_said(self, run: Run, stage: Stage) -> None:
        """Exit code 1, and the others are redriven."""
        first = stage.put("first")

        code, out, err = run("redrive", first, "gone", *SCANS)

        assert code == 1
        assert "1 of 2" in out
        assert "gone was not found" in err

    def test_nothing_to_redrive_is_fine(self, run: Run) -> None:
        """Exit code 0, and no hint about what might come back."""
        assert run("redrive", "--all", *SCANS) == (
            0,
            "returned 0 of 0 dead letters to their queues\n",
            "",
        )

    def test_what_is_rejected_again_is_left_where_it_comes_back(
        self, run: Run, stage: Stage
    ) -> None:
        """A run ends even when everything is rejected faster than it is redriven."""
        stage.put("poison")
        stage.rejected = ["poison"]

        code, out, err = run("redrive", "--all", *SCANS)

        assert code == 0
        assert "1 of 1" in out
        assert "comes back with its reason" in err
        assert stage.taken("ScanEventsDlqUrl") == {"poison": 1}


@pytest.mark.parametrize("rate", ["0", "-1", "ten", "1.5"])
def test_a_rate_is_a_number_above_zero(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is redriven at another one."""
    with pytest.raises(SystemExit):
        parser().parse_args(["dead-letters", "redrive", "--all", "--stage", "x", f"--rate={rate}"])

    assert "whole number above zero" in capsys.readouterr().err
