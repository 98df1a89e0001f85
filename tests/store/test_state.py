"""What contract tests cannot bring about: DynamoDB that answers in parts."""

from typing import Any

from lib.store.items import from_item
from lib.store.state import MAX_KEYS, DynamoStateStore
from tests.support.builders import an_image


class SlowDynamo:
    """Gets to a third of the keys at a time, and knows none of them."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def batch_get_item(self, **request: Any) -> Any:
        keys = request["RequestItems"]["table"]["Keys"]
        self.asked.append([from_item(each)["pk"] for each in keys])
        left = keys[len(keys) // 3 + 1 :]
        return {"Responses": {}, "UnprocessedKeys": {"table": {"Keys": left}} if left else {}}


def test_what_was_not_read_is_asked_for_again() -> None:
    """Until every key has been answered, and never more than the most at once."""
    dynamo = SlowDynamo()
    images = [an_image(number) for number in range(1, 151)]

    DynamoStateStore(dynamo, "table").images(images)  # type: ignore[arg-type]

    assert {key for keys in dynamo.asked for key in keys} == {
        f"IMAGE#{each.key}" for each in images
    }
    assert max(map(len, dynamo.asked)) == MAX_KEYS
    assert len(dynamo.asked[-1]) == 1
