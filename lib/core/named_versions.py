"""Versions that descriptions name where the scanner names no fix version. Pure."""

import re
from collections.abc import Iterable
from typing import Final

from lib.core.upgrades import of_distribution, version_key
from lib.models import Finding
from lib.text import one_line

_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")
_BEFORE: Final = re.compile(
    r"\b(?:before|prior to) (?:versions? )?v?(\d+(?:\.\d+)+)(?![\w.]*\d)", re.IGNORECASE
)


def named_version(finding: Finding) -> str | None:
    """
    Return the only version that a description names, if it says "before" or "prior to" it.

    None for a package of the distribution, whose versions are others than those of its maker; for
    a description that does not name the package; and for a version that is installed already.
    """
    package, description = finding.package, finding.description or ""
    # The cheap questions first: an image can have ten thousand findings.
    if of_distribution(finding) or not _BEFORE.search(description):
        return None
    text = one_line(description)
    versions = {*_VERSION.findall(text)}
    if package.name.lower() not in text.lower() or len(versions) != 1:
        return None
    if versions != {*_BEFORE.findall(text)}:
        return None
    (version,) = versions
    is_newer = version_key(version) > version_key(package.version or "")
    return version if is_newer else None


def described_version(findings: Iterable[Finding]) -> str | None:
    """
    Return the lowest version that removes all findings of one package, by their descriptions.

    None where the scanner names a fix, or where the description of any of them names no version.
    """
    versions = {None if row.fixable else named_version(row) for row in findings}
    if None in versions:
        return None
    return max(filter(None, versions), key=version_key, default=None)
