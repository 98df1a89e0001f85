"""The end of a headline: what fixes what it counts, and whether there is an exploit. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.core.upgrades import is_kernel, upgrade_of, upgrade_target
from lib.messages.advising import is_about_kernel
from lib.messages.content import Entry, counts_of
from lib.messages.phrases import NAME, PUBLIC_EXPLOIT, USED_IN_ATTACKS, counts_text
from lib.text import one_line, truncate

KERNEL: Final = " in the kernel"
HOSTS: Final = ": check the hosts"
FIX: Final = ", fix available"
UPGRADE: Final = f"{FIX}: "
_ALL_OF_THEM: Final[Mapping[int, str]] = MappingProxyType({1: "", 2: " for both"})
_ALL: Final[Mapping[int, str]] = MappingProxyType({1: "", 2: "both "})


def remedy_of(entries: Sequence[Entry]) -> str:
    """Return what is known about fixes; empty where the scanner does not say that there is none."""
    packages = [package.name for entry in entries for package in entry.packages]
    if packages and all(map(is_kernel, packages)):
        return KERNEL
    # What fixes a kernel is on the hosts.
    fixable = [entry for entry in entries if entry.fixable and not is_about_kernel(entry)]
    if not fixable:
        rows = (row for entry in entries for row in entry.findings)
        return ", no fix yet" if all(row.fix_available == "NO" for row in rows) else ""
    fixed = [finding for entry in fixable for finding in entry.findings if finding.fixable]
    if len(fixable) < len(entries):
        return f"{FIX} for {len(fixable):,} of them"
    number = len(entries)
    if len({upgrade_target(row) for row in fixed}) > 1 or fixed[0].fixed_version is None:
        return f"{FIX}{_ALL_OF_THEM.get(number, f' for all {number:,}')}"
    target = upgrade_of(fixed)
    package = truncate(one_line(target.package), NAME)
    return f"{UPGRADE}{package} {truncate(one_line(target.fixed or ''), NAME)}"


def exploit_of(entries: Sequence[Entry]) -> str:
    """Return how many are used in attacks, else how many have an exploit; empty for none."""
    attacked = sum(entry.exploited for entry in entries)
    number = attacked or sum(entry.exploitable for entry in entries)
    if not number:
        return ""
    share = _ALL.get(number, "all ") if number == len(entries) else f"{number:,} "
    words = USED_IN_ATTACKS if attacked else f"{'with a ' if share else ''}{PUBLIC_EXPLOIT}"
    return f", {share}{words}"


def of_kernel(entries: Sequence[Entry]) -> str:
    """
    Return a title of open vulnerabilities whose worst are all in the kernel; else nothing.

    `entries`: worst first. The number of all beside it would be read as that of the kernel.
    """
    worst = [entry for entry in entries if entry.severity is entries[0].severity]
    if not all(map(is_about_kernel, worst)):
        return ""
    return f"{counts_text(counts_of(worst))}{KERNEL}{exploit_of(worst)}{HOSTS}"


def urgent_of(entries: Sequence[Entry]) -> str:
    """
    Return what makes open vulnerabilities urgent, for a title: an exploit, and where the fix is.

    `entries`: worst first. Hosts are named where the worst is in their kernel.
    """
    is_attacked = any(entry.exploited for entry in entries)
    is_exploitable = any(entry.exploitable for entry in entries)
    others = [entry for entry in entries if not is_about_kernel(entry)]
    fixable = sum(entry.fixable for entry in others)
    share = f"fix available for {fixable:,} of {len(entries):,}" if fixable else ""
    pieces = (
        USED_IN_ATTACKS if is_attacked else PUBLIC_EXPLOIT if is_exploitable else "",
        "check the hosts" if any(map(is_about_kernel, entries[:1])) else "",
        "fix available" if fixable and fixable == len(entries) else share,
    )
    return ", ".join(filter(None, pieces))
