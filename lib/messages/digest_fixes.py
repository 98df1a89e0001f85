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
    is_unknown = digest.unknown_fixes.number == digest.total
    numbers = "" if is_unknown else f"Fixes: {', '.join(_ways(digest))}"
    return (numbers, *_partial_data(digest, without_fixes=True))


def no_data(digest: Digest) -> str:
    """Return that the scanner says nothing at all about fixes or exploits."""
    kinds = [kind for kind, gap in _gaps(digest) if gap.number == digest.total]
    return f"No {' or '.join(kinds)} data from the scanner" if kinds else ""


def _ways(digest: Digest) -> Iterator[str]:
    """Yield "1 by an upgrade", "2 on the hosts (kernel)", "none yet for 3"; all add up."""
    upgrades = digest.fixable
    hosts, described = digest.other_fixes or (0, 0)
    unknown = digest.unknown_fixes
    if upgrades:
        yield f"{upgrades:,} by {'an upgrade' if upgrades == 1 else 'upgrades'}"
    if hosts:
        yield f"{hosts:,} on the hosts (kernel)"
    if described:
        texts = "the CVE text" if described == 1 else "the CVE texts"
        if described == digest.total:
            number = f" for all {described:,}" if described > 1 else ""
            yield f"named{number} in {texts}, not by the scanner"
        else:
            yield f"{described:,} named only in {texts}"
    none = digest.total - upgrades - hosts - described - unknown.number
    if none > 0:
        yield f"none yet for {'all' if none == digest.total else f'{none:,}'}"
    if unknown.number:
        is_same = unknown == digest.unknown_exploits
        data = "no fix or exploit data" if is_same else "no data"
        yield f"unknown {_gap(unknown, digest)} ({data} from the scanner)"


def _partial_data(digest: Digest, *, without_fixes: bool = False) -> tuple[str, ...]:
    """Return of how many, if not of all, the scanner says nothing about a fix or an exploit."""
    gaps = [(kind, gap) for kind, gap in _gaps(digest) if 0 < gap.number < digest.total]
    if without_fixes:
        gaps = [(kind, gap) for kind, gap in gaps if kind == "exploit"]
    return (", ".join(f"no {kind} data {_gap(gap, digest)}" for kind, gap in gaps),)


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
