"""The upgrades of a kernel in an image, which is not the one that runs. Pure."""

from collections.abc import Iterable, Sequence
from typing import Final

from lib.core.upgrades import is_kernel
from lib.messages.advising import is_about_kernel
from lib.messages.content import Content
from lib.messages.described import installed_text
from lib.messages.phrases import NAME, listed
from lib.models import Upgrade
from lib.text import one_line, short, truncate

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


def later_text(content: Content, kernels: Sequence[Upgrade], move: str) -> str:
    """
    Return what the image needs beside the hosts, and when: a kernel in it can wait.

    `move`: the move off a release without updates; empty for none. Empty without either.
    """
    move = f"{move[:1].lower()}{move[1:]}"
    steps = "; ".join(filter(None, (_kernel_text(content, kernels), move)))
    return f"Later, in the image (no hurry): {steps}" if steps else ""


def _kernel_text(content: Content, kernels: Sequence[Upgrade]) -> str:
    """Return what the upgrade of a kernel in an image is good for; empty without any."""
    ready = [upgrade for upgrade in kernels if upgrade.fixed is not None]
    ids = {id_ for upgrade in ready for id_ in upgrade.vulnerability_ids}
    about = [
        {row.vulnerability_id for row in entry.findings}
        for entry in content.everything
        if is_about_kernel(entry)
    ]
    number, total = sum(not ids.isdisjoint(rows) for rows in about), len(about)
    if not number:
        return ""
    some = f"{number:,} of the {total:,} open kernel vulnerabilities"
    every = (
        "the kernel vulnerability" if total == 1 else f"all {total:,} open kernel vulnerabilities"
    )
    effect = some if number < total else every
    clears = "clears" if len(ready) == 1 else "clear"
    packages = listed([*map(_target, ready[:_NAMED])])
    return f"{packages} {clears} {effect} from the scan"


def _target(upgrade: Upgrade) -> str:
    """Return a package with its versions as code."""
    name, fixed = short(upgrade.package, NAME), truncate(one_line(upgrade.fixed or ""), NAME)
    installed = _without_ticks(f"{name} {installed_text(upgrade)}")
    return f"`{installed}` {_ARROW} `{_without_ticks(fixed)}`"


def _without_ticks(name: str) -> str:
    """Return a name from outside that cannot end the code that it stands in."""
    return name.replace("`", "'").strip()
