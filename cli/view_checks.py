"""Views for an operator: what each shows, what it should show, and why a message came. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from cli.delivery_rows import SHORT_ID, image_name, stream_name
from cli.durations import age
from lib.core.attempts import is_open
from lib.core.notification_rows import Step
from lib.core.sync import SyncRules, ViewPlan, new_view, plan_view, silence_of, sync_view
from lib.models import Destination
from lib.models.streams import StreamState
from lib.models.views import Notification, RowState, View
from lib.ports.streams import StreamPartition
from lib.text import counted

CAUSE: Final = "explain"


class ViewStatus(StrEnum):
    """How what a destination shows of a stream stands to what it should show."""

    AGREES = "agrees"
    SUMMARY = "waits-for-summary"
    OPEN = "on-its-way"
    QUIET = "not-worth-a-message"
    DEAD = "given-up"
    LOST = "lost"


MEANINGS: Final[Mapping[ViewStatus, str]] = MappingProxyType(
    {
        ViewStatus.AGREES: "what was reported is what the rules ask for",
        ViewStatus.SUMMARY: "what was open before the destination was added comes in one summary",
        ViewStatus.OPEN: "what differs is on its way",
        ViewStatus.QUIET: "what differs is not worth a message",
        ViewStatus.DEAD: "what differs was given up; `deliveries redrive` sends it",
        ViewStatus.LOST: "something differs and nothing is on its way; the next sync sends it",
    }
)


@dataclass(frozen=True, slots=True)
class ViewCheck:
    """A destination's view of a stream, and what a sync would do with it now."""

    view: View | None
    """None: there is none yet."""
    row: Notification | None
    plan: ViewPlan
    standing: ViewStatus
    reason: str
    """Why a sync would write something, or would not."""
    summary_until: datetime | None = None
    """When the summary that the view waits for is there at the latest; None: it waits for none."""

    @property
    def destination(self) -> Destination:
        """Whose view it is."""
        return self.plan.desired.destination

    @property
    def is_fault(self) -> bool:
        """Whether a person has to look."""
        return self.standing in (ViewStatus.DEAD, ViewStatus.LOST)


def check_views(
    partition: StreamPartition,
    state: StreamState,
    rules: SyncRules,
    *,
    now: datetime,
    summaries: Mapping[Destination, datetime] = MappingProxyType({}),
) -> Iterator[ViewCheck]:
    """
    Yield the check of each view of a stream, of today's destinations and of former ones.

    `summaries`: the destinations that wait for their first summary, and its latest time.
    """
    for name in dict.fromkeys((*partition.views, *rules.destinations)):
        stored, row = partition.views.get(name), partition.notifications.get(name)
        view = stored or new_view(name, state, rules)
        plan = plan_view(view, state, rules, cause=CAUSE, now=now)
        if stored is None and not plan.desired.applies:
            continue
        synced = sync_view(stored, row, plan, rules)
        step = synced.step.step if synced is not None else None
        reason = synced.step.reason if synced is not None else "nothing differs"
        standing = _standing(row, plan, step)
        if standing is ViewStatus.AGREES and view.reported and not view.version:
            silence = silence_of(view, state, rules)
            reason = f"without a message, because {silence}" if silence else reason
        until = summaries.get(name) if standing is ViewStatus.AGREES else None
        if until is None or not _is_older(view, state, rules):
            yield ViewCheck(stored, row, plan, standing, reason)
        else:
            yield ViewCheck(stored, row, plan, ViewStatus.SUMMARY, reason, until)


def _is_older(view: View, state: StreamState, rules: SyncRules) -> bool:
    """Return whether a view reports findings of a stream that was there before the destination."""
    since = rules.destinations_since[view.destination]
    return bool(view.reported) and state.created_at < since


def _standing(row: Notification | None, plan: ViewPlan, step: Step | None) -> ViewStatus:
    if is_open(row):
        return ViewStatus.OPEN
    if row is not None and row.state is RowState.DEAD and not plan.delta.is_empty:
        return ViewStatus.DEAD
    if step in (Step.OPENED, Step.REPLACED):
        return ViewStatus.LOST
    if step is Step.ADVANCED and not plan.delta.is_empty:
        return ViewStatus.QUIET
    return ViewStatus.AGREES


def count_statuses(checks: Iterable[ViewCheck]) -> Counter[ViewStatus]:
    """Return how many views stand how."""
    return Counter(check.standing for check in checks)


def explanation(
    check: ViewCheck, partition: StreamPartition, last: Notification | None, *, now: datetime
) -> list[tuple[str, str]]:
    """
    Return why a destination was notified of a stream, or was not, as names and values.

    `last`: the notification that was sent last; None where one is open, or none was sent.
    """
    view, plan, row = check.view, check.plan, check.row
    state, agreement = plan.state, view.agreement if view is not None else None
    reported = len(view.reported) if view is not None else 0
    until = check.summary_until
    pairs = (
        ("Stream", stream_name(state.stream)),
        ("Destination", check.destination),
        ("Current image", _current(partition)),
        ("State", f"version {state.version} of {state.at:%Y-%m-%d %H:%M} UTC: {_open(state)}"),
        ("Reported", f"{reported}, by {counted(view.version if view else 0, 'message')}"),
        ("Agreed with", f"version {agreement.version}" if agreement else "nothing yet"),
        ("Should show", str(len(plan.desired.items))),
        ("Delivery", _delivery(row, last, now)),
        ("Its cause", row.cause if row is not None else ""),
        ("Its answer", row.reason if row is not None else ""),
        ("Summary", f"at the latest at {until:%Y-%m-%d %H:%M} UTC" if until else ""),
        ("So", f"{MEANINGS[check.standing]} ({check.reason})"),
    )
    return [(title, value) for title, value in pairs if value]


def _delivery(row: Notification | None, last: Notification | None, now: datetime) -> str:
    if row is not None:
        return f"{row.id} is {row.state.value}"
    if last is None:
        return "none"
    ago = age(last.tried_at or last.created_at, now)
    return f"none open; last {last.id[:SHORT_ID]} {last.state.value} {ago} ago"


def _current(partition: StreamPartition) -> str:
    current = partition.row.current
    return image_name(partition.row.stream, current) if current is not None else "none"


def _open(state: StreamState) -> str:
    vulnerabilities = counted(len(state.lifecycles), "open vulnerability", "open vulnerabilities")
    return f"{vulnerabilities}, {counted(len(state.conditions), 'condition')}"


def changes(plan: ViewPlan) -> list[tuple[str, str, str, str]]:
    """Return what differs: kind, id, worth a message or not, reason."""
    return [
        (item.kind.value, item.item.id, "message" if item.worth else "quiet", item.reason)
        for item in plan.delta.items
    ]


def omissions(plan: ViewPlan) -> list[tuple[str, str]]:
    """Return what is open and not asked for: id and reason, grouped by reason."""
    suppressed = {name: f"suppressed by {entry}" for name, entry in plan.desired.suppressed.items()}
    reasons = {**plan.desired.refused, **suppressed}
    return sorted(reasons.items(), key=lambda pair: (pair[1], pair[0]))


def explanation_document(check: ViewCheck, partition: StreamPartition) -> dict[str, Any]:
    """Return an explanation for scripts."""
    view, plan, row = check.view, check.plan, check.row
    return {
        "stream": plan.state.stream,
        "destination": check.destination,
        "current": _current(partition),
        "version": plan.state.version,
        "reported": sorted(view.reported) if view is not None else [],
        "desired": sorted(plan.desired.items),
        "delivery": row.id if row is not None else None,
        "state": row.state if row is not None else None,
        "cause": row.cause if row is not None else None,
        "standing": check.standing,
        "reason": check.reason,
        "summary_until": check.summary_until.isoformat() if check.summary_until else None,
        "changes": [
            {"kind": kind, "id": name, "worth": worth == "message", "reason": reason}
            for kind, name, worth, reason in changes(plan)
        ],
        "left_out": dict(omissions(plan)),
    }
