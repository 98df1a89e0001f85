"""How the open vulnerabilities of a digest are fixed, and what the scanner leaves unsaid. Pure."""

from collections.abc import Iterator
from typing import Final

from lib.messages.digest_parts import image_name
from lib.models import Digest, Unknown

_IMAGES: Final = 2
"""Images that a remark names."""


def fixes(digest: Digest) -> tuple[str, ...]:
    """Return by what the vulnerabilities are fixed, in numbers that add up, and what is unknown."""
    if digest.fixable == digest.total:
        return ("it has a fix" if digest.total == 1 else "all have a fix", *_partial_data(digest))
    if digest.other_fixes is None:
        verb = "has" if digest.fixable == 1 else "have"
        number = f"{digest.fixable:,} of the {digest.total:,} {verb} a fix"
        return (number if digest.fixable else "", *_partial_data(digest))
    return (*_ways(digest), *_partial_data(digest))


def no_data(digest: Digest) -> str:
    """Return that the scanner says nothing at all about fixes or exploits."""
    kinds = [kind for kind, gap in _gaps(digest) if gap.number == digest.total]
    return f"No {' or '.join(kinds)} data from the scanner" if kinds else ""


def _ways(digest: Digest) -> Iterator[str]:
    """Yield of how many there is no fix; steps say the others."""
    hosts, described = digest.other_fixes or (0, 0)
    none = digest.total - digest.fixable - hosts - described - digest.unknown_fixes.number
    if none > 0:
        yield f"no fix yet for {'all' if none == digest.total else f'{none:,}'}"


def _partial_data(digest: Digest) -> tuple[str, ...]:
    """Return of how many, if not of all, the scanner says nothing about a fix or an exploit."""
    gaps = [(kind, gap) for kind, gap in _gaps(digest) if 0 < gap.number < digest.total]
    words = ", ".join(f"no {kind} data {_gap(gap, digest)}" for kind, gap in gaps)
    return (f"the scanner gave {words}" if words else "",)


def _gaps(digest: Digest) -> list[tuple[str, Unknown]]:
    """Return what a scanner does not say of some vulnerabilities; the same of both is one."""
    unknown_fixes, exploits = digest.unknown_fixes, digest.unknown_exploits
    gaps = [("fix", unknown_fixes), ("exploit", exploits)]
    if unknown_fixes == exploits:
        gaps = [("fix or exploit", unknown_fixes)]
    return [(kind, gap) for kind, gap in gaps if gap.number]


def _gap(gap: Unknown, digest: Digest) -> str:
    """Return "for the 13 in payments/api:1.4.2", or the number alone."""
    if 0 < len(gap.images) <= _IMAGES:
        names = " and ".join(map(image_name, gap.images))
        return f"for the {gap.number:,} in {names}"
    return f"for {gap.number:,} of {digest.total:,}"
