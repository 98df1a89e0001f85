"""Where a vulnerable package comes from, and so where it is mended. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from lib.models import Finding, Origin

_OS: Final = "OS"
"""How Inspector calls every package manager of a distribution."""


def origins(findings: Sequence[Finding]) -> Callable[[Finding], Origin]:
    """
    Return what says where a finding of this image is mended.

    Packages of the distribution come with the base image; basic scanning lists no others, and names
    no manager. Those of a language are dependencies of the application, but not in the layer that
    holds most of the distribution: there they came with the base image, too.
    """
    base = _base_layer(findings)

    def origin(finding: Finding) -> Origin:
        package = finding.package
        if _of_distribution(finding):
            return Origin.BASE_IMAGE
        if package.manager is None:
            return Origin.UNKNOWN
        inherited = base is not None and package.layer == base
        return Origin.BASE_IMAGE if inherited else Origin.DEPENDENCY

    return origin


def _of_distribution(finding: Finding) -> bool:
    package = finding.package
    return package.manager == _OS or (package.manager is None and package.path is None)


def _base_layer(findings: Sequence[Finding]) -> str | None:
    """Return the layer of most packages of the distribution; None where layers do not tell."""
    layers = Counter(each.package.layer for each in findings if _of_distribution(each))
    layers.pop(None, None)
    # In an image of one layer, whatever was added stands beside what was there.
    if len({each.package.layer for each in findings} - {None}) < 2:  # noqa: PLR2004  # one is no choice
        return None
    layer, number = layers.most_common(1)[0] if layers else (None, 0)
    return layer if 2 * number > layers.total() else None
