"""The calls of AWS that each cause of a sync makes, counted through the real handlers."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import pytest

from benchmarks.syncs import ACCOUNT, MANY_DESTINATIONS, REGION, Cost, Program
from cli.simulation.story import ImageName
from lib.models import StreamId
from lib.notifiers import NOTIFIERS
from local.aws.process import EmbeddedAws

STREAM: Final = StreamId(f"{ACCOUNT}/{REGION}/payments/api")
FETCHED: Final = {"DescribeImageScanFindings": 1, "DescribeImages": 1}
"""From ECR: a page of findings, and what the image is."""
READ: Final = {"Query": 2, "BatchGetItem": 1}
"""The image with its streams; then a sync: the stream with its views, and the stream's images."""

MESSAGE: Final = {
    "BatchGetItem": 2,
    "UpdateItem": 2,
    "TransactWriteItems": 1,
    "PutObject": 1,
    "Publish": 1,
}
"""Two reads: row with pause, stream with view. Three writes: claim, pinned message, receipt."""


@pytest.fixture
def program(embedded_aws: EmbeddedAws) -> Program:
    return a_program(embedded_aws, 1)


def a_program(
    aws: EmbeddedAws,
    destinations: int,
    receivers: Sequence[str] = ("sns",),
    streams: Sequence[str] = ("prod-*",),
) -> Program:
    """Return a program whose process is warm: it has recorded which rules are in force."""
    program = Program(aws, destinations, receivers=receivers, streams=streams)
    program.pushed(program.push("other", "other", "1.0"), "1.0")
    return program


def first(program: Program) -> Cost:
    """Return the cost of the first scan of an image that was pushed."""
    image = program.push("payments/api", "one", "1.0", "CVE-1", "CVE-2")
    program.pushed(image, "1.0")
    return program.calls_of(lambda: program.scanned(image))


def calls(**counts: int) -> Counter[str]:
    return Counter(counts)


def units(cost: Cost) -> tuple[int, int]:
    """Return the units of the table that are read and written."""
    return cost.units["read"], cost.units["written"]


def test_the_first_scan_of_a_pushed_image(program: Program) -> None:
    """Report, state and copy are stored; the record is one row, all else one transaction."""
    cost = first(program)

    assert cost.calls == calls(
        **FETCHED,
        **READ,
        PutItem=1,
        TransactWriteItems=1,
        PutObject=3,
        SendMessageBatch=1,
    )
    assert units(cost) == (3, 12)


def test_an_image_that_nobody_announced(program: Program) -> None:
    """Its tag makes a stream; whether it is an index is asked once."""
    image = program.push("payments/api", "one", "1.0", "CVE-1")

    cost = program.calls_of(lambda: program.scanned(image))

    assert cost.calls == calls(
        **FETCHED,
        BatchGetImage=1,
        **READ,
        TransactWriteItems=2,
        PutObject=3,
        SendMessageBatch=1,
    )


def test_a_push_without_its_scan(program: Program) -> None:
    """ECR is not asked. Image and stream are stored; there is no copy of what has no image."""
    image = program.push("payments/api", "one", "1.0", "CVE-1")

    cost = program.calls_of(lambda: program.pushed(image, "1.0"))

    assert cost.calls == calls(**READ, TransactWriteItems=2, PutObject=1, DeleteObject=1)


def test_a_notification(program: Program) -> None:
    """Claimed, compared, pinned, sent and recorded: three reads, three writes."""
    first(program)

    cost = program.calls_of(program.deliver)

    assert cost.calls == calls(
        **MESSAGE,
        Query=1,  # a new image, whose tags may be in several streams
    )
    assert units(cost) == (4, 8)


def test_a_notification_where_a_repository_is_one_stream(embedded_aws: EmbeddedAws) -> None:
    """A new image is not looked up in other streams."""
    program = a_program(embedded_aws, 1, streams=())
    first(program)

    cost = program.calls_of(program.deliver)

    assert cost.calls == calls(**MESSAGE)
    assert units(cost) == (3, 8)


def test_a_second_notification(program: Program) -> None:
    """The image is the one that the last message spoke of: no other stream is asked."""
    first(program)
    program.deliver()
    image = program.registry.image(ImageName("one", "payments/api"))
    program.list(image, "CVE-1", "CVE-2", "CVE-3")
    program.scanned(image)

    cost = program.calls_of(program.deliver)

    assert cost.calls == calls(**MESSAGE)


def test_a_scan_again_with_the_same_result(program: Program) -> None:
    """One row is written, and no object is read or written."""
    first(program)
    program.deliver()
    image = program.registry.image(ImageName("one", "payments/api"))

    cost = program.calls_of(lambda: program.scanned(image))

    assert cost.calls == calls(**FETCHED, **READ, PutItem=1)
    assert units(cost) == (3, 2)


def test_a_scan_again_with_one_new_vulnerability(program: Program) -> None:
    """As the first one, but for the tag, which is there."""
    first(program)
    program.deliver()
    image = program.registry.image(ImageName("one", "payments/api"))
    program.list(image, "CVE-1", "CVE-2", "CVE-3")

    cost = program.calls_of(lambda: program.scanned(image))

    assert cost.calls == calls(
        **FETCHED, **READ, PutItem=1, TransactWriteItems=1, PutObject=3, SendMessageBatch=1
    )
    assert units(cost) == (3, 11)


def test_a_promotion_by_tag(program: Program) -> None:
    """ECR is not asked: everything is stored."""
    first(program)
    program.deliver()
    image = program.registry.image(ImageName("one", "payments/api"))
    program.registry.tag(image, "prod-1")

    cost = program.calls_of(lambda: program.pushed(image, "prod-1"))

    assert cost.calls == calls(
        Query=3, BatchGetItem=2, TransactWriteItems=1, PutObject=2, SendMessageBatch=1
    )


def test_a_sync_without_a_difference(program: Program) -> None:
    """It reads rows, and nothing else."""
    first(program)
    program.deliver()

    cost = program.calls_of(lambda: program.sync("rules", [STREAM]))

    assert cost.calls == calls(Query=1, BatchGetItem=1)
    assert units(cost) == (2, 0)


def test_a_hundred_destinations_of_all_receivers(embedded_aws: EmbeddedAws) -> None:
    """
    Views are written by 25 a transaction, wake-ups sent by ten a batch; all else is the same.

    The twenty of PagerDuty are not woken: a first scan opens no incident.
    """
    cost = first(a_program(embedded_aws, MANY_DESTINATIONS, tuple(NOTIFIERS)))

    assert cost.calls == calls(
        **FETCHED,
        **READ,
        PutItem=1,
        TransactWriteItems=4,
        PutObject=3,
        SendMessageBatch=8,
    )
    assert units(cost) == (3, 453)
