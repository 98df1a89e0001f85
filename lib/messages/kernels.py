"""The upgrades of a kernel in an image, which is not the one that runs. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from lib.core.upgrades import is_kernel
from lib.messages.advising import is_about_kernel
from lib.messages.content import Content
from lib.messages.described import installed_text
from lib.messages.phrases import NAME, listed
from lib.models import Upgrade
from lib.text import counted, one_line, short, truncate

_ARROW: Final = "\N{RIGHTWARDS ARROW}"
_NAMED: Final = 3
"""Kernel packages that are named."""


def kernels_of(content: Content, packages: Iterable[Upgrade]) -> list[Upgrade]:
    """
    Return the upgrades of a kernel, which can wait where something is in kernel packages alone.

    Where other packages share all of it, the image must upgrade them together.
    """
    if not any(map(is_about_kernel, content.everything)):
        return []
    return [upgrade for upgrade in packages if is_kernel(upgrade.package)]


def kernel_text(content: Content, kernels: Sequence[Upgrade], base_step: str) -> str:
    """Return what the upgrade of a kernel in an image is good for; empty without any."""
    if not kernels:
        return ""
    ready = [upgrade for upgrade in kernels if upgrade.fixed is not None]
    ids = {id_ for upgrade in ready for id_ in upgrade.vulnerability_ids}
    about = [
        {row.vulnerability_id for row in entry.findings}
        for entry in content.everything
        if is_about_kernel(entry)
    ]
    number, total = sum(not ids.isdisjoint(rows) for rows in about), len(about)
    some = f"{number:,} of {total:,} vulnerabilities"
    every = counted(total, "vulnerability", "vulnerabilities")
    effect = some if number < total else every if total == 1 else f"all {every}"
    newer, verb = ("a newer", "cleans") if len(ready) == 1 else ("newer", "clean")
    packages = listed([*map(_target, ready[:_NAMED])])
    cleans = f": {newer} {packages} only {verb} the scan ({effect})" if number else ""
    return ". ".join(filter(None, (f"The image can wait{cleans}", base_step)))


def _target(upgrade: Upgrade) -> str:
    """Return a package as code, with its versions in brackets after it."""
    name, fixed = short(upgrade.package, NAME), truncate(one_line(upgrade.fixed or ""), NAME)
    versions = " ".join(filter(None, (installed_text(upgrade), _ARROW, fixed)))
    return f"`{_without_ticks(name)}` ({_without_ticks(versions)})"


def _without_ticks(name: str) -> str:
    """Return a name from outside that cannot end the code that it stands in."""
    return name.replace("`", "'").strip()
