"""Packages without a version to go to: how to search for one, and pages that may name it. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from lib.core.upgrades import of_distribution
from lib.messages.comparing import cause
from lib.messages.content import Content, Entry
from lib.messages.parts import Link
from lib.messages.phrases import NAME, listed
from lib.messages.titles import LOOK_STEP, STILL_LISTED
from lib.models import Finding, Upgrade
from lib.models.views import Kind
from lib.text import counted, first, short
from lib.urls.advisories import names_versions, vulnerability_url
from lib.urls.packages import read_package_url

_LOOKED_FOR: Final = 6
"""Packages without a version to go to that are named."""
_ADDED: Final = 4
"""Packages of which a step asks whether a release added them."""
_NEWEST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gem": "the Gemfile",
        "npm": "package.json",
        "pypi": "your requirements",
    }
)
"""Where the release of a package is stated, by the type of its package URL."""
_TO_NEWEST: Final = "Raise to the newest release in {file} and rebuild"


def unclear(entries: Iterable[Entry], packages: Iterable[Upgrade]) -> list[Upgrade]:
    """Return the packages without a version to go to, of which nobody says that no fix exists."""
    rows = (row for entry in entries for row in entry.findings)
    names = {row.package.name for row in rows if _may_have_fix(row)}
    return [upgrade for upgrade in packages if upgrade.package in names]


def _may_have_fix(row: Finding) -> bool:
    """Return whether a row names no fix version, and nobody says that there is none."""
    return row.fixed_version is None and row.fix_available != "NO"


def search_of(content: Content, packages: Collection[str], rebuild: str) -> str:
    """
    Return how to search for the versions of packages, as a heading.

    `rebuild`: the step before it, which replaces packages of the distribution.
    """
    rows = [*_rows(content, packages)]
    if rebuild and all(map(of_distribution, rows)):
        return STILL_LISTED
    return to_newest(content, packages) or LOOK_STEP


def to_newest(content: Content, packages: Collection[str]) -> str:
    """Return the heading with the file that states their releases; empty where types differ."""
    urls = {row.package.purl or "" for row in _rows(content, packages)}
    purls = map(read_package_url, urls)
    types = {purl.type if purl is not None else "" for purl in purls}
    file = _NEWEST.get(types.pop(), "") if len(types) == 1 else ""
    return _TO_NEWEST.format(file=file) if file else ""


def _rows(content: Content, packages: Collection[str]) -> Iterator[Finding]:
    return (
        row
        for entry in content.everything
        for row in entry.findings
        if row.package.name in packages and _may_have_fix(row)
    )


def without_version(
    content: Content, packages: Collection[str], news: Collection[str], rebuild: str
) -> str:
    """
    Return which packages have no version to go to. Empty without any.

    `packages`: in their order. The lists have their numbers.
    """
    if not packages:
        return ""
    # Where all of them are new, that is no difference.
    news = frozenset(news) if {*packages} - {*news} else frozenset()
    distinct = [*packages]
    shown = first(distinct, _LOOKED_FOR)
    search = search_of(content, distinct, rebuild)
    mark = "" if search == STILL_LISTED else " (new)"
    texts = [f"{_plain(name)}{mark if name in news else ''}" for name in shown]
    more = len(distinct) - len(texts)
    texts += [counted(more, "more package")] if more else []
    if search == STILL_LISTED:
        return f"{search} (today: {listed(texts)})"
    if search == LOOK_STEP:
        versions = "a newer version" if len(distinct) == 1 else "newer versions"
        return f"Look for {versions} of {listed(texts)}"
    return f"{search}: {listed(texts)}"


def _plain(name: str) -> str:
    """Return a name from outside that begins no code in a step."""
    return short(name, NAME).replace("`", "'")


def package_links(content: Content, sentence: str, packages: Collection[str]) -> Iterator[Link]:
    """
    Yield the page about the worst vulnerability of each package that a step is about.

    `sentence`: a step that names some. `packages`: those of its table.
    """
    names: set[str] = set()
    for entry in content.everything if sentence or packages else ():
        for row in entry.findings:
            name = _plain(row.package.name)
            is_shown = name in packages or name in sentence
            if not name or name in names or not is_shown or content.is_behind(entry):
                continue
            url = vulnerability_url(row) if names_versions(row) else None
            if url is None:
                continue
            names.add(name)
            label = f"{name}: {short(row.vulnerability_id, NAME)}"
            yield Link(name, label, label, url, is_package=True)


def added(content: Content, packages: Collection[str], commits: str) -> str:
    """
    Return the step that asks whether a release added the packages of what is new.

    `packages`: those without a version to go to. `commits`: the name of the link to the commits of
    the release; empty for none. What the image before had is not asked for.
    """
    before = content.message.before
    news = [
        entry
        for entry in content.open
        if entry.is_news and entry.change is not None and entry.change.kind is Kind.NEW
    ]
    if not (commits and news) or before is None or cause(content, news):
        return ""
    ids = {entry.id for entry in news}
    earlier = {
        package.name
        for departure in content.state.departures.values()
        for package in departure.packages
    }
    others = (entry for entry in content.everything if entry.id not in ids)
    earlier |= {row.package.name for entry in others for row in entry.findings}
    names = dict.fromkeys(one.name for entry in news for one in entry.packages)
    shown = [_plain(name) for name in names if name in packages and name not in earlier]
    if not shown:
        return ""
    more = len(shown) - len(first(shown, _ADDED))
    words = [*first(shown, _ADDED), *([f"any of {counted(more, 'more package')}"] if more else [])]
    named = " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
    unused = "it if it is unused" if len(words) == 1 else "what is unused"
    return f"Did this release add {named}? Check the {commits}; remove {unused}"
