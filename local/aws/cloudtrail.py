"""
Events of CloudTrail about changes of ECR. Independent of ministack.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from local.aws.ecr_scanning import Event, Place

CHANGES: Final = frozenset(
    {
        "CreatePullThroughCacheRule",
        "CreateRepository",
        "CreateRepositoryCreationTemplate",
        "DeleteLifecyclePolicy",
        "DeletePullThroughCacheRule",
        "DeleteRepositoryCreationTemplate",
        "PutImageScanningConfiguration",
        "PutImageTagMutability",
        "PutLifecyclePolicy",
        "PutRegistryScanningConfiguration",
        "UpdatePullThroughCacheRule",
        "UpdateRepositoryCreationTemplate",
    }
)
"""API calls that have an event here."""

Json = Any


def api_call(
    action: str, place: Place, request: Mapping[str, Json], time: int, *, error: str | None = None
) -> Event:
    """Return CloudTrail's event about a call. `error` is the error code of a refused call."""
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
