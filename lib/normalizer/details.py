"""
Details of findings that Inspector returns by a call of its own, joined to the findings. Pure.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_BatchGetFindingDetails.html
"""

from collections.abc import Mapping
from typing import Any

from lib.normalizer.values import mapping

FindingDetails = Mapping[str, Any]
"""An entry of the answer, in camelCase: CISA's dates, EPSS, risk, when an exploit was seen."""


def with_details(row: Mapping[str, Any], details: FindingDetails) -> Mapping[str, Any]:
    """
    Return a row of ListFindings with the details of the same finding.

    What the row says itself stays. An exploit that was seen, or that CISA lists as used, is known.
    """
    seen = mapping(details.get("exploitObserved")).get("lastSeen")
    listed = mapping(details.get("cisaData"))
    joined: dict[str, Any] = {
        key: value
        for key, value in details.items()
        if key not in ("findingArn", "epssScore", "exploitObserved", "referenceUrls")
    }
    joined |= row
    if details.get("epssScore") is not None:
        joined.setdefault("epss", {"score": details["epssScore"]})
    if seen is not None:
        joined.setdefault("exploitabilityDetails", {"lastKnownExploitAt": seen})
    if seen is not None or listed:
        joined["exploitAvailable"] = "YES"
    return joined
