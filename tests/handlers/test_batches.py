"""Batches: which records come back to their queue."""

from typing import Any

import pytest

from handlers.batches import BatchAnswer, QueueRecord, process_each, records_of


def record(message: str, *, group: str | None = None) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "2"} | ({"MessageGroupId": group} if group else {})
    return {
        "messageId": message,
        "body": f"body of {message}",
        "receiptHandle": f"receipt of {message}",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:queue",
        "attributes": attributes,
    }


def process(
    *records: dict[str, Any], broken: frozenset[str], in_order: bool = False
) -> tuple[BatchAnswer, list[str]]:
    """Return the answer to a batch in which some records fail, and what was processed."""
    processed = []

    def work(queued: QueueRecord) -> None:
        processed.append(queued.message_id)
        if queued.message_id in broken:
            raise ValueError(queued.message_id)

    return process_each({"Records": list(records)}, work, in_order=in_order), processed


def test_a_record_has_what_its_message_says() -> None:
    """As Lambda passes it on."""
    read = records_of({"Records": [record("m-1", group="slack"), record("m-2")]})

    assert read[0] == QueueRecord(
        message_id="m-1",
        body="body of m-1",
        receipt_handle="receipt of m-1",
        event_source_arn="arn:aws:sqs:eu-central-1:123456789012:queue",
        receives=2,
        group="slack",
    )
    assert read[1].group is None


@pytest.mark.parametrize(
    ("broken", "back"),
    [(set(), []), ({"2"}, ["2"]), ({"1", "2", "3"}, ["1", "2", "3"])],
    ids=["none", "one", "all"],
)
def test_only_records_that_fail_come_back(broken: set[str], back: list[str]) -> None:
    """The others are processed and deleted; a batch that fails as a whole raises nothing."""
    answer, processed = process(*map(record, "123"), broken=frozenset(broken))

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == back
    assert processed == ["1", "2", "3"]


def test_later_records_of_a_failed_group_come_back_unprocessed() -> None:
    """The order of a group is kept, and other groups go on."""
    records = [
        record("1", group="jira"),
        record("2", group="slack"),
        record("3", group="jira"),
        record("4", group="slack"),
    ]

    answer, processed = process(*records, broken=frozenset({"1"}), in_order=True)

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["1", "3"]
    assert processed == ["1", "2", "4"]


def test_an_empty_batch_is_answered() -> None:
    """No record comes back."""
    assert process(broken=frozenset())[0] == {"batchItemFailures": []}
