"""ECR's scanning over the wire: boto3 in front, a queue behind the default event bus."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from lib.errors import OutOfTimeError
from lib.models import Image, ImageIndex, Member, Scan
from lib.ports.sources import Fetching
from lib.ports.store import Progress
from lib.sources.ecr import EcrFindingSource
from lib.store.progress import S3ProgressStore
from local.aws.manifests import INDEX
from local.aws.process import ACCOUNT, ATTESTATION, REGION, CloudError, EmbeddedAws
from tests.support.cloud_fixtures import recording


def basic(count: int, severity: str = "HIGH") -> dict[str, Any]:
    findings = [{"name": f"CVE-2024-{n:04}", "severity": severity} for n in range(count)]
    return {"imageScanFindings": {"findings": findings}}


def enhanced(count: int) -> dict[str, Any]:
    findings = [{"title": f"CVE-2024-{n:04}", "severity": "HIGH"} for n in range(count)]
    return {"imageScanFindings": {"enhancedFindings": findings}}


@dataclass
class Bus:
    """What a rule for scan events puts into a queue."""

    sqs: Any
    url: str

    def events(self, count: int) -> list[dict[str, Any]]:
        """Take `count` events; fewer when no more come."""
        taken: list[dict[str, Any]] = []
        while len(taken) < count:
            answer = self.sqs.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            if not answer.get("Messages"):
                break
            taken += [json.loads(message["Body"]) for message in answer["Messages"]]
        return taken


@pytest.fixture
def bus(embedded_aws: EmbeddedAws, repository: str) -> Iterator[Bus]:
    """Yield the scans of the repository."""
    with listening(embedded_aws, {"resources": [{"suffix": f"repository/{repository}"}]}) as heard:
        yield heard


@pytest.fixture
def pushes(embedded_aws: EmbeddedAws, repository: str) -> Iterator[Bus]:
    """Yield the pushes to the repository."""
    detail = {"action-type": ["PUSH"], "repository-name": [repository]}
    with listening(embedded_aws, {"detail": detail}) as heard:
        yield heard


@contextmanager
def listening(embedded_aws: EmbeddedAws, what: dict[str, Any]) -> Iterator[Bus]:
    sqs, events = embedded_aws.client("sqs"), embedded_aws.client("events")
    name = f"bus-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    pattern = {"source": ["aws.ecr", "aws.inspector2"], **what}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    yield Bus(sqs, url)
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)


@pytest.fixture
def repository(embedded_aws: EmbeddedAws) -> str:
    name = f"test/{uuid.uuid4().hex[:12]}"
    embedded_aws.client("ecr").create_repository(
        repositoryName=name,
        imageScanningConfiguration={"scanOnPush": True},
        imageTagMutability="IMMUTABLE",
    )
    return name


def describe(aws: EmbeddedAws, repository: str, digest: str, **options: Any) -> Any:
    return aws.client("ecr").describe_image_scan_findings(
        repositoryName=repository, imageId={"imageDigest": digest}, **options
    )


def page_sizes(aws: EmbeddedAws, repository: str, digest: str, **options: Any) -> list[int]:
    pages = aws.client("ecr").get_paginator("describe_image_scan_findings")
    found = pages.paginate(
        repositoryName=repository, imageId={"imageDigest": digest}, PaginationConfig=options
    )
    return [
        len(page["imageScanFindings"].get("findings", []))
        + len(page["imageScanFindings"].get("enhancedFindings", []))
        for page in found
    ]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("asked", "sizes"),
    [({}, [100, 100, 30]), ({"PageSize": 1000}, [230]), ({"PageSize": 115}, [115, 115])],
)
def test_basic_findings_come_in_pages_of_the_size_asked_for(
    embedded_aws: EmbeddedAws, repository: str, asked: dict[str, int], sizes: list[int]
) -> None:
    """A basic scan gives 100 findings a page, or as many as asked, up to 1000."""
    digest = embedded_aws.push(repository, "1", basic(230))

    assert page_sizes(embedded_aws, repository, digest, **asked) == sizes


@pytest.mark.parametrize("asked", [{}, {"PageSize": 1000}, {"PageSize": 10}])
def test_enhanced_findings_come_by_the_hundred_whatever_is_asked(
    embedded_aws: EmbeddedAws, repository: str, asked: dict[str, int]
) -> None:
    """The service pages enhanced findings by 100 and ignores maxResults."""
    digest = embedded_aws.push(repository, "1", enhanced(201))

    assert page_sizes(embedded_aws, repository, digest, **asked) == [100, 100, 1]


@pytest.mark.parametrize("rescanned", [False, True])
def test_a_long_list_is_fetched_in_parts(
    embedded_aws: EmbeddedAws, repository: str, *, rescanned: bool
) -> None:
    """Through S3 from one invocation to the next, as if it was fetched at once."""
    digest = embedded_aws.push(repository, "1", enhanced(450))
    image = Image("aws", ACCOUNT, REGION, repository, digest)
    source = EcrFindingSource(embedded_aws.client("ecr"))
    scan = Scan("ecr-enhanced", "COMPLETE")
    s3, bucket = embedded_aws.client("s3"), f"parts-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    store = S3ProgressStore(s3, bucket)
    left = iter([100.0, 0.0])
    with pytest.raises(OutOfTimeError) as stopped:
        source.report(image, scan, fetching=Fetching(lambda: next(left)))
    progress = store.get(store.put(Progress(digest=digest, pages=stopped.value.pages)))
    if rescanned:
        embedded_aws.rescan(repository, digest)

    assert progress is not None
    assert len(progress.pages) == 2
    parts = source.report(image, scan, fetching=Fetching(pages=progress.pages))
    assert parts == source.report(image, scan)


def test_counts_stand_for_all_pages(embedded_aws: EmbeddedAws, repository: str) -> None:
    """Each page states the counts of the whole scan."""
    digest = embedded_aws.push(repository, "1", basic(120, "MEDIUM"))
    first = describe(embedded_aws, repository, digest)

    last = describe(embedded_aws, repository, digest, nextToken=first["nextToken"])

    assert first["imageScanFindings"]["findingSeverityCounts"] == {"MEDIUM": 120}
    assert last["imageScanFindings"]["findingSeverityCounts"] == {"MEDIUM": 120}
    assert "nextToken" not in last


def test_counts_that_were_recorded_are_stated_as_recorded(
    embedded_aws: EmbeddedAws, repository: str
) -> None:
    """Answers that do not add up can be played."""
    document = basic(1)
    document["imageScanFindings"]["findingSeverityCounts"] = {"HIGH": 1, "UNDEFINED": 3}
    digest = embedded_aws.push(repository, "1", document)

    answer = describe(embedded_aws, repository, digest)

    assert answer["imageScanFindings"]["findingSeverityCounts"] == {"HIGH": 1, "UNDEFINED": 3}


def test_dates_go_over_the_wire_as_seconds(embedded_aws: EmbeddedAws, repository: str) -> None:
    """Dates of a recording, whatever their form, arrive as times."""
    document = basic(0)
    document["imageScanFindings"]["vulnerabilitySourceUpdatedAt"] = "2024-06-14T04:03:53+02:00"
    digest = embedded_aws.push(repository, "1", document)

    answer = describe(embedded_aws, repository, digest)["imageScanFindings"]

    assert answer["vulnerabilitySourceUpdatedAt"].timestamp() == 1718330633.0
    assert answer["imageScanCompletedAt"].tzinfo is not None


def test_enhanced_findings_name_the_image_they_are_asked_for(
    embedded_aws: EmbeddedAws, repository: str
) -> None:
    """A recording from elsewhere is served as if it had been found here."""
    digest = embedded_aws.push(repository, "3.2.0", recording("web-storefront-3.2.0"))

    finding = describe(embedded_aws, repository, digest)["imageScanFindings"]["enhancedFindings"][0]

    image = finding["resources"][0]["details"]["awsEcrContainerImage"]
    assert (image["repositoryName"], image["imageHash"]) == (repository, digest)
    assert image["imageTags"] == ["3.2.0"]
    assert finding["awsAccountId"] == ACCOUNT
    assert finding["resources"][0]["id"].endswith(f":repository/{repository}/{digest}")


def test_no_finding_was_observed_before_its_image_was_pushed(
    embedded_aws: EmbeddedAws, repository: str
) -> None:
    """A finding is about one image; a recording from elsewhere has dates of another."""
    digest = embedded_aws.push(repository, "3.2.0", recording("web-storefront-3.2.0"))

    findings = describe(embedded_aws, repository, digest)["imageScanFindings"]["enhancedFindings"]

    image = findings[0]["resources"][0]["details"]["awsEcrContainerImage"]
    assert {finding["firstObservedAt"] for finding in findings} == {image["pushedAt"]}


def test_a_failed_scan_has_a_reason_and_no_findings(
    embedded_aws: EmbeddedAws, repository: str
) -> None:
    """The answer about a failed scan has no findings at all, which is not an empty list."""
    digest = embedded_aws.push(repository, "1", recording("legacy-batch-2.0.0"))

    answer = describe(embedded_aws, repository, digest)

    assert answer["imageScanStatus"]["status"] == "FAILED"
    assert answer["imageScanStatus"]["description"].startswith("UnsupportedImageError")
    assert "imageScanFindings" not in answer


def test_a_scan_can_be_looked_up_by_tag(embedded_aws: EmbeddedAws, repository: str) -> None:
    """A tag alone names an image; a tag and a digest must be of the same image."""
    digest = embedded_aws.push(repository, "1", basic(1))
    ecr = embedded_aws.client("ecr")

    answer = ecr.describe_image_scan_findings(repositoryName=repository, imageId={"imageTag": "1"})

    assert answer["imageId"]["imageDigest"] == digest
    with pytest.raises(ClientError) as error:
        ecr.describe_image_scan_findings(
            repositoryName=repository, imageId={"imageTag": "2", "imageDigest": digest}
        )
    assert code_of(error) == "ImageNotFoundException"


def test_what_does_not_exist_is_refused_by_name(embedded_aws: EmbeddedAws, repository: str) -> None:
    """Repository, image and scan have an error each, the same for both actions."""
    ecr = embedded_aws.client("ecr")
    image = {"imageDigest": f"sha256:{1:064}"}
    codes = []

    for call in (ecr.describe_image_scan_findings, ecr.start_image_scan):
        for name in (f"{repository}-missing", repository):
            with pytest.raises(ClientError) as error:
                call(repositoryName=name, imageId=image)
            codes.append(code_of(error))

    assert codes == ["RepositoryNotFoundException", "ImageNotFoundException"] * 2


def test_an_image_needs_a_name(embedded_aws: EmbeddedAws, repository: str) -> None:
    """Neither tag nor digest is an invalid parameter."""
    with pytest.raises(ClientError) as error:
        embedded_aws.client("ecr").describe_image_scan_findings(
            repositoryName=repository, imageId={}
        )

    assert code_of(error) == "InvalidParameterException"


@pytest.mark.parametrize("bad", [{"maxResults": 1001}, {"nextToken": "bm90LWEtdG9rZW4="}])
def test_page_size_and_token_are_checked(
    embedded_aws: EmbeddedAws, repository: str, bad: dict[str, Any]
) -> None:
    """At most 1000 findings a page, and no invented token."""
    digest = embedded_aws.push(repository, "1", basic(1))

    with pytest.raises(ClientError) as error:
        describe(embedded_aws, repository, digest, **bad)

    assert code_of(error) == "InvalidParameterException"


def test_a_token_ends_with_its_scan(embedded_aws: EmbeddedAws, repository: str) -> None:
    """A page of one scan cannot be continued in the next one."""
    digest = embedded_aws.push(repository, "1", basic(150))
    token = describe(embedded_aws, repository, digest)["nextToken"]
    embedded_aws.rescan(repository, digest)

    with pytest.raises(ClientError) as error:
        describe(embedded_aws, repository, digest, nextToken=token)

    assert code_of(error) == "InvalidParameterException"


def test_a_scan_appears_some_calls_later(embedded_aws: EmbeddedAws, repository: str) -> None:
    """ScanNotFoundException right after a push, and findings later."""
    digest = embedded_aws.push(repository, "1", basic(2), not_found_calls=2)
    codes = []

    for _ in range(2):
        with pytest.raises(ClientError) as error:
            describe(embedded_aws, repository, digest)
        codes.append(code_of(error))

    assert codes == ["ScanNotFoundException"] * 2
    assert len(describe(embedded_aws, repository, digest)["imageScanFindings"]["findings"]) == 2


def test_an_image_is_scanned_once_a_day(embedded_aws: EmbeddedAws, repository: str) -> None:
    """The scan on push counts towards the quota of StartImageScan."""
    digest = embedded_aws.push(repository, "1", basic(1))

    with pytest.raises(ClientError) as error:
        embedded_aws.client("ecr").start_image_scan(
            repositoryName=repository, imageId={"imageDigest": digest}
        )

    assert code_of(error) == "LimitExceededException"


def test_start_image_scan_scans_an_image_that_was_not(
    embedded_aws: EmbeddedAws, repository: str, bus: Bus
) -> None:
    """Without scan on push nothing is known until somebody starts a scan."""
    ecr = embedded_aws.client("ecr")
    ecr.put_image_scanning_configuration(
        repositoryName=repository, imageScanningConfiguration={"scanOnPush": False}
    )
    digest = embedded_aws.push(repository, "1", basic(1))
    with pytest.raises(ClientError) as error:
        describe(embedded_aws, repository, digest)

    started = ecr.start_image_scan(repositoryName=repository, imageId={"imageTag": "1"})

    assert code_of(error) == "ScanNotFoundException"
    assert started["imageScanStatus"]["status"] == "IN_PROGRESS"
    assert len(describe(embedded_aws, repository, digest)["imageScanFindings"]["findings"]) == 1
    assert len(bus.events(1)) == 1


def test_start_image_scan_is_off_with_enhanced_scanning(
    embedded_aws: EmbeddedAws, repository: str
) -> None:
    """Inspector scans by itself."""
    digest = embedded_aws.push(repository, "1", enhanced(1))

    with pytest.raises(ClientError) as error:
        embedded_aws.client("ecr").start_image_scan(
            repositoryName=repository, imageId={"imageDigest": digest}
        )

    assert code_of(error) == "ValidationException"


def test_an_index_is_not_scanned(embedded_aws: EmbeddedAws, repository: str) -> None:
    """Pushing an index scans nothing, silently; asking for it is refused."""
    ecr = embedded_aws.client("ecr")
    ecr.put_image(
        repositoryName=repository, imageManifest="{}", imageManifestMediaType=INDEX, imageTag="all"
    )
    codes = []

    for call in (ecr.describe_image_scan_findings, ecr.start_image_scan):
        with pytest.raises(ClientError) as error:
            call(repositoryName=repository, imageId={"imageTag": "all"})
        codes.append(code_of(error))

    assert codes == ["ScanNotFoundException", "UnsupportedImageTypeException"]


def test_a_basic_scan_is_announced_by_ecr(
    embedded_aws: EmbeddedAws, repository: str, bus: Bus
) -> None:
    """Bare repository name, only the levels that occur, tags as a list."""
    digest = embedded_aws.push(repository, "1.4.2", basic(3, "MEDIUM"))

    (event,) = bus.events(1)

    assert (event["source"], event["detail-type"]) == ("aws.ecr", "ECR Image Scan")
    assert (event["account"], event["region"]) == (ACCOUNT, REGION)
    assert event["resources"] == [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}"]
    assert event["detail"] == {
        "scan-status": "COMPLETE",
        "repository-name": repository,
        "finding-severity-counts": {"MEDIUM": 3},
        "image-digest": digest,
        "image-tags": ["1.4.2"],
    }


def test_every_push_is_announced(embedded_aws: EmbeddedAws, pushes: Bus, repository: str) -> None:
    """Images, untagged ones, an index: without resources, with the tag if there is one."""
    image = embedded_aws.push(repository, None, basic(1))
    index = embedded_aws.push_index(repository, "1.4.2", {image: "linux/arm64/v8"})

    first, second = pushes.events(2)

    assert (first["source"], first["detail-type"]) == ("aws.ecr", "ECR Image Action")
    assert first["resources"] == []
    assert first["detail"] == {
        "action-type": "PUSH",
        "result": "SUCCESS",
        "repository-name": repository,
        "image-digest": image,
    }
    assert (second["detail"]["image-digest"], second["detail"]["image-tag"]) == (index, "1.4.2")


def test_an_index_says_what_is_in_it(embedded_aws: EmbeddedAws, repository: str) -> None:
    """BatchGetImage has its manifest; that of a plain image is not what was asked for."""
    ecr = embedded_aws.client("ecr")
    image = embedded_aws.push(repository, None)
    attestation = embedded_aws.push(repository, None, content="attestation")
    members = {image: "linux/arm64/v8", attestation: ATTESTATION}
    index = embedded_aws.push_index(repository, "1.4.2", members)
    source = EcrFindingSource(ecr)
    where = Image("aws", ACCOUNT, REGION, repository, index)

    found = source.index(where)

    assert found == ImageIndex(where, (Member(image, "linux/arm64/v8"),), (attestation,))
    assert source.index(replace(where, digest=image)) is None
    assert source.index(replace(where, digest=f"sha256:{'0' * 64}")) is None


def test_an_enhanced_scan_is_announced_by_inspector(
    embedded_aws: EmbeddedAws, repository: str, bus: Bus
) -> None:
    """The repository is an ARN; TOTAL holds the levels that are not listed, too."""
    document = enhanced(2)
    document["imageScanFindings"]["enhancedFindings"][0]["severity"] = "UNTRIAGED"
    embedded_aws.push(repository, "1", document)

    (event,) = bus.events(1)

    assert (event["source"], event["detail-type"]) == ("aws.inspector2", "Inspector2 Scan")
    assert event["detail"]["scan-status"] == "INITIAL_SCAN_COMPLETE"
    assert event["detail"]["repository-name"] == event["resources"][0]
    assert event["detail"]["finding-severity-counts"] == {
        "CRITICAL": 0,
        "HIGH": 1,
        "MEDIUM": 0,
        "TOTAL": 2,
    }


def test_a_failed_scan_of_an_untagged_image_is_announced(
    embedded_aws: EmbeddedAws, repository: str, bus: Bus
) -> None:
    """A failed scan has no counts; an untagged image has no tags."""
    embedded_aws.push(repository, None, recording("legacy-batch-2.0.0"))

    (event,) = bus.events(1)

    assert event["detail"]["scan-status"] == "FAILED"
    assert event["detail"]["image-tags"] == []
    assert "finding-severity-counts" not in event["detail"]


def test_an_event_can_get_lost_and_can_come_twice(
    embedded_aws: EmbeddedAws, repository: str, bus: Bus
) -> None:
    """The repeated event is the same one: same id, same time."""
    digest = embedded_aws.push(repository, "1", basic(1), announced=False)
    lost = bus.events(1)

    embedded_aws.repeat_event(repository, digest)
    embedded_aws.repeat_event(repository, digest)

    first, second = bus.events(2)
    assert lost == []
    assert first == second


def test_the_same_digest_scanned_again_finds_what_was_recorded_since(
    embedded_aws: EmbeddedAws, repository: str, bus: Bus
) -> None:
    """A re-scan is announced by a new, later event."""
    digest = embedded_aws.push(repository, "1", basic(1))
    embedded_aws.rescan(repository, digest, basic(4))

    first, second = bus.events(2)

    assert len(describe(embedded_aws, repository, digest)["imageScanFindings"]["findings"]) == 4
    assert first["id"] != second["id"]
    assert first["time"] < second["time"]


def test_one_more_tag_is_not_one_more_scan(
    embedded_aws: EmbeddedAws, repository: str, bus: Bus
) -> None:
    """Pushing a known image under a new tag announces nothing."""
    ecr = embedded_aws.client("ecr")
    embedded_aws.push(repository, "1", basic(1))
    image = {"repositoryName": repository, "imageIds": [{"imageTag": "1"}]}
    manifest = ecr.batch_get_image(**image)["images"][0]["imageManifest"]

    ecr.put_image(repositoryName=repository, imageManifest=manifest, imageTag="latest")

    assert len(bus.events(2)) == 1


def test_calls_are_counted(embedded_aws: EmbeddedAws, repository: str) -> None:
    """Each call stands with what was asked and answered, refusals too."""
    digest = embedded_aws.push(repository, "1", basic(1), not_found_calls=1)
    embedded_aws.forget_calls()
    with pytest.raises(ClientError):
        describe(embedded_aws, repository, digest, maxResults=1000)

    describe(embedded_aws, repository, digest, maxResults=1000)

    # A function that another test deployed may still ask about an image of its own.
    made = [call for call in embedded_aws.calls() if call["repository"] == repository]
    calls = [call for call in made if call["action"] == "DescribeImageScanFindings"]
    assert [call["answer"] for call in calls] == ["ScanNotFoundException", "ok"]
    assert [call["findings"] for call in calls] == [0, 1]
    assert {call["max_results"] for call in calls} == {1000}
    assert [call for call in made if call["action"] == "StartImageScan"] == []


def test_what_cannot_be_played_is_said(embedded_aws: EmbeddedAws, repository: str) -> None:
    """An event cannot be repeated before there was one, nor an image scanned that is not there."""
    digest = f"sha256:{2:064}"

    with pytest.raises(CloudError, match="was not scanned"):
        embedded_aws.repeat_event(repository, digest)
    with pytest.raises(CloudError, match="does not exist"):
        embedded_aws.rescan(repository, digest)


class TestDescribeImages:
    def test_images_come_in_pages(self, embedded_aws: EmbeddedAws, repository: str) -> None:
        """As many as asked for, and a token while there are more."""
        pushed = {embedded_aws.push(repository, f"1.{number}") for number in range(5)}
        paginator = embedded_aws.client("ecr").get_paginator("describe_images")

        pages = list(
            paginator.paginate(repositoryName=repository, PaginationConfig={"PageSize": 2})
        )

        assert [len(page["imageDetails"]) for page in pages] == [2, 2, 1]
        assert {each["imageDigest"] for page in pages for each in page["imageDetails"]} == pushed

    def test_what_the_manifest_says_is_described(
        self, embedded_aws: EmbeddedAws, repository: str
    ) -> None:
        """The kind of an image is that of its config, and a referrer names its subject."""
        client = embedded_aws.client("ecr")
        digest = embedded_aws.push(repository)
        referrer = {"artifactType": "text/sbom+json", "subject": {"digest": digest}}
        for manifest in (json.dumps(referrer), "not json"):
            client.put_image(
                repositoryName=repository,
                imageManifest=manifest,
                imageManifestMediaType="application/vnd.oci.image.manifest.v1+json",
            )

        details = client.describe_images(repositoryName=repository)["imageDetails"]

        assert [each.get("artifactMediaType") for each in details] == [
            "application/vnd.oci.image.config.v1+json",
            "text/sbom+json",
            None,
        ]
        assert [each.get("subjectManifestDigest") for each in details] == [None, digest, None]
        assert {each["imageStatus"] for each in details} == {"ACTIVE"}
        assert "imageTags" not in details[0]

    @pytest.mark.parametrize(
        ("request_", "said"),
        [({"maxResults": 1001}, "maxResults"), ({"nextToken": "no token"}, "nextToken")],
    )
    def test_requests_that_ecr_refuses_are_refused(
        self, embedded_aws: EmbeddedAws, repository: str, request_: dict[str, Any], said: str
    ) -> None:
        """A page too large, a token of somebody else."""
        client = embedded_aws.client("ecr")

        with pytest.raises(ClientError, match=said):
            client.describe_images(repositoryName=repository, **request_)
        with pytest.raises(ClientError, match="RepositoryNotFoundException"):
            client.describe_images(repositoryName=f"{repository}/nothing")

    def test_images_asked_for_by_name_come_at_once(
        self, embedded_aws: EmbeddedAws, repository: str
    ) -> None:
        """By digest, tag or both, without pages."""
        digest = embedded_aws.push(repository, "1.0")

        answer = embedded_aws.client("ecr").describe_images(
            repositoryName=repository, imageIds=[{"imageTag": "1.0"}]
        )

        assert [each["imageDigest"] for each in answer["imageDetails"]] == [digest]


def layer(aws: EmbeddedAws, repository: str, digest: str) -> Any:
    return aws.client("ecr").get_download_url_for_layer(
        repositoryName=repository, layerDigest=digest
    )


class TestLayers:
    def test_the_configuration_of_an_image_can_be_downloaded(
        self, embedded_aws: EmbeddedAws, repository: str
    ) -> None:
        """By the digest that its manifest names; labels stand in it, and calls are counted."""
        labels, said = {"a": "b"}, {"c": "d"}
        digest = embedded_aws.push(repository, "1.0", labels=labels, annotations=said)
        embedded_aws.forget_calls()
        (image,) = embedded_aws.client("ecr").batch_get_image(
            repositoryName=repository, imageIds=[{"imageDigest": digest}]
        )["images"]
        manifest = json.loads(image["imageManifest"])
        answer = layer(embedded_aws, repository, manifest["config"]["digest"])

        config = requests.get(answer["downloadUrl"], timeout=10)

        assert manifest["annotations"] == said
        assert config.json()["config"]["Labels"] == labels
        # An app on the same embedded AWS may call, too.
        calls = {(call["action"], call["answer"]) for call in embedded_aws.calls()}
        assert {("BatchGetImage", "ok"), ("GetDownloadUrlForLayer", "ok"), ("GET", "ok")} <= calls

    def test_an_unknown_layer_is_refused(self, embedded_aws: EmbeddedAws, repository: str) -> None:
        """As ECR does, and behind an address that nobody gave there is nothing."""
        with pytest.raises(ClientError) as refused:
            layer(embedded_aws, repository, f"sha256:{'0' * 64}")

        assert code_of(refused) == "LayersNotFoundException"
        assert requests.get(f"{embedded_aws.endpoint}/_layers/x", timeout=10).status_code == 404

    def test_a_layer_with_another_digest_is_refused(
        self, embedded_aws: EmbeddedAws, repository: str
    ) -> None:
        """What was uploaded is what its name says."""
        ecr = embedded_aws.client("ecr")
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]

        with pytest.raises(ClientError) as refused:
            ecr.complete_layer_upload(
                repositoryName=repository, uploadId=upload, layerDigests=[f"sha256:{'0' * 64}"]
            )

        assert code_of(refused) == "InvalidLayerException"

    def test_an_index_can_have_annotations(
        self, embedded_aws: EmbeddedAws, repository: str
    ) -> None:
        """They stand in its manifest."""
        member = embedded_aws.push(repository)
        digest = embedded_aws.push_index(repository, "1.0", {member: "linux/amd64"}, {"a": "b"})

        (image,) = embedded_aws.client("ecr").batch_get_image(
            repositoryName=repository, imageIds=[{"imageDigest": digest}]
        )["images"]

        assert json.loads(image["imageManifest"])["annotations"] == {"a": "b"}


def test_the_same_content_in_another_repository_has_the_same_findings(
    embedded_aws: EmbeddedAws, repository: str
) -> None:
    """A scanner looks at what an image contains; nothing need be recorded for the second one."""
    ecr = embedded_aws.client("ecr")
    digest = embedded_aws.push(repository, "1", basic(3))
    image = {"repositoryName": repository, "imageIds": [{"imageTag": "1"}]}
    manifest = ecr.batch_get_image(**image)["images"][0]["imageManifest"]
    other = f"{repository}-copy"
    ecr.create_repository(repositoryName=other, imageScanningConfiguration={"scanOnPush": True})

    ecr.put_image(repositoryName=other, imageManifest=manifest, imageTag="1")

    assert len(describe(embedded_aws, other, digest)["imageScanFindings"]["findings"]) == 3
