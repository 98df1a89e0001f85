"""The comparison behind a notice, and whether a release caused what is new. Pure."""

from collections.abc import Sequence
from typing import Final

from lib.messages.content import Content, Entry
from lib.messages.phrases import moment_text, names_text
from lib.messages.titles import SAME_IMAGE
from lib.models import Basis, BasisKind, Image
from lib.models.views import Kind, OtherName
from lib.text import one_line, short, truncate

NAME: Final = 60


def since(content: Content) -> str:
    """Return what a message is compared with: a tag, a digest or a time; empty for nothing."""
    agreed = content.message.before
    if agreed is None:
        return ""
    if agreed.current is None:
        return f"{agreed.at:%Y-%m-%d}"
    if agreed.current.key == content.image.key:
        return moment_text(agreed.at)
    return before(Basis(BasisKind.PREVIOUS_IMAGE, agreed.current), content.image)


def before(basis: Basis, image: Image) -> str:
    """Return what people call the scan that `image` was compared with: a tag, a digest, a date."""
    if basis.kind is BasisKind.RESCAN or basis.image is None:
        day = f" ({basis.completed_at:%Y-%m-%d})" if basis.completed_at else ""
        which = "last scan" if basis.kind is BasisKind.RESCAN else "image before"
        return f"the {which}{day}"
    # A tag that moved, like "latest", names both images.
    tag = next((tag for tag in basis.image.tags if tag not in image.tags), None)
    return truncate(one_line(tag or basis.image.digest[:19]), NAME)


def cause(content: Content, entries: Sequence[Entry]) -> str:
    """
    Return that a release did not cause what is new, where that is proven; else nothing.

    Proof is a package in the same version, in the image before: what ended was listed there.
    """
    before = content.message.before
    is_new = all(entry.change is not None and entry.change.kind is Kind.NEW for entry in entries)
    if not is_new or before is None or before.current is None or content.is_check:
        return ""
    earlier = {
        package
        for departure in content.state.departures.values()
        if departure.image.key == before.current.key
        for package in departure.packages
    }
    packages = list(dict.fromkeys(package for entry in entries for package in entry.packages))
    if not packages or not earlier.issuperset(packages):
        return ""
    names = names_text(list(dict.fromkeys(package.name for package in packages)))
    versions = "version" if len(packages) == 1 else "versions"
    return f"not caused by this release: {since(content)} has the same {versions} of {names}"


def is_rescan(content: Content) -> bool:
    """Return whether a message compares an image with an earlier result of the same image."""
    agreed = content.message.before
    return agreed is not None and (
        agreed.current is not None and agreed.current.key == content.image.key
    )


def beginning(content: Content) -> str:
    """Return how the first message of a stream begins: a promoted image was scanned before."""
    other = content.other_name
    if other is None:
        return "first scan"
    return f"{SAME_IMAGE[:1].lower()}{SAME_IMAGE[1:]}{same_as(content)}"


def same_as(content: Content) -> str:
    """Return the tag of another stream that points to the image; empty for none."""
    other = content.other_name
    return "" if other is None else short(other.image.rpartition(":")[2], NAME)


def repeated(content: Content) -> OtherName | None:
    """Return the name by which the destination has all of a first message; None for none."""
    other = content.other_name
    is_first = content.message.before is None and not content.conditions
    return other if is_first and other is not None and other.is_reported else None


def known_as(content: Content) -> str:
    """Return by which name the image was known before it came into its stream; else empty."""
    other = content.other_name
    if other is None:
        return ""
    name = short(other.image)
    if other.is_reported:
        return f"The same image was reported here as {name}."
    return "" if content.message.before is None else f"It is the same image as {name}."
