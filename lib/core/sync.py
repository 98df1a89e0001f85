"""
The plan of a view: its delta, and the rows to write. Pure.

Everything that is stored, reported and configured goes in; every write and its reason comes out.
What caused the sync decides nothing but the time: a redrive replaces a dead notification at once,
and what alerts.yml brings about waits a little for that of other streams.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from lib.core.attempts import is_open
from lib.core.causes import RULES_OF_MANY, redrive_of
from lib.core.delta import Today, delta, later_view
from lib.core.desired import desired
from lib.core.notification_rows import Step, SyncContext, ViewStep, after_sync, effective
from lib.core.streams import StreamRule, pattern_of, repository_image, stream_of_tag
from lib.core.verdicts import RuleSet
from lib.core.worth_notifying import Profile
from lib.models import Destination, StreamId
from lib.models.immutable import immutable
from lib.models.streams import StreamState
from lib.models.views import Basis, Delta, Desired, Notification, View

_FIRST_SCANS: Final = timedelta(days=1)
"""How long after an installation the images that were there are read, and scans are awaited."""


@immutable(frozen=True, slots=True)
class SyncRules:
    """alerts.yml, and since when its destinations and routes are there."""

    rules: RuleSet
    streams: Sequence[StreamRule]
    destinations: Mapping[Destination, Profile]
    installed_at: datetime
    destinations_since: Mapping[Destination, datetime] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Since when a destination is there; absent: since the installation."""
    routes_since: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """By the names of routes; absent: since the installation."""
    checks_repositories: bool = True
    """False: what checks of their settings found counts no longer."""


@immutable(frozen=True, slots=True)
class ViewPlan:
    """The delta of a destination's view, by one state of its stream."""

    desired: Desired
    delta: Delta
    context: SyncContext
    state: StreamState
    keeps_current: bool
    """Whether the receiver shows something that a delta without news changes."""


@immutable(frozen=True, slots=True)
class SyncedView:
    """A view of a sync: as it was read, and what is written."""

    before: View | None
    row_before: Notification | None
    step: ViewStep


def plan_view(
    view: View,
    state: StreamState,
    rules: SyncRules,
    *,
    cause: str,
    now: datetime,
) -> ViewPlan:
    """Return what a view should become by a state of its stream and the rules in force."""
    profile = rules.destinations.get(view.destination, Profile())
    today = Today(rules.rules, now.date(), profile)
    wanted = desired(
        state,
        view.destination,
        rules.rules,
        today=today.day,
        conditions_beside_results=profile.conditions_beside_results,
    )
    shown = effective(view, wanted.items)
    difference = delta(shown, state, wanted, today)
    basis = Basis(state.version, rules.rules.hash, today.day)
    context = SyncContext(
        basis,
        cause,
        now,
        has_evidence=state.has_evidence,
        redrive=cause == redrive_of(view.destination),
        folds=cause == RULES_OF_MANY and profile.folds,
    )
    return ViewPlan(wanted, difference, context, state, _keeps_current(profile, shown, difference))


def compared_with(stream: StreamId, rules: Sequence[StreamRule]) -> StreamId | None:
    """Return the stream that a stream of a single tag is compared with; None: with none."""
    named = stream_of_tag(repository_image(stream), pattern_of(stream) or "", rules)
    return named.compare_with if named.id == stream else None


def _keeps_current(profile: Profile, shown: View, difference: Delta) -> bool:
    """
    Return whether a receiver shows something that a delta without news changes.

    A root message or an issue is edited. An incident is resolved when nothing of its sort is left,
    and is never triggered quietly. Where no message began any of these there is nothing to change;
    an incident may be there also where the answer was lost.
    """
    if not profile.keeps_current:
        return False
    if profile.conditions_beside_results:
        return shown.thread is not None
    left = {item.condition is None for item in difference.after.values()}
    may_be_open = shown.thread is not None or bool(shown.possibly_reported)
    return may_be_open and any(
        (item.condition is None) not in left for item in shown.reported.values()
    )


def sync_view(
    stored: View | None, row: Notification | None, plan: ViewPlan, rules: SyncRules
) -> SyncedView | None:
    """Return what a sync does with a view; None where a destination has nothing to do with it."""
    if stored is None and not plan.desired.applies:
        return None
    if stored is not None and stored.destination not in rules.destinations and not is_open(row):
        return _without_destination(stored, row)
    view = stored or new_view(plan.desired.destination, plan.state, rules)
    step = after_sync(
        view,
        row,
        plan.delta,
        plan.context,
        keeps_current=plan.keeps_current,
        silent=silence_of(view, plan.state, rules),
    )
    return SyncedView(stored, row, step) if step.writes else None


def _without_destination(view: View, row: Notification | None) -> SyncedView | None:
    """
    Return the end of a view whose destination left alerts.yml: without a message.

    A destination that comes back is a new one. Its view begins again, with the thread that it had.
    """
    ended = View(
        view.destination, view.stream, version=view.version, rows=view.rows, thread=view.thread
    )
    if view == ended:
        return None
    step = ViewStep(Step.ADVANCED, "its destination is not in alerts.yml any more", ended)
    return SyncedView(view, row, step)


def new_view(destination: Destination, state: StreamState, rules: SyncRules) -> View:
    """
    Return the view of a destination that had none of this stream.

    Where every route that leads to it is younger than the stream, alerts.yml says something else.
    """
    if rules.destinations_since.get(destination, rules.installed_at) > state.created_at:
        return View(destination, state.stream)
    routes = [route.name for route in rules.rules.routes if destination in route.notify]
    since = [rules.routes_since.get(name, rules.installed_at) for name in routes]
    if since and min(since) > state.created_at:
        return later_view(destination, state.stream, state)
    return View(destination, state.stream)


def silence_of(view: View, state: StreamState, rules: SyncRules) -> str | None:
    """
    Return why the first agreement of a view comes without a message; None: it does not.

    Silence is for what was there before. A first result that comes later is news, however old its
    image is: it was unknown until then.
    """
    images = [watched.image for watched in state.images]
    pushed = [image.pushed_at for image in images if image.pushed_at is not None]
    first = state.result_since
    old = bool(pushed) and max(pushed) < rules.installed_at
    if old and first is not None and first - state.created_at < _FIRST_SCANS:
        return "its images are older than the installation"
    since = rules.destinations_since.get(view.destination, rules.installed_at)
    announces = rules.destinations.get(view.destination, Profile()).announces
    if since > rules.installed_at and not announces and _known_before(since, state, pushed):
        return "the stream is older than the destination"
    return None


def _known_before(time: datetime, state: StreamState, pushed: Sequence[datetime]) -> bool:
    """
    Whether what a stream has was there before a destination.

    Or it was in a stream of other rules: so alerts.yml can divide repositories into streams anew
    and name a destination at once, and the destination still gets one summary.
    """
    failed = [stamp.at for stamp in state.conditions.values()]
    if state.created_at < time:
        first = state.result_since
        return first < time if first is not None else all(at < time for at in failed)
    parts = [part for watched in state.images for part in watched.parts]
    scanned = [evidence.at for part in parts for evidence in part.evidence]
    later = [at for at in failed if at > state.created_at]
    return bool(pushed) and max([*pushed, *scanned, *later]) < time


def wakes(views: Sequence[SyncedView]) -> tuple[Notification, ...]:
    """Return the notifications that are to be sent now."""
    return tuple(
        [
            view.step.row
            for view in views
            if view.step.row is not None and view.step.wakes and is_open(view.step.row)
        ]
    )
