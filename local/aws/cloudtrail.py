"""
What CloudTrail tells EventBridge about changes at ECR. Nothing here knows the embedded AWS.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from local.aws.ecr_scanning import Event, Place

CHANGES: Final = frozenset(
    {
        "CreateRepository",
        "DeleteLifecyclePolicy",
        "PutImageScanningConfiguration",
        "PutImageTagMutability",
        "PutLifecyclePolicy",
        "PutRegistryScanningConfiguration",
    }
)
"""Calls that CloudTrail tells of here."""

Json = Any


def api_call(
    action: str, place: Place, request: Mapping[str, Json], time: int, *, error: str | None = None
) -> Event:
    """Return what EventBridge hears of a call from CloudTrail; `error`: the code of its refusal."""
    failed = {} if error is None else {"errorCode": error, "errorMessage": error}
    return Event(
        id=str(uuid.uuid4()),
        time=time,
        place=place,
        source="aws.ecr",
        detail_type="AWS API Call via CloudTrail",
        detail={
            "eventVersion": "1.11",
            "userIdentity": {"type": "Root", "accountId": place.account},
            "eventSource": "ecr.amazonaws.com",
            "eventName": action,
            "awsRegion": place.region,
            "requestParameters": dict(request),
            "responseElements": None,
            "eventType": "AwsApiCall",
            "readOnly": False,
            "managementEvent": True,
            **failed,
        },
    )
