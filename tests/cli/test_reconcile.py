"""`reconcile`: what is found is shown, queued unless only tried, and every shortfall is said."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from cli.__main__ import parser
from cli.commands import reconcile
from lib.bootstrap.clients import Clients
from lib.errors import DocumentError
from tests.support.builders import a_digest

NOW = datetime.now(UTC)
OUTPUTS = {"TableName": "table", "DeliveriesQueueUrl": "deliveries", "ScanEventsQueueUrl": "scans"}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "not this"}}, "Operation")


def a_detail(number: int, *, hours: float = 1, **fields: Any) -> dict[str, Any]:
    return {
        "registryId": "000474600478",
        "repositoryName": "payments/api",
        "imageDigest": a_digest(number),
        "imagePushedAt": NOW - timedelta(hours=hours),
        "imageTags": [f"1.{number}"],
        **fields,
    }


@dataclass
class FakeAws:
    """A session whose ECR holds scanned images, none of which was evaluated."""

    details: list[dict[str, Any]] = field(default_factory=lambda: [a_detail(1), a_detail(2)])
    statuses: dict[str, str | ClientError] = field(default_factory=dict)
    """By digest; others are COMPLETE."""
    installed: datetime = NOW - timedelta(days=2)
    sent: list[Any] = field(default_factory=list)

    meta = SimpleNamespace(
        partition="aws",
        region_name="eu-central-1",
        service_model=get_session().get_service_model("ecr"),
        events=SimpleNamespace(register=lambda *_: None),
    )

    def connect(self, *, region: str | None, **_: Any) -> Clients:
        return Clients(self, region=region)  # type: ignore[arg-type]  # as much of it as is used

    def client(self, *_: Any, **__: Any) -> "FakeAws":
        return self

    def describe_stacks(self, **_: Any) -> Mapping[str, Any]:
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
        return {"Stacks": [{"Outputs": outputs}]}

    def describe_table(self, **_: Any) -> Mapping[str, Any]:
        return {"Table": {"CreationDateTime": self.installed}}

    def batch_get_item(self, **_: Any) -> Mapping[str, Any]:
        return {"Responses": {}}

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=getattr(self, f"_{operation}"))

    def _describe_repositories(self, **_: Any) -> Iterator[Mapping[str, Any]]:
        yield {"repositories": [{"repositoryName": "payments/api"}]}

    def _describe_images(self, **_: Any) -> Iterator[Mapping[str, Any]]:
        yield {"imageDetails": self.details}

    def describe_image_scan_findings(self, **request: Any) -> Mapping[str, Any]:
        status = self.statuses.get(request["imageId"]["imageDigest"], "COMPLETE")
        if isinstance(status, ClientError):
            raise status
        return {"imageScanStatus": {"status": status}}

    def send_message_batch(self, **request: Any) -> Mapping[str, Any]:
        self.sent += [json.loads(each["MessageBody"]) for each in request["Entries"]]
        return {}


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def run(aws: FakeAws, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        options = parser().parse_args(["reconcile", "--stage", "local", *arguments])
        code = reconcile.run(options, connect=aws.connect)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return command


def test_what_was_missed_is_shown_and_queued(aws: FakeAws, run: Run) -> None:
    """A row for each with the reason, and an event for each on the queue."""
    code, out, err = run()

    assert code == 0
    assert [each["detail"]["image-tags"] for each in aws.sent] == [["1.1"], ["1.2"]]
    assert "payments/api:1.1" in out
    assert "never evaluated" in out
    assert "queued 2 of 2 images, 0 of them as a baseline only" in out
    assert "note: calls:" in err


def test_a_dry_run_says_that_it_is_one(aws: FakeAws, run: Run) -> None:
    """Nothing is queued."""
    code, out, err = run("--dry-run")

    assert (code, aws.sent) == (0, [])
    assert "would queue 2 of 2 images" in out
    assert "nothing was put on the queue" in err


@pytest.mark.parametrize(("arguments", "quiet"), [((), True), (("--notify",), False)])
def test_old_images_are_told_only_when_asked_for(
    aws: FakeAws, run: Run, arguments: tuple[str, ...], *, quiet: bool
) -> None:
    """Pushed before the installation: a baseline, unless --notify."""
    aws.installed = NOW

    _, out, _ = run(*arguments)

    assert {each["detail"]["quiet"] for each in aws.sent} == {quiet}
    assert ("baseline only" in out.splitlines()[1]) is quiet


def test_scripts_get_a_document(aws: FakeAws, run: Run) -> None:
    """The same as JSON, with what waits and what is gone."""
    aws.details = [a_detail(number) for number in (1, 2, 3)]
    aws.statuses = {
        a_digest(2): "IN_PROGRESS",
        a_digest(3): refusal("ImageNotFoundException"),
    }

    code, out, _ = run("--format", "json", "--since", "7d", "--repository", "payments/*")

    document = json.loads(out)
    assert code == 0
    assert (document["images"], document["pending"], document["deleted"]) == (3, 1, 1)
    assert [each["tags"] for each in document["missed_scans"]] == [["1.1"]]
    assert document["missed_scans"][0]["reason"] == "never evaluated"


def test_what_waits_and_what_is_gone_is_said(aws: FakeAws, run: Run) -> None:
    """Nothing found is an answer, too."""
    aws.statuses = {a_digest(1): "PENDING", a_digest(2): refusal("ImageNotFoundException")}

    code, out, _ = run()

    assert code == 0
    assert out.splitlines() == [
        "queued 0 of 2 images, 0 of them as a baseline only",
        "1 image has no result yet",
        "1 image was deleted meanwhile",
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("AccessDeniedException", "payments/api was not read to its end"),
        ("ThrottlingException", "stopped before the end"),
    ],
)
def test_a_pass_with_a_gap_is_a_no(aws: FakeAws, run: Run, error: str, said: str) -> None:
    """What could not be looked at is named, and what was found before is queued."""
    aws.statuses = {a_digest(2): refusal(error)}

    code, _, err = run()

    assert code == 1
    assert said in err
    assert len(aws.sent) == 1


def test_only_what_is_recent_is_looked_at(aws: FakeAws, run: Run) -> None:
    """--since counts from now."""
    aws.details = [a_detail(1, hours=3), a_detail(2, hours=1)]

    run("--since", "2h")

    assert [each["detail"]["image-digest"] for each in aws.sent] == [a_digest(2)]


@pytest.mark.parametrize("length", ["2", "0d", "30m", "181d", "-1d"])
def test_a_length_that_makes_no_sense_is_refused(run: Run, length: str) -> None:
    """Hours or days, and not beyond what is kept."""
    with pytest.raises(DocumentError, match="at most 180d"):
        run(f"--since={length}")
