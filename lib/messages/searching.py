"""Packages without a version to go to: how to search for one, and pages that may name it. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from lib.core.upgrades import of_distribution
from lib.messages.advising import Base
from lib.messages.comparing import cause
from lib.messages.content import Content, Entry, counts_of
from lib.messages.parts import Link
from lib.messages.phrases import NAME, counts_text, listed, severity_word
from lib.messages.titles import LOOK_STEP, STILL_LISTED
from lib.models import Finding, Upgrade
from lib.models.views import Kind
from lib.text import capitalized, counted, first, short
from lib.urls.advisories import names_versions, vulnerability_url
from lib.urls.packages import read_package_url

_LOOKED_FOR: Final = 6
"""Packages without a version to go to that are named."""
_ADDED: Final = 4
"""Packages of which a step asks whether a release added them."""
_FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cargo": "Cargo.toml",
        "composer": "composer.json",
        "gem": "the Gemfile",
        "golang": "go.mod",
        "maven": "pom.xml",
        "npm": "package.json",
        "pypi": "requirements.txt",
    }
)
"""Where the release of a package is stated, by the type of its package URL."""
_PINNED: Final = "where you pin versions"
_RAISE: Final = "{place}, raise {them} newest release, then rebuild and push"
_APT: Final = "apt-get update && apt-get -y upgrade"
_YUM: Final = "yum -y update"
_UPDATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Alpine": "apk upgrade --no-cache",
        "Almalinux": _YUM,
        "Amazon Linux 2023": "dnf -y upgrade --releasever=latest",
        "Amazon Linux 2": _YUM,
        "Debian": _APT,
        "Opensuse": "zypper --non-interactive update",
        "Oracle Linux": _YUM,
        "Red Hat": _YUM,
        "Rhel": _YUM,
        "Rocky Linux": _YUM,
        "Sles": "zypper --non-interactive update",
        "Suse": "zypper --non-interactive update",
        "Ubuntu": _APT,
    }
)
"""
The command that updates all packages, by how the name of a release begins.

https://docs.aws.amazon.com/linux/al2023/ug/deterministic-upgrades-usage.html
"""
_ARCHIVED: Final = "Debian"
"""Its releases without updates leave the servers that their images name: https://archive.debian.org"""
_BARE: Final = "distroless"
"""Images without a package manager."""
_UPDATE: Final = "add `RUN {command}` to the Dockerfile"
_UPGRADE: Final = "upgrade it in the Dockerfile"


def unclear(entries: Iterable[Entry], packages: Iterable[Upgrade]) -> list[Upgrade]:
    """Return the packages without a version to go to, of which nobody says that no fix exists."""
    rows = (row for entry in entries for row in entry.findings)
    names = {row.package.name for row in rows if _may_have_fix(row)}
    return [upgrade for upgrade in packages if upgrade.package in names]


def _may_have_fix(row: Finding) -> bool:
    """Return whether a row names no fix version, and nobody says that there is none."""
    return row.fixed_version is None and row.fix_available != "NO"


def search_of(content: Content, packages: Collection[str], base: Base | None) -> str:
    """
    Return how to search for the versions of packages, as a heading.

    `base`: that of a rebuild before, which replaces packages of the distribution; None without one.
    """
    rows = [*_rows(content, packages)]
    if base is not None and all(map(of_distribution, rows)):
        them = "this package" if len(packages) == 1 else "one of these"
        command = _update_of(base)
        upgrade = _UPDATE.format(command=command) if command else _UPGRADE
        return f"{STILL_LISTED.format(them=them)}, {upgrade}"
    return to_newest(content, packages) or LOOK_STEP


def _update_of(base: Base) -> str:
    """Return the command that updates the packages of a distribution; empty where none is known."""
    if (base.ended and base.release.startswith(_ARCHIVED)) or _BARE in base.name:
        return ""
    commands = (command for name, command in _UPDATES.items() if base.release.startswith(name))
    return next(commands, "")


def to_newest(content: Content, packages: Collection[str], more: int = 0) -> str:
    """
    Return how to raise packages of languages, as a heading: in the file that states their releases.

    `more`: packages that are counted beside these. Empty where one is no such package.
    """
    rows = [*_rows(content, packages)]
    if not rows or not all(map(_is_of_language, rows)):
        return ""
    purls = [read_package_url(row.package.purl or "") for row in rows]
    types = {purl.type if purl is not None else "" for purl in purls}
    file = _FILES.get(types.pop(), "") if len(types) == 1 else ""
    place = f"In {file} (or {_PINNED})" if file else capitalized(_PINNED)
    return _RAISE.format(
        place=place, them="this to its" if len(packages) + more == 1 else "these to their"
    )


def _is_of_language(row: Finding) -> bool:
    is_managed = row.package.manager is not None or row.package.purl is not None
    return is_managed and not of_distribution(row)


def _rows(content: Content, packages: Collection[str]) -> Iterator[Finding]:
    return (
        row
        for entry in content.everything
        for row in entry.findings
        if row.package.name in packages and _may_have_fix(row)
    )


def without_version(content: Content, packages: Sequence[str], base: Base | None) -> str:
    """
    Return which packages have no version to go to, with their numbers. Empty without any.

    `packages`: in their order. `base`: that of a rebuild before; None without one.
    """
    if not packages:
        return ""
    groups = _together(content, packages)
    every = [entry for _, group in groups for entry in group]
    # Where all of them are new, that is no difference.
    news = (
        frozenset[str]() if all(map(_is_new, every)) else {one.id for one in every if _is_new(one)}
    )
    is_short = len({entry.severity for entry in every}) == 1
    shown = first(groups, _LOOKED_FOR)
    texts = [
        f"{listed(names)} ({_number(group, news, is_short=is_short and place > 0)})"
        for place, (names, group) in enumerate(shown)
    ]
    more = sum(len(names) for names, _ in groups[len(shown) :])
    texts = [", ".join(texts), *([counted(more, "more package")] if more else [])]
    return f"{search_of(content, packages, base)}: {listed(texts)}"


def _together(
    content: Content, packages: Sequence[str]
) -> Sequence[tuple[Sequence[str], Sequence[Entry]]]:
    """Return the packages with what they have: those that share all of it are counted once."""
    groups: dict[tuple[str, ...], tuple[list[str], list[Entry]]] = {}
    for package in packages:
        entries = _open_in(content, package)
        key = tuple(entry.id for entry in entries)
        groups.setdefault(key, ([], entries))[0].append(_plain(package))
    return [*groups.values()]


def _open_in(content: Content, package: str) -> list[Entry]:
    """Return what a package has in the current image without a version to go to."""
    return [
        entry
        for entry in content.everything
        if not content.is_behind(entry)
        and any(row.package.name == package and _may_have_fix(row) for row in entry.findings)
    ]


def _is_new(entry: Entry) -> bool:
    return entry.change is not None and entry.change.kind is Kind.NEW


def _number(entries: Sequence[Entry], news: Collection[str], *, is_short: bool) -> str:
    """Return "5 MEDIUM", "3 new MEDIUM", "1 HIGH, 4 MEDIUM, 2 new"; short "5", "5, 2 new"."""
    new = sum(entry.id in news for entry in entries)
    counts = counts_of(entries)
    if new == len(entries) and len(counts) == 1:
        level = "" if is_short else f" {severity_word(next(iter(counts)))}"
        return f"{new:,} new{level}"
    number = f"{len(entries):,}" if is_short else counts_text(counts)
    return f"{number}, {new:,} new" if new else number


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
