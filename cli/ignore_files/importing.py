"""The import of rules of another tool as entries of alerts.yml. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from cli.alerts_edits import entry_of
from cli.ignore_files.rules import IgnoreRule, NoEntryError, Rule, SkippedRule
from lib.config.checking import check
from lib.core.suppressions import Suppression
from lib.models import Json
from lib.text import one_line, truncate

LONGEST_REASON: Final = 500
_ANY_PARENT: Final = "*/"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The operator's options for the import."""

    today: date
    end: date
    """The last day of entries whose rules have no end."""
    reason: str
    """The reason of entries whose rules have none."""
    repository: str | None = None
    """A pattern that limits every entry."""


@dataclass(frozen=True, slots=True)
class NewEntry:
    """A new entry, and the line of its rule."""

    line: int
    entry: Suppression
    endless: bool
    """Whether its rule has no end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of each rule."""

    new: tuple[NewEntry, ...]
    there: tuple[Suppression, ...]
    skipped: tuple[SkippedRule, ...]


def plan(rules: Iterable[Rule], existing: Sequence[Suppression], wishes: Wishes) -> Plan:
    """Decide about each rule, in order. Existing entries have precedence."""
    index = _EntryIndex(existing, wishes.today)
    new: list[NewEntry] = []
    there: list[Suppression] = []
    skipped: list[SkippedRule] = []
    for rule in rules:
        outcome = rule if isinstance(rule, SkippedRule) else _outcome(rule, index, wishes)
        match outcome:
            case NewEntry():
                new.append(outcome)
                index.take(outcome)
            case SkippedRule():
                skipped.append(outcome)
            case _:
                there.append(outcome)
    return Plan(tuple(new), tuple(there), tuple(dict.fromkeys(skipped)))


def without_refused(planned: Plan, document: Mapping[str, Json], *, today: date) -> Plan:
    """Return the plan without entries that alerts.yml refuses, for example with a secret."""
    before: list[Json] = document.get("suppressions") or []
    entries = [*before, *(entry_of(addition.entry) for addition in planned.new)]
    refused: dict[int, str] = {}
    for problem in check({**document, "suppressions": entries}, today=today):
        match problem.level, problem.path:
            case "error", ("suppressions", int(index), key) if index >= len(before):
                refused.setdefault(index - len(before), f"{key} {problem.message}")
    new = tuple(addition for index, addition in enumerate(planned.new) if index not in refused)
    skipped = tuple(
        SkippedRule(planned.new[index].line, planned.new[index].entry.id, why)
        for index, why in sorted(refused.items())
    )
    return replace(planned, new=new, skipped=(*planned.skipped, *skipped))


class _EntryIndex:
    """Existing and new entries by vulnerability."""

    def __init__(self, existing: Iterable[Suppression], today: date) -> None:
        self._today = today
        self._existing: defaultdict[str, list[Suppression]] = defaultdict(list)
        self._new: defaultdict[str, list[NewEntry]] = defaultdict(list)
        for suppression in existing:
            self._existing[suppression.key].append(suppression)

    def take(self, new: NewEntry) -> None:
        self._new[new.entry.key].append(new)

    def holding(self, entry: Suppression) -> Suppression | None:
        """Return an existing entry with the same effect, or a wider and longer one."""
        return next(
            (
                suppression
                for suppression in self._existing[entry.key]
                if suppression.expires >= self._today
                and (suppression.scope == entry.scope or suppression.covers(entry))
            ),
            None,
        )

    def ended(self, entry: Suppression) -> Suppression | None:
        """Return an expired entry of the file with the same limits."""
        same = (
            suppression
            for suppression in self._existing[entry.key]
            if suppression.scope == entry.scope
        )
        return next(same, None)

    def earlier(self, entry: Suppression) -> NewEntry | None:
        """Return the entry of an earlier rule of the same file, if it suffices."""
        additions = self._new[entry.key]
        return next(
            (
                addition
                for addition in additions
                if addition.entry.scope == entry.scope or addition.entry.covers(entry)
            ),
            None,
        )


def _outcome(
    rule: IgnoreRule, index: _EntryIndex, wishes: Wishes
) -> NewEntry | SkippedRule | Suppression:
    try:
        entry = _entry(rule, wishes)
    except NoEntryError as error:
        return SkippedRule(rule.line, rule.id, str(error))
    if entry.expires < wishes.today:
        return SkippedRule(rule.line, entry.name, f"it held until {entry.expires}")
    if (holding := index.holding(entry)) is not None:
        return holding
    if (ended := index.ended(entry)) is not None:
        why = f"the entry for it ended on {ended.expires}; `suppressions add` renews it"
        return SkippedRule(rule.line, entry.name, why)
    if (earlier := index.earlier(entry)) is not None:
        return SkippedRule(rule.line, entry.name, f"what line {earlier.line} says is enough")
    return NewEntry(rule.line, entry, endless=rule.last_day is None)


def _entry(rule: IgnoreRule, wishes: Wishes) -> Suppression:
    if rule.only_in is not None and wishes.repository is None:
        raise NoEntryError(f"it is about {rule.only_in} alone; name its images by --repository")
    return Suppression(
        id=rule.id,
        expires=rule.last_day or wishes.end,
        reason=truncate(one_line(rule.reason or ""), LONGEST_REASON) or wishes.reason,
        package=rule.package,
        path=rule.path,
        repository=_repository(rule.repository, wishes.repository),
        version=rule.version,
        purl=rule.purl,
        digest=rule.digest,
    )


def _repository(stated: str | None, wished: str | None) -> str | None:
    """Return a pattern that matches both limits. Raises `NoEntryError` if there is none."""
    if stated is None or wished is None:
        return stated or wished
    if stated.startswith(_ANY_PARENT):
        # Matches any repository with this last part.
        if wished.endswith(stated.removeprefix("*")):
            return wished
    elif fnmatchcase(stated, wished):
        return stated
    raise NoEntryError(f"it is about {stated}, and --repository asks for {wished}")
