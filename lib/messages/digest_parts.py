"""The parts of a digest in words: lines, lists, and the whole text. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from lib.messages.phrases import listed
from lib.models import Image
from lib.text import counted, first, short

_LINK: Final = 300
_NAME: Final = 60
_TAG: Final = 40
_ISSUES: Final = 6
"""Issues, or runs of them, that are named in a sentence."""
_ALIKE: Final = 2
"""Images whose issues are said to be about the same one."""
_RUN: Final = 3
"""Issues with consecutive numbers that are named by the first and the last."""
_TAGS: Final = 2
"""Further tags of an image that are named."""


class DigestLink(NamedTuple):
    """A page about a line."""

    label: str
    url: str


class DigestLine(NamedTuple):
    """A line of a list, and the pages about it."""

    text: str
    links: tuple[DigestLink, ...] = ()
    place: int = 0
    """The number of a step among several; 0 for a line without one."""


class DigestList(NamedTuple):
    """Lines under a title; the last one counts what there is no room for."""

    title: str
    lines: tuple[DigestLine, ...]


class DigestText(NamedTuple):
    """All that is said about one digest."""

    name: str
    """"Weekly digest", without its numbers."""
    title: str
    opening: tuple[str, ...]
    """How urgent it is, and one line of numbers."""
    details: tuple[str, ...]
    """The other numbers, a sentence each: fixes, what is not counted, ages. For small print."""
    trend: tuple[str, ...]
    """A chart of fixed width with a line for each period; none while there is no course."""
    lists: tuple[DigestList, ...]
    """Repositories, resolved vulnerabilities, images without a result; none is empty."""
    warnings: tuple[str, ...]
    """Why the numbers may be incomplete."""
    footer: str
    """What the numbers rest on, for small print."""
    delivery: str
    """The delivery to ask about."""
    issues: tuple[str, ...] = ()
    """The names of the issues about its images, where the receiver has issues."""
    alike: tuple[tuple[str, ...], ...] = ()
    """The names of the issues that are about one image, where it has several."""

    @property
    def small(self) -> str:
        """The small print of a receiver that shows no data beside its texts."""
        return f"{self.footer} \N{MIDDLE DOT} {self.delivery}"

    def closing(self, *, reopens: bool) -> str:
        """
        Return the purpose of the issue of a digest, which has no work of its own.

        `reopens`: whether a later digest opens it again.
        """
        names = _issue_names(self.issues)
        same = "; ".join(map(_same_image, first(self.alike, _ALIKE)))
        work = f": the work is in {names}{f' ({same})' if same else ''}" if names else ""
        again = "; the digest reopens it when something new appears" if reopens else ""
        return f"Summary only{work}. Close this issue after reading{again}."


def _issue_names(issues: Sequence[str]) -> str:
    """Return "SEC-1 to SEC-5 and SEC-9"; of many the first, and how many more there are."""
    runs: list[list[str]] = []
    for name in issues:
        if runs and _is_next(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    words = []
    for run in runs:
        is_long = len(run) >= _RUN
        words += [(f"{run[0]} to {run[-1]}", len(run))] if is_long else [(name, 1) for name in run]
    shown = first(words, _ISSUES)
    more = sum(number for _, number in words[len(shown) :])
    names = [name for name, _ in shown]
    return listed([*names, *([counted(more, "more issue")] if more else [])])


def _same_image(names: Sequence[str]) -> str:
    """Return "SEC-3 is about the same image as SEC-2"."""
    one, *others = names
    shown = first(others, _ISSUES)
    more = len(others) - len(shown)
    words = listed([*shown, *([counted(more, "more issue")] if more else [])])
    return f"{words} {'is' if len(others) == 1 else 'are'} about the same image as {one}"


def _is_next(name: str, other: str) -> bool:
    """Return whether an issue follows another one of the same project: SEC-10 follows SEC-9."""
    project, _, number = name.rpartition("-")
    return number.isdecimal() and other == f"{project}-{int(number) + 1}"


def linked(text: str, *links: tuple[str, str | None]) -> DigestLine:
    """Return a line with its links by label and address; one that is too long is left out."""
    shown = [DigestLink(label, url) for label, url in links if url and len(url) <= _LINK]
    return DigestLine(text, tuple(shown))


def image_name(image: Image, limit: int = _NAME) -> str:
    """Return "web/storefront:3.2.1 (production)": the tags of all streams that have an image."""
    tags = image.tags[1:]
    shown = [short(tag, _TAG) for tag in first(tags, _TAGS)]
    more = len(tags) - len(shown)
    words = listed([*shown, *([counted(more, "more tag")] if more else [])])
    return f"{short(image.name, limit)}{f' ({words})' if words else ''}"
