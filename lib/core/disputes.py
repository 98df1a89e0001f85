"""Disputes about vulnerabilities, as descriptions mention them. Pure."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from lib.models import Finding

_VENDOR: Final = (
    r"\b(?:vendor|supplier|manufacturer|maintainer|developer|author|upstream)(?:s|'s|s')?\b"
)
_BY_VENDOR: Final = re.compile(
    rf"{_VENDOR}[^.]{{0,60}}\bdisputes?\b|\bdisputed by (?:the|its|their)? ?{_VENDOR}"
    rf"|{_VENDOR}[^.]{{0,80}}\b(?:is|was|are|does|do) not (?:considered )?(?:an?|constitute an?|"
    r"consider (?:this|it)(?: to be| as)? an?) (?:\w+ )?(?:issue|vulnerability|problem|bug|flaw)\b",
    re.IGNORECASE,
)
"""
A note of a CVE record: "NOTE: the vendor indicates that this is not a security issue".
Records of disputes: https://www.cve.org/ResourcesSupport/AllResources/CNARules
"""
_DISPUTED: Final = re.compile(r"\bdisput(?:ed?|es|ing)\b", re.IGNORECASE)


_HINTS: Final = ("isput", "ISPUT", "NOTE:")
"""A text without any of them mentions no dispute: an image can have ten thousand findings."""


class Dispute(StrEnum):
    """The side that disputes a vulnerability, in words."""

    VENDOR = "disputed by the vendor"
    SOMEBODY = "disputed"


def dispute_of(findings: Iterable[Finding]) -> Dispute | None:
    """Return who disputes a vulnerability, by its descriptions; None where none says so."""
    texts = [
        finding.description
        for finding in findings
        if finding.description and any(map(finding.description.__contains__, _HINTS))
    ]
    if not texts:
        return None
    if any(_BY_VENDOR.search(text) for text in texts):
        return Dispute.VENDOR
    return Dispute.SOMEBODY if any(_DISPUTED.search(text) for text in texts) else None
