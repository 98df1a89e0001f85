"""DynamoDB's wire format, and the mapping of its errors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from lib.errors import ConflictError, StoreError

Item = dict[str, Any]

_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"
_CONFLICTS: Final = ("ConditionalCheckFailedException", "TransactionConflictException")
_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_item(row: Mapping[str, Any]) -> Item:
    """Return a row in DynamoDB's format, without attributes that are None."""
    return {name: _serialize(value) for name, value in row.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as Python values. Numbers are `Decimal`."""
    return {name: _deserialize(value) for name, value in item.items()}


def to_time(moment: datetime) -> str:
    """Return a time as text of fixed width, whose text order is time order."""
    return moment.astimezone(UTC).strftime(_TIME)


def from_time(text: str) -> datetime:
    """Parse a time from `to_time`."""
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


@contextmanager
def store_errors(action: str) -> Iterator[None]:
    """Raise botocore's errors as `ConflictError` or `StoreError`. `action` begins the text."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
        lost = reasons & {"ConditionalCheckFailed", "TransactionConflict"}
        if code in _CONFLICTS or (code == "TransactionCanceledException" and lost):
            raise ConflictError(f"{action}: another invocation was faster") from error
        raise StoreError(f"{action}: {code}") from error
    except BotoCoreError as error:
        raise StoreError(f"{action}: {type(error).__name__}") from error
