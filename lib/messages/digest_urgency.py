"""The urgency of what a digest counts, in the words of alerts. Pure."""

from collections import Counter
from dataclasses import replace
from typing import Final

from lib.core.upgrades import is_kernel
from lib.messages.levels import HIGH, LOW, MEDIUM, Urgency
from lib.messages.phrases import NAME, PUBLIC_EXPLOIT, counts_text, listed
from lib.messages.urgency import CHECK_HOSTS, ONCE_PATCHED, TODAY, UNPATCHED
from lib.models import Digest, Severity
from lib.text import counted, short

_NAMED: Final = 2
"""Repositories that are named."""


def urgency_of(digest: Digest) -> Urgency | None:
    """
    Return how soon somebody should look; None where nothing is open, and all is scanned.

    A digest does not say which ones have an exploit: with HIGH ones, any counts.
    """
    worst = max(digest.counts, default=None)
    waiting = _waiting(digest)
    if worst is None or worst is Severity.UNKNOWN:
        reason = waiting or ("no severity given" if worst is not None else "")
        return Urgency(MEDIUM, reason, waits=True) if reason else None
    number = f"{counts_text({worst: digest.counts[worst]})}{_disputed(digest, worst)}"
    if worst < Severity.HIGH:
        highest = f"highest severity {worst.name}"
        if waiting:
            return Urgency(MEDIUM, f"{waiting}; {highest}", waits=True)
        return Urgency(LOW, highest)
    if worst is Severity.HIGH and not digest.exploitable:
        return Urgency(MEDIUM, number)
    reason = f"{number}; {PUBLIC_EXPLOIT}" if digest.exploitable else number
    if _is_of_hosts(digest, worst):
        return _until_patched(reason, digest)
    return Urgency(HIGH, reason)


def _waiting(digest: Digest) -> str:
    """Return how many images have no result; empty for none."""
    unscanned = len(digest.without_result)
    return f"{counted(unscanned, 'image')} not scanned" if unscanned else ""


def _until_patched(reason: str, digest: Digest) -> Urgency:
    """Return that the hosts decide, unless what remains is as urgent."""
    rest = urgency_of(_without_kernels(digest))
    if rest is not None and rest.level == HIGH:
        return Urgency(HIGH, reason)
    otherwise, once = LOW, ONCE_PATCHED
    if rest is not None and rest.level == MEDIUM:
        why = (_waiting(digest) if rest.waits else "") or rest.reason
        otherwise, once = f"{MEDIUM} ({why})", ""
    check = CHECK_HOSTS.format(of=_of_images(digest), today=TODAY)
    return Urgency(HIGH, reason, UNPATCHED, otherwise=otherwise, check=check, once=once)


def _of_images(digest: Digest) -> str:
    """Return " of web/storefront": the repositories of the images with a kernel, where few."""
    kernels = [one for one in digest.packages if is_kernel(one.package) and not one.others]
    names = dict.fromkeys(
        short(image.repository, NAME) for package in kernels for image in package.images
    )
    return f" of {listed([*names])}" if 0 < len(names) <= _NAMED else ""


def _disputed(digest: Digest, worst: Severity) -> str:
    """
    Return ", 2 disputed by the vendor" of the worst, as far as the steps tell; empty for none.

    A package with other severities, too, does not say which of its vulnerabilities are disputed.
    Where one is in several images, the line of different vulnerabilities counts it once.
    """
    if digest.distinct_disputed and digest.distinct != digest.total:
        return ""
    numbers: Counter[str] = Counter()
    for package in digest.packages:
        if [*package.counts] == [worst]:
            numbers.update(package.disputed)
    return "".join(f", {number:,} {words}" for words, number in numbers.items())


def _is_of_hosts(digest: Digest, worst: Severity) -> bool:
    """Return whether all of the worst are in the kernel, which is that of the hosts."""
    return worst not in _without_kernels(digest).counts


def _without_kernels(digest: Digest) -> Digest:
    """Return what remains when the kernels of the hosts are patched."""
    kernels: Counter[Severity] = Counter()
    others = []
    for package in digest.packages:
        if is_kernel(package.package) and not package.others:
            kernels.update(package.counts)
        else:
            others.append(package)
    rest = Counter(digest.counts) - kernels
    counts = {severity: rest[severity] for severity in digest.counts if rest[severity]}
    return replace(digest, counts=counts, packages=tuple(others))
