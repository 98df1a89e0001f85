"""The index `due`, read so that no destination hides the others."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from lib.store.items import from_item, store_errors, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_EXCLUDED: Final = 100
"""
Maximum number of operands of IN.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""


def due_rows(
    client: "DynamoDBClient", table: str, *, shard: str, until: str, limit: int
) -> Iterator[Mapping[str, Any]]:
    """
    Yield the oldest rows of a shard, then those of destinations that are not among them.

    At most `limit` rows of a destination. If one has thousands of rows, the query goes on without
    them: DynamoDB filters about 5,000 rows in a call. Raises `StoreError`.
    """
    query: dict[str, Any] = {
        "TableName": table,
        "IndexName": "due",
        "KeyConditionExpression": "due_shard = :shard AND wake_at <= :until",
    }
    values = {":shard": shard, ":until": until}
    counts: Counter[str] = Counter()
    request = query | {"Limit": limit, "ExpressionAttributeValues": to_item(values)}
    while True:
        with store_errors("reading what is due"):
            answer = client.query(**request)
        for row in map(from_item, answer["Items"]):
            counts[row["destination"]] += 1
            if counts[row["destination"]] <= limit:
                yield row
        if "LastEvaluatedKey" not in answer:
            return
        request = query | {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        request |= _without([name for name, _ in counts.most_common(_EXCLUDED)], values)


def _without(destinations: Sequence[str], values: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of a query that leaves out some destinations."""
    names = {f":d{place}": name for place, name in enumerate(destinations)}
    request: dict[str, Any] = {"ExpressionAttributeValues": to_item({**values, **names})}
    if names:
        request["FilterExpression"] = f"NOT #destination IN ({', '.join(names)})"
        request["ExpressionAttributeNames"] = {"#destination": "destination"}
    return request
