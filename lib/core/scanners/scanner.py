"""The texts that differ from scanner to scanner."""

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Final

from lib.models.immutable import immutable

NO_IMAGE: Final = "A signature, an attestation or an image index is never scanned: nothing to do."
SUPPORTED: Final = "Systems that Inspector supports"
"""The name of the page that a remedy names."""
FIND_SYSTEM: Final = (
    "Otherwise find out which operating system it has: `docker run --rm --entrypoint cat {address} "
    "/etc/os-release` (log in to the registry first; if it fails, see FROM in the Dockerfile)."
)
UNUSED: Final = "If nobody uses the image, delete it."
ABSENT: Final = (
    "If the image is used, push it, or pull it through the cache; else push an index without it."
)


@immutable(frozen=True, slots=True)
class Scanner:
    """
    One scanner: its advice about scans without a result, and about findings without a fix.

    A remedy may hold the fields of `lib.core.problems.commands`, and {source}. Each of its lines is
    a step.
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
    knows_exploits: bool = True
    """Whether it has data about exploits."""
    pages: Mapping[str, tuple[tuple[str, str], ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Pages to read about a remedy, by the same status: label and address."""
    gaps: str = "{name} gave {missing}."
    """What to say about findings without fix versions or data about exploits."""
