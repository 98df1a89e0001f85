"""Which rules of another tool become entries of alerts.yml. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from cli.alerts_edits import entry_of
from cli.ignore_files.rules import Ignored, NoEntryError, Rule, Skipped
from lib.config import check
from lib.core.suppressions import Suppression
from lib.models import Json
from lib.text import one_line, truncate

LONGEST_REASON: Final = 500
_ANY_PARENT: Final = "*/"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator asks for, beside what the file says."""

    today: date
    end: date
    """The last day of entries whose rules name none."""
    reason: str
    """Of entries whose rules name none."""
    repository: str | None = None
    """A pattern to which every entry is limited."""


@dataclass(frozen=True, slots=True)
class New:
    """An entry to add, and the line of its rule."""

    line: int
    entry: Suppression
    endless: bool
    """Its rule names no end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each rule."""

    new: tuple[New, ...]
    there: tuple[Suppression, ...]
    skipped: tuple[Skipped, ...]


def plan(rules: Iterable[Rule], existing: Sequence[Suppression], wishes: Wishes) -> Plan:
    """Decide about each rule, in their order; entries that are there already win."""
    known = _Known(existing, wishes.today)
    new: list[New] = []
    there: list[Suppression] = []
    skipped: list[Skipped] = []
    for rule in rules:
        outcome = rule if isinstance(rule, Skipped) else _outcome(rule, known, wishes)
        match outcome:
            case New():
                new.append(outcome)
                known.take(outcome)
            case Skipped():
                skipped.append(outcome)
            case _:
                there.append(outcome)
    return Plan(tuple(new), tuple(there), tuple(dict.fromkeys(skipped)))


def without_refused(planned: Plan, document: Mapping[str, Json], *, today: date) -> Plan:
    """Return the plan with what alerts.yml may not hold, such as a secret, left out."""
    before: list[Json] = document.get("suppressions") or []
    entries = [*before, *(entry_of(each.entry) for each in planned.new)]
    refused: dict[int, str] = {}
    for problem in check({**document, "suppressions": entries}, today=today):
        match problem.level, problem.path:
            case "error", ("suppressions", int(index), key) if index >= len(before):
                refused.setdefault(index - len(before), f"{key} {problem.message}")
    new = tuple(each for index, each in enumerate(planned.new) if index not in refused)
    skipped = tuple(
        Skipped(planned.new[index].line, planned.new[index].entry.id, why)
        for index, why in sorted(refused.items())
    )
    return replace(planned, new=new, skipped=(*planned.skipped, *skipped))


class _Known:
    """Entries by the vulnerability: those of the file, and those that were just decided on."""

    def __init__(self, existing: Iterable[Suppression], today: date) -> None:
        self._today = today
        self._existing: defaultdict[str, list[Suppression]] = defaultdict(list)
        self._new: defaultdict[str, list[New]] = defaultdict(list)
        for each in existing:
            self._existing[each.key].append(each)

    def take(self, new: New) -> None:
        self._new[new.entry.key].append(new)

    def holding(self, entry: Suppression) -> Suppression | None:
        """Return the entry of the file that has the same effect, or a wider and longer one."""
        return next(
            (
                each
                for each in self._existing[entry.key]
                if each.expires >= self._today and (each.scope == entry.scope or each.covers(entry))
            ),
            None,
        )

    def ended(self, entry: Suppression) -> Suppression | None:
        """Return an entry of the file for the same that does not hold any more."""
        same = (each for each in self._existing[entry.key] if each.scope == entry.scope)
        return next(same, None)

    def earlier(self, entry: Suppression) -> New | None:
        """Return what an earlier rule of the same file has come to, where it is enough."""
        found = self._new[entry.key]
        return next(
            (each for each in found if each.entry.scope == entry.scope or each.entry.covers(entry)),
            None,
        )


def _outcome(rule: Ignored, known: _Known, wishes: Wishes) -> New | Skipped | Suppression:
    try:
        entry = _entry(rule, wishes)
    except NoEntryError as error:
        return Skipped(rule.line, rule.id, str(error))
    if entry.expires < wishes.today:
        return Skipped(rule.line, entry.name, f"it held until {entry.expires}")
    if (holding := known.holding(entry)) is not None:
        return holding
    if (ended := known.ended(entry)) is not None:
        why = f"the entry for it ended on {ended.expires}; `suppressions add` renews it"
        return Skipped(rule.line, entry.name, why)
    if (earlier := known.earlier(entry)) is not None:
        return Skipped(rule.line, entry.name, f"what line {earlier.line} says is enough")
    return New(rule.line, entry, endless=rule.last_day is None)


def _entry(rule: Ignored, wishes: Wishes) -> Suppression:
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
    """Return a pattern for what both let through. Raises `NoEntryError` where there is none."""
    if stated is None or wished is None:
        return stated or wished
    if stated.startswith(_ANY_PARENT):
        # Any repository whose last part is this one.
        if wished.endswith(stated.removeprefix("*")):
            return wished
    elif fnmatchcase(stated, wished):
        return stated
    raise NoEntryError(f"it is about {stated}, and --repository asks for {wished}")
