"""
Amazon Inspector: enhanced scanning of ECR, and Inspector's own API.

https://docs.aws.amazon.com/inspector/latest/user/scanning-ecr.html
"""

from types import MappingProxyType
from typing import Final

from lib.core.scanners.scanner import (
    ABSENT,
    FIND_SYSTEM,
    NO_IMAGE,
    SUPPORTED,
    UNUSED,
    Scanner,
)

_REBUILD: Final = f"{UNUSED}\n{FIND_SYSTEM}\nRebuild it on one of the {SUPPORTED}."
_PAGES: Final = (
    (
        SUPPORTED,
        "https://docs.aws.amazon.com/inspector/latest/user/supported.html",
    ),
)
_COVERAGE: Final = "Ask Inspector why: `{coverage}`"

INSPECTOR: Final = Scanner(
    product="Amazon Inspector",
    name="Amazon Inspector",
    vendor="AWS",
    remedies=MappingProxyType({
        "FAILED": f"{_COVERAGE}. Then push the image again.",
        "UNSUPPORTED_SYSTEM": _REBUILD,
        "UNSUPPORTED_MANIFEST": NO_IMAGE,
        "UNSUPPORTED_IMAGE": f"{_REBUILD}\n{NO_IMAGE}",
        "SCAN_ELIGIBILITY_EXPIRED": "If it is still used, push it again or lengthen the duration: "
        "`aws inspector2 update-configuration --region {region} "
        "--ecr-configuration rescanDuration=LIFETIME`",
        "FINDINGS_UNAVAILABLE": f"Push the image again. {_COVERAGE}",
        "LIMIT_EXCEEDED": "Wait 24 hours, then push the image again.",
        "IMAGE_NOT_FOUND": ABSENT,
        "IMAGE_ARCHIVED": "Restore it if it is still used: `{restore}`",
        "IMAGE_SIZE_EXCEEDED": "Make it smaller: a multi-stage build, fewer and smaller layers.",
        "PENDING": _COVERAGE,
        "SCAN_NOT_FOUND": f"Check that the repository is part of enhanced scanning. {_COVERAGE}",
    }),
    remedy="Look at what AWS says: `{describe}`",
    pages=MappingProxyType({"UNSUPPORTED_SYSTEM": _PAGES, "UNSUPPORTED_IMAGE": _PAGES}),
)  # fmt: skip
