"""
A judgement of a scan report by the rules, as if its image had just become current. Pure.

For `route`, `preview` and `scan`. Each stream of the image is judged by itself: as its first scan,
compared with a report of before, or as if everything in it was of one kind.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from lib.config.model import Config
from lib.core.notification_rows import ViewStep, after_claim, new_row
from lib.core.owners import Owners, owned
from lib.core.states import names_of, next_state
from lib.core.streams import Stream, stream_of_tag, streams_of
from lib.core.sync import SyncRules, ViewPlan, plan_view, sync_view
from lib.core.verdicts import mismatches
from lib.core.worth_notifying import Interests, Profile
from lib.errors import DocumentError
from lib.flows.sync_rules import sync_rules
from lib.models import (
    AnyReport,
    DeliveryId,
    Destination,
    Image,
    Notice,
    Report,
    StreamId,
    UnusableReport,
)
from lib.models.streams import Arrival, ScanRecord, StreamState, Watch
from lib.models.views import Delta, DeltaItem, Kind, PinnedMessage, View
from lib.ports.rules import RulesRecord

_EVER: Final = datetime.min.replace(tzinfo=UTC)
_EARLIER: Final = timedelta(days=1)
_STATUSES: Final[Mapping[Kind, str]] = MappingProxyType(
    {Kind.SCAN_FAILED: "FAILED", Kind.NOT_SCANNED: "UNSUPPORTED_IMAGE"}
)
_ENDED: Final = frozenset({Kind.RESOLVED, Kind.NO_LONGER_REPORTED})
_AS_IT_IS: Final = frozenset({Kind.BASELINE, Kind.NEW, Kind.RESOLVED, Kind.MONITORING_ENDED})
"""Kinds that the core itself comes to; the others are written over what it says."""
KINDS: Final = tuple([kind for kind in Kind if kind is not Kind.UNCHANGED])
"""Everything that a message can be about."""
_PROBE: Final = Destination("")
"""Stands for the destinations of a route, where one has none."""
_NEXT: Final = f"sha256:{'0' * 64}"
"""The digest of a made-up image that follows the real one."""


@dataclass(frozen=True, slots=True)
class Case:
    """A report to judge, and what it is compared with."""

    report: AnyReport
    previous: AnyReport | None = None
    """Of the same image, or of the one before it; None: there is none."""
    kind: Kind | None = None
    """Judge as if everything was of this kind; None: as it is."""


@dataclass(frozen=True, slots=True)
class RouteOutcome:
    """The answer of one route to a report, and the reason."""

    route: str
    matched: bool
    reason: str
    selected: int = 0
    """How many vulnerabilities and conditions are worth a message."""
    destinations: tuple[Destination, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgedView:
    """The view of a destination after a report, and the message about it."""

    id: DeliveryId
    """Of the notification that would be opened."""
    message: PinnedMessage
    routes: tuple[str, ...]
    """Those that lead to the destination."""
    notified: bool
    """Whether there is a message, as against a quiet update or nothing."""
    reason: str

    @property
    def kinds(self) -> Mapping[Kind, Sequence[DeltaItem]]:
        """The differences by kind."""
        kinds: defaultdict[Kind, list[DeltaItem]] = defaultdict(list)
        for item in self.message.delta.items:
            kinds[item.kind].append(item)
        return kinds


@dataclass(frozen=True, slots=True)
class JudgedStream:
    """The judgement of a report in one of its streams."""

    report: AnyReport
    stream: Stream
    state: StreamState
    routes: tuple[RouteOutcome, ...]
    views: Mapping[Destination, JudgedView]
    """Of the destinations to which routes lead."""

    @property
    def image(self) -> Image:
        """The image, with its tags in this stream."""
        return self.state.images[0].image

    @property
    def name(self) -> str:
        """The stream as stories and `check-config` name it: repository and pattern."""
        return " ".join(filter(None, (self.image.repository, self.stream.pattern)))


def judge(case: Case, config: Config, now: datetime) -> list[JudgedStream]:
    """Judge a report in each stream of its image. Raises `DocumentError` for a kind without any."""
    rules = _rules(config)
    streams = streams_of(case.report.image, rules.streams)
    return [_Trial(stream, image, case, rules, now).judged() for stream, image in streams.items()]


def forced(judged: JudgedStream, case: Case, config: Config, to: Destination) -> JudgedView:
    """
    Return what a destination would show if its routes led there. Raises `DocumentError`.

    For what no route sends, to look at all the same.
    """
    routes = [
        replace(route, match=None, notify=(to,), continues=True)
        for route in config.routes
        if to in route.notify
    ]
    if not routes:
        raise DocumentError(f"no route notifies {to!r}; run check-config")
    rules = _rules(replace(config, routes=tuple(routes)))
    image = replace(case.report.image, tags=judged.image.tags)
    return _Trial(judged.stream, image, case, rules, judged.state.at).view(to)


def notice_of(case: Case, view: JudgedView, owners: Owners) -> Notice:
    """Return a message as it would be on its way, without links to a deployment."""
    before = case.previous.provenance if case.previous is not None else None
    notice = Notice(
        view.id, view.message, provenance=case.report.provenance, provenance_before=before
    )
    return owned(notice, owners)


def _rules(config: Config) -> SyncRules:
    """Return the rules of a file, as if they had been there for ever."""
    return sync_rules(config, RulesRecord("in force", _EVER, {}, {}))


class _Trial:
    """A report in one of its streams: the state before it, if any, and the state by it."""

    def __init__(
        self, stream: Stream, image: Image, case: Case, rules: SyncRules, now: datetime
    ) -> None:
        self._stream = stream
        self._image = image
        self._case = case
        self._rules = rules
        self._now = now
        before, report = _sequence(case, image)
        reference: frozenset[str] | None = None
        if stream.compare_with is not None:
            reference = frozenset()
            if before is not None and stream.compare_with == self._stream_of(before.image):
                reference = names_of(self._state(before, None))
                before = None
        self._before = None if before is None else self._state(before, None, reference)
        self._state_now = self._state(report, self._before, reference, is_last=True)

    def _stream_of(self, image: Image) -> StreamId:
        """Return the stream of an image's first tag."""
        tag = next(iter(image.tags), "")
        return stream_of_tag(image, tag, self._rules.streams).id

    def _state(
        self,
        report: AnyReport,
        before: StreamState | None,
        reference: frozenset[str] | None = None,
        *,
        is_last: bool = False,
    ) -> StreamState:
        """Return the state of the stream once the image of a report is current, and scanned."""
        image = report.image
        same = before is not None and before.images[0].image.digest == image.digest
        arrival = Arrival.SCAN if same else Arrival.PUSH
        watch = Watch(image, (), bool(image.in_use_count), arrival, "it is judged")
        monitored = not is_last or self._case.kind is not Kind.MONITORING_ENDED
        at = self._now if is_last else self._now - _EARLIER
        record = ScanRecord(report, at, monitored=monitored)
        return next_state(
            self._stream.id, before, watch, {image.digest: record}, now=at, reference=reference
        )

    def judged(self) -> JudgedStream:
        """Return what all routes and destinations make of it."""
        return JudgedStream(
            self._case.report,
            self._stream,
            self._state_now,
            tuple(self._outcomes()),
            MappingProxyType(dict(self._views())),
        )

    def _views(self) -> Iterator[tuple[Destination, JudgedView]]:
        routes = self._rules.rules.routes
        for name in dict.fromkeys(name for route in routes for name in route.notify):
            if self._plan(name, self._rules).desired.applies:
                yield name, self.view(name)

    def view(self, name: Destination) -> JudgedView:
        """Return what one destination would show, and be notified of."""
        before, plan = self._agreed(name, self._rules), self._plan(name, self._rules)
        synced = sync_view(before, None, plan, self._rules)
        step = None if synced is None else synced.step
        row = new_row(before, basis=plan.context.basis, cause="judged", now=self._now, quiet=False)
        after = after_claim(before, row, plan.delta, plan.context, keeps_current=True).view
        notified = plan.delta.is_worth_a_message
        message = PinnedMessage(
            plan.delta,
            after,
            plan.context.basis,
            plan.keeps_current and not notified,
            plan.state,
            before=before.agreement,
            refused=plan.desired.refused,
            entries=plan.desired.entries,
        )
        routes = [route.name for route in self._rules.rules.routes if name in route.notify]
        applying = tuple([route for route in routes if route not in self._mismatches()])
        return JudgedView(row.id, message, applying, notified, _reason(step, plan.delta))

    def _agreed(self, name: Destination, rules: SyncRules) -> View:
        """Return the view of a destination that was notified of what was there before."""
        view = View(name, self._stream.id)
        if self._before is None:
            return view
        plan = plan_view(view, self._before, rules, cause="judged", now=self._before.at)
        if not self._before.has_evidence:
            return replace(view, version=1, reported=plan.delta.after)
        return replace(view, version=1, reported=plan.delta.after, agreement=plan.delta.agreement)

    def _plan(self, name: Destination, rules: SyncRules) -> ViewPlan:
        view = self._agreed(name, rules)
        plan = plan_view(view, self._state_now, rules, cause="judged", now=self._now)
        kind = self._case.kind
        if kind is None or kind in _AS_IT_IS or kind in _STATUSES:
            return plan
        profile = rules.destinations.get(name, Profile())
        return replace(
            plan, delta=_rewritten(plan.delta, kind, Interests(rules.rules.routes, profile))
        )

    # --- routes --------------------------------------------------------------------------------

    def _outcomes(self) -> Iterator[RouteOutcome]:
        refused = self._mismatches()
        for route in self._rules.rules.routes:
            if route.name in refused:
                yield RouteOutcome(route.name, False, refused[route.name])
                continue
            plan = self._plan(_PROBE, self._only(route.name))
            selected = sum(item.worth for item in plan.delta.items)
            yield RouteOutcome(route.name, True, _counted(plan), selected, route.notify)

    def _mismatches(self) -> Mapping[str, str]:
        return mismatches(self._state_now.images[0], self._rules.rules.routes)

    def _only(self, name: str) -> SyncRules:
        """Return the rules with one route alone that notifies anybody."""
        routes = [
            replace(route, notify=(_PROBE,) if route.name == name else ())
            for route in self._rules.rules.routes
        ]
        return replace(self._rules, rules=replace(self._rules.rules, routes=routes))


def _sequence(case: Case, image: Image) -> tuple[AnyReport | None, AnyReport]:
    """Return the report before, if any, and the one that is judged, by what is asked for."""
    report = replace(case.report, image=image)
    kind = case.kind
    if kind is None or kind is Kind.BASELINE:
        return case.previous, report
    if kind in _STATUSES:
        scan = replace(report.scan, status=_STATUSES[kind], reason=f"as --kind {kind} asks for")
        return None, UnusableReport(image, scan, provenance=report.provenance)
    if not isinstance(report, Report) or not report.findings:
        raise DocumentError(f"{image.name} has no findings that could be {kind}")
    if kind is Kind.MONITORING_ENDED:
        return report, report
    if kind in _ENDED:
        return report, replace(report, image=replace(image, digest=_NEXT), findings=())
    return (replace(report, findings=()) if kind is Kind.NEW else None), report


def _rewritten(delta: Delta, kind: Kind, interests: Interests) -> Delta:
    """Return a delta with all vulnerabilities of one kind."""
    items = [
        replace(
            item,
            kind=kind,
            reason=f"as --kind {kind} asks for",
            worth=interests.ask_for(kind, item.item),
        )
        for item in delta.items
        if item.item.condition is None
    ]
    return replace(delta, items=tuple(items))


def _reason(step: ViewStep | None, delta: Delta) -> str:
    if step is None or delta.is_empty:
        return "nothing differs for it"
    return step.reason


def _counted(plan: ViewPlan) -> str:
    """Return what a route selects and what it leaves out, in numbers."""
    items = plan.delta.items
    worth = Counter(item.kind.value for item in items if item.worth)
    others = Counter(item.kind.value for item in items if not item.worth)
    refused = Counter(plan.desired.refused.values())
    suppressed = Counter(f"suppressed by {entry}" for entry in plan.desired.suppressed.values())
    words = [*_numbers(worth), *(f"{words}, not asked for" for words in _numbers(others))]
    if plan.delta.unchanged:
        words.append(f"{plan.delta.unchanged} reported before")
    return "; ".join((*words, *_numbers(refused), *_numbers(suppressed))) or "nothing is open"


def _numbers(counts: Mapping[str, int]) -> Iterable[str]:
    return (f"{number} {words}" for words, number in counts.items())


def reached(judged: Sequence[JudgedStream]) -> set[Destination]:
    """Return the destinations that get a message."""
    return {name for stream in judged for name, view in stream.views.items() if view.notified}
