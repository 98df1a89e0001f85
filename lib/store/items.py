"""DynamoDB's wire format, and how failures of a call become our errors."""

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
    """Return a row as DynamoDB wants it; attributes that are None are left out."""
    return {name: _serialize(value) for name, value in row.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as plain Python values; numbers are `Decimal`."""
    return {name: _deserialize(value) for name, value in item.items()}


def to_time(moment: datetime) -> str:
    """Return a time as text of fixed width, so that text order is time order."""
    return moment.astimezone(UTC).strftime(_TIME)


def from_time(text: str) -> datetime:
    """Read what `to_time` wrote."""
    return datetime.strptime(text, _TIME).replace(tzinfo=UTC)


@contextmanager
def store_errors(what: str) -> Iterator[None]:
    """Turn botocore's errors into `ConflictError` or `StoreError`, naming what was attempted."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        reasons = {each.get("Code") for each in error.response.get("CancellationReasons", ())}
        lost = reasons & {"ConditionalCheckFailed", "TransactionConflict"}
        if code in _CONFLICTS or (code == "TransactionCanceledException" and lost):
            raise ConflictError(f"{what}: somebody else was faster") from error
        raise StoreError(f"{what}: {code}") from error
    except BotoCoreError as error:
        raise StoreError(f"{what}: {type(error).__name__}") from error
