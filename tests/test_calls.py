"""What one event costs: calls over botocore's own clients, as README states them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from benchmarks.core import IMAGE, NOW, SCAN, OfflinePipeline
from benchmarks.offline import ecr_answers
from lib.models import PushEvent, ScanEvent

STORED = {"s3:PutObject": 1, "dynamodb:TransactWriteItems": 1, "sqs:SendMessageBatch": 1}


def scanned(number: int, minutes: int = 1) -> ScanEvent:
    """Return the scan of an untagged image."""
    image = replace(IMAGE, digest=f"sha256:{number:064x}", tags=())
    return ScanEvent(f"event-{number}", NOW + timedelta(minutes=minutes), image, SCAN)


@pytest.fixture
def pipeline() -> OfflinePipeline:
    return OfflinePipeline(ecr_answers(basic=20, platforms=2), NOW + timedelta(minutes=5))


def pushed(pipeline: OfflinePipeline, **fields: Any) -> dict[str, int]:
    event = replace(PushEvent("push", NOW, IMAGE), **fields)
    return pipeline.calls_of(lambda: pipeline.scans.pushed(event, {}))


def processed(pipeline: OfflinePipeline, event: ScanEvent) -> dict[str, int]:
    return pipeline.calls_of(lambda: pipeline.scans.process(event, {}))


def test_an_ordinary_image_takes_two_reads(pipeline: OfflinePipeline) -> None:
    """Whether it is part of an index is read together with its state."""
    event = replace(scanned(2), image=replace(IMAGE, digest=f"sha256:{2:064x}"))

    first = processed(pipeline, event)
    again = processed(pipeline, event)

    assert first == {
        "ecr:DescribeImageScanFindings": 1,
        "ecr:DescribeImages": 1,
        "dynamodb:Query": 1,
        "dynamodb:GetItem": 1,
        **STORED,
    }
    assert again == {"dynamodb:Query": 1}


def test_a_plain_push_takes_one_call_at_most(pipeline: OfflinePipeline) -> None:
    """It is asked what it is, unless the event says so."""
    plain = replace(IMAGE, digest=f"sha256:{2:064x}")

    assert pushed(pipeline, image=plain) == {"ecr:BatchGetImage": 1}
    assert pushed(pipeline, image=plain, index=False) == {}


def test_an_index_takes_a_write_for_each_part(pipeline: OfflinePipeline) -> None:
    """Two platforms and an attestation; then each scan of a part asks for all of them."""
    push = pushed(pipeline)
    attestation = processed(pipeline, scanned(13))
    rescan = processed(pipeline, scanned(11))

    fetched = {
        "ecr:BatchGetImage": 1,
        "ecr:DescribeImages": 1,
        "ecr:DescribeImageScanFindings": 2,
    }
    assert push == {**fetched, "dynamodb:PutItem": 3, "dynamodb:GetItem": 2, **STORED}
    assert attestation == {"dynamodb:Query": 1}
    assert rescan == {
        **fetched,
        "dynamodb:Query": 1,
        "dynamodb:GetItem": 2,
        "s3:GetObject": 1,
        "s3:PutObject": 1,
        "dynamodb:TransactWriteItems": 1,
    }
