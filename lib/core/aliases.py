"""
Which ids are one vulnerability, by what they name as aliases. Pure.

Two ids are one where they name each other, or one names the other and nothing else names it. So an
advisory that several ids name joins nothing. Two CVE ids are one only where they name each other:
an id that would bring two of them together stays apart.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

_CVE: Final = "CVE-"

_Edge = tuple[str, str]
_Groups = Mapping[str, str]
"""For each id the representative of its vulnerability; a CVE where there is one."""


def joined(aliases: Mapping[str, set[str]]) -> list[tuple[list[str], tuple[str, ...]]]:
    """
    Return, for each vulnerability, the ids that are one, and all names by which it is found.

    `aliases` has what each id of a row names; all ids are in upper case. The first name is the one
    to show: a CVE where there is one, else an id that has rows of its own. An alias without rows
    is a name of the only vulnerability that names it.
    """
    namers = _namers(aliases)
    groups = _groups(aliases, namers)
    rows: defaultdict[str, list[str]] = defaultdict(list)
    for name, group in groups.items():
        rows[group].append(name)
    others: defaultdict[str, list[str]] = defaultdict(list)
    for name, naming in namers.items():
        only = None if name in aliases else _only(naming, groups)
        if only is not None:
            others[only].append(name)
    return [(ids, _names(ids, others.get(group, []))) for group, ids in rows.items()]


def is_cve(name: str) -> bool:
    """Whether an id is that of the CVE list."""
    return name.startswith(_CVE)


def _namers(aliases: Mapping[str, set[str]]) -> Mapping[str, list[str]]:
    """Return which ids name an id as their alias."""
    namers: defaultdict[str, list[str]] = defaultdict(list)
    for name, others in aliases.items():
        for other in others:
            if other != name:
                namers[other].append(name)
    return namers


def _groups(aliases: Mapping[str, set[str]], namers: Mapping[str, list[str]]) -> _Groups:
    edges = [(name, namer) for name in namers if name in aliases for namer in namers[name]]
    mutual = [(name, namer) for name, namer in edges if namer in aliases[name]]
    cves = _Union()
    for name, namer in mutual:
        if is_cve(name) and is_cve(namer):
            cves.join(name, namer)
    groups = _extended({name: cves.root(name) for name in aliases}, mutual)
    exclusive = [(name, namer) for name, namer in edges if _only(namers[name], groups) is not None]
    return _extended(groups, mutual + exclusive)


def _only(names: Iterable[str], groups: _Groups) -> str | None:
    """Return the group that all names are in; None where there are several."""
    found = {groups[name] for name in names}
    return found.pop() if len(found) == 1 else None


def _extended(groups: _Groups, edges: Collection[_Edge]) -> _Groups:
    """
    Join groups without a CVE to each other, and to the one with a CVE that is next to them.

    Where several CVEs are next to groups that belong together, each of these is looked at by
    itself; where several are next to a single one, it stays alone.
    """
    if not edges:
        return groups
    plain = _Union()
    next_to: defaultdict[str, set[str]] = defaultdict(set)
    for name, other in edges:
        one, two = sorted((groups[name], groups[other]), key=is_cve)
        if is_cve(two) and not is_cve(one):
            next_to[one].add(two)
        elif not is_cve(two):
            plain.join(one, two)
    together: defaultdict[str, set[str]] = defaultdict(set)
    for group, cves in next_to.items():
        together[plain.root(group)] |= cves

    def target(group: str) -> str:
        root = plain.root(group)
        cves = together.get(root, set())
        if len(cves) > 1:
            root, cves = group, next_to.get(group, set())
        return min(cves) if len(cves) == 1 else root

    return {name: target(group) for name, group in groups.items()}


def _names(ids: list[str], others: list[str]) -> tuple[str, ...]:
    """Return the names of one vulnerability; of CVE ids without rows only a single one is one."""
    cves = [name for name in others if is_cve(name)]
    if len(cves) > 1 or (cves and any(map(is_cve, ids))):
        others = [name for name in others if not is_cve(name)]
    if len(ids) == 1 and not others:
        return tuple(ids)
    return tuple(sorted((*sorted(ids), *sorted(others)), key=lambda name: not is_cve(name)))


class _Union:
    """Names that are one, each with the first of them as the representative."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def root(self, name: str) -> str:
        while (above := self._above.get(name)) is not None:
            self._above[name] = self._above.get(above, above)
            name = above
        return name

    def join(self, one: str, other: str) -> None:
        one, other = sorted((self.root(one), self.root(other)))
        if one != other:
            self._above[other] = one
