"""`destinations`: what is listed, who is tested, and what a person reads of it."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from cli.__main__ import main, parser
from cli.alerts_file import understand
from cli.commands import destinations
from lib.bootstrap.clients import Clients
from lib.errors import DocumentError
from lib.flows.destination_test import EVENT
from lib.models.diagnostics import Check, check_to_json, failed, note, ok

ALERTS = """\
version: 1
fallback: mail
destinations:
  slack: {type: slack, webhook: {secret: ecr-scan-alerts/a}}
  jira: {type: jira, site: "https://a.atlassian.net", project: SEC,
         credentials: {parameter: /ecr-scan-alerts/j}}
  mail: {type: sns, topic_arn: "arn:aws:sns:eu-central-1:000474600478:mail"}
digest: {notify: [mail]}
routes:
  - {name: everything, notify: [slack, jira]}
"""


class Function:
    """A session whose stack has one function; it answers as it is told."""

    def __init__(self) -> None:
        self.answers: dict[str | None, Any] = {None: {"destinations": ["mail", "slack"]}}
        self.asked: list[dict[str, Any]] = []
        self.outputs = {"DeliverFunctionName": "deliver"}
        self.published = ""

    def client(self, _service: str, **_: Any) -> Any:
        return self

    def get_caller_identity(self) -> Any:
        return {"Account": "000474600478"}

    def describe_stacks(self, **_: Any) -> Any:
        names = ("TableName", "ReportsBucketName", "DeliveriesQueueUrl", "SyncQueueUrl")
        outputs = dict.fromkeys(names, "x") | self.outputs
        listed = [{"OutputKey": name, "OutputValue": value} for name, value in outputs.items()]
        return {"Stacks": [{"Outputs": listed}]}

    def get_object(self, **_: Any) -> Any:
        if not self.published:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        body = io.BytesIO(self.published.encode())
        return {"Body": body, "ETag": "1", "LastModified": datetime.now(UTC)}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> Any:  # noqa: N803  # boto3's names
        assert FunctionName == "deliver"
        asked = json.loads(Payload)[EVENT]
        self.asked.append(asked)
        answer = self.answers[asked["destination"]]
        if isinstance(answer, Exception):
            raise answer
        failure = {"FunctionError": "Unhandled"} if "errorMessage" in answer else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failure}

    def connect(self, *, region: str | None, **_: Any) -> Clients:
        return Clients(self, region=region)  # type: ignore[arg-type]  # as much of it as is used

    def says(self, name: str, *checks: Check) -> None:
        self.answers[name] = {"checks": [check_to_json(check) for check in checks]}


@pytest.fixture
def function() -> Function:
    return Function()


@pytest.fixture
def run(
    function: Function, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    path = tmp_path / "alerts.yml"
    path.write_text(ALERTS)

    def command(*arguments: str) -> tuple[int, str, str]:
        options = parser().parse_args(["destinations", *arguments, "--config", str(path)])
        code = destinations.run(options, function.connect)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


class TestList:
    def test_shows_where_and_for_what(self, run: Any) -> None:
        """Receiver, names of secrets, routes, and the other uses."""
        code, out, err = run("list", "--format", "json")

        rows = {row["name"]: row for row in json.loads(out)}
        assert (code, err) == (0, "")
        assert rows["jira"]["receiver"] == "https://a.atlassian.net SEC"
        assert rows["jira"]["secrets"] == ["/ecr-scan-alerts/j"]
        assert rows["slack"]["routes"] == ["everything"]
        assert (rows["mail"]["digest"], rows["mail"]["fallback"]) == (True, True)

    def test_is_a_table(self, run: Any) -> None:
        """One line each."""
        _, out, _ = run("list")

        assert [line.split()[0] for line in out.splitlines()] == ["NAME", "jira", "mail", "slack"]
        assert "digest, fallback" in out

    def test_compares_with_a_stage(self, run: Any, function: Function) -> None:
        """What is deployed is what the function says."""
        function.answers[None] = {"destinations": ["mail", "slack", "old"]}

        _, _, err = run("list", "--stage", "prod")

        assert "jira is not deployed in stage prod" in err
        assert "old is deployed in stage prod and not in" in err

    def test_a_stage_lists_what_is_published(
        self,
        function: Function,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """The file of the folder may be another one; where it is listed, that is said."""
        monkeypatch.chdir(tmp_path)
        (tmp_path / "alerts.yml").write_text(
            ALERTS.replace("  slack:", "  here:").replace("[slack,", "[here,")
        )
        words = ["destinations", "list", "--stage", "prod"]

        destinations.run(parser().parse_args(words), function.connect)
        before = capsys.readouterr()
        function.published = json.dumps(understand(ALERTS, "alerts.yml").document)
        destinations.run(parser().parse_args(words), function.connect)
        after = capsys.readouterr()
        destinations.run(parser().parse_args(words[:2]), function.connect)
        local = capsys.readouterr()

        assert "nothing is published to stage prod: listed is alerts.yml" in before.err
        assert "here" in before.out
        assert ("slack" in after.out, "here" in after.out, after.err) == (True, False, "")
        assert "listed are those of alerts.yml here" in local.err


class TestStage:
    def test_one_block_each(self, run: Any, function: Function) -> None:
        """What is right, what is wrong with what to do, and exit code 1."""
        function.says("slack", ok("secret", "can be read"), failed("message", "404", "Make one"))
        function.says("mail", note("topic", "no subscription"))

        code, out, _ = run("test", "slack", "mail", "--stage", "prod")

        assert code == 1
        assert [" ".join(line.split()) for line in out.splitlines()] == [
            "slack (stage prod)",
            "ok secret: can be read",
            "FAILED message: 404",
            "to do: Make one",
            "mail (stage prod)",
            "note topic: no subscription",
        ]

    def test_commands_are_not_wrapped(self, run: Any, function: Function) -> None:
        """What to do is copied into a shell."""
        command = " ".join(["aws"] + ["word"] * 200)
        function.says("slack", failed("secret", "missing", command))

        _, out, _ = run("test", "slack", "--stage", "prod")

        assert command in out

    def test_all(self, run: Any, function: Function) -> None:
        """Those that are deployed, whatever the file says."""
        function.says("slack", ok("secret", "can be read"))
        function.says("mail", ok("topic", "is there"))

        code, out, _ = run("test", "--all", "--stage", "prod", "--format", "json")

        assert code == 0
        assert [each["destination"] for each in json.loads(out)] == ["mail", "slack"]
        assert all(each["ok"] for each in json.loads(out))

    def test_channels_are_tested_with_their_bot(self, run: Any, function: Function) -> None:
        """As `pause` holds them all; a name that is given twice is tested once."""
        function.answers[None] = {"destinations": ["slack", "slack/C0A", "slacker"]}
        for name in ("slack", "slack/C0A"):
            function.says(name, ok("secret", "can be read"))

        run("test", "slack", "slack/C0A", "--stage", "prod")

        asked = [each["destination"] for each in function.asked]
        assert asked == [None, "slack", "slack/C0A"]

    def test_options_arrive(self, run: Any, function: Function) -> None:
        """Only what was asked for is done; each test has an id of its own."""
        function.says("slack", ok("secret", "can be read"))

        run("test", "slack", "--stage", "prod")
        run("test", "slack", "--create", "--page", "--stage", "prod")

        asked = [each for each in function.asked if each["destination"] is not None]
        flags = [(each["send"], each["create"], each["page"]) for each in asked]
        assert flags == [(True, False, False), (True, True, True)]
        assert len({each["id"] for each in asked}) == 2
        assert {each["origin"] for each in asked} == {"stage prod"}

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            ({"errorMessage": "Records", "errorType": "KeyError"}, "did not answer the test"),
            ({"batchItemFailures": []}, "did not answer the test"),
            ([], "did not answer the test"),
            ({"error": "not in alerts.yml"}, "not in alerts.yml"),
            (ReadTimeoutError(endpoint_url="x"), "within 65 seconds"),
        ],
    )
    def test_what_fails_is_one_destination(
        self, run: Any, function: Function, answer: Any, words: str
    ) -> None:
        """The others are tested all the same."""
        function.answers["slack"] = answer
        function.says("mail", ok("topic", "is there"))

        code, out, _ = run("test", "slack", "mail", "--stage", "prod")

        assert code == 1
        assert words in out
        assert "is there" in out

    def test_answer_that_is_no_json(self) -> None:
        """An empty answer is none."""
        from cli.deliver_function import _parsed

        assert _parsed(b"") == {}

    def test_older_stack(self, run: Any, function: Function) -> None:
        """An output that is missing is said to come with a deployment."""
        function.outputs = {}

        with pytest.raises(DocumentError, match="DeliverFunctionName"):
            run("test", "slack", "--stage", "prod")


class TestNames:
    @pytest.mark.parametrize("arguments", [(), ("slack", "--all")])
    def test_names_or_all(self, run: Any, arguments: tuple[str, ...]) -> None:
        """Nothing is sent by mistake."""
        with pytest.raises(DocumentError, match="names of destinations, or --all"):
            run("test", *arguments)

    @pytest.mark.parametrize(
        ("name", "hint"), [("slak", "did you mean slack?"), ("x", "there are: jira, mail, slack")]
    )
    def test_unknown(self, run: Any, name: str, hint: str) -> None:
        """Nothing is tested, not even those that exist."""
        with pytest.raises(DocumentError, match=hint):
            run("test", "slack", name)


def test_from_this_machine(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a stage no function is asked; the origin says so."""
    tested: list[tuple[str, str]] = []

    def test(_app: Any, destination: str, test: Any) -> tuple[Check, ...]:
        tested.append((destination, test.origin))
        return (ok("secret", "can be read"),)

    monkeypatch.setattr("lib.bootstrap.app.App.test_destination", test)

    code, out, _ = run("test", "slack")

    assert code == 0
    assert tested == [("slack", "an operator's machine")]
    assert out.startswith("slack (an operator's machine)")


def test_mistakes_have_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As with every command."""
    path = tmp_path / "alerts.yml"
    path.write_text(ALERTS)

    assert main(["destinations", "test", "--config", str(path)]) == 2
    assert "--all" in capsys.readouterr().err
