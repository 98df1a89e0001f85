"""The texts that differ from scanner to scanner."""

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Final

from lib.models.immutable import immutable

NO_IMAGE: Final = "A signature, an attestation or an image index is never scanned: nothing to do."
UNUSED: Final = "If nobody uses the image, delete it."


@immutable(frozen=True, slots=True)
class Scanner:
    """
    One scanner: its advice about scans without a result, and about findings without a fix.

    A remedy may hold the fields of `lib.core.problems.commands`, and {source}.
    """

    product: str = ""
    """Its name in documents for other programs; empty: that of its source."""
    name: str = "The scanner"
    """Its name as the subject of a sentence."""
    vendor: str = "unknown"
    remedies: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What a person can do, by the status of a scan without a result."""
    remedy: str = "Ask {source} for the reason, then scan the image again."
    """The same for every other status."""
    names_fixes: bool = True
    """Whether it says which findings have a fix."""
    without_version: str = (
        "Look for newer versions of {packages}. The scanner names no fix version, which does not "
        "mean that there is none."
    )
    """What to say about packages that have no version to upgrade to."""
