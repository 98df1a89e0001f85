"""Upgrades to versions that descriptions name: one wording for alerts, digests and pages. Pure."""

from lib.core.named_versions import NamedVersion
from lib.messages.phrases import NAME
from lib.text import short


def upgrade_to(package: str, installed: str, named: NamedVersion) -> str:
    """
    Return "Upgrade scipy from 1.7.0 to 1.8.0 or later".

    Of a description that calls the product by another name it is "Move from tensorflow-gpu 2.6.3
    to TensorFlow 2.12.0 or later": no version of the package itself is known.
    """
    name, target = short(package, NAME), f"{short(named.words, NAME)} or later"
    if named.product:
        return f"Move from {f'{name} {installed}'.rstrip()} to {target}"
    return f"Upgrade {name}{f' from {installed}' if installed else ''} to {target}"


def origin(number: int = 1) -> str:
    """Return where the versions of so many upgrades come from, and that the scanner names none."""
    return f"{described_in(number)}; the scanner names none"


def described_in(number: int) -> str:
    """Return where the versions of so many upgrades come from."""
    return f"The {'version is' if number == 1 else 'versions are'} from CVE descriptions"
