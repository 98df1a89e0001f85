"""
Answers of AWS as plain JSON, read before botocore walks through its model of an operation.

botocore emits `before-parse` with the body of each answer, and adds `customized_response_dict` to
what it parses: https://github.com/boto/botocore/blob/develop/botocore/endpoint.py. A page of
findings costs botocore four to eight times as much as `json.loads`, and botocore drops each field
that its model lacks. Without the event all works, only slower.
"""

import json
from http import HTTPStatus
from typing import Any, Final, TypeVar

from lib.errors import SourceError

PLAIN: Final = frozenset({"DescribeImageScanFindings"})
"""
Operations whose answers are not parsed by botocore.

Times in them stay numbers, which `lib.normalizer.values.moment` reads.
"""

Client = TypeVar("Client")


def plain_answers(client: Client) -> Client:
    """
    Have a client refuse answers that are no JSON object, and leave large ones as they are.

    botocore takes a body that is cut, or a page of a proxy, for an answer without any field: an
    image would look as if nothing was found. Such an answer raises `SourceError` instead. For
    services of the JSON protocols only. Returns the client; a second time changes nothing.
    """
    meta: Any = client.meta  # type: ignore[attr-defined]  # all clients of boto3 have it
    service = meta.service_model.service_id.hyphenize()
    meta.events.register(f"before-parse.{service}", _read, unique_id=f"plain-answers-{service}")
    return client


def _read(
    *,
    operation_model: Any,
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    **_: Any,
) -> None:
    """Take the body of an answer over; errors stay botocore's."""
    if response_dict["status_code"] != HTTPStatus.OK:
        return
    try:
        answer = json.loads(response_dict["body"])
    except ValueError:
        answer = None
    operation = operation_model.name
    if not isinstance(answer, dict):
        raise SourceError(f"The answer of AWS to {operation} is not whole", reason="broken-answer")
    if operation in PLAIN:
        customized_response_dict.update(answer)
        response_dict["body"] = b"{}"
