"""
Basic scanning of Amazon ECR.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
"""

from types import MappingProxyType
from typing import Final

from lib.core.scanners.scanner import (
    ABSENT,
    FIND_SYSTEM,
    NO_IMAGE,
    UNUSED,
    Scanner,
)

_SUPPORTED: Final = "Inspector's list"
_TURN_ON: Final = "turn on enhanced scanning"
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
_ENHANCED: Final = (
    f"{UNUSED}\n"
    f"{FIND_SYSTEM}\n"
    f"If {_SUPPORTED} has that system, {_TURN_ON} (for the whole registry, billed per image). "
    "If not, rebuild the image on a base that it has."
)
_PAGES: Final = (
    (
        _SUPPORTED,
        "https://docs.aws.amazon.com/inspector/latest/user/supported.html",
    ),
    (
        _TURN_ON,
        "https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-enabling.html",
    ),
)
_INSPECT: Final = "Look at what AWS says: `{describe}`"

ECR_BASIC: Final = Scanner(
    product="Amazon ECR",
    name="ECR basic scanning",
    vendor="AWS",
    remedies=MappingProxyType({
        "FAILED": f"{_INSPECT}. If its operating system is supported, scan it again "
        "(once in 24 h per image): `{start}`",
        "UNSUPPORTED_SYSTEM": _ENHANCED,
        "UNSUPPORTED_MANIFEST": NO_IMAGE,
        "UNSUPPORTED_IMAGE": f"{_ENHANCED}\n{NO_IMAGE}",
        "SCAN_ELIGIBILITY_EXPIRED": "Push the image again if it is still used, else delete it.",
        "FINDINGS_UNAVAILABLE": "Scan it again (once in 24 h per image): `{start}`",
        "LIMIT_EXCEEDED": "Wait 24 hours, then scan it again: `{start}`",
        "IMAGE_NOT_FOUND": ABSENT,
        "IMAGE_ARCHIVED": "Restore it if it is still used: `{restore}`",
        "IMAGE_SIZE_EXCEEDED": "Make it smaller: a multi-stage build, fewer and smaller layers.",
        "PENDING": f"{_INSPECT}. If it stays like this, scan it again: `{{start}}`",
        "SCAN_NOT_FOUND": "Turn on scan on push for its repository "
        "(`aws ecr get-registry-scanning-configuration --region {region}` shows the rules), "
        "then: `{start}`",
    }),
    remedy=_INSPECT,
    names_fixes=False,
    knows_exploits=False,
    pages=MappingProxyType({"UNSUPPORTED_SYSTEM": _PAGES, "UNSUPPORTED_IMAGE": _PAGES}),
    gaps="{name} gives {missing}; enhanced scanning (Amazon Inspector) often has {them}.",
)  # fmt: skip
