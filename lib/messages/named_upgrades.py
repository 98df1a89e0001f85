"""Upgrades to versions that descriptions name: one wording for alerts, digests and pages. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lib.core.named_versions import NamedVersion
from lib.messages.phrases import NAME
from lib.text import short

_SUCCESSORS: Final[Mapping[str, str]] = MappingProxyType({"tensorflow-gpu": "tensorflow"})
"""
Packages without later releases, with the ones to install in their place.

https://github.com/tensorflow/serving/pull/2096
"""


def target_of(package: str, named: NamedVersion) -> str:
    """Return "1.8.0", "TensorFlow 2.12.0"; of a package that has another name now, with that."""
    successor = _successor(package, named)
    return f"{successor} {named.version}" if successor else named.words


def has_new_name(package: str, named: NamedVersion) -> bool:
    """Return whether the package is known to be released under the product's name."""
    return bool(_successor(package, named))


def _successor(package: str, named: NamedVersion) -> str:
    successor = _SUCCESSORS.get(package.lower(), "")
    return successor if successor == named.product.lower() else ""


def upgrade_to(package: str, installed: str, named: NamedVersion) -> str:
    """
    Return "Upgrade scipy from 1.7.0 to 1.8.0 or later".

    Of a description that calls the product by another name it is "Move from onnx-gpu 1.6.3 to
    ONNX 1.12.0 or later": no version of the package itself is known. Of a package that has another
    name now it is "Replace tensorflow-gpu 2.6.3 with tensorflow 2.12.0 or later".
    """
    name, target = short(package, NAME), f"{short(target_of(package, named), NAME)} or later"
    if has_new_name(package, named):
        return f"Replace {f'{name} {installed}'.rstrip()} with {target}"
    if named.product:
        return f"Move from {f'{name} {installed}'.rstrip()} to {target}"
    return f"Upgrade {name}{f' from {installed}' if installed else ''} to {target}"


def origin(number: int = 1) -> str:
    """Return where the versions of so many upgrades come from, and that the scanner names none."""
    return f"{described_in(number)}; the scanner names none"


def described_in(number: int) -> str:
    """Return where the versions of so many upgrades come from."""
    return f"The {'version is' if number == 1 else 'versions are'} from CVE descriptions"
