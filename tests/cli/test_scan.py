"""`scan`: one image, one session, and one document or one table about it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

from cli.__main__ import parser
from cli.commands import scan
from lib.bootstrap.clients import Clients
from lib.errors import DocumentError, FindingsNotReadyError, SourceError
from lib.models import ScanEvent
from lib.normalizer.events import parse_event
from tests.cli.stage import Stage
from tests.support.builders import NOW

DIGEST = "sha256:" + "1" * 64
TOPIC = "arn:aws:sns:eu-central-1:123456789012:"
CONFIG = f"""\
version: 1
destinations:
  audit: {{type: sns, topic_arn: "{TOPIC}audit", format: json}}
  mail: {{type: sns, topic_arn: "{TOPIC}mail", format: text}}
routes:
  - name: mails
    match: {{repository: "payments/*"}}
    severity: LOW
    notify: [mail]
    continue: true
  - name: everything
    severity: HIGH
    notify: [audit]
"""
FINDING = {
    "name": "CVE-2024-0001",
    "severity": "HIGH",
    "attributes": [{"key": "package_name", "value": "openssl"}],
}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "not this"}}, "Operation")


@dataclass
class FakeAws:
    """A session whose ECR holds one scanned image, and whose SNS refuses what it is told to."""

    findings: list[Any] = field(default_factory=lambda: [FINDING])
    details: list[Any] = field(
        default_factory=lambda: [
            {
                "registryId": "000474600478",
                "repositoryName": "payments/api",
                "imageDigest": DIGEST,
                "imageTags": ["1.4.2"],
                "imagePushedAt": datetime(2026, 11, 23, tzinfo=UTC),
            }
        ]
    )
    status: str = "COMPLETE"
    later: list[str] = field(default_factory=list)
    """The statuses that follow, one with each call of `statuses_pass`."""
    completed: bool = True
    manifest: Mapping[str, Any] = field(default_factory=dict)
    """What BatchGetImage has, of an index."""
    unscanned: tuple[str, ...] = ()
    """Digests of images without a scan."""
    refused: dict[str, list[Exception]] = field(default_factory=dict)
    unreachable: Exception | None = None
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    sessions: int = 0
    texts: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answer: str = "y"

    meta = SimpleNamespace(
        partition="aws",
        region_name="eu-central-1",
        service_model=SimpleNamespace(service_id=SimpleNamespace(hyphenize=lambda: "ecr")),
        events=SimpleNamespace(register=lambda *_, **__: None),
    )

    def connect(self, *, region: str | None, **_: Any) -> Clients:
        self.sessions += 1
        return Clients(self, region=region)  # type: ignore[arg-type]  # as much of it as is used

    stage: Stage | None = None

    def client(self, service: str, **_: Any) -> Any:
        if self.stage is not None and service not in ("ecr", "sns"):
            return self.stage.client(service)
        return self

    def describe_image_scan_findings(self, **_: Any) -> Mapping[str, Any]:
        return {
            "imageScanStatus": {"status": self.status},
            "imageScanFindings": {"findings": self.findings, "imageScanCompletedAt": NOW},
        }

    def describe_images(self, **request: Any) -> Mapping[str, Any]:
        self.asked.append(request)
        if self.unreachable:
            raise self.unreachable
        return {"imageDetails": self.details}

    def batch_get_image(self, **request: Any) -> Mapping[str, Any]:
        image = {"imageId": request["imageIds"][0], "imageManifest": json.dumps(self.manifest)}
        return {"images": [image] if self.manifest else []}

    def get_paginator(self, _: str) -> "FakeAws":
        return self

    def paginate(self, **request: Any) -> Iterator[Mapping[str, Any]]:
        if request["imageId"]["imageDigest"] in self.unscanned:
            raise refusal("ScanNotFoundException")
        at = {"imageScanCompletedAt": NOW} if self.completed else {}
        yield {
            "imageScanStatus": {"status": self.status},
            "imageScanFindings": {"findings": self.findings, **at},
        }

    def statuses_pass(self) -> None:
        """Let the scan go on to its next status."""
        self.status = self.later.pop(0)

    def publish(self, **request: Any) -> Mapping[str, Any]:
        name = request["TopicArn"].removeprefix(TOPIC)
        if self.refused.get(name):
            raise self.refused[name].pop(0)
        self.sent.append(name)
        self.texts.append(request.get("Subject", "") + request["Message"])
        return {"MessageId": f"{name}-1"}

    def asked_person(self, question: str) -> str:
        self.questions.append(question)
        return self.answer


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def run(aws: FakeAws, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    path = tmp_path / "alerts.yml"
    path.write_text(CONFIG)

    def command(*arguments: str) -> tuple[int, str, str]:
        yes = ("--yes",) if "--send" in arguments and "--ask" not in arguments else ()
        words = [word for word in arguments if word != "--ask"]
        options = parser().parse_args(["scan", *words, *yes, "--config", str(path)])
        code = scan.run(options, connect=aws.connect, ask=aws.asked_person)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


class TestScan:
    def test_findings_and_routes_are_shown(self, run: Run, aws: FakeAws) -> None:
        """The table, then who would hear of it; nothing is sent without being asked for."""
        code, out, _ = run("payments/api:1.4.2")

        assert code == 0
        assert "CVE-2024-0001" in out
        assert "audit" in out
        assert aws.sent == []

    def test_it_needs_no_configuration(
        self,
        aws: FakeAws,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Verdict and what to do in a folder without alerts.yml; there are no routes to show."""
        monkeypatch.chdir(tmp_path)
        aws.findings = [FINDING]

        code = scan.run(parser().parse_args(["scan", "payments/api:1.4.2"]), connect=aws.connect)

        out = capsys.readouterr().out
        assert code == 0
        assert "First scan: 1 HIGH\n" in out
        assert "in the Dockerfile: openssl (1 HIGH)" in out
        assert "ROUTE" not in out

    def test_the_verdict_precedes_the_routes(self, run: Run) -> None:
        """Findings, verdict, what to do, and then who is notified."""
        _, out, _ = run("payments/api:1.4.2")

        places = [out.index(text) for text in ("CVE-2024-0001", "First scan: 1 HIGH", "ROUTE")]
        assert places == sorted(places)

    def test_a_missing_scan_says_how_to_start_it(self, run: Run, aws: FakeAws) -> None:
        """The whole command, and the IAM action that it needs."""
        aws.unscanned = (DIGEST,)

        with pytest.raises(FindingsNotReadyError) as raised:
            run("payments/api:1.4.2")

        assert "aws ecr start-image-scan --region eu-central-1" in str(raised.value)
        assert f"imageDigest={DIGEST}`, which needs ecr:StartImageScan" in str(raised.value)

    def test_a_running_scan_is_asked_for_again(self, run: Run, aws: FakeAws) -> None:
        """There is nothing to start."""
        aws.status = "IN_PROGRESS"

        with pytest.raises(FindingsNotReadyError, match="Run the command again in a minute"):
            run("payments/api:1.4.2")

    def test_one_session_serves_everything(self, run: Run, aws: FakeAws) -> None:
        """A second one would read the credentials and every service model again."""
        run("payments/api:1.4.2", "--send")

        assert aws.sessions == 1

    def test_each_delivery_has_its_line(self, run: Run, aws: FakeAws) -> None:
        """Who took it, and the receiver's name for it."""
        code, out, _ = run("payments/api:1.4.2", "--send")

        assert code == 0
        assert aws.sent == ["mail", "audit"]
        assert "mail: sent, marked TEST (mail-1)" in out
        assert "audit: tested" in out

    def test_json_is_one_document(self, run: Run) -> None:
        """Report, routes and tests with their receipts, and nothing else on stdout."""
        code, out, err = run("payments/api:1.4.2", "--send", "--format", "json")

        document = json.loads(out)
        assert (code, err) == (0, "")
        assert document["report"]["schema"] == "report-1.0.0"
        (stream,) = document["streams"]
        assert [row["route"] for row in stream["routes"]] == ["mails", "everything"]
        mail, audit = document["tests"]
        assert (mail["sent"], mail["test"], mail["receipt"]["reference"]) == (True, True, "mail-1")
        assert (audit["sent"], audit["checks"][-1]["status"]) == (True, "ok")

    def test_json_without_sending_has_the_same_shape(self, run: Run) -> None:
        """Who would be notified, and nothing about how that went."""
        _, out, _ = run("payments/api:1.4.2", "--format", "json")

        document = json.loads(out)
        assert set(document) == {"report", "streams", "tests"}
        assert document["streams"][0]["destinations"][0]["notified"] is True
        assert document["tests"] == []

    def test_a_refused_delivery_keeps_no_other_waiting(self, run: Run, aws: FakeAws) -> None:
        """Exit code 1; the document and stderr both say why."""
        aws.refused = {"mail": [refusal("AuthorizationError")]}

        code, out, err = run("payments/api:1.4.2", "--send", "--format", "json")

        first, second = json.loads(out)["tests"]
        assert code == 1
        assert first["sent"] is False
        assert "AuthorizationError" in first["error"]
        assert second["sent"] is True
        assert "mail: not sent" in err

    def test_a_refused_delivery_is_no_line_of_the_table(self, run: Run, aws: FakeAws) -> None:
        """What went well is on stdout, the rest on stderr."""
        aws.refused = {"mail": [refusal("AuthorizationError")]}

        code, out, err = run("payments/api:1.4.2", "--send")

        assert code == 1
        assert "mail: " not in out
        assert "audit: tested" in out
        assert "mail: not sent" in err

    def test_a_refused_form_is_sent_once_more_and_plainer(self, run: Run, aws: FakeAws) -> None:
        """The way of the deployed pipeline, so that both answer alike."""
        aws.refused = {"mail": [refusal("InvalidParameter")]}

        code, _, _ = run("payments/api:1.4.2", "--send")

        assert code == 0
        assert aws.sent == ["mail", "audit"]

    def test_every_message_is_marked(self, run: Run, aws: FakeAws) -> None:
        """People read the alert; a program gets the document of a test, and opens nothing."""
        run("payments/api:1.4.2", "--send")

        alert, document = aws.texts
        assert "TEST sent by hand, not an alert" in alert
        assert "CVE-2024-0001" in alert
        assert '"test-1.0.0"' in document
        assert "CVE-2024-0001" not in document

    @pytest.mark.usefixtures("terminal")
    def test_a_person_is_asked(self, run: Run, aws: FakeAws) -> None:
        """With the names of the destinations; nothing is sent without a yes."""
        sent = run("payments/api:1.4.2", "--send", "--ask")
        aws.answer = ""
        with pytest.raises(DocumentError, match="nothing was sent"):
            run("payments/api:1.4.2", "--send", "--ask")

        assert sent[0] == 0
        assert "to mail, audit? (y/N)" in aws.questions[0]
        assert aws.sent == ["mail", "audit"]

    def test_nobody_is_asked_without_a_terminal(self, run: Run, aws: FakeAws) -> None:
        """A script has to say --yes."""
        with pytest.raises(DocumentError, match="--yes sends without asking"):
            run("payments/api:1.4.2", "--send", "--ask")

        assert aws.sent == []

    def test_a_failed_test_is_said(self, run: Run, aws: FakeAws) -> None:
        """What is wrong and what to do, on stderr; exit code 1."""
        aws.refused = {"audit": [refusal("AuthorizationError")]}

        code, out, err = run("payments/api:1.4.2", "--send")

        assert code == 1
        assert "audit" not in out.splitlines()[-1]
        assert "audit: message: SNS refused" in err

    def test_an_error_of_aws_says_what_to_do(self, run: Run, aws: FakeAws) -> None:
        """For this destination; the others are tried."""
        aws.refused = {"mail": [NoRegionError()]}

        code, _, err = run("payments/api:1.4.2", "--send")

        assert code == 1
        assert "mail: not sent: " in err
        assert aws.sent == ["audit"]

    def test_nothing_to_send_is_said(self, run: Run, aws: FakeAws) -> None:
        """Silence would look like a delivery."""
        aws.findings = []

        code, out, _ = run("payments/api:1.4.2", "--send")

        assert code == 0
        assert "nothing to send" in out

    def test_an_index_is_shown_with_its_platforms(self, run: Run, aws: FakeAws) -> None:
        """Findings of all its images, each once, and what is not known of which platform."""
        digests = [f"sha256:{number}" * 4 for number in (2, 3)]
        aws.manifest = {
            "manifests": [
                {"digest": digest, "platform": {"os": "linux", "architecture": name}}
                for digest, name in zip(digests, ("amd64", "arm64"), strict=True)
            ]
        }
        aws.unscanned = (digests[1],)

        code, out, _ = run("payments/api:1.4.2")

        assert code == 0
        assert "payments/api:1.4.2" in out
        assert "linux/amd64: 1 HIGH" in out
        assert "linux/arm64: not scanned, ECR knows no scan" in out
        assert out.count("CVE-2024-0001") == 1

    def test_an_index_without_images_is_refused(self, run: Run, aws: FakeAws) -> None:
        """There is nothing to scan in it."""
        aws.manifest = {"manifests": []}

        with pytest.raises(DocumentError, match="without any image"):
            run("payments/api:1.4.2")

    def test_a_scan_without_a_result_is_exit_code_1(self, run: Run, aws: FakeAws) -> None:
        """A failed scan is no good news."""
        aws.status = "FAILED"

        code, out, _ = run("payments/api:1.4.2")

        assert code == 1
        assert "no usable result" in out


class TestSendToStage:
    """With --stage, what follows is the deployment's decision."""

    def test_our_own_event_is_queued(self, run: Run, aws: FakeAws, stage: Stage) -> None:
        """As `reconcile` does; nothing is sent from here, and nobody is asked."""
        stage.make_table()
        aws.stage = stage

        code, out, _ = run("payments/api:1.4.2", "--send", "--ask", "--stage", "prod")

        (body,) = stage.taken("ScanEventsQueueUrl")
        event = parse_event(json.loads(body))
        assert code == 0
        assert (aws.sent, aws.questions) == ([], [])
        assert isinstance(event, ScanEvent)
        assert (event.image.digest, event.image.tags, event.quiet) == (DIGEST, ("1.4.2",), False)
        assert "queued for stage prod (nothing is known of it)" in out
        assert "deliveries list --image payments/api:1.4.2 --stage prod" in out

    def test_scripts_get_what_was_queued(self, run: Run, aws: FakeAws, stage: Stage) -> None:
        """In the same document."""
        stage.make_table()
        aws.stage = stage

        _, out, _ = run("payments/api:1.4.2", "--send", "--format", "json", "--stage", "prod")

        assert json.loads(out)["stage"] == {
            "stage": "prod",
            "queued": True,
            "reason": "nothing is known of it",
        }

    def test_an_index_is_queued_as_one(self, run: Run, aws: FakeAws, stage: Stage) -> None:
        """One event for all its images."""
        stage.make_table()
        aws.stage = stage
        aws.manifest = {
            "manifests": [
                {"digest": DIGEST, "platform": {"os": "linux", "architecture": "amd64"}},
            ]
        }

        run("payments/api:1.4.2", "--send", "--stage", "prod")

        (body,) = stage.taken("ScanEventsQueueUrl")
        assert json.loads(body)["detail"]["image-tags"] == ["1.4.2"]

    def test_a_scan_without_a_result_waits(self, run: Run, aws: FakeAws, stage: Stage) -> None:
        """There is nothing to queue; why not is said."""
        stage.make_table()
        aws.stage = stage
        aws.status = "PENDING"

        with pytest.raises(FindingsNotReadyError):
            run("payments/api:1.4.2", "--send", "--stage", "prod")

        assert not stage.taken("ScanEventsQueueUrl")

    def test_the_deployed_configuration_decides(
        self, aws: FakeAws, stage: Stage, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Unless a file is named: what is shown is what the stage will do."""
        stage.make_table()
        stage.deploy(CONFIG.replace("mails", "deployed"))
        aws.stage = stage
        words = ["scan", "payments/api:1.4.2", "--send", "--stage", "prod"]

        scan.run(parser().parse_args(words), connect=aws.connect)

        assert "deployed" in capsys.readouterr().out


class TestFindImage:
    @pytest.mark.parametrize(
        ("name", "image_id"),
        [
            ("payments/api", {"imageTag": "latest"}),
            ("payments/api:1.4.2", {"imageTag": "1.4.2"}),
            (f"payments/api@{DIGEST}", {"imageDigest": DIGEST}),
        ],
    )
    def test_an_image_is_asked_for_by_what_was_given(
        self, run: Run, aws: FakeAws, name: str, image_id: Mapping[str, str]
    ) -> None:
        """Tag, digest, or latest."""
        run(name)

        assert aws.asked == [{"repositoryName": "payments/api", "imageIds": [image_id]}]

    def test_a_full_address_names_the_registry(self, run: Run, aws: FakeAws) -> None:
        """What docker push was given can be pasted."""
        run("000474600478.dkr.ecr.eu-west-1.amazonaws.com/payments/api:1.4.2")

        assert aws.asked[0]["registryId"] == "000474600478"

    def test_what_is_no_image_is_refused(self, run: Run) -> None:
        """The forms that are possible are in the error."""
        with pytest.raises(DocumentError, match="REPOSITORY:TAG"):
            run("Payments API")
        with pytest.raises(DocumentError, match="at least 2 characters"):
            run("x")

    def test_an_image_that_is_not_there_is_named(self, run: Run, aws: FakeAws) -> None:
        """ECR may answer with an empty list, too."""
        aws.details = []

        with pytest.raises(DocumentError, match=r"No such image in payments/api\. Check"):
            run("payments/api:1.4.2")

    def test_what_was_assumed_is_said(self, run: Run, aws: FakeAws) -> None:
        """However ECR says that there is no such image."""
        aws.details = []
        with pytest.raises(DocumentError, match="no tag was given: latest was assumed"):
            run("payments/api")
        aws.unreachable = refusal("ImageNotFoundException")
        with pytest.raises(DocumentError, match="no tag was given: latest was assumed"):
            run("payments/api")

    @pytest.mark.parametrize(
        ("error", "kind", "words"),
        [
            (refusal("ImageNotFoundException"), DocumentError, "Check the name"),
            (refusal("AccessDeniedException"), SourceError, "AccessDeniedException"),
            (NoCredentialsError(), NoCredentialsError, "credentials"),
        ],
    )
    def test_a_refusal_says_what_to_do(
        self, run: Run, aws: FakeAws, error: Exception, kind: type[Exception], words: str
    ) -> None:
        """A missing image, missing rights and missing credentials have different remedies."""
        aws.unreachable = error

        with pytest.raises(kind, match=words):
            run("payments/api:1.4.2")


def test_the_source_of_an_image_is_told(run: Run, aws: FakeAws) -> None:
    """As its annotations say; one that cannot be asked is shown all the same."""
    said = {
        "org.opencontainers.image.revision": "1a2b3c4d5e6f",
        "org.opencontainers.image.source": "https://github.com/example/payments",
    }
    unread = run("payments/api:1.4.2")
    aws.manifest = {"annotations": said}
    read = run("payments/api:1.4.2")

    assert (unread[0], read[0]) == (0, 0)
    assert "source: not read: ECR has no manifest" in unread[1]
    assert "source: example/payments at 1a2b3c4" in read[1]
