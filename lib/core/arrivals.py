"""
Why a desired item is in a notification: its kind, and the reason in words. Pure.

What came or got worse is judged by the stamps of the stream's state, against the state that the
view agreed with last.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Final

from lib.core.proof import Listing, Proof, listings
from lib.core.verdicts import RuleSet
from lib.core.vulnerabilities import find
from lib.core.worth_notifying import Interests
from lib.models.streams import Arrival, Lifecycle, PackageVersion, Stamp, StreamState
from lib.models.views import Agreement, Desired, DesiredItem, Kind, ReportedItem

Judgement = tuple[Kind, str]

LISTED_NOW: Final = "a scan of {image} lists it now"
CAME_WITH_PUSH: Final = "came with {image}"
_CAME: Final[Mapping[Arrival, str]] = MappingProxyType({
    Arrival.PUSH: CAME_WITH_PUSH,
    Arrival.TAG: "came with a tag: {image} is current now",
    Arrival.ROLLBACK: "came with a rollback: {image} is current again",
    Arrival.DELETION: "what was current was deleted: {image} is current again",
    Arrival.ARCHIVING: "what was current was archived: {image} is current again",
    Arrival.END: "what was current counts no longer: {image} is current again",
    Arrival.RULES: "alerts.yml changed the stream: {image} is current now",
    Arrival.SCAN: LISTED_NOW,
})  # fmt: skip

_CHECKED: Final = "a check of {image} lists it now"
_RULES_CHANGED: Final = "alerts.yml was changed, and asks for it now"
_TAG_MOVED: Final = "{image} points to another image now"
_ADDED: Final = "the stream that it is compared with does not have it"


class Arrivals:
    """What is asked about the desired items of one view."""

    def __init__(
        self,
        state: StreamState,
        desired: Desired,
        before: Agreement | None,
        rules: RuleSet,
        day: date,
        interests: Interests,
    ) -> None:
        self._interests = interests
        self._state = state
        self._compared = desired.compared
        self._before = before
        self._rules = rules
        self._entries = {entry.name: entry.expires for entry in rules.suppressions}
        self._day = day

    def kind(self, item: DesiredItem) -> Judgement:
        """Return why an item that was not reported is notified."""
        if item.reported.condition is not None:
            return Kind(item.reported.condition.value), item.reason
        if self._before is None:
            if self._compared:
                return Kind.NEW, _ADDED
            return Kind.BASELINE, "the first usable report of this stream"
        return next(self._kinds(item, self._before))

    def change(self, item: DesiredItem, before: ReportedItem) -> Judgement:
        """Return what is different about an item that was reported."""
        return next(self._changes(item, before))

    def _kinds(self, item: DesiredItem, before: Agreement) -> Iterator[Judgement]:
        """Yield each kind that holds for an item that was not reported, the first one first."""
        lifecycle = self._lifecycle(item)
        image = item.images[0].name
        entry = find(before.suppressed, item.reported.names)
        if lifecycle is not None and self._is_later(lifecycle.opened):
            yield self._came(item, lifecycle.arrival)
        if entry is not None and self._is_in_force(entry):
            yield Kind.NEW, f"the suppression {entry} does not cover {image}"
        if lifecycle is not None:
            yield from self._first(self._worsenings(item, lifecycle, None), item)
            if self._is_later(lifecycle.deployed):
                yield Kind.DEPLOYED, self._deployed(item)
        if entry is not None:
            yield Kind.SUPPRESSION_ENDED, self._ended(entry)
        if before.rules != self._rules.hash:
            yield Kind.RULES_CHANGED, _RULES_CHANGED
        yield Kind.NEW, _ADDED if self._compared else f"the rules ask for it in {image} now"

    def _changes(self, item: DesiredItem, before: ReportedItem) -> Iterator[Judgement]:
        """Yield each kind that holds for an item that was reported, the first one first."""
        now = item.reported
        lifecycle = self._lifecycle(item)
        if lifecycle is not None:
            yield from self._first(self._worsenings(item, lifecycle, before), item, before)
            if self._is_later(lifecycle.left_current):
                yield from self._fix_ready(item, lifecycle)
        if now.severity < before.severity:
            words = f"lowered from {before.severity.name} to {now.severity.name}"
            yield Kind.UNCHANGED, f"{words}, and the rules still ask for it"
        yield Kind.UNCHANGED, "reported before"

    def _worsenings(
        self, item: DesiredItem, lifecycle: Lifecycle, before: ReportedItem | None
    ) -> Iterator[Judgement]:
        """
        Yield what got worse or better known, by what the same scanner says.

        A view keeps the worst that was reported (`before`), and is not notified of it again.
        """
        now = item.reported
        raised = before is None or now.severity > before.severity
        if raised and self._is_later(lifecycle.raised):
            origin = f"from {before.severity.name} " if before is not None else ""
            yield Kind.RAISED, f"raised {origin}to {now.severity.name}"
        exploited = before is None or now.exploitable > before.exploitable
        if exploited and self._is_later(lifecycle.exploit_known):
            yield Kind.EXPLOIT_KNOWN, "an exploit is known now"
        fixed = before is None or now.fixable > before.fixable
        if fixed and self._is_later(lifecycle.fix_available):
            versions = (row.fixed_version for row in item.findings)
            version = next(filter(None, versions), None)
            yield Kind.FIX_AVAILABLE, f"a fix is available now{f': {version}' if version else ''}"

    def _first(
        self, judgements: Iterator[Judgement], item: DesiredItem, before: ReportedItem | None = None
    ) -> Iterator[Judgement]:
        """
        Yield the first kind that a route asks for, with the reasons of all.

        A severity often rises because an exploit is known: who asks only for exploits is notified.
        """
        kinds = list(judgements)
        if kinds:
            asked = (
                kind for kind, _ in kinds if self._interests.ask_for(kind, item.reported, before)
            )
            yield next(asked, kinds[0][0]), "; ".join(reason for _, reason in kinds)

    def _fix_ready(self, item: DesiredItem, lifecycle: Lifecycle) -> Iterator[Judgement]:
        """Yield FIX_READY where the report of the current image proves it."""
        current = self._state.current
        if current is None or self._proof.doubt(self._listing(item, lifecycle)) is not None:
            return
        others = ", ".join(image.name_beside(current.image) for image in item.images)
        yield Kind.FIX_READY, f"fixed in {current.image.name}; {others} still runs"

    def _listing(self, item: DesiredItem, lifecycle: Lifecycle) -> Listing:
        """Return where the images behind the current one list an item."""
        parts: set[str] = set()
        packages: set[PackageVersion] = set()
        for id_ in {row.vulnerability_id for row in item.findings}:
            listed = self._listed_behind.get(id_, (set(), set()))
            parts |= listed[0]
            packages |= listed[1]
        names = item.reported.names
        return Listing(names, lifecycle.scanner, tuple(parts), tuple(packages))

    @cached_property
    def _proof(self) -> Proof:
        return Proof(self._state.images[:1])

    @cached_property
    def _listed_behind(self) -> Mapping[str, tuple[set[str], set[PackageVersion]]]:
        return listings(self._state.images[1:])

    def _lifecycle(self, item: DesiredItem) -> Lifecycle | None:
        return find(self._state.lifecycles, (item.reported.id, *item.reported.names))

    def _is_later(self, stamp: Stamp | None) -> bool:
        """Whether something happened after the state that the view agreed with last."""
        if stamp is None or self._before is None:
            return False
        return stamp.version > self._before.version

    def _came(self, item: DesiredItem, arrival: Arrival) -> Judgement:
        """Return how a vulnerability came into the watched images."""
        if arrival is Arrival.DEPLOYMENT:
            return Kind.DEPLOYED, self._deployed(item)
        image = item.images[0]
        words = _CAME[arrival]
        if image.is_repository:
            words = _TAG_MOVED if image.tags else _CHECKED
        return Kind.NEW, words.format(image=image.name)

    def _deployed(self, item: DesiredItem) -> str:
        """Return which image that has an item began to run."""
        having = {image.key for image in item.images}
        running = [image.image for image in self._state.images if image.running]
        began = next((image for image in running if image.key in having), item.images[0])
        return f"{began.name_beside(self._state.images[0].image)} began to run"

    def _is_in_force(self, entry: str) -> bool:
        expires = self._entries.get(entry)
        return expires is not None and expires >= self._day

    def _ended(self, entry: str) -> str:
        expires = self._entries.get(entry)
        if expires is None:
            return f"alerts.yml has no suppression {entry} any more"
        return f"the suppression {entry} ended on {expires}"
