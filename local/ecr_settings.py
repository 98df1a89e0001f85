"""
ECR's settings, as far as the embedded AWS lacks them, and what CloudTrail tells about changes.

The scanning configuration of the registry, the tags that are excluded from immutability, and an
event for every call that changes a setting. Nothing here knows the embedded AWS.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from local.ecr_scanning import Event, Place, Refusal

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
_FREQUENCIES: Final = {"BASIC": ("SCAN_ON_PUSH",), "ENHANCED": ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")}

Json = Any


@dataclass(slots=True)
class EcrSettings:
    """The settings of all registries."""

    scanning: dict[tuple[str, str], Json] = field(default_factory=dict)
    exclusions: dict[Place, Json] = field(default_factory=dict)

    def scanning_of(self, place: Place) -> Json:
        """Return the scanning configuration of a registry; basic without rules by default."""
        default = {"scanType": "BASIC", "rules": []}
        return self.scanning.get((place.account, place.region), default)

    def configure(self, place: Place, request: Mapping[str, Json]) -> Json:
        """Change it, as PutRegistryScanningConfiguration does. Raises `Refusal`."""
        before = self.scanning_of(place)
        kind = request.get("scanType", before["scanType"])
        rules = request.get("rules", before["rules"])
        if any(each["scanFrequency"] not in _FREQUENCIES[kind] for each in rules):
            raise Refusal(
                "InvalidParameterException", f"Invalid scan frequency for scan type '{kind}'"
            )
        self.scanning[place.account, place.region] = {"scanType": kind, "rules": rules}
        return self.scanning_of(place)

    def scans_on_push(self, place: Place, *, own: bool) -> bool:
        """Tell whether what is pushed is scanned; `own`: the repository's own setting."""
        configuration = self.scanning_of(place)
        if configuration["scanType"] == "BASIC" and not configuration["rules"]:
            return own
        filters = [
            each["filter"] for rule in configuration["rules"] for each in rule["repositoryFilters"]
        ]
        return any(
            fnmatchcase(place.repository, each if "*" in each else f"*{each}*") for each in filters
        )

    def exclude(self, place: Place, request: Mapping[str, Json]) -> None:
        """Remember which tags are excluded, as said with the mutability of all others."""
        self.exclusions[place] = request.get("imageTagMutabilityExclusionFilters", [])

    def described(self, place: Place, repository: Mapping[str, Json]) -> Json:
        """Return what DescribeRepositories says about a repository."""
        filters = self.exclusions.get(place)
        more = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
        return {**repository, **more}


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
