"""
The delta of a view: what differs between what it reported and what is desired. Pure.

Each item has a kind and a reason in words. Kinds are tried in the order of `Kind`, the first that
holds stands: `lib.core.arrivals` for what is desired, `lib.core.endings` for what is not any more.
What changed is judged by the stamps of the stream's state, against the state that the view agreed
with last.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Final, NamedTuple

from lib.core.arrivals import Arrivals, Judgement
from lib.core.endings import Endings
from lib.core.verdicts import RuleSet
from lib.core.vulnerabilities import ByName
from lib.core.worth_notifying import Interests, Profile
from lib.models import Destination, StreamId
from lib.models.immutable import immutable
from lib.models.streams import StreamState
from lib.models.views import (
    Agreement,
    Delta,
    DeltaItem,
    Desired,
    DesiredItem,
    Kind,
    ReportedItem,
    View,
)

_ORDER: Final[Mapping[Kind, int]] = MappingProxyType(
    {kind: place for place, kind in enumerate(Kind)}
)


@immutable(frozen=True, slots=True)
class Today:
    """What a delta is judged by, beside the stream: the rules in force, the day, the receiver."""

    rules: RuleSet
    day: date
    """In UTC."""
    profile: Profile


def delta(view: View, state: StreamState, desired: Desired, today: Today) -> Delta:
    """
    Return the difference between what a view reported and what it should show.

    `view.reported` is what the receiver may show: see `lib.core.notification_rows.effective`.
    """
    items = explained(view, state, desired, today)
    differing = [item for item in items if item.kind is not Kind.UNCHANGED]
    after = {item.item.id: item.item for item in items if item.desired is not None}
    return Delta(
        items=tuple(sorted(differing, key=_worst_first)),
        unchanged=len(items) - len(differing),
        after=MappingProxyType(after),
        agreement=_agreement(state, desired, today),
    )


def explained(
    view: View, state: StreamState, desired: Desired, today: Today
) -> tuple[DeltaItem, ...]:
    """Return every item that is desired or reported, UNCHANGED ones too, with kind and reason."""
    interests = Interests(today.rules.routes, today.profile)
    changes = _changes(view, state, desired, today, interests)
    return tuple(
        [
            DeltaItem(kind, reason, item, wanted, interests.ask_for(kind, item, before))
            for (kind, reason), item, wanted, before in changes
        ]
    )


def later_view(destination: Destination, stream: StreamId, state: StreamState) -> View:
    """
    Return the view of a destination whose route is younger than the stream.

    It agreed with the stream as it is, by other rules: what is desired is RULES_CHANGED.
    """
    return View(destination, stream, agreement=Agreement(state.version, state.at, rules=""))


def _agreement(state: StreamState, desired: Desired, today: Today) -> Agreement:
    current = state.current
    return Agreement(
        state.version,
        state.at,
        today.rules.hash,
        desired.suppressed,
        current.image if current is not None else None,
        current.provenance if current is not None else None,
    )


class _Change(NamedTuple):
    """An item that is desired or reported, with its kind and the reason."""

    judgement: Judgement
    item: ReportedItem
    desired: DesiredItem | None = None
    before: ReportedItem | None = None
    """As it was reported, if it still is desired."""


def _changes(
    view: View, state: StreamState, desired: Desired, today: Today, interests: Interests
) -> Iterator[_Change]:
    """Yield what becomes of each item that is desired or reported."""
    pairs = _pairs(desired, view.reported)
    owners = {name: id_ for id_, names in desired.names.items() for name in names}
    arrivals = Arrivals(state, desired, view.agreement, today.rules, today.day, interests)
    for id_, item in desired.items.items():
        before = view.reported.get(pairs[id_]) if id_ in pairs else None
        judgement = arrivals.kind(item) if before is None else arrivals.change(item, before)
        merged = item.reported if before is None else _merged(item.reported, before, owners)
        yield _Change(judgement, merged, item, before)
    endings = Endings(state, desired, view.agreement, today.rules)
    paired = set(pairs.values())
    for id_, reported in view.reported.items():
        if id_ not in paired:
            yield _Change(endings.ending(reported), reported)


def _pairs(desired: Desired, reported: Mapping[str, ReportedItem]) -> dict[str, str]:
    """Return, for each desired item that was reported, under which id it was."""
    pairs = {id_: id_ for id_ in desired.items if id_ in reported}
    paired = set(pairs)
    others = [item for id_, item in reported.items() if id_ not in pairs]
    renamed = ByName((item.id, item.names, item.id) for item in others if item.condition is None)
    for id_, item in desired.items.items():
        if id_ in pairs or item.reported.condition is not None:
            continue
        before = renamed.get(id_, item.reported.names)
        if before is not None and before not in paired:
            pairs[id_] = before
            paired.add(before)
    return pairs


def _merged(item: ReportedItem, before: ReportedItem, owners: Mapping[str, str]) -> ReportedItem:
    """
    Return an item as it stays reported: what goes up and down is raised once.

    It keeps the names that it was reported under, as the scanner may come back to them, but for
    those that are another vulnerability's now (`owners`).
    """
    names = [name for name in before.names if owners.get(name, item.id) == item.id]
    return replace(
        item,
        severity=max(item.severity, before.severity),
        exploitable=item.exploitable or before.exploitable,
        fixable=item.fixable or before.fixable,
        names=tuple(dict.fromkeys((*item.names, *names))),
    )


def _worst_first(change: DeltaItem) -> tuple[int, int, bool, bool, str]:
    item = change.item
    return (
        _ORDER[change.kind],
        -item.severity,
        not item.exploitable,
        not item.fixable,
        item.id,
    )
