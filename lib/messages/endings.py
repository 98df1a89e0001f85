"""The end of a headline: what fixes what it counts, and whether there is an exploit. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.core.upgrades import is_kernel, upgrade_of, upgrade_target
from lib.messages.advising import is_about_kernel
from lib.messages.content import Entry
from lib.messages.phrases import NAME, PUBLIC_EXPLOIT, USED_IN_ATTACKS
from lib.text import one_line, truncate

_KERNEL: Final = " in the kernel package"
UPGRADE: Final = ", fix available: "
_ALL: Final[Mapping[int, str]] = MappingProxyType({1: "", 2: "both "})


def remedy_of(entries: Sequence[Entry]) -> str:
    """Return what is known about fixes; empty where the scanner does not say that there is none."""
    packages = [package.name for entry in entries for package in entry.packages]
    if packages and all(map(is_kernel, packages)):
        return _KERNEL
    # What fixes a kernel is on the hosts.
    fixable = [entry for entry in entries if entry.fixable and not is_about_kernel(entry)]
    if not fixable:
        rows = (row for entry in entries for row in entry.findings)
        return ", no fix yet" if all(row.fix_available == "NO" for row in rows) else ""
    fixed = [finding for entry in fixable for finding in entry.findings if finding.fixable]
    if len(fixable) < len(entries):
        return f", {len(fixable):,} of them fixable"
    if len({upgrade_target(row) for row in fixed}) > 1 or fixed[0].fixed_version is None:
        return f", {'all ' if len(entries) > 1 else ''}fixable"
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


def urgent_of(entries: Sequence[Entry]) -> str:
    """
    Return what makes open vulnerabilities urgent, for a title: an exploit, and where the fix is.

    `entries`: worst first. Hosts are named where the worst is in their kernel.
    """
    is_attacked = any(entry.exploited for entry in entries)
    is_exploitable = any(entry.exploitable for entry in entries)
    others = [entry for entry in entries if not is_about_kernel(entry)]
    fixable = sum(entry.fixable for entry in others)
    share = f"{fixable:,} of {len(entries):,} fixable" if fixable else ""
    pieces = (
        USED_IN_ATTACKS if is_attacked else PUBLIC_EXPLOIT if is_exploitable else "",
        "check the hosts" if any(map(is_about_kernel, entries[:1])) else "",
        "fix available" if fixable and fixable == len(entries) else share,
    )
    return ", ".join(filter(None, pieces))
