"""Versions that descriptions name where the scanner names no fix version. Pure."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from lib.core.upgrades import of_distribution, version_key
from lib.models import Finding
from lib.text import one_line

_VERSION: Final = re.compile(r"\d+(?:\.\d+)+")
_BEFORE: Final = re.compile(
    r"\b(?:before|prior to) (?:versions? )?v?(\d+(?:\.\d+)+)(?![\w.]*\d)", re.IGNORECASE
)
_FIXED: Final = re.compile(r"\b(?:included|fixed|patched) in ", re.IGNORECASE)
_HINTS: Final = ("before ", "prior to ", "included in ", "fixed in ", "patched in ")
"""What either pattern begins with. Plain words are looked up in a tenth of the time."""
_FIXED_IN: Final = (
    r"\b(?:included|fixed|patched) in ({product}) (?:versions? )?v?(\d+(?:\.\d+)+)(?![\w.]*\d)"
)
"""The sentence of a maintainer: "The fix will be included in TensorFlow 2.12.0"."""
_VARIANTS: Final = re.compile(
    r"-(?:gpu|cpu|rocm|intel|lite|slim|headless|contrib|binary|bin|nightly|cuda\d*)(?![^-])"
)
"""The ends of names of packages that hold the same product, built in another way."""


class NamedVersion(NamedTuple):
    """The version with a fix, as a description names it."""

    version: str
    product: str = ""
    """The description's name of the package, where that differs from the package's own."""

    @property
    def words(self) -> str:
        """The version in words: "1.8.0", "TensorFlow 2.12.0"."""
        return f"{self.product} {self.version}".lstrip()

    @classmethod
    def of_words(cls, words: str) -> "NamedVersion":
        """Return the version of `words`."""
        product, _, version = words.rpartition(" ")
        return cls(version, product)


def named_version(finding: Finding) -> NamedVersion | None:
    """
    Return the version with the fix that a description names in plain words.

    That is the highest one in which a fix of the product is "included", else the only version of
    the text, if it says "before" or "prior to" it. None for a package of the distribution, whose
    versions are others than those of its maker; for a description that does not name the package;
    and for a version that is installed already.
    """
    package, description = finding.package, finding.description or ""
    # The cheap questions first: an image can have ten thousand findings.
    if not finding.package.name or of_distribution(finding) or not _may_name_version(description):
        return None
    text = one_line(description)
    named = _fixed_in(package.name, text) or _before(package.name, text)
    if named is None or version_key(named.version) <= version_key(package.version or ""):
        return None
    return named


def _may_name_version(description: str) -> bool:
    lower = description.lower()
    if not any(map(lower.__contains__, _HINTS)):
        return False
    return bool(_BEFORE.search(description) or _FIXED.search(description))


def _fixed_in(package: str, text: str) -> NamedVersion | None:
    """
    Return the highest version in which a fix of the package's product is included.

    "tensorflow-gpu" is a TensorFlow; "python-multipart" is no Python.
    """
    product = _VARIANTS.sub("", package)
    places = re.findall(_FIXED_IN.format(product=re.escape(product)), text, re.IGNORECASE)
    if not places:
        return None
    name, version = max(places, key=lambda place: version_key(place[1]))
    return NamedVersion(version, "" if product == package else name)


def _before(package: str, text: str) -> NamedVersion | None:
    """Return the only version of a text that names a package, if the text says "before" it."""
    versions = {*_VERSION.findall(text)}
    name = rf"(?<![\w-]){re.escape(package)}(?![\w-])"
    if len(versions) != 1 or re.search(name, text, re.IGNORECASE) is None:
        return None
    (version,) = versions
    return NamedVersion(version) if versions == {*_BEFORE.findall(text)} else None


def described(findings: Iterable[Finding]) -> NamedVersion | None:
    """
    Return the lowest version that removes all findings of one package, by their descriptions.

    None where the scanner names a fix, or where the description of any of them names no version.
    """
    versions = {None if row.fixable else named_version(row) for row in findings}
    named = [version for version in versions if version is not None]
    if len(named) < len(versions):
        return None
    return max(named, key=lambda version: version_key(version.version), default=None)


def described_version(findings: Iterable[Finding]) -> str | None:
    """Return `described` in words."""
    named = described(findings)
    return named.words if named is not None else None
